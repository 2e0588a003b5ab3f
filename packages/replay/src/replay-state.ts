// What a replay has seen so far, as far as answers depend on it: how often a request came, in whose session, and how many
// writes there were. Behind an interface, so that several responders can share it. Bounded; pure.

/** A request for which a recording was found, as far as its place in the replay matters. */
export interface Step {
  /** Names the recordings it can be answered with. */
  cursor: string;
  /** The caller's credential, or null when all callers are one. */
  session: string | null;
  /** Recorded sessions among the recordings, in recorded order; empty when they are one. */
  recordedSessions: readonly string[];
  /** What it reads or writes; null when no write ever changes its answer. */
  resource: string | null;
  isWrite: boolean;
}

/** Where in the replay a request stands. */
export interface Position {
  /** How often the same was asked before, in the same session and since the same write. */
  nth: number;
  /** Writes to its resource before it. */
  writes: number;
  /** The recorded session whose recordings this caller gets; null: all. */
  session: string | null;
}

export interface ReplayState {
  /** Takes note of a request and says where it stands: one step of one replay, atomic among all responders. */
  advance(step: Step): Position | Promise<Position>;
  /** Recorded values and what the service under test put in their place: for all responders, not necessarily at once. */
  learn(learned: readonly (readonly [recorded: string, live: string])[]): void;
}

const MAX_CURSORS = 1_000_000;
const MAX_SESSIONS = 100_000;
const MAX_RESOURCES = 100_000;

/** The state of a responder that is alone. What was not seen for longest is forgotten at the bounds, and begins anew. */
export class LocalReplayState implements ReplayState {
  readonly #cursors = new Map<string, number>();
  readonly #writes = new Map<string, number>();
  /** Recorded sessions by live ones. */
  readonly #sessions = new Map<string, string>();
  readonly #taken = new Map<string, number>();
  readonly #tell: (recorded: string, live: string) => void;

  /** `tell` gets every value that was learned. */
  constructor(tell: (recorded: string, live: string) => void = () => {}) {
    this.#tell = tell;
  }

  advance({ cursor, session, recordedSessions, resource, isWrite }: Step): Position {
    const mine =
      session === null || recordedSessions.length === 0 ? null : this.#sessionOf(session, recordedSessions);
    const writes = resource === null ? 0 : (this.#writes.get(resource) ?? 0);
    if (isWrite && resource !== null) put(this.#writes, resource, writes + 1, MAX_RESOURCES);
    const since = resource === null || isWrite ? '' : writes;
    const key = `${cursor} ${mine ?? ''} ${since}`;
    const nth = this.#cursors.get(key) ?? 0;
    put(this.#cursors, key, nth + 1, MAX_CURSORS);
    return { nth, writes, session: mine };
  }

  learn(learned: readonly (readonly [recorded: string, live: string])[]): void {
    for (const [recorded, live] of learned) this.#tell(recorded, live);
  }

  /** A caller gets the first recorded session that nobody else has, and keeps it. */
  #sessionOf(live: string, recorded: readonly string[]): string | null {
    const known = this.#sessions.get(live);
    if (known !== undefined) return recorded.includes(known) ? known : null;
    const free = recorded.find((session) => !this.#taken.has(session));
    if (free === undefined) return null;
    put(this.#sessions, live, free, MAX_SESSIONS);
    put(this.#taken, free, 1, MAX_SESSIONS);
    return free;
  }
}

function put<T>(map: Map<string, T>, key: string, value: T, limit: number): void {
  if (map.size >= limit && !map.has(key)) map.delete(map.keys().next().value!);
  map.set(key, value);
}
