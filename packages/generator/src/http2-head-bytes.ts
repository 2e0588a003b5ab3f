// The request of an HTTP/2 or gRPC test: its fields as node:http2 takes them, and as a recording holds them. Pure.
import { bodyBytes, type HeaderList, header, type Test } from '@echoplane/traffic';
import type { RequestBytes } from './request-bytes.ts';
import { hostOf } from './signed-host.ts';

/** Fields that HTTP/2 does not have (RFC 9113 section 8.2.2), and the length, which is computed anew. */
const DROPPED = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'host', 'expect'],
  'content-length',
]);

export interface Http2Authority {
  scheme: 'http' | 'https';
  /** Null: the recorded one, as where it is signed. */
  host: string | null;
}

/** All fields in order, pseudo-headers first, names in lower case. */
export function http2Fields(request: Test['request'], { scheme, host }: Http2Authority): HeaderList {
  const recorded = header(request.headers, 'host') ?? header(request.headers, ':authority');
  const authority = hostOf(request, host) ?? recorded ?? host ?? '';
  const fields: HeaderList = [
    [':method', request.method],
    [':path', request.target],
    [':scheme', scheme],
    [':authority', authority],
  ];
  for (const [name, value] of request.headers) {
    const lower = name.toLowerCase();
    const isTe = lower === 'te' && value.toLowerCase() !== 'trailers';
    if (!DROPPED.has(lower) && !isTe && !lower.startsWith(':')) fields.push([lower, value]);
  }
  return fields;
}

/** The request as the exchange of a sidecar keeps it: `name: value` lines. */
export function http2HeadBytes(request: Test['request'], authority: Http2Authority): RequestBytes {
  const lines = http2Fields(request, authority).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(lines.join(''), 'latin1');
  const bytes = Buffer.concat([head, bodyBytes(request.body)]);
  return { bytes, head: bytes.subarray(0, head.length), body: bytes.subarray(head.length) };
}
