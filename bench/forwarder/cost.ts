// CPU, memory and bytes of the forwarder, and of the floor, under one load. CPU is the user and system time of the whole
// process while the load ran, divided by the pairs that were acknowledged.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { NODE_FLAGS } from '@echoplane/resources';
import { bundle } from '../../deploy/bundle.ts';
import { cpuUs, processTree, watchMemory } from '../sidecar/process-usage.ts';
import { announced, LOAD_CORE, type Running, start, stopAll, TEST_CORE } from '../sidecar/processes.ts';
import { makeTraffic } from './traffic.ts';

export interface Cost {
  pairs: number;
  pairsPerSecond: number;
  cpuUsPerPair: number;
  rssMib: number;
  bytesInPerPair: number;
  bytesShippedPerPair: number;
  /** Planted secrets that were found in something written or sent. */
  escaped: number;
  /** Pairs sent that no counter explains. */
  unaccounted: number;
}

export interface Load {
  bodyBytes: number;
  seconds: number;
  /** Pairs a second; 0: as fast as it goes. */
  rate: number;
  secrets: boolean;
  /** A bundle that exists already. */
  bundle?: string | undefined;
  profileFolder?: string | undefined;
}

interface Loaded {
  sent: number;
  acknowledged: number;
  tookS: number;
}

const HERE = import.meta.dirname;
const program = (name: string) => join(HERE, name);

async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'echoplane-bench-'));
  try {
    return await work(folder);
  } finally {
    await stopAll();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs the load against a port to its end. */
export async function runLoad(port: number, load: Load, lane = '100'): Promise<Loaded> {
  const args = [port, load.seconds, load.rate, load.bodyBytes, load.secrets, lane].map(String);
  const running = start(LOAD_CORE, [process.execPath, program('load-program.ts'), ...args]);
  return announced<Loaded>(running, 'sent', (load.seconds + 60) * 1000);
}

export async function measureFloor({
  bodyBytes,
  seconds,
}: {
  bodyBytes: number;
  seconds: number;
}): Promise<Cost> {
  return withFolder(async (folder) => {
    const file = join(folder, 'floor');
    const floor = start(TEST_CORE, [process.execPath, program('floor-program.ts'), file]);
    const { port } = await announced<{ port: number }>(floor, 'port');
    return measured(floor, { port, load: { bodyBytes, seconds, rate: 0, secrets: false } }, async () => ({
      ...{ shippedBytes: statSync(file).size, escaped: 0, unaccounted: 0 },
    }));
  });
}

export async function measureForwarder(load: Load): Promise<Cost> {
  return withFolder(async (folder) => {
    const sentFile = join(folder, 'sent');
    const cloud = start(LOAD_CORE, [process.execPath, program('stand-in-cloud.ts'), sentFile]);
    const { port: cloudPort } = await announced<{ port: number }>(cloud, 'port');
    const dirs = { spool: join(folder, 'spool'), store: join(folder, 'store') };
    const { forwarder, port, adminPort } = await startForwarder(dirs, `http://127.0.0.1:${cloudPort}`, load);
    return measured(forwarder, { port, load }, async (loaded, warmUp) => {
      await fetch(`http://127.0.0.1:${adminPort}/flush`, { method: 'POST' });
      const status = (await (await fetch(`http://127.0.0.1:${adminPort}/status`)).json()) as StatusPage;
      const { counters, pending } = status.forwarder;
      const sent = warmUp.sent + loaded.sent;
      const planted = load.secrets ? makeTraffic({ ...load, variety: 400 }).planted : [];
      return {
        shippedBytes: bytesIn(dirs.store),
        escaped: planted.length > 0 ? escapedFrom(folder, planted) : 0,
        unaccounted: sent - counters.captured + pending,
      };
    });
  });
}

interface StatusPage {
  forwarder: { counters: { captured: number }; pending: number };
}

let built: Promise<string> | null = null;

/** Bundled once, as an image holds it. */
function builtForwarder(): Promise<string> {
  built ??= bundle('forwarder');
  return built;
}

/** A forwarder as it is installed, with nothing switched off. */
export async function startForwarder(
  dirs: { spool: string; store: string },
  cloudUrl: string,
  { bundle: given, profileFolder }: Pick<Load, 'bundle' | 'profileFolder'>,
  agentKey = 'bench',
): Promise<{ forwarder: Running; port: number; adminPort: number }> {
  const main = given ?? (await builtForwarder());
  const profile = profileFolder ? ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`] : [];
  const forwarder = start(TEST_CORE, [process.execPath, ...NODE_FLAGS.forwarder, ...profile, main], {
    ECHOPLANE_PORT: '0',
    ECHOPLANE_ADMIN_PORT: '0',
    ECHOPLANE_SPOOL_DIR: dirs.spool,
    ECHOPLANE_STORE_DIR: dirs.store,
    ECHOPLANE_CLOUD_URL: cloudUrl,
    ECHOPLANE_AGENT_KEY: agentKey,
  });
  const ready = await announced<{ port: number; adminPort: number }>(forwarder, 'port');
  return { forwarder, ...ready };
}

type After = (
  loaded: Loaded,
  warmUp: Loaded,
) => Promise<{ shippedBytes: number; escaped: number; unaccounted: number }>;

async function measured(
  subject: Running,
  { port, load }: { port: number; load: Load },
  after: After,
): Promise<Cost> {
  // Compiled code and a warm heap, as after the first minute of its life.
  const warmUp = await runLoad(port, { ...load, seconds: 4 }, '000');
  const pids = processTree(subject.pid);
  const before = cpuUs(pids);
  const memory = watchMemory(pids);
  const loaded = await runLoad(port, load);
  const cpu = cpuUs(pids) - before;
  const { rssMib } = memory();
  const { pairs } = makeTraffic({ ...load, variety: 400 });
  const bytesIn = pairs.reduce((sum, pair) => sum + pair.length, 0) / pairs.length;
  const { shippedBytes, escaped, unaccounted } = await after(loaded, warmUp);
  const all = loaded.acknowledged;
  return {
    ...{ pairs: all, pairsPerSecond: Math.round(all / load.seconds), cpuUsPerPair: cpu / all, rssMib },
    ...{
      bytesInPerPair: Math.round(bytesIn),
      bytesShippedPerPair: Math.round(shippedBytes / all),
      escaped,
      unaccounted,
    },
  };
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function bytesIn(folder: string): number {
  return filesIn(folder).reduce((sum, file) => sum + statSync(file).size, 0);
}

/** What a planted secret is made of, and at least as long as one. */
const WORD = /[\w.@-]{12,}/g;

/** How many of the planted secrets stand in any file below a folder, as they are or in a zstd frame. */
function escapedFrom(folder: string, planted: readonly string[]): number {
  const secrets = new Set(planted);
  const found = new Set<string>();
  for (const file of filesIn(folder)) {
    for (const text of textsOf(readFileSync(file))) {
      for (const [word] of text.matchAll(WORD)) if (secrets.has(word)) found.add(word);
    }
  }
  return found.size;
}

const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** The bytes as text, and every zstd frame among them. */
function* textsOf(bytes: Buffer): Generator<string> {
  yield bytes.toString('latin1');
  for (let at = bytes.indexOf(ZSTD_MAGIC); at >= 0; at = bytes.indexOf(ZSTD_MAGIC, at + 4)) {
    try {
      yield zstdDecompressSync(bytes.subarray(at)).toString('latin1');
    } catch {
      // Four bytes that happen to look like a frame.
    }
  }
}
