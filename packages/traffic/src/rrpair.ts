// The RRPair: one captured request and its response, the unit of everything. This schema is a public contract:
// it is what a segment holds, one JSON object per line, and it changes only additively (`v` names the version).
// It must not know how a pair was captured, shipped or indexed.
import { z } from 'zod';

export const RRPAIR_VERSION = 1;

export const Direction = z.enum(['IN', 'OUT']);
export type Direction = z.infer<typeof Direction>;

/** `http/1.1`, `http/2`, `grpc`, `websocket`, `postgres`, …, `opaque`: open, because decoders are added. */
export const Protocol = z.string().min(1).max(32);
export type Protocol = z.infer<typeof Protocol>;

/** Ordered name/value pairs exactly as on the wire: case, order and repetition kept. */
export const HeaderList = z.array(z.tuple([z.string(), z.string()]));
export type HeaderList = z.infer<typeof HeaderList>;

/**
 * A message body after transfer framing was removed. `size` counts the bytes on the wire, also of what was not kept.
 * One of `text`, `json`, `base64`, `ref` holds the wire bytes and gives them back exactly: `json` is used only when
 * `JSON.stringify(json)` equals them. `decoded` is the readable view of a compressed body, beside its `base64`.
 */
export const Body = z.object({
  size: z.int().nonnegative(),
  /** Content coding of the wire bytes: `identity`, `gzip`, `br`, `zstd`, `gzip, br`, …. */
  encoding: z.string(),
  text: z.string().optional(),
  json: z.json().optional(),
  base64: z.string().optional(),
  /** Key of an object that holds the bytes, for bodies too large for a segment. */
  ref: z.string().optional(),
  decoded: z.string().optional(),
  /** Streams only: [payload bytes, µs after `ts`] of each chunk as it arrived. */
  chunks: z.array(z.tuple([z.int(), z.int()])).optional(),
});
export type Body = z.infer<typeof Body>;

export const HttpRequest = z.object({
  method: z.string(),
  /** Absolute: scheme, authority as the client named it, path and query verbatim. */
  url: z.string(),
  version: z.string().optional(),
  headers: HeaderList,
  trailers: HeaderList.optional(),
  body: Body,
});
export type HttpRequest = z.infer<typeof HttpRequest>;

export const HttpResponse = z.object({
  status: z.int(),
  reason: z.string().optional(),
  headers: HeaderList,
  trailers: HeaderList.optional(),
  body: Body,
});
export type HttpResponse = z.infer<typeof HttpResponse>;

export const Address = z.object({
  ip: z.string(),
  port: z.int().min(0).max(65535),
  host: z.string().nullable(),
});
export type Address = z.infer<typeof Address>;

export const Source = z.object({
  cluster: z.string(),
  namespace: z.string(),
  workload: z.object({ kind: z.string(), name: z.string() }),
  pod: z.string(),
  container: z.string(),
});
export type Source = z.infer<typeof Source>;

export const Tls = z.object({
  sni: z.string().nullable(),
  version: z.string().nullable(),
  alpn: z.string().nullable(),
});

export const PairError = z.enum([
  'reset',
  'timeout',
  'client-closed',
  'server-closed',
  'connect-failed',
  'tls-failed',
  'no-match',
]);
export type PairError = z.infer<typeof PairError>;

/** What is missing of a pair; a pair with gaps never becomes a passing test. */
export const Gaps = z.object({
  requestTruncatedBytes: z.int().positive().optional(),
  responseTruncatedBytes: z.int().positive().optional(),
  lostChunks: z.int().positive().optional(),
  /** Why a connection or pair could not be decoded or redacted (`conflicting-framing`, `unredactable`, …). */
  reason: z.string().optional(),
});
export type Gaps = z.infer<typeof Gaps>;

/**
 * One message of a stream (a WebSocket's), in the order seen. One of `text`, `json`, `base64` holds its bytes as in
 * `Body`; `size` counts them all, also those not kept.
 */
export const StreamMessage = z.object({
  from: z.enum(['client', 'server']),
  /** WebSocket: text, binary, ping, pong, close. */
  kind: z.string(),
  /** µs after the pair's `ts`. */
  offsetUs: z.int().nonnegative(),
  size: z.int().nonnegative(),
  text: z.string().optional(),
  json: z.json().optional(),
  base64: z.string().optional(),
});
export type StreamMessage = z.infer<typeof StreamMessage>;

export const Redaction = z.object({
  ...{ path: z.string(), kind: z.string(), rule: z.string() },
  /** Of a credential that an answer showed in the clear before: where (`shownMark`). */
  shown: z.string().optional(),
});

export const RRPair = z.object({
  v: z.literal(RRPAIR_VERSION),
  /** UUID version 7; its time is `ts`. */
  id: z.uuid(),
  /** First byte of the request, µs since the epoch. */
  ts: z.int(),
  /** First request byte to last response byte. */
  durationUs: z.int().nonnegative(),
  /** First request byte to first response byte; null when no response came. */
  ttfbUs: z.int().nonnegative().nullable(),
  direction: Direction,
  protocol: Protocol,
  source: Source,
  client: Address,
  server: Address,
  tls: Tls.nullable(),
  /** `id` names the connection, `seq` counts its pairs from 0. */
  connection: z.object({ id: z.string(), seq: z.int().nonnegative() }),
  session: z.string().nullable(),
  request: HttpRequest.nullable(),
  response: HttpResponse.nullable(),
  /** What has neither request nor response (opaque protocols, streams of messages): bytes each way on the wire. */
  opaque: z.object({ sentBytes: z.int(), receivedBytes: z.int() }).optional(),
  /** Streams of messages only. */
  messages: z.array(StreamMessage).optional(),
  /** A stream recorded in parts: they share `connection`, and `index` counts them from 0; the first holds the request. */
  part: z.object({ index: z.int().nonnegative(), last: z.boolean() }).optional(),
  /** From the request's trace headers (W3C traceparent, B3), lower case hex. */
  trace: z.object({ traceId: z.string(), spanId: z.string() }).optional(),
  error: PairError.nullable(),
  gaps: Gaps.optional(),
  tags: z.record(z.string(), z.string()),
  redactions: z.array(Redaction),
});
export type RRPair = z.infer<typeof RRPair>;

/** `source` as one word: `cluster/namespace/name`, the name of a service everywhere. */
export function serviceOf(source: Source): string {
  return `${source.cluster}/${source.namespace}/${source.workload.name}`;
}

/** Tags with a meaning of their own; a pair of a replay carries `replay` and never counts as live traffic. */
export const TAG = {
  /** Id of the replay that produced the pair. */
  replay: 'replay',
  /** Id of the test (generator) the pair is the result of. */
  test: 'test',
  /** Replay session the request belonged to; of one that runs more than once this run of it (`runName`). */
  session: 'replay-session',
  /**
   * How the responder answered: `exact`, `volatile` (learned-volatile fields left out), `nearest`, `generalized`, `passthrough`
   * and `recorded` (by the real host; the latter is to become a mock) or `miss`.
   */
  match: 'match',
  /** Id of the mock that answered. */
  mock: 'mock',
  /** Responder, on a miss: the first differing field, `path: recorded → got`. */
  difference: 'difference',
  /** Generator: µs by which the request left later than intended. */
  lateUs: 'late-us',
  /** Responder: names of the chaos rules that touched the answer, comma separated. */
  chaos: 'chaos',
  /** Strict transforms that found nothing to work on, and why; on a result of the generator those of its answer. */
  transform: 'transform',
  /** Responder: ids of the chains that worked on the exchange, comma separated; with `!` those that found nothing to work on. */
  chains: 'chains',
  /** Responder: `local` when the state that several responders share was away. */
  state: 'state',
  /** Generator: how its own comparison ended, `passed` or `failed`. */
  verdict: 'verdict',
  /** Generator: how often the request had been sent before. */
  attempt: 'attempt',
  /** Generator: variables it could not fill, comma separated. */
  unresolved: 'unresolved',
} as const;
