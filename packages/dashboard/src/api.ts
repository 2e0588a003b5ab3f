// The page's one door to the control plane: the typed client under the session cookie, and every query with its key,
// its pace of refreshing and its retries. Pages name what they want; none of them fetches. What is asked of clusters and
// of a replay's pods is in cluster-queries.ts and observation-queries.ts.
import { type Accounting, ApiError, createClient, type Me, type PairDetail } from '@echoplane/api';
import { infiniteQueryOptions, QueryCache, QueryClient, queryOptions } from '@tanstack/react-query';
import { graphQuery, isLive, listQuery, type TrafficSearch } from './traffic-search.ts';

const PAGE_ROWS = 100;
const GRAPH_REFRESH_MS = 5_000;
const ACCOUNTING_REFRESH_MS = 5_000;
const REPLAY_REFRESH_MS = 2_000;
const REPLAYS_REFRESH_MS = 15_000;
const SERVICES_REFRESH_MS = 10_000;
const OPEN_SEGMENT_RETRY_MS = 5_000;

/** Refusals will not change by asking again; a broken connection or a 5xx may. */
function retry(failures: number, error: Error): boolean {
  if (error instanceof ApiError) return error.status >= 500 && failures < 2;
  return error instanceof TypeError && failures < 2;
}

export const queryClient = new QueryClient({
  defaultOptions: { queries: { retry, staleTime: 1_000 } },
  queryCache: new QueryCache({
    onError(error, query) {
      // The session ended under an open page: ask who is signed in, and the frame leads to the sign-in page.
      if (isSignedOut(error) && query.queryKey[0] !== 'me')
        queryClient.invalidateQueries({ queryKey: ['me'] }).catch(() => {});
    },
  }),
});

/** For files of queries; pages do not call it. */
export const client = createClient({
  baseUrl: '',
  fetch: (input, init) => window.fetch(input, init),
  headers: (): Record<string, string> => {
    const csrfToken = queryClient.getQueryData<Me>(['me'])?.csrfToken;
    return csrfToken ? { 'x-csrf-token': csrfToken } : {};
  },
});

export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

export async function signIn(body: { email: string; password: string }): Promise<void> {
  const me = await client.call('signIn', { body });
  // What another account saw must not be shown to this one.
  queryClient.removeQueries({ predicate: (query) => query.queryKey[0] !== 'me' });
  queryClient.setQueryData(['me'], me);
}

/** Ends the session; one that has ended already is no error. */
export async function signOut(): Promise<void> {
  await client.call('signOut', { body: {} }).catch((error: unknown) => {
    if (!isSignedOut(error)) throw error;
  });
  queryClient.clear();
}

/** µs since the epoch. */
function nowUs(): number {
  return Date.now() * 1_000;
}

export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: ({ signal }) => client.call('me', {}, signal),
  staleTime: Number.POSITIVE_INFINITY,
});

export const servicesQuery = queryOptions({
  queryKey: ['services'],
  queryFn: ({ signal }) => client.call('services', {}, signal),
  refetchInterval: SERVICES_REFRESH_MS,
});

/** Counts and latency, with the span they were asked for. */
export function trafficGraphQuery(search: TrafficSearch) {
  return queryOptions({
    queryKey: ['traffic-graph', graphQuery(search, 0)],
    queryFn: async ({ signal }) => {
      const now = nowUs();
      const query = graphQuery(search, now);
      const graph = await client.call('trafficGraph', { query }, signal);
      return { graph, from: query.from ?? null, to: query.to ?? now };
    },
    refetchInterval: isLive(search) ? GRAPH_REFRESH_MS : false,
    placeholderData: (previous) => previous,
  });
}

/** The list, newest first, page by page; later pages keep the first page's start of time. */
export function trafficListQuery(search: TrafficSearch) {
  return infiniteQueryOptions({
    queryKey: trafficListKey(search),
    queryFn: async ({ pageParam, signal }) => {
      const query = { ...listQuery(search, nowUs()), ...pageParam, limit: PAGE_ROWS };
      return { ...(await client.call('traffic', { query }, signal)), from: query.from };
    },
    initialPageParam: {} as { cursor?: string; from?: number },
    getNextPageParam: ({ cursor, from }) =>
      cursor === null ? null : { cursor, ...(from !== undefined && { from }) },
    placeholderData: (previous) => previous,
  });
}

export function trafficListKey(search: TrafficSearch) {
  return ['traffic', listQuery(search, 0)];
}

/** One pair; `detail` is null while its segment is still in the cluster, which `openBecause` explains. */
export interface PairAnswer {
  detail: PairDetail | null;
  openBecause: string | null;
}

export function pairQuery(id: string) {
  return queryOptions({
    queryKey: ['pair', id],
    queryFn: async ({ signal }): Promise<PairAnswer> => {
      try {
        return { detail: await client.call('trafficPair', { params: { id } }, signal), openBecause: null };
      } catch (error) {
        if (error instanceof ApiError && error.code === 'segment_open') {
          return { detail: null, openBecause: error.problem?.detail ?? '' };
        }
        throw error;
      }
    },
    // A pair never changes once it is in the store.
    staleTime: ({ state }) => (state.data?.detail ? Number.POSITIVE_INFINITY : 0),
    refetchInterval: ({ state }) => (state.data && !state.data.detail ? OPEN_SEGMENT_RETRY_MS : false),
  });
}

export const accountingQuery = queryOptions({
  queryKey: ['accounting'],
  queryFn: ({ signal }): Promise<Accounting> => client.call('accounting', {}, signal),
  refetchInterval: ACCOUNTING_REFRESH_MS,
});

/** Whether a replay has no report yet but will. */
export function isUnderWay(phase: string | undefined): boolean {
  return phase === 'running' || phase === 'analyzing';
}

export const replaysQuery = queryOptions({
  queryKey: ['replays'],
  queryFn: ({ signal }) => client.call('replays', {}, signal),
  refetchInterval: ({ state }) => {
    if (!state.data) return false;
    return state.data.items.some((replay) => isUnderWay(replay.phase))
      ? REPLAY_REFRESH_MS
      : REPLAYS_REFRESH_MS;
  },
});

export function replayQuery(id: string) {
  return queryOptions({
    queryKey: ['replay', id],
    queryFn: ({ signal }) => client.call('replay', { params: { id } }, signal),
    refetchInterval: ({ state }) => (isUnderWay(state.data?.phase) ? REPLAY_REFRESH_MS : false),
  });
}

/** What changed since an earlier replay; reports change only when they are made anew. */
export function comparisonQuery(id: string, before: string) {
  return queryOptions({
    queryKey: ['comparison', id, before],
    queryFn: ({ signal }) => client.call('compareReports', { params: { id, before } }, signal),
  });
}

export function reportQuery(id: string) {
  return queryOptions({
    queryKey: ['report', id],
    queryFn: ({ signal }) => client.call('report', { params: { id } }, signal),
    staleTime: 60_000,
  });
}
