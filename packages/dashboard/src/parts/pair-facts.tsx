// Everything about how a pair was taken: timing, the two ends, TLS, tags, redactions, and where it is stored.
import type { PairDetail } from '@echoplane/api';
import type { Address } from '@echoplane/traffic';
import { serviceOf } from '@echoplane/traffic';
import { Badge, DataList, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { formatBytes, formatCount, formatDate, formatDuration, formatTime, NONE } from '../format.ts';

export function PairFacts({ detail: { row, pair, position } }: { detail: PairDetail }) {
  const late = pair.ttfbUs === null ? null : pair.durationUs - pair.ttfbUs;
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="lg" verticalSpacing="md">
      <Facts title="Timing">
        <Fact label="Started">
          {formatDate(pair.ts)} ({formatTime(pair.ts)})
        </Fact>
        <Fact label="First byte after">{formatDuration(pair.ttfbUs)}</Fact>
        <Fact label="Response took">{formatDuration(late)}</Fact>
        <Fact label="In all">{formatDuration(pair.durationUs)}</Fact>
        {pair.error && <Fact label="Error">{pair.error}</Fact>}
      </Facts>
      <Facts title="Connection">
        <Fact label="Client">{describeAddress(pair.client)}</Fact>
        <Fact label="Server">{describeAddress(pair.server)}</Fact>
        <Fact label="TLS">{describeTls(pair.tls)}</Fact>
        <Fact label="Connection" mono>
          {pair.connection.id}
        </Fact>
        <Fact label="Position">no. {formatCount(pair.connection.seq + 1)} on the connection</Fact>
      </Facts>
      <Facts title="Service">
        <Fact label="Service">{serviceOf(pair.source)}</Fact>
        <Fact label="Pod">
          {pair.source.pod} · {pair.source.container}
        </Fact>
        <Fact label="Endpoint" mono>
          {row.endpoint || NONE}
        </Fact>
        <Fact label="Session" mono>
          {pair.session ?? NONE}
        </Fact>
        <Fact label="Tags">
          <Tags tags={pair.tags} />
        </Fact>
      </Facts>
      <Facts title="Stored in">
        <Fact label="Segment" mono>
          {position.segment}
        </Fact>
        <Fact label="Frame">{formatCount(position.frame)}</Fact>
        <Fact label="Offset">
          {formatCount(position.frameOffset)}, {formatBytes(position.frameLength)} long
        </Fact>
        <Fact label="Line">{formatCount(position.line)}</Fact>
        <Fact label="Redacted">{describeRedactions(pair.redactions)}</Fact>
      </Facts>
    </SimpleGrid>
  );
}

function Facts({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Stack component="section" aria-label={title} gap="xs" miw={0}>
      <Title order={3} size="h5">
        {title}
      </Title>
      <DataList size="xs" gap={4} labelWidth="110px">
        {children}
      </DataList>
    </Stack>
  );
}

function Fact({ label, mono = false, children }: { label: string; mono?: boolean; children: ReactNode }) {
  return (
    <DataList.Item>
      <DataList.ItemLabel>{label}</DataList.ItemLabel>
      <DataList.ItemValue ff={mono ? 'monospace' : 'text'} style={{ overflowWrap: 'anywhere' }}>
        {children}
      </DataList.ItemValue>
    </DataList.Item>
  );
}

function Tags({ tags }: { tags: Record<string, string> }) {
  const entries = Object.entries(tags);
  if (entries.length === 0) return <Text inherit>{NONE}</Text>;
  return (
    <Group gap={4}>
      {entries.map(([key, value]) => (
        <Badge key={key} size="sm" color="gray" fw={400}>
          {key}={value}
        </Badge>
      ))}
    </Group>
  );
}

function describeAddress({ ip, port, host }: Address): string {
  const address = ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
  return host ? `${host} (${address})` : address;
}

function describeTls(tls: PairDetail['pair']['tls']): string {
  if (!tls) return 'none';
  return [tls.version, tls.sni, tls.alpn].filter(Boolean).join(' · ') || 'yes';
}

function describeRedactions(redactions: PairDetail['pair']['redactions']): string {
  if (redactions.length === 0) return 'nothing';
  return redactions.map(({ path, kind }) => `${path} (${kind})`).join(', ');
}
