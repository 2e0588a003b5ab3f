/** Test support: frames as an endpoint would write them, and a recorded WebSocket in lines one can read. */
import type { StreamMessage } from './capture-messages.ts';
import {
  type RawMessagesPair,
  WebSocketExchange,
  type WebSocketExchangeOptions,
} from './websocket-exchange.ts';
import type { WebSocketOpaqueReason } from './websocket-framer.ts';

export interface FrameOptions {
  fin?: boolean;
  rsv?: number;
  /** A client's frame is masked with it. */
  key?: readonly number[];
}

/** One frame; `opcode` as in RFC 6455 section 5.2. */
export function webSocketFrame(
  opcode: number,
  payload: Buffer | string,
  { fin = true, rsv = 0, key }: FrameOptions = {},
): Buffer {
  const data = Buffer.from(payload);
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const isMasked = key ? 0x80 : 0;
  let length: number[] = [isMasked | data.length];
  if (data.length > 0xffff) {
    length = [isMasked | 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((bits) => (data.length >>> bits) & 0xff)];
  } else if (data.length > 125) {
    length = [isMasked | 126, data.length >> 8, data.length & 0xff];
  }
  if (key) for (let at = 0; at < data.length; at++) data[at]! ^= key[at & 3]!;
  return Buffer.concat([Buffer.from([first, ...length, ...(key ?? [])]), data]);
}

export type Side = 'client' | 'server';

/** What an exchange emitted. */
export interface Recorded {
  parts: RawMessagesPair[];
  opaque: WebSocketOpaqueReason[];
}

/** An exchange that is fed pieces of reused memory, as a socket's are, at a time that the test sets. */
export function recordWebSocket(options: Partial<WebSocketExchangeOptions> = {}) {
  const recorded: Recorded = { parts: [], opaque: [] };
  const exchange = new WebSocketExchange(
    { pair: (pair) => recorded.parts.push(pair), opaque: (reason) => recorded.opaque.push(reason) },
    { seq: 1, extensions: '', ...options },
  );
  const feed = (side: Side, data: Buffer, nowUs = 0) => {
    const chunk = Buffer.from(data);
    exchange[side](chunk, nowUs);
    chunk.fill('!');
  };
  return { ...recorded, exchange, feed };
}

/** A message in one line: who, what, how much, which bytes. */
export function messageLine({ from, kind, size, data }: StreamMessage): string {
  return `${from} ${kind} ${size} ${Buffer.from(data).toString('latin1')}`.trimEnd();
}
