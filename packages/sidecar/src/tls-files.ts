// The files TLS stands on: read once at the start, when what is wrong with them is a problem of the configuration, and
// again when they change, when it is a warning and the old ones stay in use. Projected volumes are exchanged by a symbolic
// link, of which `fs.watch` learns nothing dependably: so they are asked for their time and size once a minute.
import { readFile, stat } from 'node:fs/promises';
import { type Clock, ConfigError, envName, type Logger } from '@echoplane/runtime';

const POLL_MS = 60_000;
/** While a file is missing that may come: a Secret is made shortly after the pod that mounts it. */
const POLL_MISSING_MS = 2_000;

/** Files that are used together, and how. */
export interface FileGroup {
  paths: readonly string[];
  /** Reads them and puts them to use; throws, and changes nothing, when they are not usable. */
  load(): Promise<void>;
}

/** The text of a setting's file. Throws ConfigError. */
export async function readSetting(path: string, field: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new ConfigError([`${envName(field)}: ${path} cannot be read (${code}).`]);
  }
}

/** Loads groups anew whose files have changed, until `signal` aborts. */
export class WatchedFiles {
  readonly #groups: readonly FileGroup[];
  readonly #log: Pick<Logger, 'info' | 'warn'>;
  readonly #seen = new Map<FileGroup, string>();

  constructor(groups: readonly FileGroup[], log: Pick<Logger, 'info' | 'warn'>) {
    this.#groups = groups;
    this.#log = log;
  }

  /** Loads all of them. Throws one ConfigError with all problems. */
  async load(): Promise<void> {
    const problems: string[] = [];
    for (const group of this.#groups) {
      this.#seen.set(group, await stateOf(group));
      await group.load().catch((error) => {
        if (!(error instanceof ConfigError)) throw error;
        problems.push(...error.problems);
      });
    }
    if (problems.length > 0) throw new ConfigError(problems);
  }

  async run(clock: Pick<Clock, 'sleep'>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#groups.length > 0) {
      await clock.sleep(this.#isMissingAny() ? POLL_MISSING_MS : POLL_MS, signal);
      if (!signal.aborted) await this.check();
    }
  }

  #isMissingAny(): boolean {
    return [...this.#seen.values()].some((state) => state.split('\n').includes(''));
  }

  /** One look at all files. */
  async check(): Promise<void> {
    for (const group of this.#groups) {
      const state = await stateOf(group);
      if (state === this.#seen.get(group)) continue;
      this.#seen.set(group, state);
      const files = group.paths;
      try {
        await group.load();
        this.#log.info({ files }, 'TLS files have changed and are in use');
      } catch (err) {
        this.#log.warn({ err, files }, 'TLS files have changed and cannot be used, the old ones stay');
      }
    }
  }
}

async function stateOf({ paths }: FileGroup): Promise<string> {
  const states = paths.map(async (path) => {
    const found = await stat(path).catch(() => null);
    return found ? `${found.ino} ${found.mtimeMs} ${found.size}` : '';
  });
  return (await Promise.all(states)).join('\n');
}
