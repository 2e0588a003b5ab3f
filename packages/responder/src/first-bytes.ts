// Looks at what a client says first: a PROXY header is taken, everything else is put back, so that whoever comes next reads
// it again. It must not know who that is.
import type { Socket } from 'node:net';
import {
  detectProtocol,
  MAX_PROXY_HEADER_BYTES,
  type ProxyHeader,
  parseClientHello,
  parseProxyHeader,
} from '@echoplane/wire';

export type FirstBytes =
  | { kind: 'tls'; sni: string | null }
  /** `host`: as the first request's head has it. */
  | { kind: 'http'; host: string | null }
  | { kind: 'http2' }
  | { kind: 'unknown' }
  /** The client said nothing in time, or left. */
  | { kind: 'silent' };

/** A ClientHello of the largest size, spread over as many records as are read; a longer head is served without a look. */
const MAX_BYTES = 20_000;
const HOST = /\r\nhost:[ \t]*([^\r\n]*?)[ \t]*\r\n/i;

/** Waits for enough bytes to tell, at most `timeoutMs`. */
export function peekFirstBytes(socket: Socket, timeoutMs: number): Promise<FirstBytes> {
  return look(socket, timeoutMs, { kind: 'silent' } as FirstBytes, (bytes) => {
    const value = judge(bytes) ?? (bytes.length > MAX_BYTES ? ({ kind: 'unknown' } as const) : null);
    return value && { value, takenBytes: 0 };
  });
}

/** Takes the PROXY header off a connection; what is wrong with it as a text. */
export function takeProxyHeader(socket: Socket, timeoutMs: number): Promise<ProxyHeader | string> {
  return look(socket, timeoutMs, 'none came' as ProxyHeader | string, (bytes) => {
    const parsed = parseProxyHeader(bytes);
    if (parsed.status === 'ok') return { value: parsed.header, takenBytes: parsed.sizeBytes };
    if (parsed.status === 'refused') return { value: parsed.reason, takenBytes: 0 };
    return bytes.length > MAX_PROXY_HEADER_BYTES ? { value: 'too-long', takenBytes: 0 } : null;
  });
}

/** Reads until `judged` has an opinion; the bytes it does not take are put back. */
function look<T>(
  socket: Socket,
  timeoutMs: number,
  otherwise: T,
  judged: (bytes: Buffer) => { value: T; takenBytes: number } | null,
): Promise<T> {
  return new Promise((resolve) => {
    let seen = Buffer.alloc(0);
    const settle = (value: T, takenBytes = 0) => {
      clearTimeout(timer);
      socket.off('readable', read).off('close', leave);
      const rest = seen.subarray(takenBytes);
      if (rest.length > 0 && !socket.destroyed) socket.unshift(rest);
      resolve(value);
    };
    const leave = () => settle(otherwise);
    const read = () => {
      for (let chunk = socket.read() as Buffer | null; chunk; chunk = socket.read() as Buffer | null) {
        seen = Buffer.concat([seen, chunk]);
      }
      const found = judged(seen);
      if (found) settle(found.value, found.takenBytes);
      else if (socket.readableEnded) leave();
    };
    const timer = setTimeout(leave, timeoutMs);
    socket.on('readable', read).on('close', leave);
  });
}

function judge(bytes: Buffer): FirstBytes | null {
  const protocol = detectProtocol(bytes);
  if (protocol === 'need-more') return null;
  if (protocol === 'http1') return judgeHttp(bytes);
  if (protocol === 'http2') return { kind: 'http2' };
  if (protocol !== 'tls') return { kind: 'unknown' };
  const hello = parseClientHello(bytes);
  if (hello.status === 'need-more') return null;
  return hello.status === 'ok' ? { kind: 'tls', sni: hello.sni } : { kind: 'unknown' };
}

function judgeHttp(bytes: Buffer): FirstBytes | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0 && bytes.length <= MAX_BYTES) return null;
  return { kind: 'http', host: HOST.exec(bytes.toString('latin1', 0, end + 2))?.[1] ?? null };
}
