// The list of RRPairs, newest first: only the rows in view are in the page, further ones are fetched when one gets
// near the end. A row is a link to its pair.
import { Box, Button } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';
import type { TrafficSearch } from '../traffic-search.ts';
import { NoTraffic } from './no-traffic.tsx';
import classes from './traffic-list.module.css';
import { TrafficListEnd } from './traffic-list-end.tsx';
import { TrafficListRow } from './traffic-list-row.tsx';
import type { SearchChange } from './traffic-toolbar.tsx';
import { useTrafficRows } from './use-traffic-rows.ts';

const ROW_HEIGHT = 30;
const TOP_PX = 8;
const COLUMNS = [
  'Time',
  'Direction',
  'Method',
  'Host and path',
  'Endpoint',
  'Status',
  'Latency',
  'Size',
  'Service',
];

interface TrafficListProps {
  search: TrafficSearch;
  onChange: (change: SearchChange) => void;
  onLive: (live: boolean) => void;
}

export function TrafficList({ search, onChange, onLive }: TrafficListProps) {
  const found = useTrafficRows(search);
  const { answer, rows, live, atTop, onTop, searchedUntil } = found;
  const { scroller, virtual, items } = useScrolling(found, JSON.stringify({ ...search, pair: undefined }));
  useEffect(() => onLive(live), [live, onLive]);

  return (
    <Box className={classes.frame ?? ''}>
      <Box
        ref={scroller}
        className={classes.scroller ?? ''}
        onScroll={(event) => onTop(event.currentTarget.scrollTop <= TOP_PX)}
      >
        <table
          className={classes.table}
          aria-label="RRPairs"
          aria-rowcount={answer.hasNextPage ? -1 : rows.length + 1}
          aria-busy={answer.isPending}
        >
          <thead>
            <tr className={classes.row}>
              {COLUMNS.map((name) => (
                <th key={name} scope="col" className={classes[columnClass(name)]}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody
            style={{ height: virtual.getTotalSize() }}
            data-stale={answer.isPlaceholderData || undefined}
          >
            {items.map((item) => (
              <TrafficListRow
                key={item.key}
                row={rows[item.index]!}
                index={item.index}
                offset={item.start}
                height={ROW_HEIGHT}
                open={rows[item.index]!.id === search.pair}
              />
            ))}
          </tbody>
        </table>
        <TrafficListEnd answer={answer} searchedUntil={searchedUntil} />
        {answer.isSuccess && rows.length === 0 && searchedUntil === null && (
          <NoTraffic search={search} onChange={onChange} />
        )}
      </Box>
      {!atTop && (
        <Button className={classes.newest ?? ''} radius="xl" onClick={() => virtual.scrollToOffset(0)}>
          Back to the newest
        </Button>
      )}
    </Box>
  );
}

/** The rows in view, and the next page when the end comes near; another `selection` starts at its own top. */
function useScrolling({ answer, rows, searchedUntil }: ReturnType<typeof useTrafficRows>, selection: string) {
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = answer;
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => rows[index]!.id,
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  const nearEnd = (items.at(-1)?.index ?? 0) >= rows.length - 30;
  const idle = hasNextPage && !isFetchingNextPage && searchedUntil === null && !answer.isError;
  const wantsMore = nearEnd && idle && rows.length > 0;
  useEffect(() => {
    if (wantsMore && scroller.current && scroller.current.scrollTop > TOP_PX) fetchNextPage().catch(() => {});
  }, [wantsMore, fetchNextPage]);
  useEffect(() => {
    if (selection && scroller.current) scroller.current.scrollTop = 0;
  }, [selection]);
  return { scroller, virtual, items };
}

function columnClass(name: string): string {
  return name === 'Host and path' ? 'target' : name.toLowerCase();
}
