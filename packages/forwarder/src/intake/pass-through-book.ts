// The hosts whose TLS is not opened, as the sidecars of each workload learned them: what one found out the others, and
// those that start later, need not break a connection for. Bounded, and kept in the spool folder over restarts. What a
// sidecar says is judged here, because it is passed on. It must not know connections.
//
// A full list takes nothing more until something expires: who makes hosts up cannot push out what others learned, nor
// keep the forwarder telling and writing. An entry expires a day after it was learned, so that a mistake heals.
import type { Clock, Logger } from '@echoplane/runtime';
import type { Hello, PassThroughHost } from '@echoplane/wire';
import { z } from 'zod';
import { readIfPresent, replaceFile, type SpoolFiles } from '../spool/spool-files.ts';

const FILE = 'pass-through.json';
const MAX_HOSTS_PER_WORKLOAD = 1_000;
/** About 10 MB in memory when all names are as long as they may be. */
const MAX_HOSTS = 20_000;
const LIFE_US = 24 * 3_600_000_000;
const MIN_SAVE_INTERVAL_MS = 1_000;

const Host = z.object({
  host: z.string().regex(/^[^\p{Cc}\p{Cs}]{1,253}$/u),
  port: z.int().min(1).max(65_535),
  reason: z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/),
});
const Entry = Host.extend({ learnedUs: z.number() });
type Entry = z.infer<typeof Entry>;
const Saved = z.object({
  v: z.literal(1),
  workloads: z.array(z.object({ workload: z.string(), hosts: z.array(Entry) })),
});

export interface PassThroughBookOptions {
  files: SpoolFiles;
  clock: Clock;
  log: Logger;
}

/** The name under which the sidecars of a workload share; its parts may hold any sign but control characters. */
export function workloadOf({ cluster, namespace, workload }: Hello): string {
  return `${cluster}\t${namespace}\t${workload}`;
}

/** The book as a former life of the process left it. A file that cannot be read costs what it held, no more. */
export async function openPassThroughBook(options: PassThroughBookOptions): Promise<PassThroughBook> {
  const book = new PassThroughBook(options);
  try {
    const text = await readIfPresent(options.files, FILE);
    if (text !== null) book.restore(JSON.parse(text));
  } catch (err) {
    options.log.warn(
      { err, file: FILE },
      'the pass-through hosts cannot be read; sidecars will learn them again',
    );
  }
  return book;
}

export class PassThroughBook {
  readonly #options: PassThroughBookOptions;
  /** By workload, then by host and port, in the order they were learned. */
  readonly #workloads = new Map<string, Map<string, Entry>>();
  readonly #closing = new AbortController();
  #hosts = 0;
  #isUnsaved = false;
  #saving: Promise<void> | null = null;

  constructor(options: PassThroughBookOptions) {
    this.#options = options;
  }

  /** What the sidecars of a workload know, oldest first. */
  hostsOf(workload: string): PassThroughHost[] {
    this.#expire();
    const entries = this.#workloads.get(workload)?.values() ?? [];
    return [...entries].map(({ host, port, reason }) => ({ host, port, reason }));
  }

  /** Takes up what a sidecar of a workload learned; gives what of it is sound, new and has room. */
  learn(workload: string, hosts: readonly PassThroughHost[]): PassThroughHost[] {
    this.#expire();
    const learnedUs = this.#options.clock.nowUs();
    const fresh: PassThroughHost[] = [];
    for (const one of hosts.slice(0, MAX_HOSTS_PER_WORKLOAD)) {
      const sound = Host.safeParse(one).data;
      if (!sound) continue;
      const host = { ...sound, host: sound.host.toLowerCase() };
      if (this.#put(workload, { ...host, learnedUs })) fresh.push(host);
    }
    if (fresh.length > 0) this.#save();
    return fresh;
  }

  /** Takes up what `openPassThroughBook` read. Throws when it is not what was written. */
  restore(saved: unknown): void {
    for (const { workload, hosts } of Saved.parse(saved).workloads) {
      for (const entry of hosts) this.#put(workload, entry);
    }
  }

  /** Waits until all is in the file. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#saving;
  }

  /** Whether it is new and there is room. */
  #put(workload: string, entry: Entry): boolean {
    const entries = this.#workloads.get(workload) ?? new Map<string, Entry>();
    const key = `${entry.host}:${entry.port}`;
    if (entries.has(key) || entries.size >= MAX_HOSTS_PER_WORKLOAD || this.#hosts >= MAX_HOSTS) return false;
    this.#workloads.set(workload, entries.set(key, entry));
    this.#hosts++;
    return true;
  }

  #expire(): void {
    const beforeUs = this.#options.clock.nowUs() - LIFE_US;
    for (const [workload, entries] of this.#workloads) {
      for (const [key, { learnedUs }] of entries) {
        if (learnedUs > beforeUs) break;
        entries.delete(key);
        this.#hosts--;
      }
      if (entries.size === 0) this.#workloads.delete(workload);
    }
  }

  #save(): void {
    this.#isUnsaved = true;
    this.#saving ??= this.#saveAll().finally(() => {
      this.#saving = null;
    });
  }

  /** One write at a time, and not one for each host. A failed one is made up for by the next. */
  async #saveAll(): Promise<void> {
    const { files, clock, log } = this.#options;
    while (this.#isUnsaved) {
      this.#isUnsaved = false;
      const workloads = [...this.#workloads].map(([workload, hosts]) => ({
        workload,
        hosts: [...hosts.values()],
      }));
      try {
        await replaceFile(files, FILE, JSON.stringify({ v: 1, workloads }));
      } catch (err) {
        log.warn({ err, file: FILE }, 'the pass-through hosts cannot be saved');
      }
      await clock.sleep(MIN_SAVE_INTERVAL_MS, this.#closing.signal);
    }
  }
}
