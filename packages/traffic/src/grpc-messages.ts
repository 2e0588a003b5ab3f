// The messages inside gRPC bodies: five bytes of head (compressed or not, length), then the message. Knows frames and their
// order in time, no protobuf. Pure.
import { bodyBytes } from './http-view.ts';
import type { Body, StreamMessage } from './rrpair.ts';

const HEAD_BYTES = 5;

/** Length of the whole frame that begins at `at`, head included; null when its head is not there yet. */
export function grpcFrameBytes(bytes: Buffer, at: number): number | null {
  return at + HEAD_BYTES <= bytes.length ? HEAD_BYTES + bytes.readUInt32BE(at + 1) : null;
}

/** The whole frames of a body, heads included, views of `bytes`; `rest` is what begins another one. */
export function grpcFrames(bytes: Buffer): { frames: Buffer[]; rest: Buffer } {
  const frames: Buffer[] = [];
  let at = 0;
  for (;;) {
    const length = grpcFrameBytes(bytes, at);
    if (length === null || at + length > bytes.length) return { frames, rest: bytes.subarray(at) };
    frames.push(bytes.subarray(at, at + length));
    at += length;
  }
}

/**
 * The messages of both sides of a call in the order of their last bytes, frames with their heads, `kind` `message`. Times are
 * those of the chunks, µs after the pair's start; a body without chunks stands at 0 (client) or after everything (server).
 */
export function grpcStreamMessages(request: Body, response: Body): StreamMessage[] {
  const asked = timed(request, 'client', 0);
  const lastAsked = asked.at(-1)?.offsetUs ?? 0;
  const answered = timed(response, 'server', lastAsked);
  return [...asked, ...answered].sort((a, b) => a.offsetUs - b.offsetUs || order(a) - order(b));
}

function order({ from }: StreamMessage): number {
  return from === 'client' ? 0 : 1;
}

function timed(body: Body, from: StreamMessage['from'], otherwiseUs: number): StreamMessage[] {
  const arrivals = [...(body.chunks ?? [])];
  let sentBytes = 0;
  let arrivedBytes = 0;
  let offsetUs = arrivals[0]?.[1] ?? otherwiseUs;
  return grpcFrames(bodyBytes(body)).frames.map((frame) => {
    sentBytes += frame.length;
    while (arrivedBytes < sentBytes && arrivals.length > 0) {
      const [bytes, atUs] = arrivals.shift()!;
      arrivedBytes += bytes;
      offsetUs = atUs;
    }
    return {
      ...{ from, kind: 'message', offsetUs: Math.max(0, offsetUs), size: frame.length },
      base64: frame.toString('base64'),
    };
  });
}
