import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Positions } from '@echoplane/api';
import {
  folderStore,
  newId,
  newSealingKey,
  type ObjectStore,
  readObject,
  seal,
  unseal,
} from '@echoplane/runtime';
import {
  ARTIFACTS,
  encodeFrame,
  encodeManifest,
  type RRPair,
  SEGMENT_VERSION,
  segmentKey,
  type Test,
} from '@echoplane/traffic';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { z } from 'zod';
import type { CommandContext } from '../agent/command-handlers.ts';
import { type StoreWorkOptions, storeHandlers } from './store-work.ts';
import { runStoreTask } from './store-worker-process.ts';

const TENANT = '0198a5c0-0000-7000-8000-000000000001';
const SNAPSHOT = '0198a5c0-0000-7000-8000-0000000000aa';
const START = Date.parse('2026-01-05T10:00:00Z') * 1000;
const sealing = newSealingKey();
const redactionKey = randomBytes(32);
type Page = z.infer<typeof Positions>['items'];

let folder: string;
let store: ObjectStore;
let options: StoreWorkOptions;
let local: RRPair | null;
let erasedHere: readonly string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'store-work-'));
  store = await folderStore(folder);
  local = null;
  erasedHere = [];
  options = {
    ...{ tenant: TENANT, config: { storeDir: folder, s3PathStyle: false }, store, redactionKey },
    environment: process.env,
    localPair: async () => local,
    eraseLocal: async (values) => {
      erasedHere = values;
      return { pairs: 1 };
    },
  };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function makePair(ts: number, mail = 'jane@example.org'): RRPair {
  const json = (value: unknown) => ({ size: 2, encoding: 'identity', json: value as null });
  return {
    ...{ v: 1, id: newId(ts), ts, durationUs: 5_000, ttfbUs: 1_000, direction: 'IN', protocol: 'http/1.1' },
    ...{ tls: null, session: null, error: null, redactions: [], tags: {} },
    source: {
      ...{ cluster: 'local', namespace: 'default', pod: 'shop-1', container: 'shop' },
      workload: { kind: 'Process', name: 'shop' },
    },
    client: { ip: '127.0.0.1', port: 40_000, host: null },
    server: { ip: '127.0.0.1', port: 8_080, host: null },
    connection: { id: 'c1', seq: 0 },
    request: { method: 'POST', url: 'http://shop/users', headers: [], body: json({ mail }) },
    response: { status: 201, headers: [], body: json({ ok: true }) },
  };
}

/** A segment with one frame in the store, and the places of its pairs. */
async function putSegment(pairs: readonly RRPair[]): Promise<Page> {
  const openedAt = pairs[0]!.ts;
  const segment = newId(openedAt);
  const key = segmentKey(TENANT, segment, openedAt);
  const ndjson = Buffer.from(pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(''));
  const about = { tenant: TENANT, segment, frame: 0, lines: pairs.length, cursors: [], reports: [] };
  const made = encodeFrame(ndjson, about);
  const manifest = encodeManifest({
    ...{ v: SEGMENT_VERSION, tenant: TENANT, segment, key, openedAt, closedAt: openedAt, templateVersion: 1 },
    ...{ firstTs: openedAt, lastTs: pairs.at(-1)!.ts, pairs: pairs.length, rawBytes: ndjson.length },
    ...{ frames: [{ offset: made.dataOffset, length: made.dataLength, lines: pairs.length }] },
    ...{ rollups: [], reports: [], ruleVersion: null },
  });
  await store.put(key, Buffer.concat([made.bytes, manifest]));
  const place = { segment, frame: 0, frameOffset: made.dataOffset, frameLength: made.dataLength, key };
  return pairs.map((pair, line) => ({ ...place, id: pair.id, line }));
}

/** An environment in which a worker stands still as soon as its parent has heard how far it is, for whoever is to kill it. */
async function standingStill(): Promise<Record<string, string | undefined>> {
  const script = join(folder, 'stand-still.mjs');
  await writeFile(
    script,
    `const send = process.send.bind(process);
    const standStill = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    process.send = (message, said) => send(message, 'progress' in message ? standStill : said);`,
  );
  const NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --import=${pathToFileURL(script)}`;
  return { ...process.env, NODE_OPTIONS };
}

/** kill -9 of the store workers that this process started. */
function killChildren(): boolean {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
    .trim()
    .split(' ');
  const workers = children.filter((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('store-worker'),
  );
  for (const worker of workers) process.kill(Number(worker), 'SIGKILL');
  return workers.length > 0;
}

function callOf(pages: Page[], signal = new AbortController().signal): CommandContext & { told: string[] } {
  const told: string[] = [];
  return {
    ...{ id: newId(START), signal, resumed: false, told },
    progress: (_share, message) => void told.push(message),
    async *positions() {
      yield* pages;
    },
    unseal: (sealed) => unseal(sealing.privateKey, sealed),
  };
}

const makeSnapshot = (rows: number) =>
  ({ kind: 'make-snapshot', snapshot: SNAPSHOT, name: 'all', selection: { query: {}, rows } }) as const;

test('a snapshot is made by a process of its own, from pages of positions, under the id of its command', async () => {
  const pairs = Array.from({ length: 30 }, (_, i) => makePair(START + i * 1_000));
  const positions = await putSegment(pairs);
  const call = callOf([positions.slice(0, 10), positions.slice(10)]);
  const made = await storeHandlers(options)['make-snapshot'](makeSnapshot(30), call);
  expect(made.prefix).toBe(`${TENANT}/snapshots/${SNAPSHOT}/${call.id}/`);
  expect(made.manifest).toMatchObject({ id: SNAPSHOT, counts: { pairs: 30, tests: 30 } });
  expect(call.told[0]).toContain('reading RRPairs');
  const tests = (await readObject(store, made.prefix + ARTIFACTS.tests)).toString().trimEnd().split('\n');
  expect(tests.map((line) => (JSON.parse(line) as Test).id)).toEqual(pairs.map(({ id }) => id));
});

test('a search reads headers and bodies', async () => {
  const pairs = [makePair(START), makePair(START + 1, 'joe@example.org'), makePair(START + 2)];
  const call = callOf([await putSegment(pairs)]);
  const filter = 'request.json.mail == "joe@example.org"';
  const search = { kind: 'search', filter, limit: 10, selection: { query: {}, rows: 3 } } as const;
  expect(await storeHandlers(options).search(search, call)).toEqual({
    ...{ ids: [pairs[1]!.id], scanned: 3, complete: true },
  });
});

test('what fails there fails here with the same sentence', async () => {
  const positions = await putSegment([makePair(START)]);
  await store.remove(positions[0]!.key!);
  await expect(
    storeHandlers(options)['make-snapshot'](makeSnapshot(1), callOf([positions])),
  ).rejects.toMatchObject({
    code: 'object_missing',
    message: expect.stringContaining('is not in the store'),
  });
});

test('a process that needs more memory than it may take ends alone, with a sentence', async () => {
  const big = Array.from({ length: 40 }, (_, i) => makePair(START + i, 'x'.repeat(200_000)));
  const positions = await putSegment(big);
  const endless = callOf([]);
  endless.positions = async function* () {
    for (;;) yield positions;
  };
  const task = { id: endless.id, tenant: TENANT, store: options.config, body: makeSnapshot(1) };
  const call = { ...endless, environment: process.env };
  await expect(runStoreTask(task, call, ['--max-old-space-size=32'])).rejects.toMatchObject({
    code: 'store_worker_ended',
    message: expect.stringContaining('more memory'),
  });
  // It collects garbage again and again before it gives up, and does so behind everybody else on the machine.
}, 180_000);

test('a command that is cancelled takes its process and what it began with it', async () => {
  const cancel = new AbortController();
  const positions = await putSegment([makePair(START)]);
  const call = callOf([], cancel.signal);
  call.positions = async function* () {
    yield positions;
    cancel.abort();
    yield positions;
  };
  await expect(storeHandlers(options)['make-snapshot'](makeSnapshot(2), call)).rejects.toThrow(/abort/i);
  expect(await store.list(`${TENANT}/snapshots/`)).toEqual([]);
});

/** A snapshot that was made, and the command that edits it: without its first test. */
async function madeSnapshot(count: number) {
  const pairs = Array.from({ length: count }, (_, i) => makePair(START + i * 1_000));
  const call = callOf([await putSegment(pairs)]);
  const { prefix: from } = await storeHandlers(options)['make-snapshot'](makeSnapshot(count), call);
  const edits = { excludedTests: [pairs[0]!.id] };
  return {
    from,
    files: await contents(from),
    body: { kind: 'edit-snapshot', snapshot: SNAPSHOT, from, edits } as const,
  };
}

async function contents(prefix: string): Promise<Record<string, string>> {
  const keys = await store.list(prefix);
  const read = async (key: string) => [key, (await readObject(store, key)).toString('base64')] as const;
  return Object.fromEntries(await Promise.all(keys.map(read)));
}

test('a snapshot is edited in a folder of its own; the one before stays whole until the next edits', async () => {
  const { from, files, body } = await madeSnapshot(30);
  const handlers = storeHandlers(options);
  const first = await handlers['edit-snapshot'](body, { ...callOf([]), id: newId(START + 1_000_000) });
  expect(first.manifest.counts).toMatchObject({ pairs: 30, tests: 29 });
  expect(JSON.parse((await readObject(store, first.prefix + ARTIFACTS.edits)).toString())).toMatchObject(
    body.edits,
  );
  expect(await contents(from)).toEqual(files);
  const next = { ...body, from: first.prefix, edits: {} };
  const second = await handlers['edit-snapshot'](next, { ...callOf([]), id: newId(START + 2_000_000) });
  expect(second.manifest.counts).toMatchObject({ tests: 30 });
  expect(await store.list(from)).toEqual([]);
  expect(Object.keys(await contents(first.prefix))).toHaveLength(Object.values(ARTIFACTS).length);
});

test('a process that is killed while it edits leaves the snapshot whole, and the same command then makes it', async () => {
  const { from, files, body } = await madeSnapshot(3_000);
  const call = callOf([]);
  const killed: boolean[] = [];
  // As soon as it says that it writes.
  call.progress = () => void killed.push(killed.length === 0 && killChildren());
  const edit = (with_: typeof call, environment = options.environment) =>
    storeHandlers({ ...options, environment })['edit-snapshot'](body, with_);
  await expect(edit(call, await standingStill())).rejects.toMatchObject({
    code: 'store_worker_ended',
    message: /SIGKILL/,
  });
  expect(killed[0]).toBe(true);
  expect(await contents(from)).toEqual(files);
  const made = await edit({ ...callOf([]), id: call.id, resumed: true });
  expect(made).toMatchObject({ manifest: { counts: { pairs: 3_000, tests: 2_999 } } });
  expect(await contents(from)).toEqual(files);
});

test('edits that are none, and a folder that is not of this snapshot, are refused', async () => {
  const { body, from, files } = await madeSnapshot(2);
  const handlers = storeHandlers(options);
  const call = () => ({ ...callOf([]), id: newId(START + 1_000_000) });
  await expect(handlers['edit-snapshot']({ ...body, edits: { tokenz: {} } }, call())).rejects.toMatchObject({
    code: 'bad_edits',
    message: expect.stringContaining('tokenz'),
  });
  const foreign = { ...body, from: from.replace(SNAPSHOT, newId(START)) };
  await expect(handlers['edit-snapshot'](foreign, call())).rejects.toMatchObject({ code: 'foreign_prefix' });
  expect(await contents(`${TENANT}/snapshots/`)).toEqual(files);
});

test('a drill-in is answered from this disk first, then from the store, then with what happened', async () => {
  const pair = makePair(START);
  const [{ id, key, ...position }] = (await putSegment([pair])) as [Page[number]];
  const fetch = (body: { key: string | null }) =>
    storeHandlers(options)['fetch-pair']({ kind: 'fetch-pair', id, position, ...body }, callOf([]));
  expect(await fetch({ key })).toEqual({ pair });
  await expect(fetch({ key: null })).rejects.toMatchObject({ code: 'pair_gone' });
  local = { ...pair, tags: { from: 'ring' } };
  expect(await fetch({ key })).toEqual({ pair: local });
});

test('an erasure opens the value here alone, takes it out of disk and store with its tokens, then the old object', async () => {
  const mail = 'canary@example.org';
  const positions = await putSegment([makePair(START, mail), makePair(START + 1)]);
  const key = positions[0]!.key!;
  const documents = [
    { kind: 'report' as const, id: newId(START), value: { failures: [{ recorded: mail }] } },
    { kind: 'snapshot' as const, id: newId(START), value: { name: 'none of it' } },
  ];
  const body = {
    kind: 'erase',
    erasure: newId(START),
    remove: [] as string[],
    after: '',
    documents,
  } as const;
  const sealed = seal(sealing.publicKey, Buffer.from(mail));
  const handlers = storeHandlers(options);
  const first = await handlers.erase({ ...body, sealed }, callOf([]));
  expect(first).toMatchObject({ segments: 1, pairs: 2, after: null });
  expect(first.documents).toEqual([{ ...documents[0], value: { failures: [{ recorded: 'rdx_erased0' }] } }]);
  expect(erasedHere).toContain(mail);
  expect(erasedHere.some((value) => /^u-[a-z0-9]{12}@redacted\.example\.com$/.test(value))).toBe(true);
  await readFile(join(folder, key));
  await handlers.erase({ ...body, sealed, remove: [key], after: '~' }, callOf([]));
  expect(await store.list(TENANT)).toEqual([first.rewritten[0]!.key]);
});
