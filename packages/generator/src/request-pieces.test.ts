import type { Body, Test } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { newTest } from './generator-stage.ts';
import { bodyOf, framed } from './grpc-calls.fixture.ts';
import { piecesOf } from './request-pieces.ts';

const callOf = (asked: Body, answered: Body): Test =>
  newTest(
    'a',
    { method: 'POST', body: asked },
    { protocol: 'grpc', response: { status: 200, headers: [], body: answered } },
  );

const CHAT = callOf(
  bodyOf([
    ['one', 2_000],
    ['two', 30_000],
    ['three', 31_000],
  ]),
  bodyOf([
    ['hello', 1_000],
    ['re: one', 20_000],
    ['re: two', 40_000],
  ]),
);

test('each message of a call comes after those of the server that came before it', () => {
  expect(piecesOf(CHAT, framed(['one', 'two', 'three']))).toEqual([
    { bytes: framed(['one']), heard: 1, afterUs: 1_000 },
    { bytes: framed(['two']), heard: 2, afterUs: 10_000 },
    { bytes: framed(['three']), heard: 2, afterUs: 1_000 },
  ]);
});

test('messages with other values than were recorded, and of other lengths, leave in the same turn', () => {
  const pieces = piecesOf(CHAT, framed(['one', 'another', 'three']));
  expect(pieces.map(({ bytes, heard }) => [bytes.subarray(7).toString(), heard])).toEqual([
    ['one', 1],
    ['another', 2],
    ['three', 2],
  ]);
});

test('what cannot be told apart leaves at once', () => {
  for (const bytes of [
    framed(['one', 'two']),
    Buffer.concat([framed(['one', 'two', 'three']), Buffer.of(0)]),
  ])
    expect(piecesOf(CHAT, bytes)).toEqual([{ bytes, heard: 0, afterUs: 0 }]);
});

test('a call with one message, and a body that came at once, leave at once', () => {
  const bytes = framed(['one']);
  const unary = callOf(bodyOf([['one', 900]]), bodyOf([['hello', 100]]));
  expect(piecesOf(unary, bytes)).toEqual([{ bytes, heard: 0, afterUs: 0 }]);
});

test('a body that is no call keeps its pieces and their distances, unless it is another now', () => {
  const upload = { ...CHAT, protocol: 'http/2' as const };
  const bytes = framed(['one', 'two', 'three']);
  expect(piecesOf(upload, bytes).map(({ bytes: { length }, afterUs }) => [length, afterUs])).toEqual([
    [10, 0],
    [10, 28_000],
    [12, 1_000],
  ]);
  expect(piecesOf(upload, bytes.subarray(1))).toHaveLength(1);
});
