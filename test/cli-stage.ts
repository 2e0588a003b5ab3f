// Runs the CLI as a user would, in a scratch folder by which every process it starts is found again. For tests only.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COMPILE_CACHE } from './compile-cache.ts';

const CLI = join(import.meta.dirname, '..', 'packages', 'cli', 'src', 'main.ts');

export interface Running {
  child: ChildProcess;
  /** Everything it printed so far, on stdout and stderr. */
  output: () => string;
  exit: Promise<number | null>;
}

/** One scratch folder, which every process started in it has as TMPDIR. */
export class CliStage {
  readonly folder = mkdtempSync(join(tmpdir(), 'echoplane cli '));

  run(args: string[], env: Record<string, string> = {}): Running {
    return this.runProgram(CLI, env, args);
  }

  /** Another script than the CLI. */
  runProgram(file: string, env: Record<string, string>, args: string[] = []): Running {
    const child = spawn(process.execPath, [file, ...args], {
      env: {
        ...{ PATH: process.env.PATH!, HOME: process.env.HOME ?? '/', TMPDIR: this.folder },
        ...COMPILE_CACHE,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', (chunk: Buffer) => {
        text += chunk;
      });
    }
    return { child, output: () => text, exit: once(child, 'close').then(([code]) => code as number | null) };
  }

  /** Pids of the processes that run here; zombies have no environment and are not among them. */
  processes(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(this.folder);
        } catch {
          return false;
        }
      })
      .map(Number);
  }

  /** Kills what runs here and gives how many that were. */
  #kill(): number {
    const running = this.processes();
    for (const pid of running) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (err) {
        // Gone by itself meanwhile.
        if ((err as NodeJS.ErrnoException).code !== 'ESRCH') throw err;
      }
    }
    return running.length;
  }

  /** The process that runs here and whose command line matches. */
  find(words: RegExp): number {
    const commandOf = (pid: number) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        // It ended after it was listed, as the processes of a database do all the time.
        return '';
      }
    };
    const found = this.processes().find((pid) => words.test(commandOf(pid)));
    if (found === undefined) throw new Error(`no process matches ${words}`);
    return found;
  }

  files(): string[] {
    return readdirSync(this.folder);
  }

  async close(): Promise<void> {
    // Again and again: one of them may have started another one just before it was killed.
    await until(() => this.#kill() === 0, 'the killed processes are gone');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Resolves once `holds`, or throws at the deadline. */
export async function until(
  holds: () => boolean,
  what: string | (() => string),
  deadlineMs = 180_000,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`never: ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
