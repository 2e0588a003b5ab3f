// What the traffic page shows: service and time for graph and list, then the filters that narrow the list. All of it
// lives in the address; this only reads and changes it.
import { Badge, Button, CloseButton, Group, SegmentedControl, Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { replayQuery, servicesQuery } from '../api.ts';
import { formatDate, plural } from '../format.ts';
import {
  DEFAULT_RANGE,
  hasListFilters,
  LIST_FILTERS,
  RANGES,
  type Range,
  STATUS_CLASSES,
  type TrafficSearch,
} from '../traffic-search.ts';
import { DelayedInput } from './delayed-input.tsx';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];
const RANGE_LABELS: Record<Range, string> = {
  '5m': '5 min',
  '15m': '15 min',
  '1h': '1 h',
  '24h': '24 h',
  all: 'All',
};

/** Changes to the search; a field that is undefined is removed. */
export type SearchChange = { [K in keyof TrafficSearch]?: TrafficSearch[K] | undefined };

interface TrafficToolbarProps {
  search: TrafficSearch;
  onChange: (change: SearchChange) => void;
}

export function TrafficToolbar({ search, onChange }: TrafficToolbarProps) {
  const services = useQuery(servicesQuery).data?.items ?? [];
  const names = new Set([...services.map((s) => s.service), ...(search.service ? [search.service] : [])]);
  const custom = search.from !== undefined && search.to !== undefined;
  return (
    <Group gap="xs" role="search" aria-label="Traffic filters">
      <Select
        aria-label="Service"
        placeholder="All services"
        data={[...names].sort()}
        value={search.service ?? null}
        onChange={(service) => onChange({ service: service ?? undefined })}
        renderOption={({ option }) => <ServiceOption name={option.value} services={services} />}
        comboboxProps={{ width: 'max-content', position: 'bottom-start' }}
        nothingFoundMessage="No service has traffic yet"
        searchable
        clearable
        w={220}
      />
      <SegmentedControl
        aria-label="Time range"
        data={(Object.keys(RANGES) as Range[]).map((value) => ({ value, label: RANGE_LABELS[value] }))}
        value={custom ? '' : (search.range ?? DEFAULT_RANGE)}
        onChange={(range) => onChange({ range: range as Range, from: undefined, to: undefined })}
      />
      {custom && (
        <Removable label="Chosen span" onRemove={() => onChange({ from: undefined, to: undefined })}>
          {formatDate(search.from! * 1_000)} – {formatDate(search.to! * 1_000)}
        </Removable>
      )}
      {search.replay && <ReplayChip id={search.replay} onRemove={() => onChange({ replay: undefined })} />}
      <ListFilters search={search} onChange={onChange} services={services} />
    </Group>
  );
}

/** The replay by its name; until that is known by its id's last digits, as the first ones are only its time. */
function ReplayChip({ id, onRemove }: { id: string; onRemove: () => void }) {
  const name = useQuery(replayQuery(id)).data?.name;
  return (
    <Removable label="Replay" onRemove={onRemove}>
      Replay: {name ?? id.slice(-8)}
    </Removable>
  );
}

/** The filters that narrow the list, and not the graph. */
function ListFilters({
  search,
  onChange,
  services,
}: TrafficToolbarProps & { services: { service: string; hosts: string[] }[] }) {
  const hosts = services
    .filter((s) => !search.service || s.service === search.service)
    .flatMap((s) => s.hosts);
  const clearFilters = () => onChange(Object.fromEntries(LIST_FILTERS.map((field) => [field, undefined])));
  return (
    <Group gap="xs" ml={{ xl: 'auto' }}>
      <Choice
        label="Direction"
        width={116}
        value={search.direction}
        options={{ IN: 'Inbound', OUT: 'Outbound' }}
        onChange={(direction) => onChange({ direction: direction as 'IN' | 'OUT' })}
      />
      <Choice
        label="Method"
        width={100}
        value={search.method}
        options={Object.fromEntries(METHODS.map((m) => [m, m]))}
        onChange={(method) => onChange({ method })}
      />
      <Choice
        label="Status"
        width={132}
        value={search.status}
        options={Object.fromEntries(
          Object.keys(STATUS_CLASSES).map((c) => [c, c === 'errors' ? '4xx and 5xx' : c]),
        )}
        onChange={(status) => onChange({ status: status as keyof typeof STATUS_CLASSES })}
      />
      <DelayedInput
        label="Host"
        placeholder="Host"
        width={150}
        value={search.host ?? ''}
        options={[...new Set(hosts)].sort()}
        onCommit={(host) => onChange({ host: host || undefined })}
      />
      <DelayedInput
        label="Path prefix"
        placeholder="Path prefix"
        width={150}
        value={search.path ?? ''}
        onCommit={(path) => onChange({ path: path || undefined })}
      />
      <DelayedInput
        label="Minimum latency in ms"
        placeholder="Min. ms"
        width={84}
        numeric
        value={search.minMs === undefined ? '' : String(search.minMs)}
        onCommit={(ms) => onChange({ minMs: ms === '' ? undefined : Number(ms) })}
      />
      <Button variant="subtle" color="gray" px="xs" disabled={!hasListFilters(search)} onClick={clearFilters}>
        Clear filters
      </Button>
    </Group>
  );
}

interface ChoiceProps {
  label: string;
  width: number;
  value: string | undefined;
  options: Record<string, string>;
  onChange: (value: string | undefined) => void;
}

function Choice({ label, width, value, options, onChange }: ChoiceProps) {
  return (
    <Select
      aria-label={label}
      placeholder={label}
      w={width}
      clearable
      data={Object.entries(options).map(([key, text]) => ({ value: key, label: text }))}
      value={value ?? null}
      onChange={(next) => onChange(next ?? undefined)}
    />
  );
}

function Removable({
  label,
  onRemove,
  children,
}: {
  label: string;
  onRemove: () => void;
  children: React.ReactNode;
}) {
  const button = <CloseButton size="xs" aria-label={`Remove: ${label}`} onClick={onRemove} />;
  return (
    <Badge size="lg" rightSection={button} pr={4}>
      {children}
    </Badge>
  );
}

interface ServiceOptionProps {
  name: string;
  services: { service: string; inbound: number; outbound: number }[];
}

function ServiceOption({ name, services }: ServiceOptionProps) {
  const known = services.find((s) => s.service === name);
  return (
    <Group gap="md" justify="space-between" w="100%" wrap="nowrap">
      <span>{name}</span>
      {known && (
        <Badge color="gray" variant="transparent" size="sm" fw={400}>
          {plural(known.inbound, 'inbound', 'inbound')} · {plural(known.outbound, 'outbound', 'outbound')}
        </Badge>
      )}
    </Group>
  );
}
