// The users of a run in recorded order: each recorded session is a client of its own, and all of them know the same live
// values, because what one session made another one may have used; the same holds for variables. Idle sessions past the bound lose their connections.
import type { Client } from './client.ts';
import type { User } from './player.ts';

/** Sessions whose connections are kept. */
const MAX_CLIENTS = 1_000;

export class SessionUsers {
  readonly #newClient: () => Client;
  readonly #known: Pick<User, 'values' | 'state'>;
  /** By session number, the one not used for longest first. */
  readonly #users = new Map<number, User>();

  constructor(newClient: () => Client, known: Pick<User, 'values' | 'state'>) {
    this.#newClient = newClient;
    this.#known = known;
  }

  of(session: number): User {
    const user = this.#users.get(session) ?? {
      ...{ client: this.#newClient(), runName: '', isAlone: false },
      ...this.#known,
    };
    this.#users.delete(session);
    this.#users.set(session, user);
    if (this.#users.size > MAX_CLIENTS) this.end(this.#users.keys().next().value!);
    return user;
  }

  end(session: number): void {
    this.#users.get(session)?.client.close();
    this.#users.delete(session);
  }

  close(): void {
    for (const session of [...this.#users.keys()]) this.end(session);
  }
}
