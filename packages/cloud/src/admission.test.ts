import { describe, expect, test } from 'vitest';
import { Admission } from './admission.ts';

/** A clock that stands still until it is moved. */
function stoppedClock() {
  let nowUs = 1_700_000_000_000_000;
  return {
    nowUs: () => nowUs,
    sleep: async () => {},
    advanceS(seconds: number) {
      nowUs += seconds * 1e6;
    },
  };
}

describe('Admission', () => {
  test('lets a burst in at once, then so many a second', () => {
    const clock = stoppedClock();
    const admission = new Admission(clock, { perSecond: 10, burst: 20, random: () => 0 });
    const enter = (n: number) => Array.from({ length: n }, () => admission.enter()).filter((s) => s === null);
    expect(enter(100)).toHaveLength(20);
    clock.advanceS(1);
    expect(enter(100)).toHaveLength(10);
    clock.advanceS(3_600);
    expect(enter(100)).toHaveLength(20);
  });

  test('brings five thousand in at its rate when each does as it is told', () => {
    const clock = stoppedClock();
    let seed = 1;
    const random = () => {
      seed = (seed * 16_807) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const admission = new Admission(clock, { perSecond: 50, burst: 100, random });
    // Agents by the second in which they come.
    let due = new Map([[0, 5_000]]);
    let inside = 0;
    let asked = 0;
    let second = 0;
    for (; inside < 5_000 && second < 1_000; second++) {
      const later = new Map(due);
      later.delete(second);
      for (let i = due.get(second) ?? 0; i > 0; i--) {
        asked++;
        const wait = admission.enter();
        if (wait === null) inside++;
        else later.set(second + wait, (later.get(second + wait) ?? 0) + 1);
      }
      due = later;
      clock.advanceS(1);
    }
    // 98 s is what the rate allows; nobody asks more than a few times.
    expect(second).toBeLessThan(200);
    expect(asked / 5_000).toBeLessThan(6);
  });
});
