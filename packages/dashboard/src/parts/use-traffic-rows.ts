// The rows of the traffic list: pages fetched as one scrolls down, and the newest page asked again and again while
// one is at the top. Away from the top nothing moves under the reader.
import type { TrafficRow } from '@echoplane/api';
import { type InfiniteData, useInfiniteQuery } from '@tanstack/react-query';
import { useCallback, useMemo, useState } from 'react';
import { queryClient, trafficListKey, trafficListQuery } from '../api.ts';
import { isLive, type TrafficSearch } from '../traffic-search.ts';

const REFRESH_MS = 2_000;

export function useTrafficRows(search: TrafficSearch) {
  const [atTop, setAtTop] = useState(true);
  // Pages beyond the first would all be asked again: while there are some, one is reading, not watching.
  const isWatched = (pages: unknown[] | undefined) => isLive(search) && atTop && pages?.length === 1;
  const answer = useInfiniteQuery({
    ...trafficListQuery(search),
    refetchInterval: ({ state }) => (isWatched(state.data?.pages) ? REFRESH_MS : false),
  });
  const pages = answer.data?.pages;
  const rows: TrafficRow[] = useMemo(() => pages?.flatMap((page) => page.items) ?? [], [pages]);

  const onTop = useCallback(
    (top: boolean) => {
      setAtTop(top);
      if (top) keepNewestPage(search).catch(() => {});
    },
    [search],
  );
  const last = pages?.at(-1);
  return {
    answer,
    rows,
    live: isWatched(pages) && answer.isSuccess,
    atTop,
    onTop,
    /** Set when a page ended before it was full: every row at or after this time was looked at. */
    searchedUntil: last && !last.complete && last.cursor !== null ? last.scannedUntil : null,
  };
}

async function keepNewestPage(search: TrafficSearch): Promise<void> {
  const queryKey = trafficListKey(search);
  if (!queryClient.getQueryData(queryKey)) return;
  // A page on its way would bring the old ones back with it.
  await queryClient.cancelQueries({ queryKey });
  queryClient.setQueryData<InfiniteData<unknown>>(queryKey, (data) =>
    data && data.pages.length > 1
      ? { pages: data.pages.slice(0, 1), pageParams: data.pageParams.slice(0, 1) }
      : data,
  );
}

export type TrafficAnswer = ReturnType<typeof useTrafficRows>['answer'];
