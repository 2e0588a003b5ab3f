// Serial numbers that only answers show, in a store that is spoken to in messages with numbered fields.
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { record } from './exchanges.fixture.ts';

const varint = (n: number) => (n < 128 ? [n] : [(n & 127) | 128, n >> 7]);
/** A gRPC frame of fields 1, 2, … with these whole numbers. */
function frame(...numbers: number[]): string {
  const message = numbers.flatMap((n, i) => [((i + 1) << 3) | 0, ...varint(n)]);
  return Buffer.from([0, 0, 0, 0, message.length, ...message]).toString('base64');
}

function called(method: string, n: number, answer: string) {
  const [pair] = record([{ request: `POST /store.Keys/${method}` }]);
  const bodyOf = (base64: string) => ({
    size: Buffer.from(base64, 'base64').length,
    encoding: 'identity',
    base64,
  });
  const ts = pair!.ts + n * 10_000;
  const id = `${pair!.id.slice(0, -2)}${String(n).padStart(2, '0')}`;
  const headers: [string, string][] = [['content-type', 'application/grpc']];
  return {
    ...pair!,
    ...{ id, ts, protocol: 'grpc' as const },
    request: { ...pair!.request!, headers, body: bodyOf(frame(n + 1)) },
    response: {
      ...pair!.response!,
      headers,
      trailers: [['grpc-status', '0']] as [string, string][],
      body: bodyOf(answer),
    },
  };
}

const revisions = [4, 3, 5, 6, 8, 7];

test('revisions that writes make and reads show are one flow, amounts beside them are none', () => {
  const { flows, tests } = analyze([
    ...revisions.map((revision, n) => called('Put', n, frame(revision, 5 + (n % 2)))),
    ...revisions.map((revision, n) => called('Get', 10 + n, frame(9, 5 + (n % 2), revision))),
  ]);
  expect(
    flows.map(({ kind, places }) => [
      kind,
      places.map(({ endpoint, path, role }) => `${endpoint} ${path} ${role}`),
    ]),
  ).toEqual([['serial', ['/store.Keys/Put body[].1 producer', '/store.Keys/Get body[].3 echo']]]);
  expect(tests[0]!.links).toEqual([{ in: 'response', path: 'body[].1', flow: flows[0]!.id }]);
});

test('numbers that come again, or that no read shows, are no flow', () => {
  const again = [3, 4, 5, 6, 7, 7];
  const writes = (numbers: number[]) => numbers.map((number, n) => called('Put', n, frame(number)));
  const reads = (numbers: number[]) => numbers.map((number, n) => called('Get', 10 + n, frame(number)));
  expect(analyze([...writes(again), ...reads(again)]).flows).toEqual([]);
  expect(analyze([...writes(revisions), ...reads([90, 91, 92, 93])]).flows).toEqual([]);
});

test('a counter is compared by kind where a write of another client was under way, and else by value', () => {
  const get = (n: number, revision: number) => called('Get', n, frame(revision, 5, 7, revision));
  const under = { ...called('Put', 20, frame(9)), durationUs: 25_000 };
  const { tests } = analyze([
    ...revisions.map((revision, n) => called('Put', n, frame(revision))),
    ...revisions.map((revision, n) => called('List', 10 + n, frame(4, revision))),
    ...[{ ...get(17, 5), durationUs: 25_000 }, get(19, 4), under, get(21, 6), get(26, 7), get(27, 8)],
  ]);
  const gets = tests.filter(({ endpoint }) => endpoint === '/store.Keys/Get');
  const counted = ['body[].1 sequence', 'body[].4 sequence'];
  expect(gets.map(({ volatile }) => volatile.map(({ path, kind }) => `${path} ${kind}`))).toEqual([
    ...[[], [], counted, [], []],
  ]);
  expect(gets[2]!.volatile[0]!.why).toMatch(/under way at the same time/);
  expect(gets.flatMap(({ links = [] }) => links)).toEqual([]);
});

test('writes tell one number in several fields, and who only repeats it makes none', () => {
  const { flows, tests } = analyze([
    { ...called('Put', 29, frame(10)), durationUs: 15_000 },
    ...[2, 3, 4, 5, 6].flatMap((revision, n) => [
      called('Put', 2 * n, frame(revision)),
      called('Grant', 2 * n + 1, frame(revision)),
    ]),
    ...[7, 8, 9].flatMap((revision, n) => [
      called('Swap', 20 + 2 * n, frame(revision, 0, revision)),
      called('Swap', 21 + 2 * n, frame(revision, 0, 0)),
    ]),
    ...[3, 5, 7, 8, 9].map((revision, n) => called('Get', 30 + n, frame(9, revision))),
  ]);
  expect(flows.map(({ places }) => places.map(({ endpoint, path }) => `${endpoint} ${path}`))).toEqual([
    ['/store.Keys/Put body[].1', '/store.Keys/Swap body[].3', '/store.Keys/Get body[].2'],
  ]);
  // Which write a thing is of does not depend on others under way.
  const amid = tests.filter(({ volatile }) => volatile.length > 0);
  expect(amid.map(({ endpoint, volatile }) => `${endpoint} ${volatile.map(({ path }) => path)}`)).toEqual([
    '/store.Keys/Get body[].1',
  ]);
});

test('what only goes up is a counter, whether or not writes tell it', () => {
  const under = { ...called('Put', 20, frame(9)), durationUs: 25_000 };
  const reads = [10, 21, 26].map((n, i) => called('Get', n, frame(4, 40 + 9 * i, 40 - i)));
  const { tests } = analyze([...reads, under]);
  expect(tests.map(({ volatile }) => volatile.map(({ path }) => path))).toEqual([[], [], ['body[].2'], []]);
});

test('what clients send goes up and is no counter', () => {
  const under = { ...called('Put', 10, frame(9)), durationUs: 25_000 };
  const gets = [3, 5, 7].map((n) => called('Get', n + 6, frame(n + 7)));
  const { tests } = analyze([...gets, under]);
  expect(tests.map(({ volatile }) => volatile)).toEqual([[], [], [], []]);
});

/** The places of each flow. */
function placesOf({ flows }: ReturnType<typeof analyze>): string[][] {
  return flows.map(({ places }) => places.map(({ endpoint, path, role }) => `${endpoint} ${path} ${role}`));
}

/** Several messages in one answer. */
const stream = (...frames: string[]) =>
  Buffer.concat(frames.map((one) => Buffer.from(one, 'base64'))).toString('base64');

test('the numbers of several things in one answer are theirs, also in the field in which writes tell one', () => {
  const entries = (numbers: number[]) => stream(...numbers.map((number) => frame(number, 5)));
  const analysis = analyze([
    ...revisions.map((revision, n) => called('Put', n, frame(revision, 5))),
    ...[
      [4, 3],
      [5, 7],
      [3, 6, 8],
    ].map((numbers, n) => called('History', 10 + n, entries(numbers))),
  ]);
  expect(placesOf(analysis)).toEqual([
    ['/store.Keys/Put body[].1 producer', '/store.Keys/History body[].1 echo'],
  ]);
});

test('two kinds of writes that take turns count together, and two counters of their own do not', () => {
  const turns = (from: number) =>
    [2, 4, 6, 8, 10].flatMap((number, n) => [
      called('Put', 2 * n, frame(number)),
      called('Grant', 2 * n + 1, frame(0, 0, from + number)),
    ]);
  const shown = [3, 5, 7, 8, 9].map((number, n) => called('Get', 20 + n, frame(0, number)));
  expect(placesOf(analyze([...turns(1), ...shown]))).toEqual([
    [
      '/store.Keys/Put body[].1 producer',
      '/store.Keys/Grant body[].3 producer',
      '/store.Keys/Get body[].2 echo',
    ],
  ]);
  expect(placesOf(analyze([...turns(80), ...shown]))).toEqual([]);
});

test('numbers of 64 bits are numbers as well', () => {
  const fixed = (number: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(4_000_000_000n + BigInt(number));
    return Buffer.from([0, 0, 0, 0, 9, (1 << 3) | 1, ...bytes]).toString('base64');
  };
  const analysis = analyze([
    ...revisions.map((revision, n) => called('Open', n, fixed(revision))),
    ...revisions.map((revision, n) => called('Read', 10 + n, stream(fixed(revision), fixed(4)))),
  ]);
  expect(placesOf(analysis)).toEqual([
    ['/store.Keys/Open body[].1 producer', '/store.Keys/Read body[].1 echo'],
  ]);
});
