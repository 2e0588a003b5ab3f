// The heads of a captured pair, HTTP/1.1 or HTTP/2: start line or pseudo-headers taken apart, the url made absolute.
// Pure; it must not know bodies, or what the rest of an RRPair is.
import { type HeaderList, header } from '@echoplane/traffic';
import {
  type CapturedAddress,
  type CapturedMessage,
  type CapturedPair,
  parseHead,
  parseHttp2Head,
} from '@echoplane/wire';

const AUTHORITY = /^[^\s/?#@]+$/;
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\//i;
const STATUS = /^[1-9]\d\d$/;
const DEFAULT_PORT: Record<string, number> = { http: 80, https: 443 };

export interface RequestHead {
  method: string;
  /** Absolute. */
  url: string;
  version: string;
  headers: HeaderList;
}

export interface ResponseHead {
  status: number;
  /** HTTP/2 has none. */
  reason?: string;
  headers: HeaderList;
}

/** The head of the request; undefined when there is no request, null when it is not what it should be. */
export function requestHeadOf(pair: CapturedPair): RequestHead | null | undefined {
  if (!pair.request) return undefined;
  if (isHttp2(pair)) return http2RequestHead(pair, pair.request);
  const head = parseHead(asBuffer(pair.request.head));
  if (head?.kind !== 'request') return null;
  const { method, target, version, headers } = head;
  return { method, url: urlOf(pair, { method, target, named: header(headers, 'host') }), version, headers };
}

/** The head of the response; undefined when there is none, null when it is not what it should be. */
export function responseHeadOf(pair: CapturedPair): ResponseHead | null | undefined {
  if (!pair.response) return undefined;
  const raw = asBuffer(pair.response.head);
  if (isHttp2(pair)) {
    const head = parseHttp2Head(raw);
    const status = head?.pseudo.get('status') ?? '';
    return head && STATUS.test(status) ? { status: Number(status), headers: head.headers } : null;
  }
  const head = parseHead(raw);
  if (head?.kind !== 'response') return null;
  return { status: head.status, reason: head.reason, headers: head.headers };
}

function isHttp2({ protocol }: CapturedPair): boolean {
  return protocol === 'http/2' || protocol === 'grpc';
}

function http2RequestHead(pair: CapturedPair, message: CapturedMessage): RequestHead | null {
  const head = parseHttp2Head(asBuffer(message.head));
  const method = head?.pseudo.get('method');
  if (!head || !method) return null;
  const { pseudo, headers } = head;
  const named = pseudo.get('authority') || header(headers, 'host');
  const scheme = pseudo.get('scheme');
  // CONNECT has an authority and no path (RFC 9113 section 8.5), unless it is extended (RFC 8441).
  const target = pseudo.get('path') ?? (method === 'CONNECT' ? (named ?? '') : null);
  if (target === null) return null;
  const isPlainConnect = method === 'CONNECT' && !pseudo.has('path');
  const url = urlOf(pair, { method: isPlainConnect ? method : '', target, named, scheme });
  return { method, url, version: '2', headers };
}

interface Target {
  method: string;
  target: string;
  /** The authority the client named, if it did. */
  named: string | undefined;
  /** The scheme the client named, if it did. */
  scheme?: string | undefined;
}

/** Absolute url: an absolute target as it is, else scheme and the authority the client named, default port left out. */
function urlOf(pair: CapturedPair, { method, target, named, scheme: said }: Target): string {
  if (ABSOLUTE.test(target)) return target;
  const scheme = [said, pair.scheme].find((one) => one !== undefined && Object.hasOwn(DEFAULT_PORT, one));
  const start = `${scheme ?? (pair.tls ? 'https' : 'http')}://`;
  if (method === 'CONNECT') return `${start}${target}`;
  const authority = named && AUTHORITY.test(named) ? named : serverAuthority(pair.server);
  const port = DEFAULT_PORT[start.slice(0, -3)];
  const origin = `${start}${authority.replace(new RegExp(`:${port}$`), '')}`;
  // `OPTIONS *` is the origin without a path (RFC 9112 section 3.2.4).
  return target === '*' ? origin : `${origin}${target.startsWith('/') ? '' : '/'}${target}`;
}

function serverAuthority(server: CapturedAddress): string {
  const host = server.host || server.ip;
  return `${host.includes(':') ? `[${host}]` : host}:${server.port}`;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
