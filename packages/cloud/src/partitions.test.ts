import { describe, expect, test } from 'vitest';
import { DAY_US, keptSpan, newestFirst } from './partitions.ts';

const NOON = 20_000.5 * DAY_US;

describe('newestFirst()', () => {
  test('covers a span once, the newest day first, cut at midnights, eight days at most at once', () => {
    const spans = [...newestFirst({ from: NOON - 31 * DAY_US, to: NOON })];
    expect(spans[0]).toEqual({ from: 20_000 * DAY_US, to: NOON });
    expect(spans.at(-1)!.from).toBe(NOON - 31 * DAY_US);
    for (const [i, { from, to }] of spans.entries()) {
      expect(to - from).toBeGreaterThan(0);
      expect(to - from).toBeLessThanOrEqual(8 * DAY_US);
      if (i > 0) expect(to).toBe(spans[i - 1]!.from);
      if (i > 0) expect(to % DAY_US).toBe(0);
    }
    expect(spans).toHaveLength(7);
  });

  test('of nothing is nothing', () => {
    expect([...newestFirst({ from: NOON, to: NOON })]).toEqual([]);
  });
});

test.each([
  [{}, 7, 20_000 - 31],
  [{}, 90, 20_000 - 90],
  [{ from: 0, to: Number.MAX_SAFE_INTEGER }, 30, 20_000 - 31],
])(
  'keptSpan(%j, %d) goes back no further than rows are kept, and to what clocks may differ',
  (range, days, first) => {
    expect(keptSpan(range, days, NOON)).toEqual({ from: first * DAY_US, to: NOON + DAY_US / 12 });
  },
);
