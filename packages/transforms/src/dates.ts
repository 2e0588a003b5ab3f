// Times as traffic writes them: ISO 8601 with any offset and precision, RFC 1123, epochs in s, ms, µs and ns, and layouts
// that users give (`YYYY-MM-DD HH:mm:ss.SSS`). A time read here is written back in the very form it had.

/** A time, and how to write another one the same way. */
export interface ReadTime {
  /** µs since the epoch. */
  us: number;
  write(us: number): string;
}

const ISO =
  /^(\d{4})-(\d{2})-(\d{2})(?:([Tt ])(\d{2}):(\d{2})(?::(\d{2})(?:([.,])(\d{1,9}))?)?(Z|z|[+-]\d{2}(?::?\d{2})?)?)?$/;
const RFC_1123 =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d{2}) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (\d{4}) (\d{2}):(\d{2}):(\d{2}) (GMT|UTC|[+-]\d{4})$/;
const COMPACT = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;
const EPOCH = /^(\d{9,19})(?:\.(\d{1,9}))?$/;
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const DAYS = 'Sun Mon Tue Wed Thu Fri Sat'.split(' ');
/** Epochs are told apart by size: 2001 to 2096 in each unit, `us` per unit. */
const EPOCH_UNITS = [
  { name: 'epoch', us: 1e6 },
  { name: 'epoch-ms', us: 1e3 },
  { name: 'epoch-us', us: 1 },
  { name: 'epoch-ns', us: 1e-3 },
] as const;
const EPOCH_FROM_US = 1e15;
const EPOCH_TO_US = 4e15;

export const DAY_US = 86_400_000_000;

/** The time that a text is; `auto` finds out the layout. Null when it is none. */
export function readTime(text: string, layout = 'auto'): ReadTime | null {
  switch (layout) {
    case 'auto':
      return readIso(text) ?? readEpoch(text, null) ?? readRfc1123(text) ?? readCompact(text);
    case 'iso':
      return readIso(text);
    case 'rfc1123':
      return readRfc1123(text);
    case 'compact':
      return readCompact(text);
    default:
      return layout.startsWith('epoch') ? readEpoch(text, layout) : readCustom(text, layout);
  }
}

/** `us` in a layout; `iso` has milliseconds and `Z`. */
export function formatTime(us: number, layout: string): string {
  if (layout === 'iso') return dateOf(us).toISOString();
  if (layout === 'rfc1123') return rfc1123(us, 'GMT', 0);
  if (layout === 'compact') return compact(us);
  const unit = EPOCH_UNITS.find(({ name }) => name === layout);
  if (unit) return epochText(us, unit.us);
  return writeCustom(us, layout);
}

/** A duration such as `90s`, `-2d`, `1h30m`, `250ms` in µs. Throws an Error when it is none. */
export function durationUs(text: string): number {
  const match = /^([+-]?)((?:\d+(?:\.\d+)?(?:us|ms|s|m|h|d|w))+)$/.exec(text.trim());
  if (!match) throw new Error(`"${text}" is no duration; write 90s, -2d, 1h30m or 250ms`);
  const units: Record<string, number> = {
    us: 1,
    ms: 1e3,
    s: 1e6,
    m: 6e7,
    h: 3.6e9,
    d: DAY_US,
    w: 7 * DAY_US,
  };
  let us = 0;
  for (const [, amount, unit] of match[2]!.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h|d|w)/g))
    us += Number(amount) * units[unit!]!;
  return Math.round(match[1] === '-' ? -us : us);
}

function readIso(text: string): ReadTime | null {
  const match = ISO.exec(text);
  if (!match) return null;
  const [, year, month, day, t, hour = '0', minute = '0', second, point, fraction, zone] = match;
  const offset = zone ? offsetMinutes(zone) : 0;
  const ms = Date.UTC(+year!, +month! - 1, +day!, +hour, +minute, +(second ?? 0));
  if (!isCalendar(ms, +month! - 1, +day!) || +hour > 23 || +minute > 59 || +(second ?? 0) > 60) return null;
  const us = ms * 1e3 + fractionUs(fraction) - offset * 6e7;
  const write = (at: number) => {
    const local = at + offset * 6e7;
    const iso = dateOf(local).toISOString();
    if (!t) return iso.slice(0, 10);
    const seconds = second === undefined ? '' : iso.slice(16, 19);
    const fractions = fraction === undefined ? '' : point! + fractionText(local, fraction);
    return `${iso.slice(0, 10)}${t}${iso.slice(11, 16)}${seconds}${fractions}${zone ?? ''}`;
  };
  return { us, write };
}

/** 2025-02-31 is no day, although arithmetic would take it. */
function isCalendar(ms: number, month: number, day: number): boolean {
  const date = new Date(ms);
  return date.getUTCMonth() === month && date.getUTCDate() === day;
}

function readRfc1123(text: string): ReadTime | null {
  const match = RFC_1123.exec(text);
  if (!match) return null;
  const [, , day, month, year, hour, minute, second, zone] = match;
  const offset = /^[+-]/.test(zone!) ? offsetMinutes(zone!) : 0;
  const ms = Date.UTC(+year!, MONTHS.indexOf(month!), +day!, +hour!, +minute!, +second!);
  return { us: ms * 1e3 - offset * 6e7, write: (us) => rfc1123(us, zone!, offset) };
}

function rfc1123(us: number, zone: string, offset: number): string {
  const date = dateOf(us + offset * 6e7);
  const time = date.toISOString().slice(11, 19);
  const day = String(date.getUTCDate()).padStart(2, '0');
  return `${DAYS[date.getUTCDay()]}, ${day} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()} ${time} ${zone}`;
}

function readCompact(text: string): ReadTime | null {
  const match = COMPACT.exec(text);
  if (!match) return null;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [number, ...number[]];
  return { us: Date.UTC(year, month! - 1, day, hour, minute, second) * 1e3, write: compact };
}

/** As AWS writes it, 20250131T235959Z. */
function compact(us: number): string {
  return `${dateOf(us).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
}

function readEpoch(text: string, layout: string | null): ReadTime | null {
  const match = EPOCH.exec(text);
  if (!match) return null;
  const [, whole, fraction] = match;
  const unit = EPOCH_UNITS.find(({ name, us }) => {
    if (layout !== null) return name === layout;
    return Number(whole) * us >= EPOCH_FROM_US && Number(whole) * us <= EPOCH_TO_US;
  });
  if (!unit) return null;
  // Nanoseconds are beyond what a number holds: what is below a microsecond is kept as it was.
  const below = unit.name === 'epoch-ns' ? whole!.slice(-3) : '';
  const us = below
    ? Number(whole!.slice(0, -3))
    : Math.round(Number(whole) * unit.us + (fraction ? Number(`0.${fraction}`) * unit.us : 0));
  const write = (at: number) => {
    if (below) return String(at) + below;
    if (!fraction) return epochText(at, unit.us);
    const digits = (at / unit.us).toFixed(fraction.length);
    return digits;
  };
  return { us, write };
}

function epochText(us: number, unitUs: number): string {
  return unitUs < 1 ? `${us}000` : String(Math.floor(us / unitUs));
}

function offsetMinutes(zone: string): number {
  if (zone === 'Z' || zone === 'z') return 0;
  const [, sign, hours, minutes = '0'] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone)!;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

function fractionUs(fraction: string | undefined): number {
  return fraction ? Number(fraction.slice(0, 6).padEnd(6, '0')) : 0;
}

/** As many digits as before; below the microsecond they stay. */
function fractionText(us: number, before: string): string {
  const micros = String(((us % 1e6) + 1e6) % 1e6).padStart(6, '0');
  return micros.slice(0, before.length) + before.slice(6);
}

function dateOf(us: number): Date {
  return new Date(Math.floor(us / 1e3));
}

const LAYOUT = /YYYY|MMM|MM|DD|ddd|HH|mm|ss|S{1,6}|ZZ|Z/g;
const LAYOUT_PATTERNS: Readonly<Record<string, string>> = {
  YYYY: '(\\d{4})',
  MMM: `(${MONTHS.join('|')})`,
  MM: '(\\d{2})',
  DD: '(\\d{2})',
  ddd: `(${DAYS.join('|')})`,
  HH: '(\\d{2})',
  mm: '(\\d{2})',
  ss: '(\\d{2})',
  Z: '(Z|[+-]\\d{2}:\\d{2})',
  ZZ: '([+-]\\d{4})',
};

/** What is wrong with a layout, or null. */
export function layoutProblem(layout: string): string | null {
  const names = ['auto', 'iso', 'rfc1123', 'compact', ...EPOCH_UNITS.map(({ name }) => name)];
  if (names.includes(layout) || /YYYY/.test(layout)) return null;
  return `"${layout}" is no layout; write one of ${names.join(', ')}, or one with YYYY MM DD HH mm ss SSS Z`;
}

function readCustom(text: string, layout: string): ReadTime | null {
  const parts: readonly string[] = layout.match(LAYOUT) ?? [];
  let at = 0;
  const literal = (piece: string) => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  let pattern = '';
  for (const match of layout.matchAll(LAYOUT)) {
    pattern +=
      literal(layout.slice(at, match.index)) + (LAYOUT_PATTERNS[match[0]] ?? `(\\d{${match[0].length}})`);
    at = match.index + match[0].length;
  }
  const found = new RegExp(`^${pattern}${literal(layout.slice(at))}$`).exec(text);
  if (!found) return null;
  const part = (name: string) => found[parts.indexOf(name) + 1];
  const has = (name: string) => parts.includes(name);
  const month = has('MMM') ? MONTHS.indexOf(part('MMM')!) : Number(has('MM') ? part('MM') : 1) - 1;
  const zone = has('ZZ') ? part('ZZ')! : has('Z') ? part('Z')! : 'Z';
  const fraction = parts.find((name) => name.startsWith('S'));
  const number = (name: string, otherwise: number) => (has(name) ? Number(part(name)) : otherwise);
  const ms = Date.UTC(
    number('YYYY', 1970),
    month,
    number('DD', 1),
    number('HH', 0),
    number('mm', 0),
    number('ss', 0),
  );
  const us = ms * 1e3 + (fraction ? fractionUs(part(fraction)) : 0) - offsetMinutes(zone) * 6e7;
  return { us, write: (next) => writeCustom(next, layout, zone) };
}

function writeCustom(us: number, layout: string, zone = 'Z'): string {
  const local = us + offsetMinutes(zone) * 6e7;
  const date = dateOf(local);
  const iso = date.toISOString();
  const parts: Readonly<Record<string, string>> = {
    YYYY: iso.slice(0, 4),
    MMM: MONTHS[date.getUTCMonth()]!,
    MM: iso.slice(5, 7),
    DD: iso.slice(8, 10),
    ddd: DAYS[date.getUTCDay()]!,
    HH: iso.slice(11, 13),
    mm: iso.slice(14, 16),
    ss: iso.slice(17, 19),
    Z: zone,
    ZZ: zone === 'Z' ? '+0000' : zone.replace(':', ''),
  };
  return layout.replace(LAYOUT, (name) => parts[name] ?? fractionText(local, '0'.repeat(name.length)));
}
