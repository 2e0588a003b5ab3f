// The accepted connections of a process, so that it can end: quiet ones are closed at once, the others get a deadline.
// It must not know what the connections carry.
import type { Server, Socket } from 'node:net';
import { type Clock, listen } from '@echoplane/runtime';

const POLL_MS = 25;

/** One accepted connection; `isQuiet` is replaced as soon as somebody can tell. */
export interface Accepted {
  isQuiet(): boolean;
}

/** Accepts connections and closes them at the end. */
export class Connections {
  readonly #open = new Map<Socket, Accepted>();
  readonly #servers: Server[] = [];
  #isDraining = false;

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Takes a connection on; its errors are never unhandled. */
  add(socket: Socket): Accepted {
    const accepted = { isQuiet: () => true };
    this.#open.set(socket, accepted);
    socket.on('error', () => {}).on('close', () => this.#open.delete(socket));
    return accepted;
  }

  /** Listens with `server` and resolves with its port. */
  async listen(server: Server, port: number, host: string, what: string): Promise<number> {
    const taken = await listen(server, port, host, what);
    this.#servers.push(server);
    return taken;
  }

  /** Stops accepting. */
  close(): void {
    this.#isDraining = true;
    for (const server of this.#servers) server.close();
  }

  /** Stops accepting, lets what is going on finish, and closes what is left after `deadlineMs`. */
  async drain(clock: Clock, deadlineMs: number): Promise<void> {
    this.close();
    const deadlineUs = clock.nowUs() + deadlineMs * 1000;
    while (this.#open.size > 0 && clock.nowUs() < deadlineUs) {
      for (const [socket, accepted] of this.#open) if (accepted.isQuiet()) socket.destroySoon();
      await clock.sleep(POLL_MS);
    }
    for (const socket of this.#open.keys()) socket.destroy();
  }
}
