import type { HopReport } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { balance } from './accounting.ts';

const hop = (
  kind: HopReport['hop'],
  captured: number,
  delivered: number,
  dropped = 0,
  pending = captured - delivered - dropped,
) => ({
  ...{ hop: kind, incarnation: `${kind}-1`, service: kind, pending, reportedAt: 1 },
  counters: { captured, delivered, withheld: {}, dropped: dropped > 0 ? { 'queue-full': dropped } : {} },
});

/** So many in the store; and what is only indexed, and lost. */
const held = (stored: number, open = 0, lost = 0) => ({ indexed: stored + open, stored, lost });

describe('balance()', () => {
  test('holds when every hop explains every pair and the store holds what was delivered', () => {
    const hops = [
      hop('sidecar', 10, 8, 2),
      hop('generator', 5, 5),
      hop('responder', 3, 3),
      hop('forwarder', 16, 15, 1),
    ];
    expect(balance(hops, held(15))).toEqual({
      balanced: true,
      sentence: '18 captured = 15 stored + 0 withheld + 3 dropped.',
    });
    expect(balance([], held(0)).balanced).toBe(true);
    expect(balance(hops, held(15, 0, 7)).sentence).toMatch(/7 were lost before they were stored\.$/);
  });

  test.each([
    [
      'a pair on its way',
      [hop('sidecar', 10, 9), hop('forwarder', 9, 9)],
      held(9),
      /1 are on their way in the sidecar of sidecar/,
    ],
    [
      'more accounted for than taken on',
      [hop('sidecar', 9, 10), hop('forwarder', 10, 10)],
      held(10),
      /accounts for 1 more/,
    ],
    [
      'a loss between hops',
      [hop('sidecar', 10, 10), hop('forwarder', 9, 9)],
      held(9),
      /10 were handed to the forwarder, which took on 9/,
    ],
    [
      'a loss before the store',
      [hop('sidecar', 9, 9), hop('forwarder', 9, 9)],
      held(8),
      /delivered 9, the store holds 8/,
    ],
    [
      'rows whose segment is not shipped',
      [hop('sidecar', 9, 9), hop('forwarder', 9, 8)],
      held(8, 1),
      /1 are on their way in the forwarder.*1 are indexed and on their way to the store/,
    ],
    ['rows nobody delivered', [], held(1), /delivered 0, the store holds 1/],
  ])('names %s', (_name, hops, known, sentence) => {
    const result = balance(hops, known);
    expect(result.balanced).toBe(false);
    expect(result.sentence).toMatch(sentence);
  });
});
