// Captured bytes to an RRPair: heads parsed, url made absolute, bodies stored, gaps named. Pure. What cannot be
// decoded gives null and does not leave; what is returned satisfies the RRPair schema.
import { createHash } from 'node:crypto';
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
} from '@echoplane/traffic';
import {
  type Batch,
  type CapturedAddress,
  type CapturedMessage,
  type CapturedPair,
  type Hello,
  type ParsedHead,
  type ParsedRequestHead,
  type ParsedResponseHead,
  parseHead,
  parseTrailers,
} from '@echoplane/wire';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
const SESSION_COOKIE = /sess|sid|auth|token/i;
const AUTHORITY = /^[^\s/?#@]+$/;
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\//i;
const DEFAULT_PORT: Record<string, number> = { http: 80, https: 443 };
/** Readable views of compressed bodies that one batch may add. */
const BATCH_INFLATE_BYTES = 16 << 20;

/** Times further from now come from a broken clock, and the control plane keeps no place for them. */
const MAX_AHEAD_US = 3_600_000_000;
const MAX_AGE_US = 30 * 24 * 3_600_000_000;
/** Tags that JSON readers refuse, or take for something else. */
const RESERVED_TAGS: readonly string[] = ['__proto__', 'constructor', 'prototype'];

/** Who captured the pairs, and when they came. */
export interface Arrival {
  from: Hello;
  nowUs: number;
}

/** The pairs of a batch as RRPairs, and how many of them could not be decoded. */
export function decodeBatch(batch: Batch, arrival: Arrival): { pairs: RRPair[]; undecodable: number } {
  const budget = { leftBytes: BATCH_INFLATE_BYTES };
  const pairs: RRPair[] = [];
  for (const captured of batch.pairs) {
    try {
      const pair = decodePair(captured, arrival, budget);
      if (pair) pairs.push(pair);
    } catch {
      // A pair that breaks the decoder must not break its stream: it would be sent again for ever.
    }
  }
  return { pairs, undecodable: batch.pairs.length - pairs.length };
}

/** The RRPair of what was captured, or null when it is damaged or its heads cannot be parsed. */
export function decodePair(
  pair: CapturedPair,
  { from, nowUs }: Arrival,
  budget: InflateBudget,
): RRPair | null {
  if (!hasSoundFields(pair, nowUs)) return null;
  const requestHead = headOf(pair.request, 'request');
  const responseHead = headOf(pair.response, 'response');
  if (requestHead === null || responseHead === null) return null;
  const request = requestHead && pair.request ? requestOf(pair, pair.request, requestHead, budget) : null;
  const response = responseHead && pair.response ? responseOf(pair.response, responseHead, budget) : null;
  const gaps = gapsOf(pair);
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
    session: request && sessionOf(request.headers),
    request,
    response,
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
    Direction.safeParse(pair.direction).success &&
    pair.protocol.length > 0 &&
    pair.protocol.length <= 32 &&
    [pair.tsUs, pair.sentBytes, pair.receivedBytes].every(Number.isSafeInteger) &&
    pair.tsUs >= nowUs - MAX_AGE_US &&
    pair.tsUs <= nowUs + MAX_AHEAD_US &&
    !RESERVED_TAGS.some((tag) => Object.hasOwn(pair.tags, tag)) &&
    counts.every(isCount) &&
    (pair.ttfbUs === -1 || isCount(pair.ttfbUs)) &&
    [pair.client, pair.server].every(
      (address) => address && isCount(address.port) && address.port <= 65_535,
    ) &&
    (pair.error === '' || PairError.safeParse(pair.error).success)
  );
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** The parsed head; undefined when there is no message, null when it is not what it should be. */
function headOf(message: CapturedMessage | null, kind: 'request'): ParsedRequestHead | null | undefined;
function headOf(message: CapturedMessage | null, kind: 'response'): ParsedResponseHead | null | undefined;
function headOf(message: CapturedMessage | null, kind: ParsedHead['kind']): ParsedHead | null | undefined {
  if (!message) return undefined;
  const head = parseHead(asBuffer(message.head));
  return head?.kind === kind ? head : null;
}

function requestOf(
  pair: CapturedPair,
  message: CapturedMessage,
  head: ParsedRequestHead,
  budget: InflateBudget,
): HttpRequest {
  return {
    method: head.method,
    url: urlOf(pair, head),
    version: head.version,
    headers: head.headers,
    ...trailersOf(message),
    body: bodyOf(message, head.headers, budget),
  };
}

function responseOf(message: CapturedMessage, head: ParsedResponseHead, budget: InflateBudget): HttpResponse {
  return {
    status: head.status,
    reason: head.reason,
    headers: head.headers,
    ...trailersOf(message),
    body: bodyOf(message, head.headers, budget),
  };
}

function bodyOf(message: CapturedMessage, headers: HeaderList, budget: InflateBudget): Body {
  const bytes = asBuffer(message.body);
  const size = Math.max(message.bodySize, bytes.length);
  const body = storeBody(bytes, headerValues(headers, 'content-encoding').join(','), { size, budget });
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

/** Absolute url: an absolute target as it is, else scheme and the authority the client named, default port left out. */
function urlOf(pair: CapturedPair, head: ParsedRequestHead): string {
  if (ABSOLUTE.test(head.target)) return head.target;
  const scheme = Object.hasOwn(DEFAULT_PORT, pair.scheme) ? pair.scheme : pair.tls ? 'https' : 'http';
  if (head.method === 'CONNECT') return `${scheme}://${head.target}`;
  const named = header(head.headers, 'host');
  const authority = named && AUTHORITY.test(named) ? named : serverAuthority(pair.server);
  const origin = `${scheme}://${authority.replace(new RegExp(`:${DEFAULT_PORT[scheme]}$`), '')}`;
  // `OPTIONS *` is the origin without a path (RFC 9112 section 3.2.4).
  return head.target === '*' ? origin : `${origin}${head.target.startsWith('/') ? '' : '/'}${head.target}`;
}

function serverAuthority(server: CapturedAddress): string {
  const host = server.host || server.ip;
  return `${host.includes(':') ? `[${host}]` : host}:${server.port}`;
}

/** What tells one caller from another without keeping it: a hash of the credential, or of the session cookie. */
function sessionOf(headers: HeaderList): string | null {
  const credential = header(headers, 'authorization') ?? sessionCookie(headers);
  return credential ? createHash('sha256').update(credential).digest('hex').slice(0, 16) : null;
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
  const gaps: Gaps = {
    ...(cut(pair.request) > 0 ? { requestTruncatedBytes: cut(pair.request) } : {}),
    ...(cut(pair.response) > 0 ? { responseTruncatedBytes: cut(pair.response) } : {}),
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
