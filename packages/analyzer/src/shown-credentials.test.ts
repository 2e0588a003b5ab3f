// Credentials that are redacted in the headers that carry them, and were shown before in the clear.
import { type RRPair, shownMark } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

const [ANN, BOB] = ['wzzovifdbxkjbivvwttf', 'ugznsenpokhumsqkzbqe'];
const headerOf = (who: string): [string, string] => ['authorization', `Bearer rdx_${who.slice(0, 18)}77`];
const login = (user: string, token: string): Exchange => ({
  ...{ request: 'POST /login', body: { user }, answer: { f1: token, f2: user } },
});
const call = (who: string): Exchange => ({ request: 'GET /me', headers: [headerOf(who)], answer: {} });

/** Calls with what the redactor noted of them; without a log-in nobody knows which value it was. */
function recorded(exchanges: readonly Exchange[], logins: Record<string, number>): RRPair[] {
  const pairs = record(exchanges);
  for (const pair of pairs)
    for (const [token, n] of Object.entries(logins)) {
      if (!pair.request!.headers.some(([, value]) => value === headerOf(token)[1])) continue;
      const shown = shownMark(pairs[n]!.id, token);
      const path = 'request.header.authorization';
      pair.redactions.push({ path, kind: 'credential', rule: 'key:authorization', shown });
    }
  return pairs;
}

test('they are followed from the answer that showed them, whatever they look like', () => {
  const exchanges = [login('ann', ANN), login('bob', BOB), call(ANN), call(BOB), call(ANN)];
  const { tests, tokens } = analyze(recorded(exchanges, { [ANN]: 0, [BOB]: 1 }));
  expect(
    tokens.map(({ value, producer, consumers }) => [value, producer.path, consumers.map(({ path }) => path)]),
  ).toEqual([
    [ANN, 'body.f1', ['header.authorization#1', 'header.authorization#1']],
    [BOB, 'body.f1', ['header.authorization#1']],
  ]);
  expect(tests.map(({ session }) => session)).toEqual(['s1', 's2', 's1', 's2', 's1']);
  expect(tests[2]!.consumes).toEqual(tests[0]!.produces.map(({ token }) => token));
});

test('the recording stays as it is, and so does the header of what no answer in it showed', () => {
  const pairs = recorded([login('ann', ANN), call(ANN), call(BOB)], { [ANN]: 0, [BOB]: 0 });
  const before = structuredClone(pairs);
  const { tests } = analyze(pairs);
  expect(pairs).toEqual(before);
  const sent = tests.map(({ request }) => request.headers.find(([name]) => name === 'authorization')?.[1]);
  expect(sent).toEqual([undefined, `Bearer ${ANN}`, headerOf(BOB)[1]]);
});
