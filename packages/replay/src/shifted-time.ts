// A time written as another one was: moved by so much, in the same form, with the same zone and as many digits. Pure.
import { readTime, SECOND_US } from './times.ts';

const ISO = /^(\d{4}-\d\d-\d\d)([T .])(\d\d:\d\d)(:\d\d)?(?:([.,])(\d{1,9}))?( ?(?:Z|[+-]\d\d:?\d\d|UTC))?$/;
const ZONE = /([+-])(\d\d):?(\d\d)$/;
const DIGITS = /^\d+(?:\.(\d+))?$/;
const MINUTE_US = 60 * SECOND_US;

/** The text of the time that is `byUs` later; null when it is not written in a form that can be written again. */
export function shiftedTime(text: string, byUs: number): string | null {
  const digits = DIGITS.exec(text);
  if (digits) return shiftedEpoch(text, digits[1]?.length ?? 0, byUs);
  const time = readTime(text);
  if (!time) return null;
  if (time.form === 'rfc1123dayGMT') return new Date((time.us + byUs) / 1e3).toUTCString();
  if (time.form === 'basic') return new Date((time.us + byUs) / 1e3).toISOString().replace(/[-:]|\.\d+/g, '');
  const match = ISO.exec(text);
  if (!match) return null;
  const [, , separator, , seconds, point = '', fraction = '', zone = ''] = match;
  const isRoundedUp = fraction.length > 6 && fraction[6]! >= '5';
  const localUs = time.us - (isRoundedUp ? 1 : 0) + byUs + offsetUs(zone);
  const iso = new Date(Math.floor(localUs / 1e3)).toISOString();
  const clock = iso.slice(11, seconds === undefined ? 16 : 19);
  const micros = String(((localUs % SECOND_US) + SECOND_US) % SECOND_US).padStart(6, '0');
  // Nanoseconds stay: three zeros in their place would be stripped where services write times, and look like another form.
  const part = `${micros}${fraction.slice(6).padEnd(3, '0')}`;
  return `${iso.slice(0, 10)}${separator}${clock}${point}${part.slice(0, fraction.length)}${zone}`;
}

/** Seconds, milliseconds or microseconds, with as many places as before. */
function shiftedEpoch(text: string, places: number, byUs: number): string | null {
  const form = readTime(Number(text))?.form;
  const unitUs = form === undefined ? undefined : UNIT_US[form];
  return unitUs === undefined ? null : (Number(text) + byUs / unitUs).toFixed(places);
}

const UNIT_US: Readonly<Record<string, number>> = { 'number s': 1e6, 'number ms': 1e3, 'number µs': 1 };

function offsetUs(zone: string): number {
  const [, sign, hours, minutes] = ZONE.exec(zone) ?? [];
  const us = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * MINUTE_US;
  return sign === '-' ? -us : us;
}
