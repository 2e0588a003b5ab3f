import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatChange,
  formatCount,
  formatDate,
  formatDuration,
  formatShare,
  formatTime,
  plural,
  statusColor,
} from './format.ts';

const EN = 'en-US';

describe('formatDuration()', () => {
  it.each([
    [null, '–'],
    [0, '0 ms'],
    [420, '0.42 ms'],
    [18_432, '18.4 ms'],
    [999_499, '999 ms'],
    [999_500, '1 s'],
    [1_240_000, '1.24 s'],
    [59_949_000, '59.9 s'],
    [59_960_000, '1 m 00 s'],
    [125_000_000, '2 m 05 s'],
    [3_720_000_000, '1 h 02 m'],
  ])('writes %s µs as %s', (us, words) => {
    expect(formatDuration(us, EN)).toBe(words);
  });
});

describe('formatChange()', () => {
  it('names the direction, the amount and the percentage', () => {
    expect(formatChange(20_000, 322_000, EN)).toBe('+302 ms (+1,510 %)');
    expect(formatChange(20_000, 15_000, EN)).toBe('−5 ms (−25 %)');
  });

  it('leaves out the percentage of nothing and the change to the unknown', () => {
    expect(formatChange(0, 5_000, EN)).toBe('+5 ms');
    expect(formatChange(null, 5_000, EN)).toBeNull();
  });
});

describe('formatShare()', () => {
  it('never rounds up to 100 %', () => {
    expect(formatShare(0.99999, EN)).toBe('99.9 %');
    expect(formatShare(1, EN)).toBe('100 %');
  });

  it('keeps one decimal, rounded down as in the goals', () => {
    expect(formatShare(0.29, EN)).toBe('29 %');
    expect(formatShare(0.8275, EN)).toBe('82.7 %');
    expect(formatShare(null, EN)).toBe('–');
  });
});

describe('sizes and counts', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_234, '1.23 kB'],
    [999_999, '1 MB'],
  ])('writes %s bytes as %s', (bytes, words) => {
    expect(formatBytes(bytes, EN)).toBe(words);
  });

  it('groups thousands and chooses the number of the noun', () => {
    expect(formatCount(12_345, EN)).toBe('12,345');
    expect(plural(1, 'test', undefined, EN)).toBe('1 test');
    expect(plural(0, 'reply', 'replies', EN)).toBe('0 replies');
  });
});

describe('dates', () => {
  const noon = new Date(2026, 2, 4, 12, 5, 6, 78).getTime() * 1_000;

  it('formatDate() shows seconds', () => {
    expect(formatDate(noon, EN)).toMatch(/Mar 4, 2026, 12:05:06/);
    expect(formatDate(null, EN)).toBe('–');
  });

  it('formatTime() shows milliseconds', () => {
    expect(formatTime(noon, EN)).toBe('12:05:06.078');
  });
});

describe('statusColor()', () => {
  it('tells success, redirect, client error, server error and no answer apart', () => {
    expect([200, 301, 404, 503, null].map(statusColor)).toEqual(['green', 'blue', 'orange', 'red', 'red']);
  });
});
