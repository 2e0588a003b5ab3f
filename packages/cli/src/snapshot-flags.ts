// What `echoplane snapshot` understands on its command line: times as dates or as ages, and the fields of a filter.
import { TrafficQuery } from '@echoplane/traffic';
import { InvalidArgumentError } from 'commander';

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const NUMBERS = ['statusMin', 'statusMax', 'latencyMinMs'];
const FIELDS = ['direction', 'host', 'method', 'endpoint', 'pathPrefix', 'session', 'replay', ...NUMBERS];

export const FILTER_HELP = `only what has this field: ${FIELDS.join(', ')}; may be repeated`;

/** µs since the epoch of `2026-05-04T10:00:00Z`, or of `30m` ago. Throws InvalidArgumentError. */
export function parseTime(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ms =
    count === undefined
      ? Date.parse(text)
      : Date.now() - Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  if (Number.isFinite(ms)) return Math.round(ms) * 1_000;
  throw new InvalidArgumentError(
    'It must be a time such as 2026-05-04T10:00:00Z, or an age such as 30m, 2h or 1d.',
  );
}

/** Adds `method=GET` to a query. Throws InvalidArgumentError. */
export function addFilter(text: string, query: TrafficQuery): TrafficQuery {
  const [, name = '', value = ''] = /^(\w+)=(.+)$/s.exec(text) ?? [];
  if (!FIELDS.includes(name))
    throw new InvalidArgumentError(`It must be name=value, with one of these names: ${FIELDS.join(', ')}.`);
  const parsed = TrafficQuery.safeParse({ [name]: NUMBERS.includes(name) ? Number(value) : value });
  if (parsed.success) return { ...query, ...parsed.data };
  throw new InvalidArgumentError(`${value} is no ${name}: ${parsed.error.issues[0]!.message}.`);
}
