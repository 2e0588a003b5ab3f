// From what the HTTP/1.1 exchange saw to what the capture stream carries: the one conversion for sidecar, generator and
// responder. Pure.
import type { BodyCapture } from './body-collector.ts';
import type { CapturedAddress, CapturedMessage, CapturedPair } from './capture-messages.ts';
import type { RawHttpPair } from './http1-exchange.ts';

/** What the owner of a connection knows beside its bytes. */
export interface PairContext {
  id: string;
  direction: 'IN' | 'OUT';
  scheme: 'http' | 'https';
  client: CapturedAddress;
  server: CapturedAddress;
  tls: CapturedPair['tls'];
  connection: string;
  tags: Record<string, string>;
}

const NOTHING = new Uint8Array(0);

/** The captured pair of a raw HTTP/1.1 pair. */
export function capturedHttpPair(raw: RawHttpPair, context: PairContext): CapturedPair {
  return {
    ...context,
    tsUs: raw.startedUs,
    durationUs: Math.max(0, raw.endUs - raw.startedUs),
    ttfbUs: raw.firstByteUs === null ? -1 : Math.max(0, raw.firstByteUs - raw.startedUs),
    protocol: raw.protocol ?? 'http/1.1',
    seq: raw.seq,
    request: half(raw.requestHead, raw.requestBody, raw.requestTrailers, 0),
    response:
      raw.responseHead &&
      half(
        raw.responseHead,
        raw.responseBody,
        raw.responseTrailers,
        (raw.firstByteUs ?? raw.startedUs) - raw.startedUs,
      ),
    sentBytes: 0,
    receivedBytes: 0,
    error: raw.error ?? '',
    gapReason: '',
    ...(raw.part && { part: raw.part }),
  };
}

/** `firstByteUs`: when the message began, µs after the pair's start; chunk times are counted from the pair's start. */
function half(
  head: Buffer,
  body: BodyCapture,
  trailers: Buffer | null,
  firstByteUs: number,
): CapturedMessage {
  return {
    head,
    body: body.kept.length === 1 ? body.kept[0]! : Buffer.concat(body.kept),
    bodySize: body.size,
    trailers: trailers ?? NOTHING,
    chunks: body.chunks?.flatMap(([size, offsetUs]) => [size, offsetUs + firstByteUs]) ?? [],
  };
}
