// Which sessions a generator sends when several share the work: sessions that make and use the same tokens stay together, so
// that no token is needed in two shards; the rest is balance. Pure, and the same in every generator: each works it out alone.

/** What sharding needs to know of a session. */
export interface SessionFlow {
  session: string;
  /** How many tests it has. */
  tests: number;
  /** Ids of the tokens its tests produce or consume. */
  tokens: Iterable<string>;
}

/** Shard `index` of `count`, from 0. */
export interface Shard {
  index: number;
  count: number;
}

/**
 * The sessions of each shard. The largest component of the token flow first, each goes to the shard with the fewest tests so
 * far (longest-processing-time rule: at most 4/3 of the best balance that components allow).
 */
export function shardSessions(sessions: readonly SessionFlow[], count: number): Set<string>[] {
  const shards = Array.from({ length: count }, () => ({ tests: 0, sessions: new Set<string>() }));
  for (const component of componentsOf(sessions)) {
    const smallest = shards.reduce((least, shard) => (shard.tests < least.tests ? shard : least));
    smallest.tests += component.tests;
    for (const session of component.sessions) smallest.sessions.add(session);
  }
  return shards.map((shard) => shard.sessions);
}

interface Component {
  tests: number;
  /** Sorted. */
  sessions: string[];
}

/** Largest first; equals by their first session, so that the order of the input means nothing. */
function componentsOf(sessions: readonly SessionFlow[]): Component[] {
  const roots = new Roots();
  for (const { session, tokens } of sessions)
    for (const token of tokens) roots.join(`session ${session}`, `token ${token}`);
  const components = new Map<string, Component>();
  for (const { session, tests } of sessions) {
    const root = roots.of(`session ${session}`);
    const component = components.get(root) ?? { tests: 0, sessions: [] };
    component.tests += tests;
    component.sessions.push(session);
    components.set(root, component);
  }
  for (const component of components.values()) component.sessions.sort();
  const before = (a: string, b: string) => (a < b ? -1 : 1);
  return [...components.values()].sort((a, b) => b.tests - a.tests || before(a.sessions[0]!, b.sessions[0]!));
}

/** Union-find with path halving. */
class Roots {
  readonly #parents = new Map<string, string>();

  of(node: string): string {
    let at = node;
    for (let parent = this.#parents.get(at); parent !== undefined && parent !== at; ) {
      const above = this.#parents.get(parent) ?? parent;
      this.#parents.set(at, above);
      at = above;
      parent = this.#parents.get(at);
    }
    return at;
  }

  join(a: string, b: string): void {
    const [rootA, rootB] = [this.of(a), this.of(b)];
    if (rootA !== rootB) this.#parents.set(rootB, rootA);
  }
}
