// Runs the services of the exam and their databases. Each is under a guard, so that nothing of them outlives the exam.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startPostgres } from '../../packages/cli/src/postgres.ts';
import { freePort } from '../ports.ts';

const GUARD = fileURLToPath(new URL('../../packages/cli/src/guard.ts', import.meta.url));
const READY_DEADLINE_MS = 180_000;
const ASK_EVERY_MS = 100;
const KEPT_OUTPUT_CHARS = 20_000;

export interface ProgramPlan {
  command: string;
  args: string[];
  cwd: string;
  env?: Record<string, string>;
  /** Asked until it answers with anything but a refusal, a 404 or a 5xx: `http://127.0.0.1:8080/health`. */
  readyUrl: string;
  /** Signal that ends it; SIGTERM without. */
  stopSignal?: 'SIGINT' | 'SIGTERM' | 'SIGKILL';
}

export interface Running {
  stop(): Promise<void>;
}

export interface Launch {
  /** Starts a program and resolves once `readyUrl` answers. Its output goes to `output.log` of `cwd`. */
  program(plan: ProgramPlan): Promise<Running>;
  /** A new PostgreSQL with one empty database, `exam`, in `dir`. */
  postgres(dir: string): Promise<Running & { url: string }>;
  /** A port of 127.0.0.1 that nobody listens on. */
  freePort(): Promise<number>;
}

/** What services are started with. */
export const launch: Launch = { program, postgres, freePort };

async function program(plan: ProgramPlan): Promise<Running> {
  await mkdir(plan.cwd, { recursive: true });
  const stop = ['--signal', plan.stopSignal ?? 'SIGTERM'];
  const child = spawn(process.execPath, [GUARD, ...stop, '--', plan.command, ...plan.args], {
    cwd: plan.cwd,
    env: { ...machine(), ...plan.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  child.stdin.on('error', () => {});
  let output = '';
  const log = createWriteStream(join(plan.cwd, 'output.log'), { flags: 'a' });
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      log.write(chunk);
      output = (output + chunk).slice(-KEPT_OUTPUT_CHARS);
    });
  let ended = false;
  const exited = new Promise<void>((resolve) => {
    child.on('close', () => {
      ended = true;
      log.end();
      resolve();
    });
  });
  const running: Running = {
    async stop() {
      if (!ended) child.kill('SIGTERM');
      await exited;
    },
  };
  try {
    await untilReady(
      plan.readyUrl,
      () => ended,
      () => output,
    );
  } catch (err) {
    await running.stop();
    throw err;
  }
  return running;
}

async function untilReady(url: string, hasEnded: () => boolean, output: () => string): Promise<void> {
  const deadline = performance.now() + READY_DEADLINE_MS;
  for (;;) {
    if (hasEnded()) throw new Error(`The service ended before it answered. Its last words:\n${output()}`);
    const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(5_000) }).catch(
      () => null,
    );
    await answer?.body?.cancel();
    if (answer && answer.status < 500 && answer.status !== 404) return;
    if (performance.now() > deadline)
      throw new Error(
        `${url} did not answer within ${READY_DEADLINE_MS / 1000} s. The service's last words:\n${output()}`,
      );
    await delay(ASK_EVERY_MS);
  }
}

async function postgres(dir: string): Promise<Running & { url: string }> {
  await mkdir(dir, { recursive: true });
  const server = await startPostgres({
    ...{ dir: join(dir, 'data'), port: await freePort(), logFile: join(dir, 'postgres.log') },
    ...{ databases: ['exam'], removeWithUs: null },
  });
  return { url: server.url('exam'), stop: () => server.stop() };
}

/** What any program needs of the environment; its settings are its own. */
function machine(): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'LC_ALL', 'JAVA_HOME'];
  return Object.fromEntries(
    kept.flatMap((name) => (process.env[name] ? [[name, process.env[name] as string]] : [])),
  );
}

/** Folder of the file that a module's `import.meta.url` names. */
export function folderOf(moduleUrl: string): string {
  return dirname(fileURLToPath(moduleUrl));
}
