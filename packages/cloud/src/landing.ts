// The worker's duty for segments that come through a delivery stream (Firehose): looks for new objects under a prefix of
// the store, walks each, and notes where every frame is. One worker at a time does it; one that is killed half way leaves
// an object that is walked again, to the same rows.
//
//   list behind the cursor ─▶ not looked through yet? ─▶ walk ─▶ rows of each tenant ─▶ object noted ─▶ cursor moved
import { type Clock, type Logger, ObjectMissing, type ObjectStore, OperatingError } from '@echoplane/runtime';
import { type LandedBlock, LandingWalker, type SegmentManifest } from '@echoplane/traffic';
import type pg from 'pg';
import { announceLanding, type LandedFrame, recordLanded } from './landed-frames.ts';
import type { WithTenant } from './tenancy.ts';

const POLL_MS = 5_000;
const LOCK = [7246921, 4];
const KEYS_PER_PAGE = 1_000;
/** Blocks held until they are stored; a header is a few hundred bytes. */
const BLOCKS_HELD = 2_000;
/** The store or the database is away: the next pass goes on. */
const MAX_FAILURES = 3;
/** Firehose tries for 24 h to deliver an object, under the name of the hour in which its first record came. */
const LATE_MS = 48 * 3_600_000;
/** The folders Firehose makes below its prefix by default. */
const HOUR_FOLDERS = /^(\d{4})\/(\d{2})\/(\d{2})\/(\d{2})\//;

export interface LandingOptions {
  platform: pg.Pool;
  withTenant: WithTenant;
  store: ObjectStore;
  /** Prefix of the objects in the store, such as `landing/`. */
  prefix: string;
  clock: Clock;
  log: Logger;
}

export interface LandingCounts {
  objects: number;
  frames: number;
  /** Frames that were known already: sent or delivered more than once. */
  duplicates: number;
  /** Blocks that name no tenant of ours, or say what cannot be. */
  strangers: number;
  skippedBytes: number;
}

/** Looks every few seconds until `signal` aborts. */
export async function keepLanding(options: LandingOptions, signal: AbortSignal): Promise<void> {
  const { clock, log } = options;
  while (!signal.aborted) {
    await landingPass(options, signal).catch((err) => {
      if (!signal.aborted) log.warn({ err }, 'what landed could not be looked through; trying again');
    });
    await clock.sleep(POLL_MS, signal);
  }
}

/** Looks through every new object; null when another worker is at it. */
export async function landingPass(
  options: LandingOptions,
  signal: AbortSignal,
): Promise<LandingCounts | null> {
  const client = await options.platform.connect();
  let broken: Error | undefined;
  try {
    const { rows } = await client.query<{ won: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS won', LOCK);
    if (!rows[0]!.won) return null;
    try {
      return await new Pass(options, client).run(signal);
    } finally {
      // A connection that cannot give its lock back is closed, and the lock with it.
      await client.query('SELECT pg_advisory_unlock($1, $2)', LOCK).catch((err: Error) => (broken = err));
    }
  } finally {
    client.release(broken);
  }
}

class Pass {
  readonly #options: LandingOptions;
  readonly #platform: pg.PoolClient;
  readonly #counts: LandingCounts = { objects: 0, frames: 0, duplicates: 0, strangers: 0, skippedBytes: 0 };
  #failures = 0;
  /** Everything up to this key is done and too old for more to come before it. */
  #settled: string | null = null;
  #isSettling = true;

  constructor(options: LandingOptions, platform: pg.PoolClient) {
    this.#options = options;
    this.#platform = platform;
  }

  async run(signal: AbortSignal): Promise<LandingCounts> {
    const { store, prefix } = this.#options;
    const tenants = await this.#column<string>('SELECT id AS value FROM platform_tenants()', []);
    const known = new Set(tenants);
    let [after] = await this.#column<string>('SELECT platform_landing_cursor($1) AS value', [prefix]);
    for (;;) {
      const keys = await store.list(prefix, { after: after!, limit: KEYS_PER_PAGE });
      const fresh = await this.#column<string>('SELECT platform_new_landings($1) AS value', [keys]);
      const due = new Set(fresh);
      for (const key of keys) {
        signal.throwIfAborted();
        const isDone = !due.has(key) || (await this.#object(key, known));
        if (isDone) this.#settle(key);
        else this.#isSettling = false;
      }
      if (keys.length < KEYS_PER_PAGE) break;
      after = keys.at(-1);
    }
    if (this.#settled !== null)
      await this.#platform.query('SELECT platform_move_landing_cursor($1, $2)', [prefix, this.#settled]);
    return this.#counts;
  }

  /** Looks through one object; whether that is over with. Throws when too many failed. */
  async #object(key: string, tenants: ReadonlySet<string>): Promise<boolean> {
    const { log } = this.#options;
    try {
      const before = { ...this.#counts };
      await this.#walk(key, tenants);
      const { strangers, skippedBytes } = this.#counts;
      if (strangers > before.strangers || skippedBytes > before.skippedBytes)
        log.warn({ key }, 'an object that landed holds something else than frames of known tenants');
    } catch (err) {
      if (!isForGood(err)) {
        this.#failures++;
        log.warn({ err, key }, 'an object that landed could not be looked through; trying again');
        if (this.#failures === MAX_FAILURES) throw err;
        return false;
      }
      log.warn({ err, key }, 'an object that landed cannot be read and is left alone');
    }
    await this.#platform.query('SELECT platform_note_landing($1)', [key]);
    this.#counts.objects++;
    return true;
  }

  async #walk(key: string, tenants: ReadonlySet<string>): Promise<void> {
    const walker = new LandingWalker();
    let held: LandedBlock[] = [];
    const take = async (blocks: Iterable<LandedBlock>) => {
      for (const block of blocks) {
        const { tenant } = block.kind === 'frame' ? block.header : block.manifest;
        if (tenants.has(tenant)) held.push(block);
        else this.#counts.strangers++;
        if (held.length < BLOCKS_HELD) continue;
        await this.#store(key, held);
        held = [];
      }
    };
    for await (const chunk of await this.#options.store.stream(key)) await take(walker.push(chunk as Buffer));
    await take(walker.end());
    await this.#store(key, held);
    this.#counts.skippedBytes += walker.skippedBytes;
  }

  async #store(key: string, blocks: readonly LandedBlock[]): Promise<void> {
    const { withTenant } = this.#options;
    for (const { tenant, segment, frames, manifest } of bySegment(blocks)) {
      const fresh = await withTenant(tenant, async (db) => {
        if (manifest) await announceLanding(db, tenant, manifest);
        return frames.length > 0 ? recordLanded(db, { tenant, segment, key }, frames) : 0;
      }).catch((err) => {
        if (isImpossible(err)) return null;
        throw err;
      });
      if (fresh === null) {
        this.#counts.strangers += frames.length + (manifest ? 1 : 0);
        continue;
      }
      this.#counts.frames += fresh;
      this.#counts.duplicates += frames.length - fresh;
    }
  }

  #settle(key: string): void {
    const { prefix, clock } = this.#options;
    const hour = HOUR_FOLDERS.exec(key.slice(prefix.length));
    if (!hour) this.#isSettling = false;
    if (!hour || !this.#isSettling) return;
    const [year, month, day, hours] = hour.slice(1).map(Number) as [number, number, number, number];
    if (Date.UTC(year, month - 1, day, hours) < clock.nowUs() / 1000 - LATE_MS) this.#settled = key;
    else this.#isSettling = false;
  }

  async #column<T>(text: string, values: unknown[]): Promise<T[]> {
    const { rows } = await this.#platform.query<{ value: T }>(text, values);
    return rows.map(({ value }) => value);
  }
}

/** Reading it again will not help: it is gone, or its name is none that a store takes. */
function isForGood(err: unknown): boolean {
  return err instanceof ObjectMissing || (err instanceof OperatingError && err.code === 'bad_object_key');
}

/** What no table takes, such as a frame number above all numbers: it must not hold up what lies beside it. */
function isImpossible(err: unknown): boolean {
  return /^2[23]/.test(String((err as { code?: unknown }).code));
}

interface SegmentBlocks {
  tenant: string;
  segment: string;
  frames: LandedFrame[];
  manifest: SegmentManifest | null;
}

function bySegment(blocks: readonly LandedBlock[]): Iterable<SegmentBlocks> {
  const found = new Map<string, SegmentBlocks>();
  for (const block of blocks) {
    const { tenant, segment } = block.kind === 'frame' ? block.header : block.manifest;
    const name = `${tenant} ${segment}`;
    const entry = found.get(name) ?? { tenant, segment, frames: [], manifest: null };
    found.set(name, entry);
    if (block.kind === 'frame') entry.frames.push(block);
    else entry.manifest = block.manifest;
  }
  return found.values();
}
