// Which connections a transparent listener serves: those that were redirected to it. One that came to the port itself, or
// whose destination is one of our own listeners, would make us call ourselves; it is closed and counted.
import type { Socket } from 'node:net';
import { isLocal, type Target } from './dial.ts';
import type { Metrics } from './metrics.ts';
import type { OriginalDestination } from './original-destination.ts';

export interface RedirectedOptions {
  originalDestination: OriginalDestination;
  /** Ports of our own listeners at that moment. */
  ownPorts: ReadonlySet<number>;
  metrics: Metrics;
}

/** Tells the redirected connections from the others. */
export class Redirected {
  readonly #options: RedirectedOptions;

  constructor(options: RedirectedOptions) {
    this.#options = options;
  }

  /** Where an accepted connection was going; null when it is not to be served: it is closed then. */
  destinationOf(socket: Socket): Target | null {
    const { originalDestination, ownPorts, metrics } = this.#options;
    const target = originalDestination(socket);
    const isOurs = target !== null && ownPorts.has(target.port) && isLocal(target.host);
    if (target && !isOurs) return target;
    metrics.count('connections_refused', target ? 'own-listener' : 'not-redirected');
    socket.destroy();
    return null;
  }
}
