// Looks at what a client says first, without taking it: the bytes are put back, so whoever comes next reads them again.
import type { Socket } from 'node:net';
import { detectProtocol, parseClientHello } from '@echoplane/wire';

export type FirstBytes =
  | { kind: 'tls'; sni: string | null }
  | { kind: 'http' }
  | { kind: 'unknown' }
  /** The client said nothing in time, or left. */
  | { kind: 'silent' };

/** A ClientHello of the largest size, spread over as many records as are read. */
const MAX_BYTES = 20_000;

/** Waits for enough bytes to tell, at most `timeoutMs`. */
export function peekFirstBytes(socket: Socket, timeoutMs: number): Promise<FirstBytes> {
  return new Promise((resolve) => {
    let seen = Buffer.alloc(0);
    const settle = (found: FirstBytes) => {
      clearTimeout(timer);
      socket.off('readable', look).off('close', leave);
      if (seen.length > 0 && !socket.destroyed) socket.unshift(seen);
      resolve(found);
    };
    const leave = () => settle({ kind: 'silent' });
    const look = () => {
      for (let chunk = socket.read() as Buffer | null; chunk; chunk = socket.read() as Buffer | null) {
        seen = Buffer.concat([seen, chunk]);
      }
      const found = judge(seen);
      if (found) settle(found);
      else if (seen.length > MAX_BYTES) settle({ kind: 'unknown' });
      else if (socket.readableEnded) leave();
    };
    const timer = setTimeout(leave, timeoutMs);
    socket.on('readable', look).on('close', leave);
  });
}

function judge(bytes: Buffer): FirstBytes | null {
  const protocol = detectProtocol(bytes);
  if (protocol === 'need-more') return null;
  if (protocol === 'http1') return { kind: 'http' };
  if (protocol !== 'tls') return { kind: 'unknown' };
  const hello = parseClientHello(bytes);
  if (hello.status === 'need-more') return null;
  return hello.status === 'ok' ? { kind: 'tls', sni: hello.sni } : { kind: 'unknown' };
}
