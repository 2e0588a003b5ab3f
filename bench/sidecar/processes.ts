// Starts programs pinned to a core and ends them all, whatever happens. Core 0: load, upstream, sink and this process;
// core 1: the process under test, alone.
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export const LOAD_CORE = 0;
export const TEST_CORE = 1;
const START_DEADLINE_MS = 10_000;
const STOP_DEADLINE_MS = 2_000;

/** Debian's package of each program that is needed. */
const PACKAGES: Record<string, string> = {
  nginx: 'nginx-light',
  haproxy: 'haproxy',
  wrk: 'wrk',
  h2load: 'nghttp2-client',
  go: 'golang-go',
  taskset: 'util-linux',
};

export class MissingPrograms extends Error {}

type Child = ChildProcessByStdio<Writable, Readable, null>;

/** A running program: its lines on stdout are read one by one. */
export interface Running {
  pid: number;
  child: Child;
  lines: AsyncIterableIterator<string>;
  stop(): Promise<void>;
}

const running = new Set<Running>();

/** Throws MissingPrograms, naming what to install. */
export function checkPrograms(): void {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/go/bin'];
  process.env.PATH = folders.join(delimiter);
  const missing = Object.keys(PACKAGES).filter(
    (program) => !folders.some((folder) => isProgram(folder, program)),
  );
  if (missing.length === 0) return;
  const packages = missing.map((program) => PACKAGES[program]).join(' ');
  throw new MissingPrograms(
    `${missing.join(', ')} must be installed first (Debian: apt-get install -y ${packages}).`,
  );
}

function isProgram(folder: string, program: string): boolean {
  try {
    accessSync(join(folder, program), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Keeps this process and all its threads off the core of the process under test. */
export function pinSelf(): void {
  try {
    execFileSync('taskset', ['-a', '-c', '-p', String(LOAD_CORE), String(process.pid)], { stdio: 'ignore' });
    execFileSync('taskset', ['-c', String(TEST_CORE), 'true']);
  } catch {
    throw new MissingPrograms(
      'The benchmark needs two cores: one for load and upstream, one for the process under test.',
    );
  }
}

/** Starts a program on a core. Its stdin is a pipe that ends with us. */
export function start(
  core: number | string,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Running {
  const child: Child = spawn('taskset', ['-c', String(core), ...command], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const program: Running = { pid: child.pid!, child, lines, stop: () => stop(program) };
  running.add(program);
  child.on('exit', () => running.delete(program));
  return program;
}

async function stop({ child }: Running): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const hurry = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
  await exited;
  clearTimeout(hurry);
}

/** Ends everything that still runs. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((program) => program.stop()));
}

/** Runs a program to its end and gives its stdout; throws when it fails. */
export async function output(
  core: number,
  command: readonly string[],
  onStart: (program: Running) => void = () => {},
): Promise<string> {
  const program = start(core, command);
  onStart(program);
  const closed = once(program.child, 'close');
  const lines: string[] = [];
  for await (const line of program.lines) lines.push(line);
  const [code] = (await closed) as [number | null];
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${lines.join(' ')}`);
  return lines.join('\n');
}

/** The first line of JSON with this field that a program prints. */
export async function announced<T extends object>(
  program: Running,
  field: keyof T,
  deadlineMs = START_DEADLINE_MS,
): Promise<T> {
  const deadline = setTimeout(() => program.child.kill('SIGKILL'), deadlineMs);
  try {
    for (;;) {
      const { value, done } = await program.lines.next();
      if (done) throw new Error(`a program ended before it said its ${String(field)}`);
      const line = value.startsWith('{') ? JSON.parse(value) : {};
      if (line[field] !== undefined) return line;
    }
  } finally {
    clearTimeout(deadline);
  }
}

/** Resolves when a connection is accepted; tried every `pauseMs`. */
export async function accepting(port: number, pauseMs = 10): Promise<void> {
  const deadline = performance.now() + START_DEADLINE_MS;
  while (!(await accepts(port))) {
    if (performance.now() > deadline) throw new Error(`nothing listens on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
