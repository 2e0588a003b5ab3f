// What happened to agents on other replicas: one LISTEN connection for a replica, fanned out to whoever serves the agent
// or waits for its answer here. A notification carries no more than what it is about; the tables are the truth. While the
// connection is broken nothing rings, so everybody is rung once it is back.
import { backoffMs, type Clock, type Logger, type Secret } from '@echoplane/runtime';
import type pg from 'pg';
import { connectOnce, type Db } from './db.ts';

const CHANNEL = 'echoplane_agents';
const RETRY = { firstMs: 1_000, maxMs: 15_000 };

/** What a notification is about. */
export const bellKey = {
  command: (tenant: string, agent: string) => `command ${tenant} ${agent}`,
  outcome: (tenant: string, command: string) => `outcome ${tenant} ${command}`,
  config: (tenant: string) => `config ${tenant}`,
  suspension: (tenant: string) => `suspension ${tenant}`,
  /** Every tenant's. */
  releases: 'releases',
};

/** Rings on every replica when the caller's transaction commits. */
export async function ringBell(db: Db, key: string): Promise<void> {
  await db.query('SELECT pg_notify($1, $2)', [CHANNEL, key]);
}

export interface BellOptions {
  url: Secret;
  clock: Clock;
  log: Logger;
}

/** Connects when somebody first listens. Bound: one entry for each stream and each awaited answer, which are bounded. */
export class AgentBell {
  readonly #options: BellOptions;
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #closing = new AbortController();
  #running: Promise<void> | null = null;
  #client: pg.Client | null = null;

  constructor(options: BellOptions) {
    this.#options = options;
  }

  /** Calls `ring` at each notification of the key, and when some may have been missed. Returns how to stop it. */
  on(key: string, ring: () => void): () => void {
    const rings = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, rings.add(ring));
    this.#running ??= this.#run();
    return () => {
      rings.delete(ring);
      if (rings.size === 0 && this.#listeners.get(key) === rings) this.#listeners.delete(key);
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#client?.end().catch(() => {});
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#closing;
    for (let attempt = 1; !signal.aborted; attempt++) {
      await this.#listen(() => (attempt = 0)).catch((err) =>
        log.warn({ err }, 'notifications about agents do not arrive'),
      );
      await clock.sleep(backoffMs(attempt + 1, RETRY, Math.random()), signal);
    }
  }

  /** Listens until the connection ends. */
  async #listen(connected: () => void): Promise<void> {
    const client = await connectOnce(this.#options.url, 'echoplane-agent-bell');
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    this.#client = client;
    try {
      client.on('notification', ({ payload = '' }) => this.#ring(this.#listeners.get(payload)));
      await client.query(`LISTEN ${CHANNEL}`);
      connected();
      for (const rings of [...this.#listeners.values()]) this.#ring(rings);
      if (this.#closing.signal.aborted) await client.end();
      await ended;
    } finally {
      this.#client = null;
      await client.end().catch(() => {});
    }
  }

  #ring(rings: Iterable<() => void> = []): void {
    for (const ring of [...rings]) ring();
  }
}
