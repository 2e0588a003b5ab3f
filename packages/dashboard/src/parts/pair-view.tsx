// One RRPair in full: its request line and answer first, then both messages, then every fact about how it was taken.
import type { PairDetail } from '@echoplane/api';
import { requestLine } from '@echoplane/traffic';
import { Alert, Badge, Box, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import { formatBytes, formatDate, formatDuration, NONE, statusColor } from '../format.ts';
import { INBOUND, OUTBOUND } from '../theme.ts';
import { AlertIcon } from './icons.tsx';
import { MessageView } from './message-view.tsx';
import { PairFacts } from './pair-facts.tsx';

export function PairView({ detail }: { detail: PairDetail }) {
  const { pair } = detail;
  const { request, response } = pair;
  const status = response?.status ?? null;
  return (
    <Stack gap="md">
      <Box>
        <Group gap="xs">
          <Badge size="lg" color={statusColor(status)}>
            {status ?? pair.error ?? NONE}
          </Badge>
          <Badge size="lg" color={pair.direction === 'IN' ? INBOUND : OUTBOUND}>
            {pair.direction === 'IN' ? 'Inbound' : 'Outbound'}
          </Badge>
          <Text size="sm" c="dimmed">
            {formatDate(pair.ts)} · {formatDuration(pair.durationUs)} · {pair.protocol}
          </Text>
        </Group>
        <Text component="h2" mt="xs" size="md" fw={600} ff="monospace" style={{ overflowWrap: 'anywhere' }}>
          {describeTarget(detail)}
        </Text>
      </Box>
      {pair.gaps && (
        <Alert color="yellow" title="This pair is not complete" icon={<AlertIcon />} p="sm">
          {describeGaps(pair.gaps)}
        </Alert>
      )}
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="lg" verticalSpacing="md">
        <MessageView
          name="Request"
          line={
            request
              ? `${request.method} ${targetOf(request.url)} ${request.version ? `HTTP/${request.version}` : ''}`.trim()
              : null
          }
          message={request}
          absent={describeOpaque(pair, 'client') ?? 'No request was recorded.'}
        />
        <MessageView
          name="Response"
          line={response ? `${response.status} ${response.reason ?? ''}`.trim() : null}
          message={response}
          absent={describeOpaque(pair, 'server') ?? `No response came: ${pair.error ?? 'unknown reason'}.`}
        />
      </SimpleGrid>
      <PairFacts detail={detail} />
    </Stack>
  );
}

/** What passed in one direction when there is no request and no response; undefined when nothing is known of it. */
function describeOpaque(pair: PairDetail['pair'], from: 'client' | 'server'): string | undefined {
  if (!pair.opaque) return undefined;
  const bytes = formatBytes(from === 'client' ? pair.opaque.sentBytes : pair.opaque.receivedBytes);
  const verb = from === 'client' ? 'sent' : 'received';
  if (!pair.part) return `${bytes} were ${verb}; the protocol is not decoded.`;
  const count = (pair.messages ?? []).filter((message) => message.from === from).length;
  return `${count} messages (${bytes} on the wire) were ${verb} in part ${pair.part.index + 1} of the stream.`;
}

function describeTarget({ pair }: PairDetail): string {
  const { method, host } = requestLine(pair);
  return pair.request ? `${method} ${pair.request.url}` : `${pair.protocol} ${host}`;
}

/** Path and query as the request line carried them. */
function targetOf(url: string): string {
  return url.replace(/^\w+:\/\/[^/?]*/, '') || '/';
}

function describeGaps(gaps: NonNullable<PairDetail['pair']['gaps']>): string {
  const parts = [
    gaps.requestTruncatedBytes && `${formatBytes(gaps.requestTruncatedBytes)} of the request were not kept`,
    gaps.responseTruncatedBytes &&
      `${formatBytes(gaps.responseTruncatedBytes)} of the response were not kept`,
    gaps.lostChunks && `${gaps.lostChunks} chunks were lost on the way`,
    gaps.reason && `reason: ${gaps.reason}`,
  ].filter(Boolean);
  return `${parts.join('; ')}.`;
}
