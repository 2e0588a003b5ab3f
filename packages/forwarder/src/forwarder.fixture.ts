// The outside of a forwarder, for tests: the real program as a process, a stand-in for the control plane that checks
// every body against the contract, a sender, and the real tools that read segments.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import {
  HopReports,
  IndexBatch,
  NewObservations,
  type Observation,
  PROBLEMS,
  type Problem,
  type ProblemCode,
  SegmentShipped,
  Tombstones,
} from '@echoplane/api';
import { CaptureSender, folderStore, listen, silentLogger, systemClock } from '@echoplane/runtime';
import { type HopReport, type IndexRow, type SegmentManifest, total } from '@echoplane/traffic';
import { COMPILE_CACHE } from '../../../test/compile-cache.ts';
import { HELLO } from './captured.fixture.ts';

export const clock = systemClock();
export const TENANT = '0190a0a0-0000-7000-8000-00000000aaaa';
export const KEY = 'test-key';
/** Both end what hangs; they are no judgement of how fast the machine is. */
export const DRAIN_MS = 120_000;
const DEADLINE_US = 120_000_000;
const FILES_AT_ONCE = 200;

/** What a test must undo, last first. */
export class Cleanup {
  readonly #steps: (() => unknown)[] = [];
  add(step: () => unknown): void {
    this.#steps.push(step);
  }
  async run(): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) await step();
  }
}

export async function temporaryHome(cleanup: Cleanup): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'forwarder-'));
  cleanup.add(() => rm(home, { recursive: true, force: true }));
  return home;
}

export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = clock.nowUs() + DEADLINE_US;
  while (!(await condition())) {
    if (clock.nowUs() > deadline) throw new Error(`never came: ${what}`);
    await clock.sleep(10);
  }
}

interface Answer {
  status: number;
  text: string;
}

function ok(body: unknown): Answer {
  return { status: 200, text: JSON.stringify(body) };
}

function problem(code: ProblemCode): Answer {
  const { status, title } = PROBLEMS[code];
  const body: Problem = {
    type: 'urn:test',
    title,
    status,
    code,
    detail: 'As the test wants it.',
    requestId: 'r',
  };
  return { status, text: JSON.stringify(body) };
}

/** What the control plane was told. `refuse` may give a refusal for a path instead of an answer. */
export class StandInCloud {
  readonly rows = new Map<string, IndexRow>();
  readonly frames = new Set<string>();
  /** Ids that came in two different places. */
  readonly twice: string[] = [];
  readonly reports = new Map<string, HopReport>();
  readonly segments: SegmentManifest[] = [];
  readonly malformed: string[] = [];
  readonly observations: Observation[] = [];
  /** Pairs of segments it was told are lost, by segment. */
  readonly lost = new Map<string, number>();
  refuse: (path: string) => ProblemCode | { status: number; text: string } | null = () => null;

  answer(path: string, authorization: string | undefined, text: string): Answer {
    if (authorization !== `Bearer ${KEY}`) return problem('unauthenticated');
    const refusal = this.refuse(path);
    if (refusal) return typeof refusal === 'string' ? problem(refusal) : refusal;
    if (path === '/v1/agent') return ok({ tenant: { id: TENANT, name: 'acme' }, key: 'k' });
    try {
      return this.#take(path, JSON.parse(text));
    } catch (err) {
      this.malformed.push(`${path}: ${err}`);
      return problem('invalid_request');
    }
  }

  #take(path: string, body: unknown): Answer {
    if (path === '/v1/ingest/reports') {
      this.#note(HopReports.parse(body).reports);
      return { status: 204, text: '' };
    }
    if (path === '/v1/ingest/segments') {
      this.segments.push(SegmentShipped.parse(body).manifest);
      return ok({ rows: 0, duplicate: false });
    }
    if (path === '/v1/ingest/tombstones') {
      for (const { segment, pairs } of Tombstones.parse(body).segments) this.lost.set(segment, pairs);
      return { status: 204, text: '' };
    }
    if (/^\/v1\/ingest\/replays\/[^/]+\/observations$/.test(path)) {
      const { observations } = NewObservations.parse(body);
      this.observations.push(...observations);
      return ok({ accepted: observations.length });
    }
    // As an older control plane: it knows no agents.
    if (path !== '/v1/ingest/index') return problem('not_found');
    const batch = IndexBatch.parse(body);
    this.#note(batch.reports);
    const frame = `${batch.segment}/${batch.frame}`;
    const duplicate = this.frames.has(frame);
    this.frames.add(frame);
    for (const row of duplicate ? [] : batch.rows) {
      if (this.rows.has(row.id)) this.twice.push(row.id);
      this.rows.set(row.id, row);
    }
    return ok({ rows: batch.rows.length, duplicate });
  }

  #note(reports: HopReport[]): void {
    const sum = ({ counters: c }: HopReport) =>
      c.captured + c.delivered + total(c.withheld) + total(c.dropped);
    for (const report of reports) {
      const known = this.reports.get(report.incarnation);
      if (!known || sum(report) >= sum(known)) this.reports.set(report.incarnation, report);
    }
  }

  report(hop: HopReport['hop']): HopReport | undefined {
    return [...this.reports.values()].find((report) => report.hop === hop);
  }
}

/** Serves the stand-in; `close` makes the control plane go away. */
export async function serveCloud(cloud: StandInCloud, cleanup: Cleanup, port = 0) {
  const server = createServer(async (request, response) => {
    const { status, text } = cloud.answer(request.url!, request.headers.authorization, await textOf(request));
    response.writeHead(status, { 'content-type': 'application/json' }).end(text);
  });
  const taken = await listen(server, port);
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  cleanup.add(close);
  return { port: taken, url: `http://127.0.0.1:${taken}`, close };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

export interface ForwarderProcess {
  process: ChildProcess;
  port: number;
  adminPort: number;
  /** Null without a cluster face. */
  clusterPort: number | null;
  /** Ends it with a signal and waits for its exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  page(path: string, method?: string): Promise<{ status: number; text: string }>;
  /** Resolves when everything in it is closed, shipped, indexed and reported; one call of it waits for 30 s only. */
  flush(): Promise<void>;
}

/** Environment of a forwarder in `home`. */
export function forwarderEnv(home: string, cloudUrl: string, env: Record<string, string> = {}) {
  return {
    ECHOPLANE_PORT: '0',
    ECHOPLANE_SPOOL_DIR: join(home, 'spool'),
    ECHOPLANE_STORE_DIR: join(home, 'store'),
    ECHOPLANE_CLOUD_URL: cloudUrl,
    ECHOPLANE_AGENT_KEY: KEY,
    ECHOPLANE_FRAME_MAX_DELAY_MS: '20',
    ECHOPLANE_FSYNC: 'false',
    ...env,
  };
}

export function spawnForwarder(env: Record<string, string>): ChildProcess {
  const main = join(import.meta.dirname, 'main.ts');
  return spawn(process.execPath, [main], {
    env: { ...COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Starts the program and waits until it serves. */
export async function startForwarder(
  env: Record<string, string>,
  cleanup: Cleanup,
): Promise<ForwarderProcess> {
  const child = spawnForwarder(env);
  const exited = once(child, 'exit');
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    return (await exited)[0] as number | null;
  };
  cleanup.add(() => end('SIGKILL'));
  child.stderr!.resume();
  const ready = Promise.withResolvers<Pick<ForwarderProcess, 'port' | 'adminPort' | 'clusterPort'>>();
  createInterface(child.stdout!).on('line', (line) => {
    const entry = JSON.parse(line) as Awaited<typeof ready.promise> & { event?: string };
    if (entry.event === 'ready') ready.resolve(entry);
  });
  void exited.then(() => ready.reject(new Error('the forwarder ended before it was ready')));
  const { port, adminPort, clusterPort } = await ready.promise;
  const page = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${adminPort}${path}`, { method });
    return { status: response.status, text: await response.text() };
  };
  const flush = () =>
    until('the flush', async () => JSON.parse((await page('/flush', 'POST')).text).flushed === true);
  return { process: child, port, adminPort, clusterPort, end, page, flush };
}

export function startSender(port: number, cleanup: Cleanup): CaptureSender {
  const { version: _, incarnation: __, ...hello } = HELLO;
  const sender = new CaptureSender({ host: '127.0.0.1', port, hello, log: silentLogger(), clock });
  const running = sender.run(new AbortController().signal);
  cleanup.add(() => {
    sender.close();
    return running;
  });
  return sender;
}

/** Ids of all pairs in the folder store, read with zstd and jq. */
export async function storedIds(home: string): Promise<string[]> {
  const root = join(home, 'store');
  const keys = await (await folderStore(root)).list('');
  const ids: string[] = [];
  const read = ['-o', 'pipefail', '-c', 'zstd -dcq "$@" | jq -er .id', 'bash'];
  for (let at = 0; at < keys.length; at += FILES_AT_ONCE) {
    const files = keys.slice(at, at + FILES_AT_ONCE).map((key) => join(root, key));
    const { stdout } = await promisify(execFile)('bash', [...read, ...files], { maxBuffer: 64 << 20 });
    ids.push(...stdout.split('\n').filter((id) => id !== ''));
  }
  return ids;
}
