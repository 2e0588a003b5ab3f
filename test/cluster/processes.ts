// Servers of the test cluster as child processes: they write into a log file, and the kernel ends them with the process
// that started them, however that ended. And commands that run to their end. They know no server.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 50;
/** Ends what hangs: above the deadlines that commands are told on their own. */
const COMMAND_DEADLINE_MS = 300_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const LOG_TAIL_LINES = 15;

export interface Server {
  readonly name: string;
  readonly pid: number;
  /** False when it has ended. */
  isAlive(): boolean;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  /** The last lines of its log, for an error message. */
  lastWords(): string;
}

export interface CommandOptions {
  input?: string | Buffer;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  deadlineMs?: number;
}

/** Starts `command` with its output in `logFile`; it gets SIGKILL when the starting thread ends, even by kill -9. */
export function startServer(name: string, command: string[], logFile: string): Server {
  const log = openSync(logFile, 'a');
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], { stdio: ['ignore', log, log] });
  closeSync(log);
  child.on('error', () => {});
  return {
    name,
    pid: child.pid ?? 0,
    isAlive: () => isAlive(child),
    kill: () => kill(child),
    lastWords: () => readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n'),
  };
}

function isAlive(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

async function kill(child: ChildProcess): Promise<void> {
  if (!isAlive(child)) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** Asks `isReady` until it says yes; throws with the log's end when the server ends first or the deadline passes. */
export async function untilReady(
  server: Server,
  isReady: () => Promise<boolean>,
  deadlineMs: number,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await isReady().catch(() => false))) {
    if (!server.isAlive()) throw new Error(`${server.name} ended while starting:\n${server.lastWords()}`);
    if (performance.now() > deadline)
      throw new Error(`${server.name} was not ready within ${deadlineMs} ms:\n${server.lastWords()}`);
    await delay(POLL_MS);
  }
}

/** Runs a command and gives its standard output; throws with its standard error when it fails. */
export function run(command: string, args: string[], options: CommandOptions = {}): Promise<string> {
  const { input, env, cwd, deadlineMs = COMMAND_DEADLINE_MS } = options;
  return new Promise((resolve, reject) => {
    const limits = { timeout: deadlineMs, maxBuffer: MAX_OUTPUT_BYTES, killSignal: 'SIGKILL' as const };
    const child = execFile(command, args, { ...limits, env, cwd }, (err, stdout, stderr) => {
      if (!err) return resolve(stdout);
      const what = `${command} ${args.join(' ')}`.slice(0, 500);
      const why = err.killed
        ? `was ended after ${deadlineMs} ms`
        : `failed with ${err.code ?? err.signal ?? err.message}`;
      reject(new Error(`${what} ${why}: ${stderr.trim() || stdout.trim().slice(-2_000)}`));
    });
    // A command that ends without reading its input says why on its own.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** Folders `PREFIX-PID-…` of the temporary folder whose process is gone: what a killed run left behind. */
export function foldersOfTheDead(prefix: string): string[] {
  const pattern = new RegExp(`^${prefix}-(\\d+)-`);
  return readdirSync(tmpdir())
    .filter((name) => {
      const pid = pattern.exec(name)?.[1];
      return pid !== undefined && !isRunning(Number(pid));
    })
    .map((name) => join(tmpdir(), name));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (err) {
    return (err as NodeJS.ErrnoException).code === 'EPERM';
  }
}
