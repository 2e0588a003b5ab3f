import { describe, expect, it } from 'vitest';
import type { Seen } from './observation-queries.ts';
import { lastOfEach, podTroubles, podUse, valueAt } from './pod-data.ts';

const replay = '01900000-0000-7000-8000-000000000001';
const metric = (ts: number, container: string, cpuMillicores: number | null, memoryBytes: number) =>
  ({
    kind: 'metric',
    replay,
    ts,
    namespace: 'shop',
    pod: 'cart-1',
    container,
    cpuMillicores,
    memoryBytes,
  }) as const;
const event = (ts: number, fields: Partial<Seen<'event'>> = {}): Seen<'event'> => ({
  ...{ kind: 'event', replay, ts, namespace: 'shop', object: { kind: 'Pod', name: 'cart-1' } },
  ...{ type: 'Normal', reason: 'Started', message: 'Started container cart', count: 1 },
  ...fields,
});

describe('podUse()', () => {
  const use = podUse([metric(1e6, 'a', null, 5), metric(2e6, 'b', 7, 90), metric(3e6, 'a', 4, 6)]);

  it('puts every container on one axis of time, without gaps where another was read', () => {
    expect(use.times).toEqual([1, 2, 3]);
    expect(use.containers.map(({ container }) => container)).toEqual(['b', 'a']);
    expect(use.containers[1]!.memory).toEqual([5, undefined, 6]);
  });

  it('keeps an unknown share of CPU unknown', () => {
    expect(use.containers[1]!.cpu).toEqual([null, undefined, 4]);
    expect(podUse([metric(1, 'a', null, 5)]).containers[0]!.peakCpu).toBeNull();
  });

  it('is empty for no readings', () => {
    expect(podUse([])).toEqual({ times: [], containers: [] });
  });
});

describe('valueAt()', () => {
  it('is the last figure up to there', () => {
    expect(valueAt([1, undefined, null, 4], 2)).toBe(1);
    expect(valueAt([undefined, 2], 0)).toBeNull();
  });
});

describe('lastOfEach()', () => {
  it('tells a repeated Event once, with its highest count, newest first', () => {
    const told = lastOfEach([event(1), event(5, { count: 3 }), event(2, { reason: 'Pulled' })]);
    expect(told.map(({ reason, ts, count }) => [reason, ts, count])).toEqual([
      ['Started', 5, 3],
      ['Pulled', 2, 1],
    ]);
  });
});

describe('podTroubles()', () => {
  it('counts restarts, and none where two containers were started once each', () => {
    expect(podTroubles([event(1, { count: 3 })])).toEqual(['shop/cart-1 restarted a container 2 times.']);
    expect(podTroubles([event(1), event(2, { message: 'Started container other' })])).toEqual([]);
  });

  it('names what ran out of memory or keeps ending', () => {
    const message = 'Back-off restarting failed container cart in pod cart-1';
    expect(podTroubles([event(1, { reason: 'BackOff', message })])[0]).toContain('keeps ending');
    const image = 'Back-off pulling image "shop:1"';
    expect(podTroubles([event(1, { reason: 'BackOff', message: image })])).toEqual([]);
    expect(podTroubles([event(1, { reason: 'OOMKilling' })])[0]).toContain('out of memory');
  });
});
