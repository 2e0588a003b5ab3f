// Lists in protobuf, whose times are messages of seconds and nanoseconds: of what was made at once one comes first, or the other.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, SHIFT_MS } from './shifted-replay.fixture.ts';
import { RECORDED_US } from './test.fixture.ts';

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
const field = (number: number, content: number[]) => [number * 8 + 2, ...varint(content.length), ...content];
const text = (number: number, value: string) => field(number, [...Buffer.from(value)]);
const frame = (message: number[]) => Buffer.from([0, 0, 0, 0, message.length, ...message]);
const grpc = (message: number[]) => ({ body: frame(message), type: 'application/grpc' });

/** Milliseconds after the recording began, as a protobuf timestamp. */
function timestamp(number: number, ms: number): number[] {
  const at = RECORDED_US / 1_000 + ms;
  const parts = [8, ...varint(Math.floor(at / 1_000)), 16, ...varint((at % 1_000) * 1_000_000)];
  return field(number, parts);
}
const book = (title: string, ms: number) => field(1, [...text(2, title), ...timestamp(3, ms)]);
const list = (shift: number, ...books: [title: string, ms: number][]) =>
  grpc(books.flatMap(([title, ms]) => book(title, shift + ms)));

/** The first two writes ran at the same time, the others later. */
function found(recorded: [string, number][], live: [string, number][]): string[] {
  const values = new LiveValues(new Map());
  const post = {
    method: 'POST',
    requestHeaders: [['content-type', 'application/grpc']] as [string, string][],
  };
  for (const [n, title] of [
    'amber ember',
    'yonder canyon',
    'juniper river',
    'nectar pebble',
    'quarry summit',
  ].entries()) {
    const atUs = n < 2 ? n * 1_000 : n * 200_000;
    const asked = {
      ...post,
      n,
      atUs,
      target: '/shop.v1.Books/CreateBook',
      requestBody: frame(text(2, title)),
    };
    differences({ ...asked, ...grpc([]) }, grpc([]), values);
  }
  const asked = {
    ...post,
    n: 9,
    atUs: 1_900_000,
    target: '/shop.v1.Books/ListBooks',
    requestBody: frame([]),
  };
  return differences({ ...asked, ...list(0, ...recorded) }, list(SHIFT_MS, ...live), values);
}

test('two that were made at once have changed places', () => {
  expect(
    found(
      [
        ['amber ember', 3],
        ['yonder canyon', 4],
        ['juniper river', 403],
      ],
      [
        ['yonder canyon', 5],
        ['amber ember', 6],
        ['juniper river', 409],
      ],
    ),
  ).toEqual([]);
});

test('one at the edge of a page stands on the next one now, whatever order of few was by chance', () => {
  const page = (first: string): [string, number][] => [
    [first, 7],
    ['juniper river', 403],
    ['nectar pebble', 604],
    ['quarry summit', 805],
  ];
  expect(found(page('amber ember'), page('yonder canyon'))).toEqual([]);
});

test('others are in the order in which they were made', () => {
  const recorded: [string, number][] = [
    ['amber ember', 3],
    ['yonder canyon', 4],
    ['juniper river', 403],
  ];
  expect(
    found(recorded, [
      ['amber ember', 3],
      ['juniper river', 403],
      ['yonder canyon', 4],
    ]),
  ).not.toEqual([]);
  expect(
    found(recorded, [
      ['amber ember', 3],
      ['yonder canyon', 4],
      ['nectar pebble', 604],
    ]),
  ).not.toEqual([]);
});
