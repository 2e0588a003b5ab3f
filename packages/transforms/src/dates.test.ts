import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DAY_US, durationUs, formatTime, layoutProblem, readTime } from './dates.ts';

const HOUR_US = 3.6e9;
const NOON_US = Date.UTC(2026, 1, 28, 12) * 1e3;

const FORMS: [text: string, us: number, anHourLater: string][] = [
  ['2026-02-28T12:00:00Z', NOON_US, '2026-02-28T13:00:00Z'],
  ['2026-02-28t12:00:00z', NOON_US, '2026-02-28t13:00:00z'],
  ['2026-02-28T12:00:00.000Z', NOON_US, '2026-02-28T13:00:00.000Z'],
  ['2026-02-28T12:00:00,5Z', NOON_US + 5e5, '2026-02-28T13:00:00,5Z'],
  ['2026-02-28T12:00:00.123456789+00:00', NOON_US + 123_456, '2026-02-28T13:00:00.123456789+00:00'],
  ['2026-02-28T23:30:00+11:30', NOON_US, '2026-03-01T00:30:00+11:30'],
  ['2026-02-28T02:00:00-1000', NOON_US, '2026-02-28T03:00:00-1000'],
  ['2026-02-28T13:00+01', NOON_US, '2026-02-28T14:00+01'],
  ['2026-02-28 12:00:00', NOON_US, '2026-02-28 13:00:00'],
  ['Sat, 28 Feb 2026 12:00:00 GMT', NOON_US, 'Sat, 28 Feb 2026 13:00:00 GMT'],
  ['Sat, 28 Feb 2026 13:00:00 +0100', NOON_US, 'Sat, 28 Feb 2026 14:00:00 +0100'],
  ['20260228T120000Z', NOON_US, '20260228T130000Z'],
  ['1772280000', NOON_US, '1772283600'],
  ['1772280000.25', NOON_US + 25e4, '1772283600.25'],
  ['1772280000123', NOON_US + 123e3, '1772283600123'],
  ['1772280000123456', NOON_US + 123_456, '1772283600123456'],
  ['1772280000123456789', NOON_US + 123_456, '1772283600123456789'],
];

describe('a time is written back in the form it had', () => {
  test.each(FORMS)('%s', (text, us, later) => {
    const time = readTime(text)!;
    expect(time.us).toBe(us);
    expect(time.write(us)).toBe(text);
    expect(time.write(us + HOUR_US)).toBe(later);
  });
});

test('a day without a time moves by days', () => {
  expect(readTime('2026-02-28')!.write(NOON_US + DAY_US)).toBe('2026-03-01');
});

test.each([
  '',
  'soon',
  '2026-13-01',
  '2026-02-30T00:00:00Z',
  '2026-02-28T24:00:00Z',
  '12345',
  '999999999',
  '4772280000',
  'Sat, 28 Foo 2026 12:00:00 GMT',
  '28.02.2026',
])('"%s" is no time that one could see', (text) => expect(readTime(text)).toBeNull());

test.each([
  ['DD.MM.YYYY', '28.02.2026', '01.03.2026'],
  ['YYYY/MM/DD HH:mm:ss.SSS', '2026/02/28 12:00:00.250', '2026/03/01 12:00:00.250'],
  ['ddd MMM DD YYYY HH:mm:ss ZZ', 'Sat Feb 28 2026 12:00:00 +0200', 'Sun Mar 01 2026 12:00:00 +0200'],
  ['YYYY-MM-DDTHH:mm:ssZ', '2026-02-28T12:00:00-03:00', '2026-03-01T12:00:00-03:00'],
])('layout %s', (layout, text, dayLater) => {
  const time = readTime(text, layout)!;
  expect(time.write(time.us)).toBe(text);
  expect(time.write(time.us + DAY_US)).toBe(dayLater);
  expect(readTime(`${text}x`, layout)).toBeNull();
});

test.each([
  ['1h30m', 5.4e9],
  ['-2d', -2 * DAY_US],
  ['250ms', 25e4],
  ['+1w', 7 * DAY_US],
  ['1.5s', 15e5],
  ['7us', 7],
])('%s', (text, us) => expect(durationUs(text)).toBe(us));

test('what is no duration or layout is said to be none', () => {
  expect(() => durationUs('2 days')).toThrow('"2 days" is no duration; write 90s, -2d, 1h30m or 250ms');
  expect(layoutProblem('epoch-ms')).toBeNull();
  expect(layoutProblem('MM/DD')).toMatch(/no layout/);
});

test('every time of every layout comes back as it was written', () => {
  const layouts = [
    'iso',
    'rfc1123',
    'compact',
    'epoch',
    'epoch-ms',
    'epoch-us',
    'epoch-ns',
    'YYYY-MM-DD HH:mm:ss.SSSSSS',
  ];
  fc.assert(
    fc.property(fc.integer({ min: 1e15, max: 4e15 }), fc.constantFrom(...layouts), (us, layout) => {
      const text = formatTime(us, layout);
      const time = readTime(text, layout)!;
      expect(time.write(time.us)).toBe(text);
    }),
    { numRuns: 500 },
  );
});
