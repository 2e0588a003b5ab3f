// The accepted connections of a process, so that it can end without harm to the app, which may be ending too and have
// last calls to make: while draining everything goes on, new connections too; a connection that stays quiet is closed; it is
// over when nothing is left and nothing new comes, or at the deadline. It must not know what the connections carry.
import { isIPv6, type Server, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { type Clock, listen } from '@echoplane/runtime';

const POLL_MS = 25;
/** A connection, and the listeners, are done when nothing happened for so long: between two calls an app takes a moment. */
const QUIET_MS = 500;

/** One accepted connection; `isQuiet` is replaced as soon as somebody can tell. */
export interface Accepted {
  isQuiet(): boolean;
}

/** Accepts connections and closes them at the end. */
export class Connections {
  readonly #open = new Map<Socket, Accepted>();
  readonly #servers: Server[] = [];
  #isDraining = false;
  #accepted = 0;

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Takes a connection on; its errors are never unhandled. */
  add(socket: Socket): Accepted {
    const accepted = { isQuiet: () => true };
    this.#open.set(socket, accepted);
    this.#accepted++;
    socket.on('error', () => {}).on('close', () => this.#open.delete(socket));
    return accepted;
  }

  /** Listens with `server` and resolves with its port; an IPv6 address takes IPv6 only. */
  async listen(server: Server, port: number, host: string, what: string): Promise<number> {
    const taken = await listen(server, port, host, what, isIPv6(host));
    this.#servers.push(server);
    return taken;
  }

  /** Stops accepting. */
  close(): void {
    this.#isDraining = true;
    for (const server of this.#servers) server.close();
  }

  /** Goes on until all is quiet, at most `deadlineMs`; then stops accepting and closes what is left. */
  async drain(clock: Clock, deadlineMs: number): Promise<void> {
    this.#isDraining = true;
    const deadlineUs = clock.nowUs() + deadlineMs * 1000;
    const watched = new WeakMap<Socket, { bytesRead: number; sinceUs: number }>();
    let accepted = this.#accepted;
    let quietSinceUs = clock.nowUs();
    for (let nowUs = quietSinceUs; nowUs < deadlineUs; nowUs = clock.nowUs()) {
      for (const [socket, one] of this.#open) {
        const before = watched.get(socket);
        if (before?.bytesRead !== socket.bytesRead || !one.isQuiet())
          watched.set(socket, { bytesRead: socket.bytesRead, sinceUs: nowUs });
        else if (isOver(before.sinceUs, nowUs)) socket.destroySoon();
      }
      if (this.#open.size > 0 || accepted !== this.#accepted) quietSinceUs = nowUs;
      else if (isOver(quietSinceUs, nowUs)) break;
      accepted = this.#accepted;
      await clock.sleep(POLL_MS);
      // After the events that wait already: of a process that was kept from running, a connection with bytes is not quiet.
      await setImmediate();
    }
    this.close();
    for (const socket of this.#open.keys()) socket.destroy();
  }
}

function isOver(sinceUs: number, nowUs: number): boolean {
  return nowUs - sinceUs >= QUIET_MS * 1000;
}
