import { describe, expect, test } from 'vitest';
import { HopReport, pending, StoredReports, total } from './accounting.ts';

const MOST = 2 ** 48;
const reasons = (count: number, n = 1) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`reason-${i}`, n]));
const report = (changes: object = {}, counters: object = {}) => ({
  ...{ hop: 'sidecar', incarnation: 'life-1', service: 'local/demo/shop', ...changes },
  counters: { captured: 1, delivered: 1, withheld: {}, dropped: {}, ...counters },
});

describe('HopReport', () => {
  test('the sums of the largest report are exact', () => {
    const most = { captured: 0, delivered: MOST, withheld: reasons(12, MOST), dropped: reasons(12, MOST) };
    const { counters } = HopReport.parse(report({}, most));
    expect(Number.isSafeInteger(pending(counters))).toBe(true);
    const progress = MOST + counters.delivered + total(counters.withheld) + total(counters.dropped);
    expect(Number.isSafeInteger(progress)).toBe(true);
  });

  test.each<[string, object]>([
    ['a count above 2^48', report({}, { captured: MOST + 1 })],
    ['thirteen reasons', report({}, { dropped: reasons(13) })],
    ['a long reason', report({}, { dropped: { ['x'.repeat(65)]: 1 } })],
    ['a reason with a NUL', report({}, { withheld: { 'evil\0': 1 } })],
    ['an incarnation with a NUL', report({ incarnation: 'evil\0x' })],
    ['a long incarnation', report({ incarnation: 'x'.repeat(65) })],
    ['a service with a line break', report({ service: 'a/b/c\n' })],
    ['a service with half a character', report({ service: 'a/b/\ud800' })],
    ['a long service', report({ service: 'x'.repeat(801) })],
  ])('with %s is not sound', (_, value) => {
    expect(HopReport.safeParse(value).success).toBe(false);
  });

  test('never carries a reason __proto__ on', () => {
    const hostile = report({}, { dropped: JSON.parse('{"__proto__":1}') });
    expect(JSON.stringify(HopReport.safeParse(hostile).data ?? null)).not.toContain('__proto__');
  });
});

test('of stored reports the sound ones are taken up', () => {
  expect(StoredReports.parse([report({ incarnation: 'evil\0x' }), report(), 'damage'])).toEqual([report()]);
});
