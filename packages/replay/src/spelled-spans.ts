// How long it is until something, or since it, as Go and Rust spell durations: `3h59m59.264733182s`, `-10.773189ms`. What a clock
// was read for is read as the time it speaks of, which stands to the live request as it stood to the recorded one. Pure.
import type { Comparing } from './comparing.ts';
import type { Scalar } from './kinds.ts';
import { HOUR_US, SECOND_US, type WrittenTime } from './times.ts';

const SPAN = /^(-)?(?:(\d{1,6})h)?(?:(\d{1,5})m(?!s))?(\d{1,6})\.(\d{1,9})(s|ms|[µμu]s)$/;
const MAX_CHARS = 40;
const MINUTE_US = 60 * SECOND_US;
/** µs of the last unit, and the digits behind its point that nobody writes into a setting: it is finer than 0.1 ms. */
const UNITS: Readonly<Record<string, { us: number; leastDigits: number }>> = {
  s: { us: SECOND_US, leastDigits: 5 },
  ms: { us: 1_000, leastDigits: 2 },
};
const MICROS = { us: 1, leastDigits: 1 };

/** Whether both texts say how far a time is from their own answers, on the same side of it, and it is the same time. */
export function isSameSpan({ own, values }: Comparing, recorded: Scalar, live: Scalar): boolean {
  if (!own || typeof recorded !== 'string' || typeof live !== 'string') return false;
  const was = readSpan(recorded);
  const is = was === null ? null : readSpan(live);
  if (was === null || is === null || was < 0 !== is < 0) return false;
  const timeOf = (us: number): WrittenTime => ({ us, precisionUs: 1, form: 'span', fraction: null });
  return values.clock.stands(timeOf(own.toUs + was), timeOf(own.liveToUs + is), own);
}

/** Whether a value is a span that was read off a clock. */
export function isClockSpan(value: Scalar): boolean {
  return typeof value === 'string' && readSpan(value) !== null;
}

/** µs, negative of what has passed; null of what is no span, or may be one that somebody chose. */
function readSpan(text: string): number | null {
  const match = text.length > MAX_CHARS ? null : SPAN.exec(text);
  if (!match) return null;
  const [, sign, hours = '0', minutes = '0', whole, fraction = '', unit = ''] = match;
  const { us, leastDigits } = UNITS[unit] ?? MICROS;
  if (fraction.length < leastDigits) return null;
  const spanUs = Number(hours) * HOUR_US + Number(minutes) * MINUTE_US + Number(`${whole}.${fraction}`) * us;
  return sign === undefined ? spanUs : -spanUs;
}
