// A whole system that records canaries: sidecars, a forwarder with everything switched on, the control plane behind a
// recorder, a worker, a collector of the customer. Afterwards every byte that any of them wrote, sent or said, by place.

import { readdir, readFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { ARTIFACTS, RRPair } from '@echoplane/traffic';
import { expect } from 'vitest';
import { BODY_LIMIT } from './canary-codings.ts';
import {
  listening,
  sendCurl,
  sendGrpc,
  sendHttp1,
  sendHttp2,
  sendRaw,
  sendWebSocket,
  serveGrpc,
  serveOrigin,
} from './canary-traffic.ts';
import { allRows, clientOf, DataPath, flush, PATIENCE, type Server } from './data-path-stage.ts';
import { type Program, ProgramStage, until } from './program-stage.ts';

/** Some of the traffic is held back by a filter, some folded: both lie in the ring. */
export const RULES = {
  v: 1,
  version: 'canary-1',
  filter: { rules: [{ name: 'no-queries', when: "path.startsWith('/c/query')", action: 'drop' }] },
  fold: { enabled: true, payloadsPerMinute: 1 },
};
const MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** Bytes by the place where they lie or went. */
export type Places = Map<string, Buffer | string>;

interface Closing {
  close(): unknown;
}

export class CanaryStage {
  sent = 0;
  readonly path: DataPath;
  readonly #programs: ProgramStage;
  readonly #closing: Closing[];
  readonly #recorded: Record<'control plane' | 'OTLP', Buffer[]> = { 'control plane': [], OTLP: [] };
  readonly #running: { name: string; program: Program }[] = [];
  #forwarder!: Server;
  #cloudUrl = '';
  #apiKey = '';

  private constructor(path: DataPath, programs: ProgramStage) {
    this.path = path;
    this.#programs = programs;
    this.#closing = [programs, path];
  }

  /** Everything runs. `redaction`: of the rules. */
  static async open(redaction: Record<string, unknown>): Promise<CanaryStage> {
    const stage = new CanaryStage(await DataPath.open(), await ProgramStage.open());
    await stage.#start(redaction).catch(async (err) => {
      await stage.close();
      throw err;
    });
    return stage;
  }

  async close(): Promise<void> {
    for (const one of this.#closing) await one.close();
  }

  async #start(redaction: Record<string, unknown>): Promise<void> {
    const tenant = await this.path.tenant('acme');
    const replica = await this.path.replica('cloud');
    this.#running.push({ name: 'cloud', program: replica.program });
    this.#running.push({ name: 'worker', program: await this.path.worker('worker') });
    this.#cloudUrl = replica.url;
    this.#apiKey = tenant.apiKey;
    const rules = await this.#programs.file('rules.json', JSON.stringify({ ...RULES, redaction }));
    this.#forwarder = await this.path.forwarder(tenant, await this.#record(replica.port), {
      ECHOPLANE_RULES_FILE: rules,
      ECHOPLANE_GUARD_SHARE: '1',
      ECHOPLANE_OTLP_URL: await this.#collect(),
      ECHOPLANE_SEGMENT_MAX_BYTES: String(256 << 10),
    });
    this.#running.push({ name: 'forwarder', program: this.#forwarder.program });
  }

  /** All canaries by all clients; resolves when everything captured has its fate, in the store and the index too. */
  async traffic(): Promise<void> {
    const [origin, grpc] = [await serveOrigin(), await serveGrpc()];
    this.#closing.unshift(origin, grpc);
    const [shop, calls] = [await this.#sidecar(origin.port), await this.#sidecar(grpc.port)];
    const [inPort, outPort] = [Number(shop.inPort), Number(shop.outPort)];
    const counts = [
      await sendHttp1(inPort),
      await sendHttp1(outPort, origin.port),
      await sendHttp2(inPort),
      await sendRaw(inPort),
      await sendCurl(inPort),
      await sendWebSocket(inPort),
      await sendGrpc(Number(calls.inPort)),
    ];
    this.sent = counts.reduce((sum, count) => sum + count, 0);
    await this.#drained([shop, calls]);
    await flush(this.#forwarder);
  }

  async #sidecar(targetPort: number) {
    const settings = {
      ...{
        MODE: 'dual',
        TARGET_PORT: targetPort,
        IN_PORT: 0,
        OUT_PORT: 0,
        ADMIN_PORT: 0,
        DIAGNOSTICS_PORT: 0,
      },
      ...{ WORKLOAD: 'shop', FORWARDER_PORT: this.#forwarder.port, BODY_LIMIT, DRAIN_DEADLINE: 0 },
    };
    const env = Object.entries(settings).map(([name, value]) => [`ECHOPLANE_${name}`, String(value)]);
    const program = this.#programs.start('sidecar', Object.fromEntries(env));
    this.#running.push({ name: `sidecar ${this.#running.length}`, program });
    return program.event('ready');
  }

  async #drained(sidecars: Record<string, unknown>[]): Promise<void> {
    const totals = async () => {
      const pages = await Promise.all(
        sidecars.map(({ adminPort }) => pageOf(`http://127.0.0.1:${adminPort}/metrics`)),
      );
      const sum = (what: string) =>
        [...pages.join('\n').matchAll(new RegExp(`^echoplane_pairs_${what}_total(?:{[^}]*})? (\\d+)$`, 'gm'))]
          .map(([, value]) => Number(value))
          .reduce((all, value) => all + value, 0);
      return { captured: sum('captured'), done: sum('delivered') + sum('withheld') + sum('dropped') };
    };
    await until(async () => {
      const { captured, done } = await totals();
      return captured >= this.sent && captured === done;
    }).catch(async () => {
      throw new Error(`${this.sent} sent, but ${JSON.stringify(await totals())}`);
    });
  }

  /** A way to the control plane on which everything is written down. */
  async #record(port: number): Promise<string> {
    const sockets = new Set<Socket>();
    const server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(from);
        from.on('data', (chunk: Buffer) => this.#recorded['control plane'].push(chunk));
        from.on('error', () => {}).on('close', () => to.destroy());
        from.pipe(to);
      }
    });
    this.#closing.push({
      close() {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    });
    return `http://127.0.0.1:${await listening(server)}`;
  }

  /** A collector that takes everything. */
  async #collect(): Promise<string> {
    const server = createHttpServer(async (asked, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of asked) chunks.push(chunk);
      this.#recorded.OTLP.push(Buffer.from(JSON.stringify(asked.headers)), Buffer.concat(chunks));
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
    this.#closing.push({ close: () => server.close().closeAllConnections() });
    return `http://127.0.0.1:${await listening(server)}`;
  }

  /** Every pair in the store and in the ring. */
  async pairs(): Promise<{ pair: RRPair; line: string; held: boolean }[]> {
    const found = new Map<string, { pair: RRPair; line: string; held: boolean }>();
    for (const root of [this.path.storeDir, this.#spoolDir])
      for (const [name, bytes] of await filesIn(root))
        if (/\.(zst|held|shipped)$/.test(name))
          for (const line of linesOf(bytes)) {
            const pair = RRPair.parse(JSON.parse(line));
            found.set(pair.id, { pair, line, held: name.endsWith('.held') });
          }
    return [...found.values()];
  }

  get #spoolDir(): string {
    return join(dirname(this.path.storeDir), 'spool-acme');
  }

  /** What the forwarder says of itself. */
  async status(): Promise<Record<string, unknown> & { guard: { alarms: object; lastAlarm: unknown } }> {
    return JSON.parse(await pageOf(`${this.#forwarder.url}/status`));
  }

  /** Asks for what people ask for, and ends every program; what all of it left. */
  async places(): Promise<Places> {
    const places: Places = new Map();
    for (const page of ['status', 'metrics', 'discoveries'])
      places.set(`forwarder: /${page}`, await pageOf(`${this.#forwarder.url}/${page}`));
    await this.#api(places);
    await this.#tables(places);
    for (const { program } of this.#running) program.child.kill('SIGTERM');
    for (const { name, program } of this.#running) {
      const { stdout, stderr } = await program.ended;
      places.set(`log: ${name}`, stdout + stderr);
    }
    for (const [name, bytes] of await filesIn(this.path.storeDir)) places.set(`store: ${name}`, bytes);
    for (const [name, bytes] of await filesIn(this.#spoolDir)) places.set(`spool: ${name}`, bytes);
    for (const [name, chunks] of Object.entries(this.#recorded)) {
      expect(chunks.length, `nothing went to ${name}`).toBeGreaterThan(0);
      if (name === 'OTLP')
        for (const [at, chunk] of chunks.entries()) places.set(`sent to ${name}: ${at}`, chunk);
      else places.set(`sent to ${name}`, Buffer.concat(chunks));
    }
    return places;
  }

  /** Snapshot, list, drill-in, search, recall and everything else that the dashboard shows. */
  async #api(places: Places): Promise<void> {
    const client = clientOf(this.#cloudUrl, this.#apiKey);
    const keep = (name: string, answer: unknown) => places.set(`api: ${name}`, JSON.stringify(answer));
    const { id } = await client.call('createSnapshot', { body: { name: 'canaries', query: {} } });
    const snapshot = () => client.call('snapshot', { params: { id } });
    await expect.poll(async () => (await snapshot()).state, PATIENCE).toBe('succeeded');
    keep('snapshot', await snapshot());
    for (const name of Object.values(ARTIFACTS)) {
      const { body } = await fetch(`${this.#cloudUrl}/v1/snapshots/${id}/artifacts/${name}`, {
        headers: { authorization: `Bearer ${this.#apiKey}` },
      });
      places.set(`artifact: ${name}`, Buffer.from(await new Response(body).arrayBuffer()));
    }
    const recall = { kind: 'recall' as const, from: 0, to: Date.now() * 1_000 + 60_000_000, limit: 1_000 };
    const agents = await client.call('agents', {});
    const command = await client.call('createCommand', {
      body: { agent: agents.items[0]!.id, body: recall },
    });
    const search = await client.call('createSearch', {
      body: { filter: "path.contains('json')", query: {} },
    });
    const outcome = () => client.call('command', { params: { id: command.id } });
    await expect.poll(async () => (await outcome()).state, PATIENCE).toBe('succeeded');
    const found = () => client.call('search', { params: { id: search.id } });
    await expect.poll(async () => (await found()).state, PATIENCE).toBe('succeeded');
    await flush(this.#forwarder);
    keep('agents', await client.call('agents', {}));
    keep('recall', await outcome());
    keep('search', await found());
    const rows = await allRows(client);
    keep('traffic', rows);
    for (const row of rows)
      keep(`pair ${row.id}`, await client.call('trafficPair', { params: { id: row.id } }));
    keep('services', await client.call('services', {}));
    keep('graph', await client.call('trafficGraph', { query: {} }));
    keep('accounting', await client.call('accounting', {}));
    keep('discoveries', await client.call('discoveries', {}));
  }

  /** Every row of every table, as text. */
  async #tables(places: Places): Promise<void> {
    const { postgres, database } = this.path;
    const names = await postgres.asSuperuser(
      database,
      "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    );
    for (const { name } of names.rows as { name: string }[]) {
      const { rows } = await postgres.asSuperuser(database, `SELECT t::text AS line FROM ${name} t`);
      if (rows.length > 0) places.set(`table: ${name}`, rows.map(({ line }) => line).join('\n'));
    }
  }
}

async function pageOf(url: string): Promise<string> {
  return (await fetch(url)).text();
}

async function filesIn(root: string): Promise<[string, Buffer][]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    files.map(async (file) => [file.slice(root.length + 1), await readFile(file)] as [string, Buffer]),
  );
}

/** Lines of NDJSON in zstd frames, whatever stands between the frames. */
function linesOf(bytes: Buffer): string[] {
  const lines: string[] = [];
  for (let at = bytes.indexOf(MAGIC); at >= 0; at = bytes.indexOf(MAGIC, at + 1)) {
    try {
      const text = zstdDecompressSync(bytes.subarray(at)).toString('utf8');
      lines.push(...text.split('\n').filter((line) => line.startsWith('{"v":')));
    } catch {
      // The four bytes stood within a frame.
    }
  }
  return lines;
}
