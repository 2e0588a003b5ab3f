// How figures become words: times, sizes, shares and dates as a person reads them. Pure; the locale is the
// browser's unless given. The contract counts in µs since the epoch; no µs ever reaches the screen as a number.

export const NONE = '–';

type Locale = string | undefined;
const formats = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();

function numbers(locale: Locale, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `n${locale}${JSON.stringify(options)}`;
  const format = formats.get(key) ?? new Intl.NumberFormat(locale, options);
  formats.set(key, format);
  return format as Intl.NumberFormat;
}

function dates(locale: Locale, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `d${locale}${JSON.stringify(options)}`;
  const format = formats.get(key) ?? new Intl.DateTimeFormat(locale, options);
  formats.set(key, format);
  return format as Intl.DateTimeFormat;
}

/** A duration in µs: `0.42 ms`, `18.4 ms`, `1.24 s`, `2 m 05 s`, `1 h 02 m`. */
export function formatDuration(us: number | null, locale?: string): string {
  if (us === null) return NONE;
  const figures = (value: number) => numbers(locale, { maximumSignificantDigits: 3 }).format(value);
  if (us < 999_500) return `${figures(us / 1_000)} ms`;
  if (us < 59_950_000) return `${figures(us / 1_000_000)} s`;
  const seconds = Math.round(us / 1_000_000);
  const pad = (value: number) => String(value).padStart(2, '0');
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m ${pad(seconds % 60)} s`;
  return `${Math.floor(seconds / 3_600)} h ${pad(Math.floor((seconds % 3_600) / 60))} m`;
}

/** The change from one duration to another: `+302 ms (+410 %)`; null when either is unknown. */
export function formatChange(fromUs: number | null, toUs: number | null, locale?: string): string | null {
  if (fromUs === null || toUs === null) return null;
  const sign = toUs >= fromUs ? '+' : '−';
  const duration = `${sign}${formatDuration(Math.abs(toUs - fromUs), locale)}`;
  if (fromUs === 0) return duration;
  const percent = Math.round((Math.abs(toUs - fromUs) / fromUs) * 100);
  return `${duration} (${sign}${numbers(locale, {}).format(percent)} %)`;
}

/** A size in bytes: `512 B`, `1.2 kB`, `3.4 MB`. */
export function formatBytes(bytes: number, locale?: string): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${numbers(locale, { maximumSignificantDigits: 3 }).format(value)} ${units[unit]}`;
}

/** A share of CPU in thousandths of a core, as Kubernetes writes it below one: `250m`, `1.25`. */
export function formatCpu(millicores: number, locale?: string): string {
  const figures = (value: number) => numbers(locale, { maximumSignificantDigits: 3 }).format(value);
  return millicores < 999.5 ? `${figures(millicores)}m` : figures(millicores / 1_000);
}

export function formatCount(count: number, locale?: string): string {
  return numbers(locale, {}).format(count);
}

/** `1 test`, `2 tests`. */
export function plural(count: number, one: string, many = `${one}s`, locale?: string): string {
  return `${formatCount(count, locale)} ${count === 1 ? one : many}`;
}

/** A share 0..1 in percent with at most one decimal, rounded down as the goals of a report are: what is not whole never reads `100 %`. */
export function formatShare(share: number | null, locale?: string): string {
  if (share === null) return NONE;
  const percent = Math.floor(share * 1_000 + 1e-9) / 10;
  return `${numbers(locale, { maximumFractionDigits: 1 }).format(percent)} %`;
}

/** Date and time with seconds. */
export function formatDate(us: number | null, locale?: string): string {
  if (us === null) return NONE;
  return dates(locale, { dateStyle: 'medium', timeStyle: 'medium' }).format(us / 1_000);
}

/** Time of day with milliseconds, for rows that share a day. */
export function formatTime(us: number, locale?: string): string {
  const options = {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
  } as const;
  return dates(locale, { ...options, hourCycle: 'h23' }).format(us / 1_000);
}

/** Day and month, shown beside the time when rows span days. */
export function formatDay(us: number, locale?: string): string {
  return dates(locale, { day: '2-digit', month: 'short' }).format(us / 1_000);
}

/** Mantine colour of a response status; no response is as bad as a 5xx. */
export function statusColor(status: number | null): string {
  if (status === null || status >= 500) return 'red';
  if (status >= 400) return 'orange';
  return status >= 300 ? 'blue' : 'green';
}
