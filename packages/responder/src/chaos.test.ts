import { exprViewOf } from '@echoplane/rules';
import { ChaosRule, type RRPair } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { Chaos, corrupted } from './chaos.ts';

const rule = (parts: object) =>
  ChaosRule.parse({ name: 'slow', action: { type: 'latency', ms: 10 }, ...parts });
const noView = () => {
  throw new Error('no rule has a condition');
};
const viewOf = (host: string) => () =>
  exprViewOf({
    direction: 'OUT',
    request: {
      method: 'GET',
      url: `https://${host}/v1`,
      headers: [],
      body: { size: 0, encoding: 'identity' },
    },
  } as unknown as RRPair);

/** Which of 200 requests to ten places are touched, asked in this order of places. */
function touchedIn(order: readonly number[], seed: number): string[] {
  const chaos = new Chaos([rule({ toxicity: 0.3 })], seed);
  const seen = new Map<number, number>();
  return order
    .flatMap((place) => {
      const nth = seen.get(place) ?? 0;
      seen.set(place, nth + 1);
      return chaos.touch(`place ${place}`, noView) ? [`${place}#${nth}`] : [];
    })
    .sort();
}

const inTurn = Array.from({ length: 200 }, (_, i) => i % 10);
const oneByOne = Array.from({ length: 200 }, (_, i) => Math.floor(i / 20));

test('the same requests are touched whatever their order, and others with another seed', () => {
  const touched = touchedIn(inTurn, 7);
  expect(touchedIn(oneByOne, 7)).toEqual(touched);
  expect(touchedIn(inTurn, 8)).not.toEqual(touched);
  expect(touched.length).toBeGreaterThan(40);
  expect(touched.length).toBeLessThan(80);
});

test('a toxicity of 1 touches every request, of 0 none', () => {
  const all = new Chaos([rule({ toxicity: 1 }), rule({ name: 'never', toxicity: 0 })]);
  for (const key of ['a', 'a', 'b']) expect(all.touch(key, noView)?.rules).toEqual(['slow']);
  expect(all.counts).toEqual({ slow: 3, never: 0 });
});

test('a rule with a condition touches only what it holds for', () => {
  const chaos = new Chaos([rule({ when: 'host == "pay.test"' })]);
  expect(chaos.touch('a', viewOf('pay.test'))?.rules).toEqual(['slow']);
  expect(chaos.touch('a', viewOf('rates.test'))).toBeNull();
  expect(() => new Chaos([rule({ when: 'hosst == "x"' })])).toThrow(/hosst/);
});

test('delays of several rules add up; of two replaced answers and two endings the first stays', () => {
  const actions = [
    { type: 'latency', ms: 10 },
    { type: 'latency', ms: 5 },
    { type: 'status', status: 503 },
    { type: 'status', status: 500, body: 'no' },
    { type: 'truncate', bytes: 3 },
    { type: 'reset' },
  ];
  const chaos = new Chaos(actions.map((action, n) => rule({ name: `rule ${n}`, action })));
  expect(chaos.touch('a', noView)).toEqual({
    rules: actions.map((_, n) => `rule ${n}`),
    delayMs: 15,
    status: { status: 503, body: '' },
    corrupt: null,
    ending: { type: 'cut', bytes: 3 },
  });
});

test('jitter stays within its bounds and is not always the same', () => {
  const chaos = new Chaos([rule({ action: { type: 'latency', ms: 100, jitterMs: 20 } })]);
  const delays = Array.from({ length: 100 }, () => chaos.touch('a', noView)!.delayMs);
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(80);
  expect(Math.max(...delays)).toBeLessThanOrEqual(120);
  expect(new Set(delays).size).toBeGreaterThan(50);
});

test('a corrupted body is as long and differs, however short it is', () => {
  for (const length of [1, 5, 16, 100]) {
    const body = Buffer.alloc(length, 'a');
    const changed = corrupted(body, 0.99);
    expect(changed).toHaveLength(length);
    expect(changed.equals(body)).toBe(false);
  }
  expect(corrupted(Buffer.alloc(0), 0.5)).toHaveLength(0);
});
