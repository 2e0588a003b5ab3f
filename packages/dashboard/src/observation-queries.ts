// What a replay's collector saw of its pods, by kind: all Events and notes up to a bound, the newest lines of logs, and
// the readings of CPU and memory page by page.
import type { Observation, ObservationKind } from '@echoplane/api';
import { queryOptions } from '@tanstack/react-query';
import { client } from './api.ts';

const LIVE_REFRESH_MS = 5_000;
const FRESH_MS = 30_000;
const PAGE = 5_000;
const MAX_METRICS = 20_000;
const MAX_OTHERS = 1_000;

export type Seen<K extends ObservationKind> = Extract<Observation, { kind: K }>;
export interface Observations {
  logs: Seen<'log'>[];
  events: Seen<'event'>[];
  metrics: Seen<'metric'>[];
  notes: Seen<'note'>[];
}

/** Each oldest first; of what is over a bound the newest are there, of readings the oldest. */
export function observationsQuery(replay: string, live: boolean) {
  return queryOptions({
    queryKey: ['observations', replay],
    queryFn: async ({ signal }): Promise<Observations> => {
      const [logs, events, notes, metrics] = await Promise.all([
        newest(replay, 'log', signal),
        newest(replay, 'event', signal),
        newest(replay, 'note', signal),
        readings(replay, signal),
      ]);
      return { logs, events, notes, metrics };
    },
    staleTime: FRESH_MS,
    refetchInterval: live ? LIVE_REFRESH_MS : false,
  });
}

async function newest<K extends ObservationKind>(
  replay: string,
  kind: K,
  signal: AbortSignal,
): Promise<Seen<K>[]> {
  const query = { kind, order: 'newest', limit: MAX_OTHERS } as const;
  const { items } = await client.call('observations', { params: { id: replay }, query }, signal);
  return (items as Seen<K>[]).reverse();
}

async function readings(replay: string, signal: AbortSignal): Promise<Seen<'metric'>[]> {
  const found: Seen<'metric'>[] = [];
  let after = 0;
  while (found.length < MAX_METRICS) {
    const query = { kind: 'metric', after, limit: PAGE } as const;
    const { items } = await client.call('observations', { params: { id: replay }, query }, signal);
    const page = items as Seen<'metric'>[];
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return [...found, ...page];
    // Those of the last moment may go on behind the page: they come again with the next one.
    const whole = page.filter(({ ts }) => ts < last.ts);
    if (whole.length === 0) return [...found, ...page];
    found.push(...whole);
    after = last.ts - 1;
  }
  return found;
}
