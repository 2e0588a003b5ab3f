import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record, START_US, uuidOf } from './exchanges.fixture.ts';

/** So many ms after the begin; exchanges are 50 ms apart and take 4. */
const iso = (ms: number) => new Date(START_US / 1_000 + ms).toISOString();
const write = (n: number, target = `/runs/run-number-${n}`): Exchange => ({
  request: `PATCH ${target}`,
  body: { n },
  answer: { at: iso(n * 50 + 1) },
});
const ID = uuidOf('pool');
const read = (polled: string | null, status: string, more = {}): Exchange => ({
  request: `GET /pools/${ID}`,
  answer: { id: ID, polled, status, ...more },
});
const settling = (exchanges: Exchange[]) =>
  analyze(record(exchanges)).tests.map(({ settling: leaves = [] }) =>
    leaves.map(({ path, later }) => `${path} ${later.join()}`).join('; '),
  );
const end: Exchange = { request: 'GET /health', answer: {} };
const before = [write(0), write(1), write(2)];

test('what changed beside a time at which nobody wrote may have changed before, and is awaited', () => {
  const exchanges = [...before, read(null, 'idle'), write(4), read(iso(225.5), 'ready'), end];
  expect(settling(exchanges)[3]).toBe(`body.polled ${iso(225.5)}; body.status ready`);
  const { tests } = analyze(record(exchanges));
  expect(tests[5]!.awaits).toEqual([
    { path: 'body.polled', until: [null] },
    { path: 'body.status', until: ['idle'] },
  ]);
});

test.each<[string, Exchange[]]>([
  ['within a write', [read(null, 'idle'), write(4), read(iso(202.5), 'ready')]],
  ['before the first read', [read(null, 'idle'), write(4), read(iso(25.5), 'ready')]],
  [
    'that a client sent',
    [read(null, 'idle'), { ...write(4), body: { at: iso(225.5) } }, read(iso(225.5), 'ready')],
  ],
  ['within a write to the thing', [read(null, 'idle'), write(4, `/pools/${ID}`), read(iso(202.5), 'ready')]],
  [
    'that was another one before, behind a write to the thing',
    [read(iso(160.5), 'idle'), write(4, `/pools/${ID}`), read(iso(225.5), 'ready')],
  ],
  [
    'beside much else',
    [read(null, 'idle', { a: 1, b: 1, c: 1 }), write(4), read(iso(225.5), 'ready', { a: 2, b: 2, c: 2 })],
  ],
])('not beside a time %s', (_which, exchanges) => {
  expect(settling([...before, ...exchanges, end])[3]).toBe('');
});

test('behind a write to the thing only the time came by itself, also within a write to another', () => {
  const named = [...before, read(null, 'idle'), write(4, `/pools/${ID}`), write(5)];
  for (const ms of [225.5, 252.5]) {
    const exchanges = [...named, read(iso(ms), 'ready'), end];
    expect(settling(exchanges)[3]).toBe(`body.polled ${iso(ms)}`);
    expect(analyze(record(exchanges)).tests[6]!.awaits).toEqual([{ path: 'body.polled', until: [null] }]);
  }
});

test('nor where the clock of the service is another one', () => {
  const late = before.map((one): Exchange => ({ ...one, answer: { at: iso(9_000.5) } }));
  expect(settling([...late, read(null, 'idle'), write(4), read(iso(225.5), 'ready'), end])[3]).toBe('');
});
