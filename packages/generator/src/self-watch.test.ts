import { expect, test } from 'vitest';
import { voidReasons } from './self-watch.ts';

const sound = { lag: { p99Ms: 250, maxMs: 9_000 }, undelivered: 0, shedBytes: 0 };

test('a run without stalls and with all its results is trusted', () => {
  expect(voidReasons(sound)).toEqual([]);
});

test.each([
  ['stalled', { ...sound, lag: { p99Ms: 251, maxMs: 251 } }],
  ['not delivered', { ...sound, undelivered: 1 }],
  ['given up', { ...sound, shedBytes: 1 }],
  ['ECHOPLANE_MESSAGE_LIMIT_BYTES', { ...sound, tooLong: 1, messageLimitBytes: 1024 }],
])('a run is void when something was %s', (word, measured) => {
  expect(voidReasons(measured)).toEqual([expect.stringContaining(word)]);
});
