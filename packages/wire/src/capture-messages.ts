// The capture stream's messages: what a sidecar (or generator, or responder) sends to the forwarder, and what comes
// back. The protocol is public; `docs/capture-stream.md` explains it. Pure: values in, bytes out, and the reverse.
import protobuf from 'protobufjs';

export const CAPTURE_STREAM_VERSION = 1;

/** Integers that need more than 32 bits are doubles: µs since the epoch and byte counts stay exact up to 2^53. */
const PROTO = `
syntax = "proto3";
message Hello {
  uint32 version = 1;
  string incarnation = 2;
  string hop = 3;
  string cluster = 4;
  string namespace = 5;
  string workload_kind = 6;
  string workload = 7;
  string pod = 8;
  string container = 9;
  string token = 10;
  bool nameless = 11;
}
message Welcome { double last_batch = 1; uint32 window_bytes = 2; bool unchecked = 3; }
message Ack { double batch = 1; }
message Refusal { string code = 1; string message = 2; }
message Counters {
  double captured = 1;
  double delivered = 2;
  map<string, double> withheld = 3;
  map<string, double> dropped = 4;
}
message Batch { double seq = 1; Counters counters = 2; repeated Captured pairs = 3; }
message Address { string ip = 1; uint32 port = 2; string host = 3; }
message Tls { string sni = 1; string version = 2; string alpn = 3; }
message Message {
  bytes head = 1;
  bytes body = 2;
  double body_size = 3;
  bytes trailers = 4;
  repeated double chunks = 5;
}
message StreamMessage { string from = 1; string kind = 2; double offset_us = 3; double size = 4; bytes data = 5; }
message Part { uint32 index = 1; bool last = 2; }
message PassThroughHost { string host = 1; uint32 port = 2; string reason = 3; }
message PassThrough { repeated PassThroughHost hosts = 1; }
message Captured {
  string id = 1;
  double ts_us = 2;
  double duration_us = 3;
  double ttfb_us = 4;
  string direction = 5;
  string protocol = 6;
  string scheme = 7;
  Address client = 8;
  Address server = 9;
  Tls tls = 10;
  string connection = 11;
  uint32 seq = 12;
  Message request = 13;
  Message response = 14;
  double sent_bytes = 15;
  double received_bytes = 16;
  string error = 17;
  string gap_reason = 18;
  map<string, string> tags = 19;
  repeated StreamMessage messages = 20;
  Part part = 21;
}
`;

/** First message of a stream, from the sender. `incarnation` names one life of one process. */
export interface Hello {
  version: number;
  incarnation: string;
  /** `import`: what anything else captured, such as a file that was read in. */
  hop: 'sidecar' | 'generator' | 'responder' | 'import';
  cluster: string;
  namespace: string;
  workloadKind: string;
  workload: string;
  pod: string;
  container: string;
  /** Service-account token of the sender's pod; with it the receiver takes names from what the cluster says, not from here. */
  token?: string;
  /** No server is to be given a name that the connection itself did not have. */
  nameless?: boolean;
}

/** Answer to Hello: the last batch of this incarnation that is durable (0: none), and how many unacknowledged bytes may be in flight. */
export interface Welcome {
  lastBatch: number;
  windowBytes: number;
  /** Frames without a checksum (0 in its place) are taken: the transport has its own. */
  unchecked?: boolean;
}

/** Cumulative: every batch up to and including `batch` is durable. */
export interface Ack {
  batch: number;
}

/** The forwarder will not take this stream; `code` is stable, `message` says what to do. The connection then closes. */
export interface Refusal {
  code: string;
  message: string;
}

export interface CaptureCounters {
  captured: number;
  delivered: number;
  withheld: Record<string, number>;
  dropped: Record<string, number>;
}

/** Batches of one incarnation count from 1 without gaps; a batch seen before is acknowledged and ignored. */
export interface Batch {
  seq: number;
  counters: CaptureCounters;
  pairs: CapturedPair[];
}

export interface CapturedAddress {
  ip: string;
  port: number;
  /** Empty when unknown. */
  host: string;
}

/** One half of a pair as raw bytes: `head` verbatim, `body` the first bytes of the payload without transfer framing. */
export interface CapturedMessage {
  head: Uint8Array;
  body: Uint8Array;
  /** Payload bytes on the wire; larger than `body.length` when the body was cut at the limit. */
  bodySize: number;
  trailers: Uint8Array;
  /** Streams only: payload bytes and µs after the pair's start of each chunk, interleaved. */
  chunks: number[];
}

/** One message of a stream (a WebSocket's): `data` are its first bytes, `size` how many there were. */
export interface StreamMessage {
  from: 'client' | 'server';
  /** WebSocket: text, binary, ping, pong, close. */
  kind: string;
  /** µs after the pair's start. */
  offsetUs: number;
  size: number;
  data: Uint8Array;
}

/** A destination whose TLS is not opened, and why; sidecars of a workload tell each other through the forwarder. */
export interface PassThroughHost {
  host: string;
  port: number;
  reason: string;
}

export interface CapturedPair {
  id: string;
  tsUs: number;
  durationUs: number;
  /** -1 when no response came. */
  ttfbUs: number;
  direction: 'IN' | 'OUT';
  protocol: string;
  /** `http` or `https`: how the client reached the server. */
  scheme: string;
  client: CapturedAddress;
  server: CapturedAddress;
  tls: { sni: string; version: string; alpn: string } | null;
  connection: string;
  seq: number;
  request: CapturedMessage | null;
  response: CapturedMessage | null;
  /** Opaque protocols: bytes each way. */
  sentBytes: number;
  receivedBytes: number;
  /** A `PairError` of the RRPair, or empty. */
  error: string;
  /** Why the pair is incomplete or opaque, or empty. */
  gapReason: string;
  tags: Record<string, string>;
  /** Messages of a stream, oldest first; empty for everything else. */
  messages?: StreamMessage[];
  /** A stream that is recorded in parts: the parts of one exchange share `connection` and `seq`. */
  part?: { index: number; last: boolean } | null;
}

const root = protobuf.parse(PROTO, { keepCase: false }).root;

/** The messages of a capture stream by the number in their frame. */
export type CaptureMessage =
  | { type: 'hello'; value: Hello }
  | { type: 'welcome'; value: Welcome }
  | { type: 'batch'; value: Batch }
  | { type: 'ack'; value: Ack }
  | { type: 'refusal'; value: Refusal }
  | { type: 'pass-through'; value: { hosts: PassThroughHost[] } };

export const BATCH_NUMBER = 3;
const BATCH = root.lookupType('Batch');
const CAPTURED = root.lookupType('Captured');
const TYPES = [
  ['hello', 1, root.lookupType('Hello')],
  ['welcome', 2, root.lookupType('Welcome')],
  ['batch', BATCH_NUMBER, BATCH],
  ['ack', 4, root.lookupType('Ack')],
  ['refusal', 5, root.lookupType('Refusal')],
  ['pass-through', 6, root.lookupType('PassThrough')],
] as const;

/** A pair, or some of its fields, as the bytes of a `Captured` message. */
export function encodeCaptured(pair: Partial<CapturedPair>): Uint8Array {
  return CAPTURED.encode(pair as object).finish();
}

/** The fields of a batch beside its pairs. */
export function encodeBatchEnd(seq: number, counters: CaptureCounters): Uint8Array {
  return BATCH.encode({ seq, counters } as object).finish();
}

/** Number and payload of a message. */
export function encodeCaptureMessage(message: CaptureMessage): { number: number; payload: Uint8Array } {
  const [, number, type] = TYPES.find(([name]) => name === message.type)!;
  return { number, payload: type.encode(message.value as object).finish() };
}

/** The message behind a frame's number, or null when the number is not known (a newer peer's: to be ignored). Throws on a damaged payload. */
export function decodeCaptureMessage(number: number, payload: Uint8Array): CaptureMessage | null {
  const entry = TYPES.find(([, n]) => n === number);
  if (!entry) return null;
  const [name, , type] = entry;
  // `toObject` with defaults gives plain objects with every field, so that readers need no presence checks.
  const value = type.toObject(type.decode(payload), { defaults: true, arrays: true, objects: true });
  return { type: name, value } as unknown as CaptureMessage;
}

/** How many bytes a pair takes in a batch, near enough for bounds. */
export function capturedSize(pair: CapturedPair): number {
  const half = (m: CapturedMessage | null) =>
    m ? m.head.length + m.body.length + m.trailers.length + m.chunks.length * 8 : 0;
  const messages = pair.messages?.reduce((sum, { data }) => sum + data.length + 48, 0) ?? 0;
  return 400 + half(pair.request) + half(pair.response) + messages;
}
