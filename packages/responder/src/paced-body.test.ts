import fc from 'fast-check';
import { expect, test } from 'vitest';
import { piecesOf } from './paced-body.ts';

const shown = (body: string, pace: Partial<Parameters<typeof piecesOf>[1]>) =>
  piecesOf(Buffer.from(body), { chunks: [], recordedBytes: body.length, ttfbUs: 0, factor: 1, ...pace }).map(
    ({ bytes, atUs }) => `${bytes} @${atUs}`,
  );

test('pieces are due as recorded, counted from the first byte, times the factor', () => {
  const pace = {
    chunks: [
      [2, 100],
      [1, 300],
      [3, 700],
    ] as [number, number][],
    ttfbUs: 100,
  };
  expect(shown('abcdef', pace)).toEqual(['ab @0', 'c @200', 'def @600']);
  expect(shown('abcdef', { ...pace, factor: 0.5 })).toEqual(['ab @0', 'c @100', 'def @300']);
});

test('without latency, or without chunks, the body is one piece that is due at once', () => {
  expect(
    shown('abc', {
      chunks: [
        [1, 0],
        [2, 500],
      ],
      factor: 0,
    }),
  ).toEqual(['abc @0']);
  expect(shown('abc', { chunks: [[3, 500]] })).toEqual(['abc @0']);
});

test('an event stream whose values are longer than recorded is still cut between its events', () => {
  const live = 'data: 1234567890\n\ndata: 2\n\ndata: 3\n\n';
  expect(
    shown(live, {
      chunks: [
        [9, 0],
        [9, 10],
        [9, 20],
      ],
      recordedBytes: 27,
    }),
  ).toEqual(['data: 1234567890\n\n @0', 'data: 2\n\n @10', 'data: 3\n\n @20']);
});

test('the pieces together are the body, whatever was recorded, and never go back in time', () => {
  const chunk = fc.tuple(fc.nat(50), fc.nat(1_000));
  fc.assert(
    fc.property(
      fc.string(),
      fc.array(chunk, { maxLength: 8 }),
      fc.nat(200),
      (text, chunks, recordedBytes) => {
        const body = Buffer.from(text);
        const ordered = chunks.toSorted((a, b) => a[1] - b[1]);
        const pieces = piecesOf(body, { chunks: ordered, recordedBytes, ttfbUs: 100, factor: 2 });
        expect(Buffer.concat(pieces.map(({ bytes }) => bytes)).equals(body)).toBe(true);
        const times = pieces.map(({ atUs }) => atUs);
        expect(times).toEqual(times.toSorted((a, b) => a - b));
      },
    ),
  );
});
