// A reply as the bytes of HTTP/1: head, chunks, trailers. Pure.
import type { HeaderList } from '@echoplane/traffic';
import type { Reply } from './reply.ts';

const CRLF = '\r\n';
const LAST_CHUNK = Buffer.from('0\r\n');

/** How a reply is framed on a connection. */
export interface Http1Shape {
  /** The client's version, `1.1` or `1.0`. */
  version: string;
  /** Whether the connection lives on after it. */
  keepAlive: boolean;
}

/** Whether the body goes out in chunks: the reply says so and the client can read it. */
export function isChunked(headers: HeaderList, { version }: Http1Shape): boolean {
  return version !== '1.0' && headers.some(([name]) => name.toLowerCase() === 'transfer-encoding');
}

/** Status line, fields and blank line. What HTTP/1.0 cannot read in chunks runs until the connection closes. */
export function headBytes(
  { status, reason, headers }: Pick<Reply, 'status' | 'reason' | 'headers'>,
  shape: Http1Shape,
): Buffer {
  const { version, keepAlive } = shape;
  let text = `HTTP/1.1 ${status} ${reason}${CRLF}`;
  for (const [name, value] of headers)
    if (version !== '1.0' || name.toLowerCase() !== 'transfer-encoding') text += `${name}: ${value}${CRLF}`;
  if (!keepAlive) text += `Connection: close${CRLF}`;
  else if (version === '1.0') text += `Connection: keep-alive${CRLF}`;
  return Buffer.from(text + CRLF, 'latin1');
}

/** The whole reply. */
export function replyBytes(reply: Reply, shape: Http1Shape): Buffer {
  const head = headBytes(reply, shape);
  const { body, headers, trailers } = reply;
  if (!isChunked(headers, shape)) return body.length > 0 ? Buffer.concat([head, body]) : head;
  return Buffer.concat([head, ...(body.length > 0 ? [chunkBytes(body)] : []), endBytes(trailers)]);
}

/** One chunk; `bytes` is not empty, which would be the end. */
export function chunkBytes(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}${CRLF}`), bytes, Buffer.from(CRLF)]);
}

/** The last chunk and the trailers. */
export function endBytes(trailers: HeaderList): Buffer {
  return Buffer.concat([LAST_CHUNK, trailerBytes(trailers)]);
}

/** Trailers and the blank line after them. */
export function trailerBytes(trailers: HeaderList): Buffer {
  return Buffer.from(`${fieldLines(trailers)}${CRLF}`, 'latin1');
}

/** Fields as lines. */
export function fieldLines(headers: HeaderList): string {
  let text = '';
  for (const [name, value] of headers) text += `${name}: ${value}${CRLF}`;
  return text;
}
