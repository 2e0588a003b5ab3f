// From an entry of a HAR file (1.2, and what browsers add to it) to captured pairs: raw heads are written again from the
// headers, bodies are as the browser shows them, decoded. A capture stream carries what went over the network, so an
// entry that did not is skipped, with the reason. Pure but for the ids, which are the caller's.
import { splitUrl } from '@echoplane/traffic';
import { type CapturedPair, parseHead, parseHttp2Head } from '@echoplane/wire';
import { type HarMessage, hasToken, requestBody, responseBody } from './har-body.ts';
import { webSocketParts } from './har-websocket.ts';

/** Why an entry became no pair, with the words for the user. */
export const SKIPPED = {
  'no-response': 'had no response (blocked, cancelled or failed)',
  'from-cache': 'came from the cache of the browser',
  'not-http': 'did not use HTTP (data:, blob:, extensions)',
  'other-host': 'went to other hosts',
  'too-old': 'lie outside the 30 days that are taken',
  damaged: 'could not be read (damaged, or larger than 64 MiB)',
} as const;
export type SkipReason = keyof typeof SKIPPED;

export interface HarImport {
  direction: 'IN' | 'OUT';
  tags: Record<string, string>;
  /** Hosts that are taken, by their names with or without port; empty: all. */
  hosts: readonly string[];
  /** Added to every time. */
  shiftUs: number;
  newId(tsUs: number): string;
  connections: HarConnections;
}

type Value = Record<string, unknown>;

const MAX_CONNECTIONS = 10_000;

/** Names connections by what the file says of them and counts their pairs; bounded, the oldest begins anew. */
export class HarConnections {
  readonly #prefix: string;
  readonly #known = new Map<string, { id: string; next: number }>();
  #made = 0;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The next place on a connection; without a name it is one of its own. */
  next(name: string): { connection: string; seq: number } {
    const connection = this.#known.get(name) ?? { id: `${this.#prefix}-${++this.#made}`, next: 0 };
    if (name !== '') {
      const [oldest] = this.#known.keys();
      if (this.#known.size >= MAX_CONNECTIONS && !this.#known.has(name)) this.#known.delete(oldest!);
      this.#known.set(name, connection);
    }
    return { connection: connection.id, seq: connection.next++ };
  }
}

/** The pairs of an entry (more than one of a WebSocket), or why there are none. */
export function harPairs(entry: unknown, options: HarImport): CapturedPair[] | SkipReason {
  const { request, response, ...about } = object(entry);
  const facts = factsOf(object(request), object(response), about);
  if (typeof facts === 'string') return facts;
  if (options.hosts.length > 0 && !options.hosts.some((host) => isHost(facts, host))) return 'other-host';
  const tsUs = startOf(about);
  if (tsUs === null) return 'damaged';
  const { isWebSocket, isTls, protocol, target } = facts;
  const pair: CapturedPair = {
    id: options.newId(tsUs + options.shiftUs),
    tsUs: tsUs + options.shiftUs,
    ...durations(about),
    direction: options.direction,
    protocol,
    scheme: isTls ? 'https' : 'http',
    client: { ip: '', port: 0, host: '' },
    server: { ip: text(about.serverIPAddress).replace(/^\[|\]$/g, ''), port: facts.port, host: facts.host },
    tls: isTls ? { sni: facts.host, version: '', alpn: protocol === 'http/1.1' ? '' : 'h2' } : null,
    ...options.connections.next(isWebSocket ? '' : text(about.connection)),
    request: messageOf(requestHead(facts), requestBody(object(request)), facts),
    response: messageOf(responseHead(facts), responseBody(object(response), facts.method), facts),
    ...{ sentBytes: 0, receivedBytes: 0, error: '', gapReason: '', tags: options.tags },
  };
  if (!isSound(pair) || target === '') return 'damaged';
  return isWebSocket ? [pair, ...webSocketParts(pair, about._webSocketMessages, options)] : [pair];
}

/** When an entry says it began, µs since the epoch; null when it does not. */
export function startedUs(entry: unknown): number | null {
  const at = text(object(entry).startedDateTime);
  const ms = Date.parse(at);
  // Date knows milliseconds; some tools write more digits.
  const micros = /\.\d{3}(\d{1,3})/.exec(at)?.[1] ?? '';
  return Number.isNaN(ms) ? null : ms * 1000 + Number(micros.padEnd(3, '0'));
}

interface Facts {
  method: string;
  status: number;
  statusText: string;
  protocol: 'http/1.1' | 'http/2' | 'grpc';
  version: '1.0' | '1.1' | '2';
  isTls: boolean;
  isWebSocket: boolean;
  authority: string;
  host: string;
  port: number;
  target: string;
  requestHeaders: [string, string][];
  responseHeaders: [string, string][];
}

const SCHEMES: Record<string, { isTls: boolean; port: number }> = {
  ...{ http: { isTls: false, port: 80 }, https: { isTls: true, port: 443 } },
  ...{ ws: { isTls: false, port: 80 }, wss: { isTls: true, port: 443 } },
};

function factsOf(request: Value, response: Value, about: Value): Facts | SkipReason {
  const url = text(request.url);
  const scheme = /^[a-z][a-z0-9+.-]*(?=:)/i.exec(url)?.[0].toLowerCase() ?? '';
  if (scheme === '' || !URL.canParse(url)) return 'damaged';
  if (!Object.hasOwn(SCHEMES, scheme)) return 'not-http';
  const status = Number(response.status ?? 0);
  if (!(status > 0) || typeof about._error === 'string') return 'no-response';
  if (about._fromCache) return 'from-cache';
  const { isTls, port: usualPort } = SCHEMES[scheme]!;
  const { hostname, port } = new URL(url);
  const { host: named, path, query } = splitUrl(url.replace(/#.*$/s, ''));
  const requestHeaders = headersOf(request);
  const version = versionOf(text(response.httpVersion), text(request.httpVersion));
  const isGrpc = requestHeaders.some(
    ([name, value]) => /^content-type$/i.test(name) && /^application\/grpc(?:$|[+;])/i.test(value),
  );
  return {
    method: text(request.method),
    status,
    statusText: text(response.statusText).replace(/[^\x20-\x7e]/g, ''),
    protocol: version !== '2' ? 'http/1.1' : isGrpc ? 'grpc' : 'http/2',
    version,
    isTls,
    isWebSocket: status === 101,
    authority: named.replace(/^.*@/s, ''),
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? usualPort : Number(port),
    target: visible(query === '' ? path : `${path}?${query}`),
    requestHeaders,
    responseHeaders: headersOf(response),
  };
}

/** HTTP/3 is written as HTTP/2: the same pseudo-headers, the same meaning. */
function versionOf(...names: string[]): Facts['version'] {
  const name = names.find((one) => /^(?:http\/\d|h[23]|spdy|quic)/i.test(one)) ?? '';
  if (/^http\/1\.0/i.test(name)) return '1.0';
  return /^(?:http\/[23]|h[23]|spdy|quic)/i.test(name) ? '2' : '1.1';
}

/** A header that browsers give once with several lines was several. */
function headersOf(message: Value): [string, string][] {
  const headers: [string, string][] = [];
  for (const one of list(message.headers)) {
    const { name, value } = object(one);
    if (!hasToken(text(name))) continue;
    for (const line of text(value).split(/[\r\n]+/))
      headers.push([text(name), line.replaceAll('\0', '').trim()]);
  }
  return headers;
}

function requestHead({ version, method, target, authority, isTls, requestHeaders }: Facts): HarMessage {
  if (version === '2') {
    const pseudo = `:method: ${method}\r\n:scheme: ${isTls ? 'https' : 'http'}\r\n:authority: ${authority}\r\n:path: ${target}\r\n`;
    return { start: pseudo, headers: requestHeaders.filter(([name]) => !/^host$/i.test(name)) };
  }
  const hasHost = requestHeaders.some(([name]) => /^host$/i.test(name));
  const headers: [string, string][] = hasHost ? requestHeaders : [['Host', authority], ...requestHeaders];
  return { start: `${method} ${target} HTTP/${version}\r\n`, headers };
}

function responseHead({ version, status, statusText, responseHeaders: headers }: Facts): HarMessage {
  if (version === '2') return { start: `:status: ${status}\r\n`, headers };
  return { start: `HTTP/${version} ${status} ${statusText}\r\n`, headers };
}

function messageOf(
  { start, headers }: HarMessage,
  body: ReturnType<typeof requestBody>,
  { version }: Facts,
): NonNullable<CapturedPair['request']> {
  const name = (given: string) => (version === '2' ? given.toLowerCase() : given);
  const lines = body.fitHeaders(headers).map(([given, value]) => `${name(given)}: ${value}\r\n`);
  const head = `${start}${lines.join('')}\r\n`;
  const isLatin1 = /^[\0-\xff]*$/.test(head);
  return {
    head: Buffer.from(head, isLatin1 ? 'latin1' : 'utf8'),
    ...{ body: body.kept, bodySize: body.size, trailers: Buffer.alloc(0), chunks: [] },
  };
}

/** Whether a forwarder will take it: what it cannot decode it would count and drop, and nobody here would know. */
function isSound({ protocol, request, response, tsUs, durationUs, ttfbUs }: CapturedPair): boolean {
  const parse = protocol === 'http/1.1' ? parseHead : parseHttp2Head;
  const heads = [request!, response!].map(({ head }) => parse(Buffer.from(head)));
  const hasMethod =
    protocol === 'http/1.1' || /^:method: \S+\r\n/.test(Buffer.from(request!.head).toString());
  const hasStatus = /^(?::status: |HTTP\/1\.[01] )[1-9]\d\d[ \r]/.test(
    Buffer.from(response!.head).toString(),
  );
  return (
    heads.every(Boolean) && hasMethod && hasStatus && [tsUs, durationUs, ttfbUs].every(Number.isSafeInteger)
  );
}

/** A pair begins with the first byte of its request: behind waiting for a connection and making it. */
function startOf(about: Value): number | null {
  const entryUs = startedUs(about);
  return entryUs === null ? null : entryUs + sumUs(object(about.timings), ['blocked', 'dns', 'connect']);
}

function durations({ timings, time }: Value): { durationUs: number; ttfbUs: number } {
  const known = object(timings);
  const ttfbUs = sumUs(known, ['send', 'wait']);
  const durationUs = ttfbUs + sumUs(known, ['receive']);
  const wholeUs = typeof time === 'number' && time > 0 ? Math.round(time * 1000) : 0;
  return durationUs > 0 ? { durationUs, ttfbUs } : { durationUs: wholeUs, ttfbUs: wholeUs };
}

/** HAR says -1 for what did not happen. */
function sumUs(timings: Value, names: readonly string[]): number {
  const ms = names.map((name) => timings[name]).filter((value) => typeof value === 'number' && value > 0);
  return Math.round((ms as number[]).reduce((sum, value) => sum + value, 0) * 1000);
}

function isHost({ host, authority }: Facts, wanted: string): boolean {
  return [host, authority].some((name) => name.toLowerCase() === wanted.toLowerCase());
}

/** Targets hold visible ASCII; what a tool left unescaped is escaped. */
function visible(target: string): string {
  return target.replace(/[^\x21-\x7e]/gu, (sign) => encodeURIComponent(sign.toWellFormed()));
}

function object(value: unknown): Value {
  return typeof value === 'object' && value !== null ? (value as Value) : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
