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

describe('balance()', () => {
  test('holds when every hop explains every pair and the index holds what was delivered', () => {
    const hops = [
      hop('sidecar', 10, 8, 2),
      hop('generator', 5, 5),
      hop('responder', 3, 3),
      hop('forwarder', 16, 15, 1),
    ];
    expect(balance(hops, 15)).toEqual({
      balanced: true,
      sentence: '18 captured = 15 indexed + 0 withheld + 3 dropped.',
    });
    expect(balance([], 0).balanced).toBe(true);
  });

  test.each([
    [
      'a pair on its way',
      [hop('sidecar', 10, 9), hop('forwarder', 9, 9)],
      9,
      /1 are on their way in the sidecar of sidecar/,
    ],
    [
      'more accounted for than taken on',
      [hop('sidecar', 9, 10), hop('forwarder', 10, 10)],
      10,
      /accounts for 1 more/,
    ],
    [
      'a loss between hops',
      [hop('sidecar', 10, 10), hop('forwarder', 9, 9)],
      9,
      /10 were handed to the forwarder, which took on 9/,
    ],
    [
      'a loss before the index',
      [hop('sidecar', 9, 9), hop('forwarder', 9, 9)],
      8,
      /delivered 9, the index holds 8/,
    ],
    ['rows nobody delivered', [], 1, /delivered 0, the index holds 1/],
  ])('names %s', (_name, hops, indexed, sentence) => {
    const result = balance(hops, indexed);
    expect(result.balanced).toBe(false);
    expect(result.sentence).toMatch(sentence);
  });
});
