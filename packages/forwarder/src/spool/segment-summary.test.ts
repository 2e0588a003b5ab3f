import { type RRPair, rollupPartials } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { capturedPair, decoded, messageOf } from '../captured.fixture.ts';
import { frameRows, openedAtOf, SegmentSummary } from './segment-summary.ts';

const SEGMENT = '0190a0a0-0000-7000-8000-000000000000';
const place = (number: number) => ({ segment: SEGMENT, number, offset: 100 * (number + 1), length: 50 });
const pairOf = (n: number, path = '/a') => {
  const request = messageOf(`GET ${path} HTTP/1.1\r\n\r\n`);
  return decoded(capturedPair(n, { request }))!;
};

describe('SegmentSummary', () => {
  test('the manifest says what its frames hold, and its rollups are those of all rows together', () => {
    const [first, second] = [[pairOf(1), pairOf(2, '/orders/77')], [pairOf(3)]];
    const summary = new SegmentSummary();
    const folded = rollupPartials(frameRows([pairOf(9, '/folded')], place(1), 'r-2'));
    const rowsOf = (pairs: RRPair[], n: number) => frameRows(pairs, place(n), 'r');
    summary.add({ rows: rowsOf(first, 0), folded: [] }, place(0), { rawBytes: 20, ruleVersion: 'r-1' });
    const withheld = { folded: 1, filtered: 2, sampled: 0 };
    const later = { rows: rowsOf(second, 1), folded, withheld };
    summary.add(later, place(1), { rawBytes: 10, ruleVersion: 'r-2' });
    const manifest = summary.manifest('tenant', SEGMENT, 5, []);
    expect(manifest).toMatchObject({ pairs: 3, rawBytes: 30, firstTs: first[0]!.ts, lastTs: second[0]!.ts });
    expect(manifest.frames).toEqual([
      { offset: 100, length: 50, lines: 2 },
      { offset: 200, length: 50, lines: 1, folded: true },
    ]);
    const kept = rollupPartials(frameRows([...first, ...second], place(0), null));
    expect(manifest.rollups).toEqual([...kept, ...folded]);
    expect(manifest.rollups.map((partial) => partial.endpoint)).toEqual(['/a', '/orders/{id}', '/folded']);
    expect(manifest).toMatchObject({ ruleVersion: 'r-2', ruleVersions: ['r-1', 'r-2'] });
    expect(manifest.withheld).toEqual({ folded: 1, filtered: 2 });
  });

  test('endpoints beyond the limit are counted together, none is lost', () => {
    const summary = new SegmentSummary();
    const word = (n: number) =>
      n.toString(26).replace(/./g, (digit) => 'abcdefghijklmnopqrstuvwxyz'[Number.parseInt(digit, 26)]!);
    const pairs = Array.from({ length: 5_100 }, (_, n) => pairOf(n, `/${word(n)}`));
    summary.add({ rows: frameRows(pairs, place(0), null), folded: [] }, place(0), {
      rawBytes: 1,
      ruleVersion: null,
    });
    const { rollups } = summary.manifest('tenant', SEGMENT, 5, []);
    expect(rollups.length).toBeLessThanOrEqual(5_001);
    expect(rollups.reduce((sum, partial) => sum + partial.count, 0)).toBe(5_100);
    expect(rollups.some((partial) => partial.endpoint === '{other}')).toBe(true);
  });

  test('a segment id tells when it was opened', () => {
    expect(openedAtOf(SEGMENT)).toBe(0x0190a0a00000 * 1000);
  });
});
