// Cookies that are signed anew in every answer, and those that are kept.
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record, secretOf } from './exchanges.fixture.ts';

/** Answers, every 0.4 s, to a client that sends back what was set last: the value of each by its number. */
function learned(wordOf: (n: number) => string, method = 'GET', everyUs = 350_000): string[] {
  const values = Array.from({ length: 16 }, (_, n) => secretOf(wordOf(n)));
  const exchanges = values.map(
    (value, n): Exchange => ({
      request: `${method} /pages/${n}`,
      headers: n === 0 ? [] : [['Cookie', `theme=dark; sid=${values[n - 1]}`]],
      answer: { n },
      answerHeaders: [['Set-Cookie', `sid=${value}; Path=/`]],
    }),
  );
  const pairs = record(exchanges).map((pair, n) => ({ ...pair, ts: pair.ts + n * everyUs }));
  const { tests } = analyze(pairs);
  return [
    ...new Set(
      tests.flatMap(({ volatile }) =>
        volatile.flatMap(({ path, why }) => (why?.includes('each second') ? path : [])),
      ),
    ),
  ];
}

const second = (n: number) => `signed in second ${Math.floor(n * 0.4)}`;

test('a cookie that is one within a second and another one in the next varies', () => {
  expect(learned(second)).toEqual(['cookie.sid']);
});

test('so it does when the client never waits for a second', () => {
  const soon = (n: number) => `signed in second ${Math.floor(n * 0.25)}`;
  expect(learned(soon, 'GET', 200_000)).toEqual(['cookie.sid']);
});

test('what writes change may be a new session', () => expect(learned(second, 'POST')).toEqual([]));

test.each<[string, (n: number) => string]>([
  ['one that stays', () => 'session'],
  ['one that changes in every answer, of which each is followed', (n) => `answer ${n}`],
  ['one that changes sometimes, and stays longer than a second', (n) => `login ${Math.floor(n / 5)}`],
])('%s does not', (_, wordOf) => expect(learned(wordOf)).toEqual([]));

/** Three sign in, and one of them comes back: what is said of the cookie that each of them gets. */
function ofVisitors(wordOf: (n: number) => string, isSentBack = true): string[] {
  const values = [0, 1, 2].map((n) => secretOf(wordOf(n)));
  const visits = values.map(
    (value, n): Exchange => ({
      request: `POST /enter/${n}`,
      answer: { n },
      answerHeaders: [['Set-Cookie', `visitor=${value}; Path=/`]],
    }),
  );
  const back: Exchange = {
    request: 'GET /me',
    headers: isSentBack ? [['Cookie', `visitor=${values[0]}`]] : [],
    answer: { ok: true },
  };
  return [
    ...new Set(
      analyze(record([...visits, back])).tests.flatMap(({ volatile }) =>
        volatile.flatMap(({ path, why }) => (why?.includes('another value') ? path : [])),
      ),
    ),
  ];
}

test('a cookie that is another one for each visitor varies, also where nobody sends it back', () => {
  expect(ofVisitors((n) => `visitor ${n}`)).toEqual(['cookie.visitor']);
});

test('one that two visitors share does not, nor one that nobody ever sent back', () => {
  expect(ofVisitors((n) => `visitor ${n % 2}`)).toEqual([]);
  expect(ofVisitors((n) => `visitor ${n}`, false)).toEqual([]);
});
