// A test's request as the bytes to send: recorded headers verbatim and in order, except what speaks of the old
// connection. Pure. It must not know tokens: the request it gets is already filled.
import { bodyBytes, type HeaderList, type Test } from '@echoplane/traffic';
import { hostOf } from './signed-host.ts';

export interface RequestBytes {
  /** Head and body, as they are written. */
  bytes: Buffer;
  head: Buffer;
  body: Buffer;
}

/** Headers of one connection (RFC 9110 section 7.6.1); an Expect would only make the server wait for what comes anyway. */
const DROPPED = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  'expect',
]);
const UNSAFE_IN_VALUE = /[\r\n\0\u0100-\uffff]/;
const FRAMING = new Set(['content-length', 'transfer-encoding']);

/** Serialises a request for `host`, null: the recorded one, as where it is signed; the body is sent with a Content-Length, which takes the place of the recorded framing. */
export function requestBytes(request: Test['request'], named: string | null): RequestBytes {
  const host = hostOf(request, named);
  const body = bodyBytes(request.body);
  const options = connectionOptions(request.headers);
  const lines = [`${request.method} ${safeTarget(request.target)} HTTP/1.1`];
  let framed = false;
  if (!request.headers.some(([name]) => name.toLowerCase() === 'host')) lines.push(`Host: ${host ?? ''}`);
  for (const [name, value] of request.headers) {
    const lower = name.toLowerCase();
    if (DROPPED.has(lower) || options.has(lower)) continue;
    if (FRAMING.has(lower)) {
      if (!framed) lines.push(`Content-Length: ${body.length}`);
      framed = true;
    } else lines.push(`${name}: ${lower === 'host' && host !== null ? host : safeValue(value)}`);
  }
  if (!framed && body.length > 0) lines.push(`Content-Length: ${body.length}`);
  // Header values are octets held as latin1, so they are written back as such.
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const bytes = Buffer.concat([head, body]);
  return { bytes, head: bytes.subarray(0, head.length), body: bytes.subarray(head.length) };
}

/** Headers that the recorded Connection header declared as belonging to that connection. */
function connectionOptions(headers: HeaderList): Set<string> {
  const options = headers
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.split(','));
  return new Set(options.map((option) => option.trim().toLowerCase()).filter((option) => option !== 'host'));
}

/** A live value may hold anything; it must not end a line and begin another header. */
function safeValue(value: string): string {
  if (!UNSAFE_IN_VALUE.test(value)) return value;
  return value
    .replace(/[\r\n\0]/g, ' ')
    .replace(/[\u0100-\uffff]+/g, (text) => Buffer.from(text).toString('latin1'));
}

/** Blanks, controls and what is not latin1 are percent-encoded; recorded octets stay as they were. */
function safeTarget(target: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in a target
  return target.replace(/[\x00-\x20\x7f\u0100-\uffff]+/g, (text) =>
    Buffer.from(text).toString('hex').replace(/../g, '%$&').toUpperCase(),
  );
}
