// Times in the forms in which services write them: ISO 8601 with any offset (some write a blank or a point for its `T`), RFC 1123,
// dates, epochs. Gives the instant, how exactly it is written, and the form, which a service does not change. Pure.
import type { Scalar } from './kinds.ts';

export interface WrittenTime {
  /** µs since the epoch; without an offset it is taken as UTC. */
  us: number;
  /** Written to so many µs; a whole minute, hour or day counts as written to the minute, hour or day. */
  precisionUs: number;
  /** How it is written: two times of one service have one form. */
  form: string;
  /** Digits behind the second; null where the form has none. */
  fraction: number | null;
}

export const SECOND_US = 1_000_000;
const MINUTE = 60 * SECOND_US;
export const HOUR_US = 60 * MINUTE;
export const DAY_US = 24 * HOUR_US;
const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:([T .])(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?( ?(?:Z|[+-]\d\d:?\d\d|UTC))?)?$/;
/** Its basic format: `20261123T001049Z`. */
const BASIC = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
const RFC_1123 =
  /^(?:(Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?(\d{1,2})[ -]([A-Z][a-z]{2})[ -](\d{4}) (\d\d):(\d\d):(\d\d) (GMT|UTC|Z|[+-]\d{4})$/;
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const EPOCH_FROM_S = 1_000_000_000; // 2001
const EPOCH_TO_S = 4_000_000_000; // 2096
const UNITS: [name: string, perSecond: number][] = [
  ['s', 1],
  ['ms', 1e3],
  ['µs', 1e6],
];

/** The time that a whole value is, or null. */
export function readTime(value: Scalar): WrittenTime | null {
  if (typeof value === 'number') return readEpoch(value, 'number');
  if (typeof value !== 'string' || value.length < 10 || value.length > 40) return null;
  const first = value.charCodeAt(0);
  // A digit, or the day of the week.
  if (first < 0x30 || first > 0x5a || (first > 0x39 && value[3] !== ',')) return null;
  if (/^\d+(?:\.\d+)?$/.test(value)) return readEpoch(Number(value), 'digits');
  return readIso(value) ?? readBasic(value) ?? readRfc1123(value);
}

/** Whether a text is a time to the second or coarser: of one there are many, which another run need not make in one. */
export function isCoarseTime(text: string): boolean {
  return (readTime(text)?.precisionUs ?? 0) >= SECOND_US;
}

/** An entity tag that is an instant, to the millisecond or finer. */
const TIME_TAG = /^((?:W\/)?")(\d{13,16})"$/;

export function isTimeTag(text: string): boolean {
  return TIME_TAG.test(text);
}

/** The instants of two tags that are written alike; null when they are none. */
export function taggedTimes(recorded: Scalar, live: Scalar): [recorded: string, live: string] | null {
  const [was, is] = [TIME_TAG.exec(String(recorded)), TIME_TAG.exec(String(live))];
  return was && is && was[1] === is[1] ? [was[2]!, is[2]!] : null;
}

function readIso(text: string): WrittenTime | null {
  const match = ISO.exec(text);
  if (!match) return null;
  const [, year, month, day, separator, hour, minute, second, fraction, zone] = match;
  if (separator === undefined) {
    const us = Date.UTC(Number(year), Number(month) - 1, Number(day)) * 1e3;
    return Number.isNaN(us) ? null : { us, precisionUs: DAY_US, form: 'date', fraction: null };
  }
  const ms = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second ?? 0),
  );
  if (Number.isNaN(ms)) return null;
  const partUs = fraction ? Math.round(Number(`0.${fraction}`) * SECOND_US) : 0;
  const us = ms * 1e3 + partUs - offsetUs(zone);
  return {
    us,
    precisionUs: second === undefined ? MINUTE : precisionOf(us, fraction?.length ?? 0),
    form: `iso${separator}${second === undefined ? 'minutes' : ''}${zoneForm(zone)}`,
    fraction: fraction?.length ?? 0,
  };
}

function readBasic(text: string): WrittenTime | null {
  if (!BASIC.test(text)) return null;
  const time = readIso(text.replace(BASIC, '$1-$2-$3T$4:$5:$6Z'));
  return time && { ...time, form: 'basic', fraction: null };
}

function readRfc1123(text: string): WrittenTime | null {
  const match = RFC_1123.exec(text);
  const month = match ? MONTHS.indexOf(match[3]!) : -1;
  if (!match || month < 0) return null;
  const [, weekday, day, , year, hour, minute, second, zone] = match;
  const ms = Date.UTC(Number(year), month, Number(day), Number(hour), Number(minute), Number(second));
  const us = ms * 1e3 - offsetUs(zone);
  return {
    us,
    precisionUs: precisionOf(us, 0),
    form: `rfc1123${weekday ? 'day' : ''}${zone}`,
    fraction: null,
  };
}

function readEpoch(value: number, as: string): WrittenTime | null {
  for (const [name, perSecond] of UNITS) {
    if (value < EPOCH_FROM_S * perSecond || value > EPOCH_TO_S * perSecond) continue;
    const us = Math.round(value * (1e6 / perSecond));
    const digits = Number.isInteger(value) ? Math.round(Math.log10(perSecond)) : 6;
    return { us, precisionUs: precisionOf(us, digits), form: `${as} ${name}`, fraction: null };
  }
  return null;
}

function precisionOf(us: number, digits: number): number {
  if (us % DAY_US === 0) return DAY_US;
  if (us % HOUR_US === 0) return HOUR_US;
  if (us % MINUTE === 0) return MINUTE;
  return Math.max(1, 10 ** (6 - digits));
}

function offsetUs(zone: string | undefined): number {
  const match = /([+-])(\d\d):?(\d\d)/.exec(zone ?? '');
  if (!match) return 0;
  const us = Number(match[2]) * HOUR_US + Number(match[3]) * MINUTE;
  return match[1] === '-' ? -us : us;
}

/** `Z`, `+00:00`, `+0000`: the offset itself may change with the season. */
function zoneForm(zone: string | undefined): string {
  return (zone ?? '').replace(/[+-]\d\d(:?)\d\d/, '±$1');
}

/** Whether two times are written alike; digits behind the second may be stripped zeros. */
export function isSameForm(recorded: WrittenTime, live: WrittenTime): boolean {
  if (recorded.form !== live.form) return false;
  if (recorded.fraction === null || live.fraction === null) return true;
  const [less, more] = [recorded.fraction, live.fraction].sort((a, b) => a - b) as [number, number];
  return more < 3 || (less > 0 && more - less <= 3);
}
