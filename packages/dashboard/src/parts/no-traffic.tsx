// The empty list, with what to do about it: widen the filters, widen the time, or start capturing.
import { Button, Code, EmptyState } from '@mantine/core';
import { hasListFilters, LIST_FILTERS, type TrafficSearch } from '../traffic-search.ts';
import { InboxIcon } from './icons.tsx';
import type { SearchChange } from './traffic-toolbar.tsx';

interface NoTrafficProps {
  search: TrafficSearch;
  onChange: (change: SearchChange) => void;
}

export function NoTraffic({ search, onChange }: NoTrafficProps) {
  const icon = <InboxIcon size={32} />;
  if (hasListFilters(search)) {
    const cleared = Object.fromEntries(LIST_FILTERS.map((field) => [field, undefined]));
    return (
      <EmptyState
        icon={icon}
        py="xl"
        title="No RRPair matches the filters"
        description="Other traffic may have been recorded in this time."
      >
        <EmptyState.Actions>
          <Button variant="default" onClick={() => onChange(cleared)}>
            Show all of it
          </Button>
        </EmptyState.Actions>
      </EmptyState>
    );
  }
  if (search.range !== 'all') {
    const all = { range: 'all', from: undefined, to: undefined } as const;
    return (
      <EmptyState
        icon={icon}
        py="xl"
        title="No traffic in this time"
        description="Requests appear here within a second of being captured."
      >
        <EmptyState.Actions>
          <Button variant="default" onClick={() => onChange(all)}>
            Show all times
          </Button>
        </EmptyState.Actions>
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={icon}
      py="xl"
      title="No traffic yet"
      description={
        <>
          Send requests through a sidecar and they appear here. To see it at work with real services, run{' '}
          <Code>npm run demo</Code>.
        </>
      }
    />
  );
}
