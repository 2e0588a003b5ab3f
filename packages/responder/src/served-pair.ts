// A served request as the capture stream carries it. Heads are rebuilt from the parsed header lists: names, values,
// order and repetition are those on the wire; blanks around a value and folded lines are not, which nobody reads.
// Pure.
import { type HeaderList, type PairError, TAG } from '@echoplane/traffic';
import type { CapturedMessage, CapturedPair } from '@echoplane/wire';
import { type Channel, type Origin, splitAuthority } from './channel.ts';
import { isGrpc } from './grpc-reply.ts';
import type { MatchKind, Reply } from './reply.ts';
import type { AskedHead } from './turn.ts';

/** Bytes kept of each body; the rest is counted. */
export const KEPT_BODY_BYTES = 1 << 20;

export interface Served {
  id: string;
  channel: Channel;
  seq: number;
  head: AskedHead;
  body: Buffer;
  sizeBytes: number;
  origin: Origin;
  /** Null when the connection ended before an answer. */
  reply: Reply | null;
  startedUs: number;
  firstByteUs: number | null;
  endUs: number;
  error: PairError | null;
  match: MatchKind;
  mock: string | null;
  difference: string | null;
  replayId: string | undefined;
  /** Further tags. */
  tags: Readonly<Record<string, string>>;
}

/** The OUT pair of a served request. */
export function servedPair(served: Served): CapturedPair {
  const { channel, origin, head, reply, startedUs, firstByteUs } = served;
  const isHttp2 = head.version.startsWith('2');
  return {
    id: served.id,
    tsUs: startedUs,
    durationUs: served.endUs - startedUs,
    ttfbUs: firstByteUs === null ? -1 : firstByteUs - startedUs,
    protocol: isHttp2 ? (isGrpc(head.headers) ? 'grpc' : 'http/2') : 'http/1.1',
    ...connectionFacts(channel, origin),
    seq: served.seq,
    request: half(
      headBytes(isHttp2 ? pseudoOf(served) : [requestLine(head)], head.headers),
      served.body,
      served.sizeBytes,
    ),
    response:
      reply &&
      half(
        headBytes(
          [isHttp2 ? `:status: ${reply.status}` : `HTTP/1.1 ${reply.status} ${reply.reason}`],
          reply.headers,
        ),
        reply.body,
        reply.body.length,
        reply.trailers,
      ),
    sentBytes: 0,
    receivedBytes: 0,
    error: served.error ?? '',
    gapReason: '',
    tags: tagsOf(served),
  };
}

/** What the pairs of a connection to one host have in common. */
export function connectionFacts(
  { client, tls, connection }: Channel,
  { scheme, host }: Pick<Origin, 'scheme' | 'host'>,
) {
  const server = splitAuthority(host) ?? { host, port: scheme === 'https' ? 443 : 80 };
  // Without an address: nothing was dialled.
  return { direction: 'OUT' as const, scheme, client, server: { ip: '', ...server }, tls, connection };
}

function tagsOf({ match, mock, difference, replayId, tags }: Served): Record<string, string> {
  return {
    ...matchTags(match, mock, replayId),
    ...(difference ? { [TAG.difference]: difference } : {}),
    ...tags,
  };
}

/** The tags that say how an answer was found. */
export function matchTags(
  match: MatchKind,
  mock: string | null,
  replayId: string | undefined,
): Record<string, string> {
  return {
    ...(replayId ? { [TAG.replay]: replayId } : {}),
    [TAG.match]: match,
    ...(mock ? { [TAG.mock]: mock } : {}),
  };
}

function half(head: Buffer, body: Buffer, bodySize: number, trailers: HeaderList = []): CapturedMessage {
  const kept = body.subarray(0, KEPT_BODY_BYTES);
  const section =
    trailers.length > 0 ? Buffer.from(`${fieldLines(trailers)}\r\n`, 'latin1') : Buffer.alloc(0);
  return { head, body: kept, bodySize, trailers: section, chunks: [] };
}

function requestLine({ method, url, version }: AskedHead): string {
  return `${method} ${url} HTTP/${version}`;
}

/** As the HTTP/2 exchange of a sidecar writes them. */
function pseudoOf({ head, origin, channel }: Served): string[] {
  const authority = origin.host || (channel.authority ?? '');
  return [
    `:method: ${head.method}`,
    `:scheme: ${origin.scheme}`,
    `:authority: ${authority}`,
    `:path: ${head.url}`,
  ];
}

function headBytes(first: readonly string[], headers: HeaderList): Buffer {
  return Buffer.from(`${first.join('\r\n')}\r\n${fieldLines(headers)}\r\n`, 'latin1');
}

function fieldLines(headers: HeaderList): string {
  return headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
}
