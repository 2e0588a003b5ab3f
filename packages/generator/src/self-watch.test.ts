import { createHistogram } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { p99Of, voidReasons } from './self-watch.ts';

const sound = { lag: { p99Ms: 250, maxMs: 9_000 }, undelivered: 0, shedBytes: 0 };

test('a run without stalls and with all its results is trusted', () => {
  expect(voidReasons(sound)).toEqual([]);
});

test.each([
  [1, 30, 10],
  [2, 30, 300],
  [1, 150, 10],
  [1, 1_000, 10],
  [11, 1_000, 300],
])('%i stalls among %i samples make a p99 of %i', (stalls, samples, p99) => {
  const lags = createHistogram();
  for (let sample = 0; sample < samples; sample++) lags.record(sample < stalls ? 300 : 10);
  expect(lags.percentile(p99Of(lags.count))).toBe(p99);
});

test.each([
  ['stalled', { ...sound, lag: { p99Ms: 251, maxMs: 251 } }],
  ['not delivered', { ...sound, undelivered: 1 }],
  ['given up', { ...sound, shedBytes: 1 }],
  ['ECHOPLANE_MESSAGE_LIMIT_BYTES', { ...sound, tooLong: 1, messageLimitBytes: 1024 }],
])('a run is void when something was %s', (word, measured) => {
  expect(voidReasons(measured)).toEqual([expect.stringContaining(word)]);
});
