import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shiftedTime } from './shifted-time.ts';
import { readTime } from './times.ts';

const HOUR_US = 3_600_000_000;

test.each([
  ['2026-03-01T23:30:00Z', '2026-03-02T00:30:00Z'],
  ['2026-03-01T23:30:00.120Z', '2026-03-02T00:30:00.120Z'],
  ['2026-03-01 23:30:00.123456', '2026-03-02 00:30:00.123456'],
  ['2026-03-01T23:30:00.123456789+01:00', '2026-03-02T00:30:00.123456789+01:00'],
  ['2026-03-01T23:30:00.1204004Z', '2026-03-02T00:30:00.1204004Z'],
  ['2026-03-01T23:30-0500', '2026-03-02T00:30-0500'],
  ['Sun, 01 Mar 2026 23:30:00 GMT', 'Mon, 02 Mar 2026 00:30:00 GMT'],
  ['2026-03-01.23:30:00', '2026-03-02.00:30:00'],
  ['20260301T233000Z', '20260302T003000Z'],
  ['1772407800', '1772411400'],
  ['1772407800123', '1772411400123'],
  ['1772407800.25', '1772411400.25'],
  ['1772407800123456', '1772411400123456'],
])('%s an hour later is %s', (text, later) => expect(shiftedTime(text, HOUR_US)).toBe(later));

test('what is no time, or is written otherwise, is not shifted', () => {
  for (const text of ['', 'today', '2026-03-01', '17', '01 Mar 26 10:00 UTC'])
    expect(shiftedTime(text, HOUR_US)).toBeNull();
});

test('a shifted time is read as one that is as much later, in the same form', () => {
  const times = fc.date({ min: new Date('2005-01-01'), max: new Date('2060-01-01'), noInvalidDate: true });
  fc.assert(
    fc.property(times, fc.integer({ min: -1e6, max: 1e6 }), (at, seconds) => {
      for (const text of [at.toISOString(), String(at.getTime()), at.toUTCString()]) {
        const [was, is] = [readTime(text), readTime(shiftedTime(text, seconds * 1e6)!)];
        expect([is!.us - was!.us, is!.form]).toEqual([seconds * 1e6, was!.form]);
      }
    }),
  );
});
