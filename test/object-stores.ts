// Real stores for tests, each on a free port with a folder of its own, gone with every file when it is stopped: moto (S3,
// and Firehose that delivers into it) and MinIO. `test/emulators.sh` installs both. They know no test.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './ports.ts';

const START_DEADLINE_MS = 60_000;
/** Credentials of every emulator; set in the environment, as AWS's default chain wants them. */
export const ACCESS_KEY = 'test-access-key';
export const SECRET_KEY = 'test-secret-key';
export const REGION = 'us-east-1';

export interface Emulator {
  port: number;
  url: string;
  /** As by a crash. */
  kill(): Promise<void>;
  /** After `kill`: the same one again, with what it had stored. */
  restart(): Promise<void>;
  /** Ends it and removes what it stored. */
  stop(): Promise<void>;
}

/** The folder into which `test/emulators.sh` puts the programs. */
export function toolsFolder(env: NodeJS.ProcessEnv = process.env): string {
  const cache = env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  return join(env.ECHOPLANE_TOOLS ?? join(cache, 'echoplane-tools'), 'bin');
}

/** Where a program is, on the PATH or in that folder; null when it is nowhere. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env.PATH ?? '').split(delimiter), toolsFolder()];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

/** moto's server: S3 and Firehose, which writes an object for each call as soon as it is made. */
export function startMoto(): Promise<Emulator> {
  return start('moto_server', (port) => ['-H', '127.0.0.1', '-p', String(port)], '/moto-api/');
}

export function startMinio(): Promise<Emulator> {
  const args = (port: number, folder: string) => {
    const addresses = ['--address', `127.0.0.1:${port}`, '--console-address', '127.0.0.1:0'];
    return ['server', '--quiet', ...addresses, folder];
  };
  // It says that it lives, and is ready, before it takes any call; only this waits for that.
  return start('minio', args, '/minio/health/cluster');
}

async function start(
  name: string,
  args: (port: number, folder: string) => string[],
  healthPath: string,
): Promise<Emulator> {
  const program = findProgram(name);
  if (!program) throw new Error(`${name} is not installed: run test/emulators.sh`);
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  const port = await freePort();
  const environment = { MINIO_ROOT_USER: ACCESS_KEY, MINIO_ROOT_PASSWORD: SECRET_KEY, MINIO_CI_CD: '1' };
  const env = { PATH: process.env.PATH ?? '', HOME: folder, ...environment };
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess | null = null;
  const kill = async () => {
    if (child && child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
  };
  // A test runner that exits early must not leave a server behind.
  const killAtExit = () => child?.kill('SIGKILL');
  process.once('exit', killAtExit);
  const stop = async () => {
    process.off('exit', killAtExit);
    await kill();
    await rm(folder, { recursive: true, force: true });
  };
  const restart = async () => {
    child = spawn(program, args(port, folder), { env, stdio: 'ignore' });
    await untilHealthy(child, url + healthPath);
  };
  await restart().catch(async (err) => {
    await stop();
    throw err;
  });
  return { port, url, kill, restart, stop };
}

async function untilHealthy(child: ChildProcess, url: string): Promise<void> {
  const deadline = performance.now() + START_DEADLINE_MS;
  for (;;) {
    const isUp = await fetch(url).then(
      (answer) => answer.ok,
      () => false,
    );
    if (isUp) return;
    if (child.exitCode !== null) throw new Error(`the emulator ended with ${child.exitCode}`);
    if (performance.now() > deadline) throw new Error(`the emulator at ${url} never came up`);
    await delay(50);
  }
}
