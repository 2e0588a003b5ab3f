// Writes that a client repeated as they were until the service took them: `409 try again later`, again, `200`. How often it had to
// ask was the service's doing: a replay sends the last of them, until it is taken as well. Bounded: the latest write of so many
// clients. Pure.

const MAX_CLIENTS = 2_000;
const MAX_TRIES = 100;
/** Who may not do a thing does not get to do it by repeating. */
const FORBIDDEN: ReadonlySet<number> = new Set([401, 403]);

/** A request of a client; `request` tells equal writes, null for a read. */
interface Asked {
  client: string;
  pair: number;
  request: string | null;
  status: number;
  fromUs: number;
  toUs: number;
}

/** The tries that were refused. */
interface Tries {
  request: string;
  pairs: number[];
  statuses: number[];
  toUs: number;
}

export class Insisting {
  readonly #refused = new Map<string, Tries>();

  /** The next request, by its begin. When it is a write that was refused before, all tries are given. */
  observe({ client, pair, request, status, fromUs, toUs }: Asked): Pick<Tries, 'pairs' | 'statuses'> | null {
    const before = this.#refused.get(client);
    this.#refused.delete(client);
    if (request === null) return null;
    // What the client did meanwhile may be why it is taken now.
    const tries = before?.request === request && before.toUs <= fromUs ? before : null;
    if (status < 400) return tries;
    if (FORBIDDEN.has(status) || (tries?.pairs.length ?? 0) >= MAX_TRIES) return null;
    if (this.#refused.size >= MAX_CLIENTS) this.#refused.delete(this.#refused.keys().next().value!);
    const { pairs, statuses } = tries ?? { pairs: [], statuses: [] };
    this.#refused.set(client, { request, pairs: [...pairs, pair], statuses: [...statuses, status], toUs });
    return null;
  }
}
