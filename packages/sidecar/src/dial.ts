// Dialling: from a name and port to a connecting socket. Names below `.localhost` are loopback (RFC 6761 section 6.3),
// and our own listeners are never dialled, because a proxy that calls itself does not stop.
// It must not know why it dials.
import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { connect, isIP, Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { ipBytes, ipText } from '@echoplane/wire';

export interface Target {
  host: string;
  port: number;
}

/** Starts a connection; a failure is the socket's `error` event, also for a target that is refused. */
export type Dial = (target: Target) => Socket;

/** The destination is one of the sidecar's own listeners. */
export class LoopError extends Error {
  readonly code = 'ELOOP';
}

/** Dials anything but the local ports `ownPorts` holds at that moment. */
export function createDial(ownPorts: ReadonlySet<number>): Dial {
  return ({ host, port }) => {
    const isOwnPort = ownPorts.has(port);
    if (isOwnPort && isIP(host) !== 0 && isLocal(host)) return new Socket().destroy(loopError(host, port));
    return connect({
      host,
      port,
      allowHalfOpen: true,
      noDelay: true,
      lookup: (name, options, done) => {
        resolve(name, options, (error, found) => {
          const isLoop = isOwnPort && found.some(({ address }) => isLocal(address));
          const failure = isLoop ? loopError(host, port) : error;
          if (failure || options.all) return done(failure, found);
          done(null, found[0]!.address, found[0]!.family);
        });
      },
    });
  };
}

type Resolved = (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void;

function resolve(name: string, options: LookupOptions, done: Resolved): void {
  if (isLocalhostName(name)) done(null, [{ address: '127.0.0.1', family: 4 }]);
  else lookup(name, { ...options, all: true }, (error, found) => done(error, found ?? []));
}

/** Whether the name is below `.localhost`; `localhost` itself is the system's to resolve. */
export function isLocalhostName(name: string): boolean {
  return /\.localhost\.?$/i.test(name);
}

/** Whether an IP address is this machine's own. */
export function isLocal(address: string): boolean {
  const bytes = ipBytes(address);
  const ip = bytes ? ipText(bytes) : address;
  if (/^127\./.test(ip) || ip === '::1' || ip === '0.0.0.0' || ip === '::') return true;
  return Object.values(networkInterfaces()).some((list) => list?.some((entry) => entry.address === ip));
}

function loopError(host: string, port: number): LoopError {
  return new LoopError(`${host}:${port} is the sidecar's own listener`);
}
