import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, iso, json, replayed, SHIFT_MS } from './shifted-replay.fixture.ts';

const LIVE_MS = SHIFT_MS - 5_000;
const run = (fromMs: number, tookMs: number, name: string, said: number | null = tookMs) => ({
  name,
  startedAt: iso(fromMs),
  endedAt: iso(fromMs + tookMs),
  durationMs: said,
});

test('how long something took is what lies between the times beside it, then and now', () => {
  const { differences: found, leaves } = replayed(
    json(run(-5_000, 3_499, 'build')),
    json(run(LIVE_MS, 4_602, 'build')),
    new LiveValues(new Map()),
  );
  expect(found).toEqual([]);
  expect(leaves).toMatchObject({ time: 3, kind: 0 });
});

test.each<[string, object, object]>([
  ['another span than the live times have', run(-5_000, 3_499, 'a'), run(LIVE_MS, 4_602, 'a', 4_502)],
  ['one that the recorded times did not have', run(-5_000, 3_499, 'a', 77), run(LIVE_MS, 4_602, 'a')],
  ['a count', { ...run(-5_000, 12, 'a'), steps: 12 }, { ...run(LIVE_MS, 14, 'a'), steps: 14 }],
])('a number that is %s is a difference', (_, recorded, live) => {
  expect(differences(json(recorded), json(live), new LiveValues(new Map()))).toHaveLength(1);
});

test('the elements of a list are known again whatever they took', () => {
  const list = (ms: number, extra: number) =>
    json([run(ms, 20 + extra, 'first-run'), run(ms, 40 + 2 * extra, 'second-run')]);
  const turned = (ms: number) => json([run(ms, 47, 'second-run'), run(ms, 23, 'first-run')]);
  const values = () => new LiveValues(new Map());
  expect(differences(list(-5_000, 0), list(LIVE_MS, 3), values())).toEqual([]);
  const recorded = list(-5_000, 0);
  expect(differences(recorded, turned(LIVE_MS), values())).not.toContain('body[0].durationMs value');
});
