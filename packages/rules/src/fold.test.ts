import { expect, test } from 'vitest';
import { Fold, type FoldReason } from './fold.ts';
import { type PairSketch, sketch } from './pair.fixture.ts';
import { FoldRules } from './rules-document.ts';

const START_US = 1_800_000_000_000_000 - (1_800_000_000_000_000 % 60_000_000);
const SECOND_US = 1_000_000;

function foldOf(rules: object = {}, limits?: { maxKinds: number; maxEndpoints: number }) {
  const fold = new Fold(FoldRules.parse({ enabled: true, payloadsPerMinute: 3, ...rules }), limits);
  return (of: PairSketch & { atS?: number; nowS?: number } = {}): FoldReason => {
    const tsUs = START_US + (of.atS ?? 0) * SECOND_US;
    const nowUs = START_US + (of.nowS ?? 3_600) * SECOND_US;
    const { ship, why } = fold.decide(sketch({ responseBody: { id: 1 }, ...of, tsUs }), nowUs);
    expect(ship).toBe(why !== 'folded');
    return why;
  };
}

const times = (n: number, one: () => FoldReason) => Array.from({ length: n }, one);

test('of pairs that are alike the first of each minute are shipped, and the rest is folded', () => {
  const decide = foldOf();
  expect(times(5, () => decide())).toEqual(['new-shape', 'first', 'first', 'folded', 'folded']);
  expect(times(4, () => decide({ atS: 61 }))).toEqual(['first', 'first', 'first', 'folded']);
});

test('a pair of the minute before that comes late does not open that minute again', () => {
  const decide = foldOf();
  times(3, () => decide());
  times(3, () => decide({ atS: 61 }));
  expect(decide({ atS: 30 })).toBe('folded');
  expect(decide({ atS: 61 })).toBe('folded');
});

test('a sender whose clock is ahead does not use up the minutes to come', () => {
  const decide = foldOf();
  times(3, () => decide({ atS: 86_400, nowS: 10 }));
  expect(decide({ atS: 20, nowS: 20 })).toBe('folded');
  expect(decide({ atS: 70, nowS: 70 })).toBe('first');
});

test.each<[string, PairSketch]>([
  ['endpoint', { url: 'http://shop/other' }],
  ['method', { method: 'POST' }],
  ['status', { status: 404 }],
  ['shape of the response', { responseBody: { id: 1, more: true } }],
  ['shape of the request', { body: { a: 1 } }],
  ['type of a field', { responseBody: { id: 'one' } }],
])('another %s is another kind, counted on its own', (_what, other) => {
  const decide = foldOf();
  times(4, () => decide());
  expect(times(4, () => decide(other))).toEqual(['new-shape', 'first', 'first', 'folded']);
});

test('ids in the path, values, order of keys and number of items make no other kind', () => {
  const decide = foldOf();
  decide({ url: 'http://shop/o/1', responseBody: { id: 1, items: [{ a: 1 }] } });
  expect(decide({ url: 'http://shop/o/2', responseBody: { items: [{ a: 2 }, { a: 3 }], id: 7 } })).toBe(
    'first',
  );
});

test('outbound pairs are told apart by their peer', () => {
  const decide = foldOf();
  times(4, () => decide({ direction: 'OUT', url: 'http://a/x' }));
  expect(decide({ direction: 'OUT', url: 'http://b/x' })).toBe('new-shape');
});

test('errors are always shipped and take nothing from the count of others', () => {
  const decide = foldOf();
  expect(times(5, () => decide({ status: 500 }))).toEqual(Array(5).fill('error'));
  expect(times(5, () => decide({ error: 'timeout', status: null }))).toEqual(Array(5).fill('error'));
  expect(times(5, () => decide({ error: 'reset' }))).toEqual(Array(5).fill('error'));
  const grpc = { protocol: 'grpc', responseHeaders: [['grpc-status', '14']] as [string, string][] };
  expect(times(5, () => decide(grpc))).toEqual(Array(5).fill('error'));
});

test('a pair slower than the factor times its endpoint’s median is shipped, once the median is known', () => {
  const decide = foldOf();
  times(200, () => decide({ durationUs: 10_000 }));
  expect(decide({ durationUs: 29_000 })).toBe('folded');
  expect(decide({ durationUs: 45_000 })).toBe('slow');
  expect(decide({ url: 'http://shop/other', durationUs: 45_000 })).toBe('new-shape');
  expect(decide({ url: 'http://shop/other', durationUs: 450_000 })).toBe('first');
});

test('the median follows an endpoint that has become slower, and outliers hardly move it', () => {
  const decide = foldOf();
  times(300, () => decide({ durationUs: 10_000 }));
  times(5, () => decide({ durationUs: 60_000_000 }));
  expect(decide({ durationUs: 50_000 })).toBe('slow');
  times(300, () => decide({ durationUs: 50_000 }));
  expect(decide({ durationUs: 50_000 })).toBe('folded');
});

test('pairs of a replay, parts of streams, messages, opaque connections and what a rule protects are never folded', () => {
  const decide = foldOf({ never: 'path.startsWith("/pay")' });
  expect(times(9, () => decide({ tags: { replay: 'r1' } }))).toEqual(Array(9).fill('never'));
  expect(times(9, () => decide({ url: 'http://shop/pay' }))).toEqual(Array(9).fill('never'));
  const fold = new Fold(FoldRules.parse({ enabled: true, payloadsPerMinute: 1 }));
  const special = [
    { part: { index: 1, last: false } },
    { messages: [] },
    { opaque: { sentBytes: 1, receivedBytes: 1 } },
    { request: null },
    { response: null },
  ];
  for (const fields of special)
    expect(times(3, () => fold.decide({ ...sketch(), ...fields }, START_US).why)).toEqual(
      Array(3).fill('never'),
    );
});

test('switched off it ships everything', () => {
  const decide = foldOf({ enabled: false });
  expect(times(20, () => decide())).toEqual(Array(20).fill('never'));
});

test('what it remembers is bounded, and what it forgot ships as new', () => {
  const decide = foldOf({}, { maxKinds: 10, maxEndpoints: 10 });
  times(5, () => decide());
  expect(decide()).toBe('folded');
  for (let i = 0; i < 9; i++) decide({ url: `http://shop/${'abcdefghij'[i]}` });
  expect(decide()).toBe('folded');
  for (let i = 0; i < 10; i++) decide({ url: `http://shop/${'abcdefghij'[i]}` });
  expect(decide()).toBe('new-shape');
});

test('a kind that keeps coming is not forgotten, however many others come', () => {
  const decide = foldOf({}, { maxKinds: 10, maxEndpoints: 10 });
  times(3, () => decide());
  for (let i = 0; i < 50; i++) {
    decide({ url: `http://shop/${'a'.repeat(i + 1)}` });
    expect(decide()).toBe('folded');
  }
});
