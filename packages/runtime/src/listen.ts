// Opening a listening socket with errors a person can act on.
import type { AddressInfo, Server } from 'node:net';
import { OperatingError } from './lifecycle.ts';

/**
 * Listens and resolves with the port taken (`port` 0 takes a free one); `ipv6Only`: `::` without IPv4. Throws
 * OperatingError naming the port.
 */
export function listen(
  server: Server,
  port: number,
  host = '127.0.0.1',
  what = 'the server',
  ipv6Only = false,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => reject(listenError(cause, port, host, what));
    server.once('error', fail);
    server.listen({ port, host, ipv6Only }, () => {
      server.off('error', fail);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** The sentence for a failed listen. */
export function listenError(
  cause: NodeJS.ErrnoException,
  port: number,
  host: string,
  what: string,
): OperatingError {
  if (cause.code === 'EADDRINUSE') {
    return new OperatingError(
      'port_busy',
      `Port ${port} on ${host} is in use, so ${what} cannot start; stop what holds it or choose another port.`,
      { cause },
    );
  }
  if (cause.code === 'EACCES') {
    return new OperatingError(
      'port_denied',
      `Port ${port} on ${host} may not be opened by this user; choose a port above 1023 for ${what}.`,
      { cause },
    );
  }
  return new OperatingError('listen_failed', `${what} cannot listen on ${host}:${port}: ${cause.message}.`, {
    cause,
  });
}
