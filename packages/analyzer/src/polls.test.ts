import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record, uuidOf } from './exchanges.fixture.ts';
import { SettlingLeaves } from './polls.ts';

const start: Exchange = { request: 'POST /jobs', answer: { id: 7 } };
const ask = (answer: object, connection = 'k1', request = 'GET /jobs/7'): Exchange => ({
  ...{ request, connection },
  answer: { id: 7, ...answer },
});
const log: Exchange = { request: 'GET /jobs/7/log', answer: {} };

/** `state: running, done; attempts: 1` of each test; '' of one that may not have changed already. */
const settling = (...exchanges: Exchange[]) =>
  analyze(record(exchanges)).tests.map(({ settling: leaves = [] }) =>
    leaves
      .map(({ path, later }) => `${path.replace('body.', '')}: ${later.map((one) => String(one)).join(', ')}`)
      .sort()
      .join('; '),
  );
const state = (word: string, attempts = 0) => ask({ state: word, attempts });

test('what a client asks for again until it changes may be as later answers had it, but has changed in the end', () => {
  expect(settling(start, state('queued'), state('queued'), state('done', 1), log)).toEqual([
    '',
    'attempts: 1; state: done',
    'attempts: 1; state: done',
    '',
    '',
  ]);
});

test('of several steps every earlier answer may be at each later one, and at no earlier one', () => {
  expect(settling(state('queued'), state('running', 2), state('running', 5), state('done', 5))).toEqual([
    'attempts: 2, 5; state: done, running',
    'attempts: 5; state: done',
    'state: done',
    '',
  ]);
});

test('what changed behind a write or another read of the client, or for another client, did not change by itself', () => {
  const nothing = (...exchanges: Exchange[]) =>
    expect(settling(...exchanges)).toEqual(exchanges.map(() => ''));
  nothing(state('queued'), start, state('done'));
  nothing(state('queued'), log, state('done'));
  nothing(state('queued'), ask({ state: 'done', attempts: 0 }, 'k2'));
  nothing(state('queued'), ask({ state: 'done', attempts: 0 }, 'k1', 'GET /jobs/8'));
  const other = ask({ state: 'idle', attempts: 0 }, 'k1', 'GET /jobs/8');
  expect(settling(other, state('queued'), state('done'))).toEqual(['', 'state: done', '']);
});

test('lists, what appears or goes, and a value generated anew each time are no states; one that came to be generated is', () => {
  const [a, b] = [uuidOf('a'), uuidOf('b')];
  expect(settling(ask({ steps: ['a'] }), ask({ steps: ['b'] }))).toEqual(['', '']);
  expect(settling(ask({ note: 'x' }), ask({}), ask({ note: 'x' }))).toEqual(['', '', '']);
  expect(settling(ask({ page: a }), ask({ page: b }))).toEqual(['', '']);
  expect(settling(ask({ result: null }), ask({ result: a }))).toEqual([`result: ${a}`, '']);
  expect(settling(ask({ text: 'x' }), ask({ text: 'y'.repeat(201) }))).toEqual(['', '']);
});

test('an answer of which much changed is another thing, and no state', () => {
  const fields = (count: number, value: string) =>
    ask(Object.fromEntries(Array.from({ length: count }, (_, n) => [`f${n}`, value])));
  expect(settling(fields(8, 'old'), fields(8, 'new'))[0]).toMatch(/^f0: new; .*f7: new$/);
  expect(settling(fields(9, 'old'), fields(9, 'new'))).toEqual(['', '']);
});

test('a change is told to no more than the latest of a long row of reads', () => {
  const row = [...Array.from({ length: 52 }, () => state('queued')), state('done')];
  const found = settling(...row);
  expect(found.slice(0, 3)).toEqual(['', '', 'state: done']);
  expect(found.slice(-2)).toEqual(['state: done', '']);
});

test('of later values the outermost numbers are kept, and a handful of others', () => {
  const leaves = new SettlingLeaves();
  for (const value of [4, 'open', 9, 6, 2, 'open', 11]) leaves.add('body.n', value);
  for (let n = 0; n < 40; n++) leaves.add('body.s', `s${n}`);
  const [numbers, texts] = leaves.list();
  expect(numbers).toEqual({ path: 'body.n', later: ['open', 2, 11] });
  expect(texts!.later).toHaveLength(16);
});

test('what others had to ask again for, a read knows that came before', () => {
  const of = (job: number, state: string) => ({ request: `GET /jobs/${job}`, answer: { id: job, state } });
  const { tests } = analyze(record([of(1, 'done'), of(2, 'queued'), of(2, 'running'), of(2, 'done')]));
  const awaits = [{ path: 'body.state', until: ['queued', 'running'] }];
  expect(tests.map((one) => one.awaits)).toEqual([awaits, undefined, undefined, awaits]);
});
