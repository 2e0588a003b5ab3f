// Writes that a client repeated as they were until the service took them: `409 try again later`, again, `200`. How often it had to
// ask was the service's doing: a replay sends the last of them, until it is taken as well, and so it does with other writes of the
// operation, which were taken at once. Bounded: the latest write of so many clients, and so many operations. Pure.

const MAX_CLIENTS = 2_000;
const MAX_TRIES = 100;
const MAX_OPERATIONS = 1_000;
/** Who may not do a thing does not get to do it by repeating. */
const FORBIDDEN: ReadonlySet<number> = new Set([401, 403]);

/** A request of a client; `request` tells equal writes, null for a read. */
interface Asked {
  client: string;
  operation: string;
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
  /** Statuses of refusals that clients did not give in to, by operation. */
  readonly #passing = new Map<string, Set<number>>();

  /** With which statuses writes of an operation were refused until they were taken. */
  statusesOf(operation: string): number[] {
    return [...(this.#passing.get(operation) ?? [])];
  }

  /** The next request, by its begin. When it is a write that was refused before, all tries are given. */
  observe(asked: Asked): Pick<Tries, 'pairs'> | null {
    const { client, operation, pair, request, status, fromUs, toUs } = asked;
    const before = this.#refused.get(client);
    this.#refused.delete(client);
    if (request === null) return null;
    // What the client did meanwhile may be why it is taken now.
    const tries = before?.request === request && before.toUs <= fromUs ? before : null;
    if (status < 400) {
      if (tries) this.#remember(operation, tries);
      return tries;
    }
    if (FORBIDDEN.has(status) || (tries?.pairs.length ?? 0) >= MAX_TRIES) return null;
    if (this.#refused.size >= MAX_CLIENTS) this.#refused.delete(this.#refused.keys().next().value!);
    const { pairs, statuses } = tries ?? { pairs: [], statuses: [] };
    this.#refused.set(client, { request, pairs: [...pairs, pair], statuses: [...statuses, status], toUs });
    return null;
  }

  #remember(operation: string, { statuses }: Tries): void {
    const known = this.#passing.get(operation);
    if (known) for (const status of statuses) known.add(status);
    else if (this.#passing.size < MAX_OPERATIONS) this.#passing.set(operation, new Set(statuses));
  }
}
