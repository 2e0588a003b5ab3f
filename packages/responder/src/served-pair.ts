// A served request as the capture stream carries it. Heads are rebuilt from the parsed header lists: names, values,
// order and repetition are those on the wire; blanks around a value and folded lines are not, which nobody reads.
// Pure.
import { type HeaderList, type PairError, TAG } from '@echoplane/traffic';
import type { CapturedMessage, CapturedPair } from '@echoplane/wire';
import { type Channel, type Origin, splitAuthority } from './channel.ts';
import type { Reply } from './reply.ts';

/** Bytes kept of each body; the rest is counted. */
export const KEPT_BODY_BYTES = 1 << 20;

export interface Served {
  id: string;
  channel: Channel;
  seq: number;
  request: {
    method: string;
    url: string;
    version: string;
    headers: HeaderList;
    body: Buffer;
    sizeBytes: number;
  };
  origin: Origin;
  /** Null when the connection ended before an answer. */
  reply: Reply | null;
  startedUs: number;
  firstByteUs: number | null;
  endUs: number;
  error: PairError | null;
  match: 'exact' | 'volatile' | 'miss';
  mock: string | null;
  difference: string | null;
  replayId: string | undefined;
}

/** The OUT pair of a served request. */
export function servedPair(served: Served): CapturedPair {
  const { channel, origin, request, reply, startedUs, firstByteUs } = served;
  const fallbackPort = origin.scheme === 'https' ? 443 : 80;
  const server = splitAuthority(origin.host) ?? { host: origin.host, port: fallbackPort };
  return {
    id: served.id,
    tsUs: startedUs,
    durationUs: served.endUs - startedUs,
    ttfbUs: firstByteUs === null ? -1 : firstByteUs - startedUs,
    direction: 'OUT',
    protocol: 'http/1.1',
    scheme: origin.scheme,
    client: channel.client,
    // Without an address: nothing was dialled.
    server: { ip: '', ...server },
    tls: channel.tls,
    connection: channel.connection,
    seq: served.seq,
    request: half(
      headBytes(`${request.method} ${request.url} HTTP/${request.version}`, request.headers),
      request.body,
      request.sizeBytes,
    ),
    response:
      reply &&
      half(
        headBytes(`HTTP/1.1 ${reply.status} ${reply.reason}`, reply.headers),
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

function tagsOf({ match, mock, difference, replayId }: Served): Record<string, string> {
  return {
    ...(replayId ? { [TAG.replay]: replayId } : {}),
    [TAG.match]: match,
    ...(mock ? { [TAG.mock]: mock } : {}),
    ...(difference ? { [TAG.difference]: difference } : {}),
  };
}

function half(head: Buffer, body: Buffer, bodySize: number, trailers: HeaderList = []): CapturedMessage {
  const kept = body.subarray(0, KEPT_BODY_BYTES);
  const section =
    trailers.length > 0 ? Buffer.from(`${fieldLines(trailers)}\r\n`, 'latin1') : Buffer.alloc(0);
  return { head, body: kept, bodySize, trailers: section, chunks: [] };
}

function headBytes(startLine: string, headers: HeaderList): Buffer {
  return Buffer.from(`${startLine}\r\n${fieldLines(headers)}\r\n`, 'latin1');
}

function fieldLines(headers: HeaderList): string {
  return headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
}
