// From what a WebSocket's exchange saw to what the capture stream carries. Pure; the counterpart of captured-pair.ts.
import type { CapturedPair } from './capture-messages.ts';
import type { PairContext } from './captured-pair.ts';
import type { RawMessagesPair } from './websocket-exchange.ts';

/** The captured pair of a part of a WebSocket: no request, no response, its messages. */
export function capturedMessagesPair(raw: RawMessagesPair, context: PairContext): CapturedPair {
  return {
    ...context,
    tsUs: raw.startedUs,
    durationUs: Math.max(0, raw.endUs - raw.startedUs),
    ttfbUs: -1,
    protocol: 'websocket',
    seq: raw.seq,
    request: null,
    response: null,
    sentBytes: raw.sentBytes,
    receivedBytes: raw.receivedBytes,
    error: raw.error ?? '',
    gapReason: raw.gapReason,
    messages: raw.messages,
    part: raw.part,
  };
}
