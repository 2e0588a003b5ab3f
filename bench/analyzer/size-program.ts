// One step in a process of its own of trying an analysis at size: `segments` writes a recording of so many megabytes and so
// many pairs into segments, `snapshot` makes a snapshot of it as the store worker does; `results` writes tests and as many
// results of a replay, `report` judges them. Prints CPU seconds, wall seconds and the greatest memory as one line of JSON.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeReportFrom } from '../../packages/archive/src/make-report.ts';
import { makeSnapshotFiles } from '../../packages/archive/src/make-snapshot.ts';
import { putSegment } from '../../packages/archive/src/segment.fixture.ts';
import type { StoredPosition } from '../../packages/archive/src/selection.ts';
import { folderStore } from '../../packages/runtime/src/index.ts';
import {
  ARTIFACTS,
  Goals,
  type RRPair,
  splitUrl,
  TAG,
  type Test,
  uuidV7,
} from '../../packages/traffic/src/index.ts';
import { recording } from './traffic.ts';

const PER_SEGMENT = 2_000;
const PER_FRAME = 50;
const WORD_CHARS = 64;
const SHIFT_US = 3_600_000_000;
const [mode, folder, count, padBytes] = process.argv.slice(2) as [string, string, string, string];
const store = await folderStore(join(folder, 'store'));
const id = '0198a5c0-0000-7000-8000-0000000000aa';
const signal = new AbortController().signal;
const begun = performance.now();
const cpu = process.cpuUsage();
let last = 0;

/** How far it is, on the other output. */
async function progress(share: number, message: string): Promise<void> {
  if (share - last < 0.02 && share < 0.99) return;
  last = share;
  console.error(`${((performance.now() - begun) / 1e3).toFixed(0)} s  ${message}  ${rssMib()} MiB`);
}

function rssMib(): number {
  return Math.round(process.resourceUsage().maxRSS / 1024);
}

async function writeSegments(pairs: Iterable<RRPair>, name: string): Promise<number> {
  let [kept, rows, bytes]: [RRPair[], number, number] = [[], 0, 0];
  const flush = async () => {
    const { positions } = await putSegment(store, kept, PER_FRAME);
    await writeFile(join(folder, `${name}-${String(rows).padStart(9, '0')}.json`), JSON.stringify(positions));
    kept = [];
  };
  for (const pair of pairs) {
    kept.push(pair);
    bytes += JSON.stringify(pair).length;
    if (++rows % PER_SEGMENT === 0) await flush();
  }
  if (kept.length > 0) await flush();
  return bytes;
}

async function* positionsOf(name: string): AsyncGenerator<StoredPosition[]> {
  for (const file of (await readdir(folder)).filter((one) => one.startsWith(`${name}-`)).sort())
    yield JSON.parse(await readFile(join(folder, file), 'utf8')) as StoredPosition[];
}

/** A recording whose answers are longer by so many bytes of text, every one another. */
function* padded(): Generator<RRPair> {
  let n = 0;
  for (const pair of recording(Number(count))) {
    const words = Math.floor(Number(padBytes) / WORD_CHARS);
    const text = Array.from({ length: words }, (_, i) => `line ${i} of ${n} `.padEnd(WORD_CHARS, 'lorem '));
    const json = { ...(pair.response!.body.json as object), text: text.join('') };
    n++;
    const body = { ...pair.response!.body, json, size: JSON.stringify(json).length };
    yield { ...pair, response: { ...pair.response!, body } };
  }
}

function testOf(pair: RRPair, order: number): Test {
  const { method, url, headers, body } = pair.request!;
  const { path, query } = splitUrl(url);
  return {
    ...{
      id: pair.id,
      session: `s${order >> 3}`,
      order: order & 7,
      offsetUs: order,
      endpoint: path,
      headless: false,
    },
    request: { method, target: query === '' ? path : `${path}?${query}`, headers, body },
    ...{
      response: pair.response!,
      durationUs: pair.durationUs,
      ts: pair.ts,
      consumes: [],
      produces: [],
      volatile: [],
    },
  };
}

/** The result of a pair's test, an hour later; every thousandth is another status. */
function* results(): Generator<RRPair> {
  let n = 0;
  for (const pair of recording(Number(count))) {
    const random = Buffer.alloc(10, 1);
    random.writeUInt32BE(n, 0);
    const response = n++ % 1_000 === 7 ? { ...pair.response!, status: 500 } : pair.response!;
    const ts = pair.ts + SHIFT_US;
    yield { ...pair, id: uuidV7(ts, random), ts, response, tags: { [TAG.test]: pair.id, [TAG.replay]: id } };
  }
}

async function writeResults(): Promise<number> {
  await writeSegments(results(), 'results');
  let [n, bytes] = [0, 0];
  async function* lines() {
    let text = '';
    for (const pair of recording(Number(count))) {
      text += `${JSON.stringify(testOf(pair, n++))}\n`;
      if (text.length < 1 << 20) continue;
      bytes += text.length;
      yield Buffer.from(text);
      text = '';
    }
    yield Buffer.from(text);
  }
  await store.put(`snapshot/${ARTIFACTS.tests}`, lines(), signal);
  await store.put(`snapshot/${ARTIFACTS.tokens}`, Buffer.from('[]\n'));
  return bytes;
}

const about = { store, rows: Number(count), progress, signal };
const said: Record<string, unknown> = {};
if (mode === 'segments') said.bytes = await writeSegments(padded(), 'pairs');
else if (mode === 'snapshot') {
  const work = { ...about, positions: positionsOf('pairs'), id, name: 'size', query: {}, prefix: 'made/' };
  said.counts = (await makeSnapshotFiles(work)).manifest.counts;
} else if (mode === 'results') said.bytes = await writeResults();
else {
  const [rows, voidReasons] = [Number(count), []];
  const sent = { testsPlanned: rows, sent: rows, resultsDelivered: rows, notSent: {} };
  const run = { startedAt: 0, finishedAt: 1_000_000, ...sent, maxEventLoopLagMs: 1, voidReasons };
  const basis = { replay: id, mode: 'tests-only' as const, goals: Goals.parse({}), run, baseline: null };
  const report = await makeReportFrom({
    ...about,
    positions: positionsOf('results'),
    prefix: 'snapshot/',
    basis,
  });
  said.counts = report.counts;
}
const { user, system } = process.cpuUsage(cpu);
const wallS = Math.round((performance.now() - begun) / 1e3);
console.log(
  JSON.stringify({
    mode,
    count: Number(count),
    cpuS: (user + system) / 1e6,
    wallS,
    rssMib: rssMib(),
    ...said,
  }),
);
