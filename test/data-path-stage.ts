// The whole data path as real processes on one machine: a Postgres, control-plane replicas and workers, forwarders, and
// workloads that send real capture streams from the test's own process. For tests only; what is killed when, and what must
// hold then, is the test's.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type ApiClient, createClient } from '@echoplane/api';
import { CaptureSender, newId, silentLogger, systemClock } from '@echoplane/runtime';
import { pending } from '@echoplane/traffic';
import type { CapturedMessage, CapturedPair } from '@echoplane/wire';
import { expect } from 'vitest';
import { freePort } from './ports.ts';
import { startPostgres, type TestPostgres } from './postgres.ts';
import { type Ended, type Program, ProgramStage } from './program-stage.ts';

const PASSWORD = 'a-test-password';
const OWNER = 'echoplane_owner';
const CLOUD = fileURLToPath(new URL('../packages/cloud/src/main.ts', import.meta.url));
/** A workload does not run further ahead of its forwarder than this many pairs. */
const AHEAD = 2_000;
const BURST = 250;

/** Long enough for a job's lease (60 s) to run out; everything else takes seconds. */
export const PATIENCE = { timeout: 240_000, interval: 20 };
export const clock = systemClock();

export interface Tenant {
  name: string;
  id: string;
  agentKey: string;
  apiKey: string;
}

/** A control-plane replica or a forwarder: started again with the same environment, it is the same one again. */
export interface Server {
  program: Program;
  /** Origin of the API; of a forwarder, of its admin page. */
  url: string;
  port: number;
  restart(): Promise<void>;
}

export class DataPath {
  readonly postgres: TestPostgres;
  readonly database: string;
  readonly #programs: ProgramStage;
  readonly #peaks = new Map<string, number>();
  readonly #running = new Map<Program, string>();
  #databasePort: number;

  private constructor(postgres: TestPostgres, database: string, programs: ProgramStage) {
    this.postgres = postgres;
    this.database = database;
    this.#programs = programs;
    this.#databasePort = postgres.port;
  }

  static async open(): Promise<DataPath> {
    const postgres = await startPostgres();
    await postgres.asSuperuser('postgres', `CREATE ROLE ${OWNER} LOGIN CREATEROLE PASSWORD '${PASSWORD}'`);
    const database = await postgres.createDatabase({ owner: OWNER });
    return new DataPath(postgres, database, await ProgramStage.open());
  }

  async close(): Promise<void> {
    await this.#programs.close();
    await this.postgres.stop();
  }

  /** Gone when the data path is closed. */
  get folder(): string {
    return this.#programs.folder;
  }
  get storeDir(): string {
    return join(this.folder, 'store');
  }

  /** `cloud init` for a tenant, to its end. */
  init(name: string): Promise<Ended> {
    const env = {
      ECHOPLANE_OWNER_DATABASE_URL: this.postgres.url(this.database, OWNER, PASSWORD),
      ECHOPLANE_APP_PASSWORD: PASSWORD,
      ECHOPLANE_PLATFORM_PASSWORD: PASSWORD,
      ECHOPLANE_TENANT_NAME: name,
      ECHOPLANE_USER_EMAIL: `${name}@example.org`,
      ECHOPLANE_USER_PASSWORD: PASSWORD,
      ECHOPLANE_CREATE_KEYS: 'true',
    };
    return this.#programs.run(process.execPath, [CLOUD, 'init'], env).ended;
  }

  async tenant(name: string): Promise<Tenant> {
    const { code, stderr, lines } = await this.init(name);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { tenant: id, agentKey, apiKey } = lines[0] as Record<'tenant' | 'agentKey' | 'apiKey', string>;
    return { name, id, agentKey, apiKey };
  }

  /** A replica of the control plane, with further settings; an empty one takes a setting away. */
  async replica(name: string, settings: Record<string, string> = {}): Promise<Server> {
    const port = await freePort();
    const env = { ...this.#cloudEnv(), ECHOPLANE_PORT: String(port), ...settings };
    const start = () => this.#start(name, () => this.#programs.run(process.execPath, [CLOUD, 'serve'], env));
    return restartable(`http://127.0.0.1:${port}`, port, start);
  }

  worker(name: string): Promise<Program> {
    const run = () => this.#programs.run(process.execPath, [CLOUD, 'worker'], this.#cloudEnv());
    return this.#start(name, run);
  }

  /** A tenant's forwarder that reports to one replica, with further settings; small segments, so that there are many. */
  async forwarder(tenant: Tenant, cloudUrl: string, settings: Record<string, string> = {}): Promise<Server> {
    const [port, adminPort] = [await freePort(), await freePort()];
    const env = {
      ECHOPLANE_PORT: String(port),
      ECHOPLANE_ADMIN_PORT: String(adminPort),
      ECHOPLANE_SPOOL_DIR: join(this.#programs.folder, `spool-${tenant.name}`),
      ECHOPLANE_STORE_DIR: this.storeDir,
      ECHOPLANE_CLOUD_URL: cloudUrl,
      ECHOPLANE_AGENT_KEY: tenant.agentKey,
      ECHOPLANE_SEGMENT_MAX_BYTES: String(16 << 10),
      ...settings,
    };
    const start = () =>
      this.#start(`forwarder of ${tenant.name}`, () => this.#programs.start('forwarder', env));
    return restartable(`http://127.0.0.1:${adminPort}`, port, start);
  }

  /** As by a crash: no signal handler runs. */
  async kill(program: Program): Promise<void> {
    this.#measure();
    this.#running.delete(program);
    program.child.kill('SIGKILL');
    await program.ended;
  }

  /** Peak resident memory of every program so far, MiB; of its lives the largest. */
  peaks(): Record<string, number> {
    this.#measure();
    return Object.fromEntries(this.#peaks);
  }

  /** From now on programs are started with a way to the database that can be shut. */
  async gate(): Promise<Gate> {
    const gate = new Gate(this.postgres.port);
    this.#databasePort = await gate.open();
    return gate;
  }

  /** Locks a table until the returned function is called. */
  async lock(table: string): Promise<() => Promise<void>> {
    const name = 'lock of a test';
    const sql = `SET application_name = '${name}'; BEGIN; LOCK echoplane.${table}; SELECT pg_sleep(600)`;
    const held = this.postgres.asSuperuser(this.database, sql).then(
      () => {},
      () => {},
    );
    const sessions = `FROM pg_stat_activity WHERE application_name = '${name}' AND wait_event = 'PgSleep'`;
    const isHeld = async () =>
      (await this.postgres.asSuperuser(this.database, `SELECT ${sessions}`)).rowCount;
    await expect.poll(isHeld, PATIENCE).toBe(1);
    return async () => {
      await this.postgres.asSuperuser(this.database, `SELECT pg_terminate_backend(pid) ${sessions}`);
      await held;
    };
  }

  /** The pools that have a statement waiting for a lock, sorted. */
  async waiting(): Promise<string[]> {
    const found = await this.postgres.asSuperuser(
      this.database,
      `SELECT DISTINCT application_name AS name FROM pg_stat_activity WHERE wait_event_type = 'Lock' ORDER BY 1`,
    );
    return found.rows.map((row) => row.name);
  }

  #cloudEnv(): Record<string, string> {
    const url = (role: string) =>
      this.postgres
        .url(this.database, role, PASSWORD)
        .replace(`:${this.postgres.port}/`, `:${this.#databasePort}/`);
    return {
      ECHOPLANE_DATABASE_URL: url('echoplane_app'),
      ECHOPLANE_PLATFORM_DATABASE_URL: url('echoplane_platform'),
      ECHOPLANE_STORE_DIR: this.storeDir,
    };
  }

  async #start(name: string, run: () => Program): Promise<Program> {
    const program = run();
    this.#running.set(program, name);
    await program.event('ready');
    return program;
  }

  #measure(): void {
    for (const [{ child }, name] of this.#running) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      const mib = Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024);
      this.#peaks.set(name, Math.max(mib, this.#peaks.get(name) ?? 0));
    }
  }
}

async function restartable(url: string, port: number, start: () => Promise<Program>): Promise<Server> {
  const server = { url, port, program: await start(), restart };
  async function restart() {
    server.program = await start();
  }
  return server;
}

/** A way to a local port that can be shut: then connections break and new ones are refused. */
export class Gate {
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((near) => this.#join(near));
  #port = 0;

  constructor(target: number) {
    this.#target = target;
  }

  async open(): Promise<number> {
    this.#port ||= await freePort();
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    return this.#port;
  }

  shut(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(near: Socket): void {
    const far = connect(this.#target, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }
}

/** What a workload sent: the id is in the index, the texts are in the store. */
export interface Sent {
  tsUs: number;
  direction: 'IN' | 'OUT';
  request: string;
  response: string;
}

/** A tenant's shop with a capture stream to its forwarder, and the memory of every pair it sent. */
export class Workload {
  readonly sent = new Map<string, Sent>();
  readonly sender: CaptureSender;
  readonly #tenant: string;
  readonly #running: Promise<void>;

  constructor(tenant: string, port: number) {
    this.#tenant = tenant;
    const who = { cluster: tenant, namespace: 'demo', workload: 'shop', workloadKind: 'Deployment' };
    const hello = { ...who, hop: 'sidecar' as const, pod: 'shop-1', container: 'shop' };
    this.sender = new CaptureSender({ host: '127.0.0.1', port, hello, log: silentLogger(), clock });
    this.#running = this.sender.run(new AbortController().signal);
  }

  get service(): string {
    return `${this.#tenant}/demo/shop`;
  }

  get delivered(): number {
    return this.sender.counters().delivered;
  }

  /** Sends on until `total` pairs were sent, with pauses while the forwarder is behind. */
  async send(total: number): Promise<void> {
    while (this.sent.size < total) {
      for (let i = 0; i < BURST && this.sent.size < total; i++) this.#sendOne(this.sent.size);
      await expect.poll(() => pending(this.sender.counters()), PATIENCE).toBeLessThan(AHEAD);
    }
  }

  /** Resolves when everything sent is durable in the forwarder, with the final counters. */
  async drain(): Promise<void> {
    expect(await this.sender.drain(PATIENCE.timeout)).toMatchObject({ undelivered: 0 });
    await this.close();
  }

  close(): Promise<void> {
    this.sender.close();
    return this.#running;
  }

  /** Even numbers come in, odd ones go out to `rates`. */
  #sendOne(n: number): void {
    const tsUs = clock.nowUs();
    const id = newId(tsUs);
    const direction = n % 2 === 0 ? 'IN' : 'OUT';
    const request = JSON.stringify({ tenant: this.#tenant, order: n, lines: [{ sku: `sku-${n % 97}` }] });
    const response = JSON.stringify({
      tenant: this.#tenant,
      order: n,
      total: n * 3,
      note: 'x'.repeat(n % 200),
    });
    const host = `${direction === 'IN' ? 'shop' : 'rates'}.${this.#tenant}.example:8080`;
    const target = direction === 'IN' ? `/orders/${n % 500}?full=1` : '/rates';
    const cookie = `Cookie: sid=${this.#tenant}-${n % 100}\r\n`;
    const type = 'Content-Type: application/json\r\n';
    const pair: CapturedPair = {
      ...{ id, tsUs, direction, durationUs: 1_000 + (n % 5_000), ttfbUs: 900, protocol: 'http/1.1' },
      ...{ scheme: 'http', tls: null, connection: `c-${n % 20}`, seq: Math.floor(n / 20) },
      client: { ip: '127.0.0.1', port: 50_000, host: '' },
      server: { ip: '127.0.0.1', port: 8080, host: host.replace(/:.*/, '') },
      request: message(`POST ${target} HTTP/1.1\r\nHost: ${host}\r\n${cookie}${type}\r\n`, request),
      response: message(`HTTP/1.1 ${n % 50 === 0 ? '503 Busy' : '200 OK'}\r\n${type}\r\n`, response),
      ...{ sentBytes: 0, receivedBytes: 0, error: '', gapReason: '', tags: {} },
    };
    this.sent.set(id, { tsUs, direction, request, response });
    this.sender.offer(pair);
  }
}

function message(head: string, text: string): CapturedMessage {
  const body = Buffer.from(text);
  return { head: Buffer.from(head), body, bodySize: body.length, trailers: Buffer.alloc(0), chunks: [] };
}

/** Resolves when everything in the forwarder is closed, shipped, indexed and reported; one call of it waits for 30 s only. */
export async function flush(forwarder: Server): Promise<void> {
  const ask = async () =>
    (await fetch(`${forwarder.url}/flush`, { method: 'POST' })).json().catch(() => null);
  await expect.poll(ask, PATIENCE).toEqual({ flushed: true });
}

/** What a forwarder says of itself, as far as tests look. */
export async function statusOf(forwarder: Server): Promise<{ lag: { frames: number; failures: number } }> {
  const response = await fetch(`${forwarder.url}/status`);
  return (await response.json()) as { lag: { frames: number; failures: number } };
}

export function clientOf(url: string, key: string): ApiClient {
  return createClient({ baseUrl: url, fetch, headers: () => ({ authorization: `Bearer ${key}` }) });
}

/** Every row of the list, page by page. */
export async function allRows(client: ApiClient) {
  const rows = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: { limit: number; cursor?: string } = { limit: 500, ...(cursor ? { cursor } : {}) };
    const page: Awaited<ReturnType<typeof client.call<'traffic'>>> = await client.call('traffic', { query });
    rows.push(...page.items);
    cursor = page.cursor;
  }
  return rows;
}

/** The ids in a segment, by the tools a user has. Fails when a line is no JSON or has no id. */
export async function idsByShell(file: string): Promise<string[]> {
  const script = 'set -o pipefail; zstd -dc "$0" | jq -er .id';
  const { stdout } = await promisify(execFile)('bash', ['-c', script, file], { maxBuffer: 64 << 20 });
  return stdout.trimEnd().split('\n');
}
