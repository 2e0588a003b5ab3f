// Captured bytes to an RRPair: heads parsed, url made absolute, bodies stored, gaps named. Pure. What cannot be
// decoded gives null and does not leave; what is returned satisfies the RRPair schema.
import {
  type Body,
  Direction,
  type Gaps,
  type HeaderList,
  type HttpRequest,
  type HttpResponse,
  header,
  headerValues,
  type InflateBudget,
  PairError,
  RRPAIR_VERSION,
  type RRPair,
  storeBody,
  traceOf,
} from '@echoplane/traffic';
import {
  type CapturedAddress,
  type CapturedMessage,
  type CapturedPair,
  type Hello,
  parseTrailers,
} from '@echoplane/wire';
import { isSoundStream, lostOf, streamOf } from './decode-messages.ts';
import { type RequestHead, type ResponseHead, requestHeadOf, responseHeadOf } from './decode-pair-heads.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
const DIRECTIONS: ReadonlySet<string> = new Set(Direction.options);
const ERRORS: ReadonlySet<string> = new Set(PairError.options);
const SESSION_COOKIE = /sess|sid|auth|token/i;
/** Readable views of compressed bodies that one batch may add. */
export const BATCH_INFLATE_BYTES = 16 << 20;

/** Times further from now come from a broken clock, and the control plane keeps no place for them. */
const MAX_AHEAD_US = 3_600_000_000;
const MAX_AGE_US = 30 * 24 * 3_600_000_000;
/** Tags that JSON readers refuse, or take for something else. */
const RESERVED_TAGS: readonly string[] = ['__proto__', 'constructor', 'prototype'];

/** Who captured the pairs, and when they came. */
export interface Arrival {
  from: Hello;
  nowUs: number;
  /** What stands for a credential in `session`: it tells callers apart and cannot be turned back. */
  digest: (credential: string) => string;
}

/**
 * The RRPair of what was captured, or null when it is damaged or its heads cannot be parsed. JSON bodies are still `text`:
 * `settleBody` comes when nothing in them changes any more.
 */
export function decodePair(pair: CapturedPair, arrival: Arrival, budget: InflateBudget): RRPair | null {
  const { from, nowUs } = arrival;
  if (!hasSoundFields(pair, nowUs)) return null;
  const requestHead = requestHeadOf(pair);
  const responseHead = responseHeadOf(pair);
  if (requestHead === null || responseHead === null) return null;
  const isGrpc = pair.protocol === 'grpc';
  const body = (message: CapturedMessage, headers: HeaderList) => bodyOf(message, headers, isGrpc, budget);
  const request = requestHead && pair.request ? requestOf(pair.request, requestHead, body) : null;
  const response = responseHead && pair.response ? responseOf(pair.response, responseHead, body) : null;
  const gaps = gapsOf(pair);
  const trace = request && traceOf(request.headers);
  const isOpaque = !request && !response;
  return {
    v: RRPAIR_VERSION,
    id: pair.id,
    ts: pair.tsUs,
    durationUs: pair.durationUs,
    ttfbUs: pair.ttfbUs === -1 ? null : pair.ttfbUs,
    direction: pair.direction,
    protocol: pair.protocol,
    source: {
      cluster: from.cluster,
      namespace: from.namespace,
      workload: { kind: from.workloadKind, name: from.workload },
      pod: from.pod,
      container: from.container,
    },
    client: addressOf(pair.client),
    server: addressOf(pair.server),
    tls: pair.tls && {
      sni: pair.tls.sni || null,
      version: pair.tls.version || null,
      alpn: pair.tls.alpn || null,
    },
    connection: { id: pair.connection, seq: pair.seq },
    session: request && sessionOf(request.headers, arrival.digest),
    request,
    response,
    ...streamOf(pair),
    ...(trace ? { trace } : {}),
    ...(isOpaque ? { opaque: { sentBytes: pair.sentBytes, receivedBytes: pair.receivedBytes } } : {}),
    error: pair.error === '' ? null : (pair.error as PairError),
    ...(gaps ? { gaps } : {}),
    tags: pair.tags,
    redactions: [],
  };
}

/** Everything that is not a head or a body is in the range its schema wants. */
function hasSoundFields(pair: CapturedPair, nowUs: number): boolean {
  const counts = [pair.durationUs, pair.seq, pair.request?.bodySize ?? 0, pair.response?.bodySize ?? 0];
  return (
    UUID.test(pair.id) &&
    DIRECTIONS.has(pair.direction) &&
    pair.protocol.length > 0 &&
    pair.protocol.length <= 32 &&
    [pair.tsUs, pair.sentBytes, pair.receivedBytes].every(Number.isSafeInteger) &&
    pair.tsUs >= nowUs - MAX_AGE_US &&
    pair.tsUs <= nowUs + MAX_AHEAD_US &&
    !RESERVED_TAGS.some((tag) => Object.hasOwn(pair.tags, tag)) &&
    counts.every(isCount) &&
    isSoundStream(pair) &&
    (pair.ttfbUs === -1 || isCount(pair.ttfbUs)) &&
    [pair.client, pair.server].every(
      (address) => address && isCount(address.port) && address.port <= 65_535,
    ) &&
    (pair.error === '' || ERRORS.has(pair.error))
  );
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

type StoreBody = (message: CapturedMessage, headers: HeaderList) => Body;

function requestOf(message: CapturedMessage, head: RequestHead, body: StoreBody): HttpRequest {
  return { ...head, ...trailersOf(message), body: body(message, head.headers) };
}

function responseOf(message: CapturedMessage, head: ResponseHead, body: StoreBody): HttpResponse {
  return { ...head, ...trailersOf(message), body: body(message, head.headers) };
}

/** gRPC messages are binary, even when their bytes happen to be text. */
function bodyOf(message: CapturedMessage, headers: HeaderList, isGrpc: boolean, budget: InflateBudget): Body {
  const bytes = asBuffer(message.body);
  const size = Math.max(message.bodySize, bytes.length);
  const body =
    isGrpc && bytes.length > 0
      ? { size, encoding: 'identity', base64: bytes.toString('base64') }
      : storeBody(bytes, headerValues(headers, 'content-encoding').join(','), {
          ...{ size, budget, deferJson: true },
        });
  const chunks = chunkPairs(message.chunks);
  return chunks.length > 0 ? { ...body, chunks } : body;
}

function chunkPairs(interleaved: readonly number[]): [number, number][] {
  const pairs: [number, number][] = [];
  if (!interleaved.every(Number.isSafeInteger)) return pairs;
  for (let i = 0; i + 1 < interleaved.length; i += 2) pairs.push([interleaved[i]!, interleaved[i + 1]!]);
  return pairs;
}

function trailersOf(message: CapturedMessage): { trailers?: HeaderList } {
  const trailers = message.trailers.length > 0 ? parseTrailers(asBuffer(message.trailers)) : [];
  return trailers.length > 0 ? { trailers } : {};
}

/** What tells one caller from another without keeping it: the digest of the credential, or of the session cookie. */
function sessionOf(headers: HeaderList, digest: Arrival['digest']): string | null {
  const credential = header(headers, 'authorization') ?? sessionCookie(headers);
  return credential ? digest(credential) : null;
}

function sessionCookie(headers: HeaderList): string | undefined {
  for (const item of headerValues(headers, 'cookie').flatMap((value) => value.split(';'))) {
    const equals = item.indexOf('=');
    if (equals > 0 && SESSION_COOKIE.test(item.slice(0, equals))) return item.slice(equals + 1).trim();
  }
  return undefined;
}

function gapsOf(pair: CapturedPair): Gaps | null {
  const cut = (message: CapturedMessage | null) => (message ? message.bodySize - message.body.length : 0);
  const cutRequest = cut(pair.request) + lostOf(pair.messages, 'client');
  const cutResponse = cut(pair.response) + lostOf(pair.messages, 'server');
  const gaps: Gaps = {
    ...(cutRequest > 0 ? { requestTruncatedBytes: cutRequest } : {}),
    ...(cutResponse > 0 ? { responseTruncatedBytes: cutResponse } : {}),
    ...(pair.gapReason ? { reason: pair.gapReason } : {}),
  };
  return Object.keys(gaps).length > 0 ? gaps : null;
}

function addressOf(address: CapturedAddress): RRPair['client'] {
  return { ip: address.ip, port: address.port, host: address.host || null };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
