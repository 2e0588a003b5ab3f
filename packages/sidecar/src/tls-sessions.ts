// What makes TLS resumption work beside tickets, which need nothing of us: the sessions we hold as a client of upstreams,
// and those we hold as a server for TLS 1.2 clients that resume by id. Both are bounded: the one used longest ago goes.
// They live in memory, because whoever holds a session can read its connections.
import { Server } from 'node:net';
import type { Clock } from '@echoplane/runtime';

const MAX_SESSIONS = 500;
const MAX_SESSION_BYTES = 16_384;
/** A resumed session is not verified again: after a day the upstream has to show its certificate anew. */
const VERIFIED_LIFE_US = 24 * 3_600_000_000;
const ID_LIFE_US = 300_000_000;

interface Held {
  session: Buffer;
  /** Of the full handshake it goes back to. */
  sinceUs: number;
}

/** Up to 500 sessions of at most 16 KiB, each for some time after its full handshake. */
class SessionStore {
  readonly #held = new Map<string, Held>();
  readonly #clock: Pick<Clock, 'nowUs'>;
  readonly #lifeUs: number;

  constructor(clock: Pick<Clock, 'nowUs'>, lifeUs: number) {
    this.#clock = clock;
    this.#lifeUs = lifeUs;
  }

  get(key: string): Held | null {
    const held = this.#held.get(key);
    if (!held) return null;
    this.#held.delete(key);
    if (this.#clock.nowUs() - held.sinceUs > this.#lifeUs) return null;
    this.#held.set(key, held);
    return held;
  }

  put(key: string, session: Buffer, sinceUs = this.#clock.nowUs()): void {
    this.#held.delete(key);
    if (session.length > MAX_SESSION_BYTES) return;
    this.#held.set(key, { session, sinceUs });
    if (this.#held.size > MAX_SESSIONS) this.#held.delete(this.#held.keys().next().value!);
  }

  delete(key: string): void {
    this.#held.delete(key);
  }
}

/** Sessions with upstreams, by all that a session was agreed for. */
export class UpstreamSessions extends SessionStore {
  constructor(clock: Pick<Clock, 'nowUs'>) {
    super(clock, VERIFIED_LIFE_US);
  }
}

/** Sessions of TLS 1.2 clients without tickets, for 5 min; `server` is what a TLSSocket asks for them. */
export class SessionIds {
  readonly server = new Server();

  constructor(clock: Pick<Clock, 'nowUs'>) {
    const store = new SessionStore(clock, ID_LIFE_US);
    this.server
      .on('newSession', (id: Buffer, session: Buffer, done: () => void) => {
        store.put(id.toString('latin1'), session);
        done();
      })
      .on('resumeSession', (id: Buffer, done: (error: null, session: Buffer | null) => void) =>
        done(null, store.get(id.toString('latin1'))?.session ?? null),
      );
  }
}
