import { describe, expect, test } from 'vitest';
import { addFilter, parseTime } from './snapshot-flags.ts';

describe('parseTime()', () => {
  test('takes a date', () => {
    expect(parseTime('2026-05-04T10:00:00Z')).toBe(Date.UTC(2026, 4, 4, 10) * 1_000);
  });

  test.each([
    ['90s', 90],
    ['30m', 1_800],
    ['2h', 7_200],
    ['1d', 86_400],
  ])('takes %s as an age', (text, seconds) => {
    const before = (Date.now() - seconds * 1_000) * 1_000;
    expect(parseTime(text)).toBeGreaterThanOrEqual(before);
    expect(parseTime(text)).toBeLessThanOrEqual((Date.now() - seconds * 1_000) * 1_000);
  });

  test.each(['soon', 'm5', '3 weeks', ''])('refuses %j with what it takes', (text) => {
    expect(() => parseTime(text)).toThrow(/a time such as .* or an age such as 30m/);
  });
});

describe('addFilter()', () => {
  test('adds to what is there, numbers as numbers', () => {
    expect(addFilter('statusMin=500', addFilter('method=GET', {}))).toEqual({
      method: 'GET',
      statusMin: 500,
    });
  });

  test('keeps what stands behind a second equals sign', () => {
    expect(addFilter('pathPrefix=/a?b=c', {})).toEqual({ pathPrefix: '/a?b=c' });
  });

  test.each(['path=/x', 'method', '=GET'])('refuses %s and names the fields', (text) => {
    expect(() => addFilter(text, {})).toThrow(/one of these names: direction, host/);
  });

  test('refuses a value that is none of the field', () => {
    expect(() => addFilter('direction=UP', {})).toThrow(/UP is no direction/);
    expect(() => addFilter('statusMin=many', {})).toThrow(/many is no statusMin/);
  });
});
