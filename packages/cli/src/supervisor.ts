// Starts programs as processes and ends them in reverse order. Each is in a session of its own, so that a Ctrl-C reaches
// only us and the order of stopping stays ours; each holds a pipe to us, so that none outlives us.
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { OperatingError } from '@echoplane/runtime';

const STOP_DEADLINE_MS = 12_000;
const ERROR_TAIL_LINES = 12;
const GUARD = fileURLToPath(new URL('guard.ts', import.meta.url));

export type Line = Record<string, unknown>;
export type Environment = Readonly<Record<string, string | undefined>>;

export interface ProgramSpec {
  /** Unique among the running ones; names the log file too. */
  name: string;
  /** Script and its arguments, run by this Node. */
  args: string[];
  env: Record<string, string>;
  /** `event` of the stdout line that says it serves; without it the program is a task that ends by itself. */
  readyEvent?: string;
  /** Programs that do not watch our pipe themselves are run under the guard. */
  guarded?: boolean;
  /** Whether it is started again when it ends by itself: it resumes from what it keeps on disk. */
  restart?: boolean;
  /** Its stdout holds secrets: nothing of it goes into the log file. */
  quietLog?: boolean;
  onLine?: (line: Line) => void;
}

/** A running program. */
export interface Program {
  name: string;
  pid: number;
  /** The line by which it said that it serves. */
  ready: Line;
  /** JSON lines it printed, the newest last (bounded). */
  lines: Line[];
  /** Resolves with the exit code when it ends; `null` when a signal ended it. */
  exited: Promise<number | null>;
  /** What it wrote on stderr, the last lines. */
  errorTail(): string;
  stop(): Promise<void>;
  /** Ends it and what it started, at once. */
  kill(): void;
}

/** A program that ends this often within the span is broken rather than unlucky. */
const RESTARTS = { most: 5, withinMs: 60_000 };
const MAX_LINES = 500;
const READY_DEADLINE_MS = 60_000;

export class Supervisor {
  readonly #logDir: string;
  readonly #environment: Environment;
  readonly #running: Program[] = [];
  /** Also those that are being stopped. */
  readonly #alive = new Set<Program>();
  /** When each program had to be started again, by name. */
  readonly #restarts = new Map<string, number[]>();
  #unexpected: ((error: OperatingError) => void) | undefined;
  #restarted: ((name: string) => void) | undefined;
  #stopping = false;

  /** `environment` is the user's; only what a process needs to run is taken from it. */
  constructor(logDir: string, environment: Environment) {
    this.#logDir = logDir;
    this.#environment = environment;
  }

  /** `report` is called when a program that should serve ends by itself. */
  onUnexpectedExit(report: (error: OperatingError) => void): void {
    this.#unexpected = report;
  }

  /** `report` is called with the name of a program that ended by itself and serves again. */
  onRestart(report: (name: string) => void): void {
    this.#restarted = report;
  }

  /** Starts a program and resolves when it serves. Throws OperatingError with its own words when it does not. */
  async start(spec: ProgramSpec): Promise<Program> {
    if (this.#stopping) throw new OperatingError('stopping', 'The start was interrupted.');
    await mkdir(this.#logDir, { recursive: true });
    return this.#launch(spec, this.#running.length);
  }

  /** `place` among the running ones decides when it is stopped. */
  async #launch(spec: ProgramSpec, place: number): Promise<Program> {
    const log = createWriteStream(join(this.#logDir, `${spec.name}.log`), { flags: 'a' });
    const { program, ready } = launch(spec, { ...passedOn(this.#environment), ...spec.env }, log);
    this.#running.splice(place, 0, program);
    this.#alive.add(program);
    void program.exited.then(() => this.#ended(program, spec));
    if (spec.readyEvent) program.ready = await ready;
    return program;
  }

  /** Runs a task to its end and gives its JSON lines. Throws OperatingError with its own words when it fails. */
  async task(spec: ProgramSpec): Promise<Line[]> {
    const program = await this.start(spec);
    const code = await program.exited;
    if (code === 0) return program.lines;
    throw new OperatingError(
      'task_failed',
      program.errorTail() || `${spec.name} ended with ${code ?? 'a signal'}.`,
    );
  }

  /** Stops everything, the last started first. */
  async stopAll(): Promise<void> {
    this.#stopping = true;
    for (let program = this.#running.at(-1); program; program = this.#running.at(-1))
      await this.stop(program);
  }

  async stop(program: Program): Promise<void> {
    this.#remove(program);
    await program.stop();
  }

  /** Ends everything at once, also what is just being stopped: it would go on writing. */
  killAll(): void {
    for (const program of this.#alive) program.kill();
  }

  /** Its place among the running ones; -1 when it was not one of them any more. */
  #remove(program: Program): number {
    const at = this.#running.indexOf(program);
    if (at >= 0) this.#running.splice(at, 1);
    return at;
  }

  #ended(program: Program, spec: ProgramSpec): void {
    this.#alive.delete(program);
    const place = this.#remove(program);
    // One that never served has told whoever started it.
    const served = Object.keys(program.ready).length > 0;
    if (place < 0 || !served || this.#stopping) return;
    const again = spec.restart === true && this.#mayRestart(spec.name);
    const restarted = again
      ? this.#launch(spec, place).then(() => this.#restarted?.(spec.name))
      : Promise.reject();
    restarted.catch(() => this.#giveUp(program));
  }

  #mayRestart(name: string): boolean {
    const now = performance.now();
    const recent = (this.#restarts.get(name) ?? []).filter((at) => now - at < RESTARTS.withinMs);
    this.#restarts.set(name, [...recent, now]);
    return recent.length < RESTARTS.most;
  }

  #giveUp(program: Program): void {
    if (this.#stopping) return;
    const words = program.errorTail().replace(/\.$/, '');
    const message = `${program.name} ended by itself${words ? `: ${words}` : ''}. Its log is in ${this.#logDir}.`;
    this.#unexpected?.(new OperatingError('program_ended', message));
  }
}

function launch(
  spec: ProgramSpec,
  environment: Environment,
  log: WriteStream,
): { program: Program; ready: Promise<Line> } {
  const args = spec.guarded ? [GUARD, '--', process.execPath, ...spec.args] : spec.args;
  const env = { ...environment, ECHOPLANE_SUPERVISED: 'true' };
  const child = spawn(process.execPath, args, { env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin!.on('error', () => {});
  const errors: string[] = [];
  const exited = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  void exited.then(() => log.end());
  const program: Program = {
    ...{ name: spec.name, pid: child.pid ?? 0, ready: {}, lines: [], exited },
    errorTail: () => errors.join('\n').trim(),
    stop: () => stopProcess(child, exited),
    kill: () => killGroup(child),
  };
  createInterface({ input: child.stderr! }).on('line', (line) => {
    log.write(`${line}\n`);
    errors.push(line);
    if (errors.length > ERROR_TAIL_LINES) errors.shift();
  });
  const ready = new Promise<Line>((resolve, reject) => {
    createInterface({ input: child.stdout! }).on('line', (text) => {
      if (!spec.quietLog) log.write(`${text}\n`);
      const line = parseLine(text);
      if (!line) return;
      program.lines.push(line);
      if (program.lines.length > MAX_LINES) program.lines.shift();
      spec.onLine?.(line);
      if (line.event === spec.readyEvent) resolve(line);
    });
    const late = setTimeout(() => {
      reject(
        new OperatingError(
          'not_ready',
          `${spec.name} did not become ready within ${READY_DEADLINE_MS / 1000} s; see its log.`,
        ),
      );
    }, READY_DEADLINE_MS);
    late.unref();
    void exited.then((code) => {
      clearTimeout(late);
      const words = program.errorTail();
      reject(
        new OperatingError(
          'not_started',
          words || `${spec.name} ended with ${code ?? 'a signal'} before it was ready.`,
        ),
      );
    });
  });
  ready.catch(() => {});
  return { program, ready };
}

/** SIGTERM, then SIGKILL after the deadline; resolves when the process is gone. */
async function stopProcess(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
  await exited;
  clearTimeout(late);
}

/** Each program leads a process group of its own, in which a guarded one has its guard. */
function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

/** Nothing of the user's environment reaches the programs but what a process needs to run. */
function passedOn(environment: Environment): Environment {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'LC_ALL', 'SystemRoot', 'NODE_COMPILE_CACHE'];
  return Object.fromEntries(
    kept.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])),
  );
}

function parseLine(text: string): Line | null {
  if (!text.startsWith('{')) return null;
  try {
    return JSON.parse(text) as Line;
  } catch {
    return null;
  }
}
