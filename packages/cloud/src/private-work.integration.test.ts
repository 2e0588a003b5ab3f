import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandBody, Replay, ReportDetail, Search, Snapshot } from '@echoplane/api';
import {
  makeReportFrom,
  makeSnapshotFiles,
  ReportBasis,
  reanalyze,
  type StoredPosition,
  searchPairs,
} from '@echoplane/archive';
import { compileExpression, exprViewOf } from '@echoplane/rules';
import { folderStore, type ObjectStore, readObject } from '@echoplane/runtime';
import { ARTIFACTS, type GeneratorRun, type RRPair, snapshotPrefix } from '@echoplane/traffic';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { registrationOf } from './agent.fixture.ts';
import { type ControlPlane, clock, log, startControlPlane, startReplica } from './control-plane.fixture.ts';
import { makePair, makeSegment } from './traffic.fixture.ts';
import { claimJob, doJob, type WorkerOptions } from './worker.ts';

const AGENT = crypto.randomUUID();
const signal = new AbortController().signal;
const silent = async () => {};
const run: GeneratorRun = {
  ...{ startedAt: 0, finishedAt: 1_000_000, testsPlanned: 30, sent: 30, resultsDelivered: 30, notSent: {} },
  ...{ maxEventLoopLagMs: 1, voidReasons: [] },
};

let plane: ControlPlane;
let options: WorkerOptions;
/** The customer's, to which the control plane has no way. */
let folder: string;
let store: ObjectStore;
let pairs: RRPair[];
let snapshot: Snapshot;
/** From here on traffic is private. */
let start: number;

beforeAll(async () => {
  plane = await startControlPlane();
  const { platform, withTenant } = plane;
  options = { platform, withTenant, store: plane.store, clock, log };
  folder = await mkdtemp(join(tmpdir(), 'private-'));
  store = await folderStore(folder);
  await call('POST', '/v1/agent/register', registrationOf(AGENT, 'private'), 'agent');
  start = clock.nowUs() - 60_000_000;
  pairs = Array.from({ length: 30 }, (_, i) =>
    makePair({
      ts: start + i,
      connection: `c${i}`,
      responseBody: { i },
      url: `http://shop.localhost/orders?n=${i}`,
    }),
  );
  await record(pairs, AGENT);
});
afterAll(async () => {
  await plane?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function call<T>(
  method: 'GET' | 'POST' | 'PUT',
  url: string,
  payload?: object,
  role: 'agent' | 'editor' = 'editor',
) {
  const headers = { authorization: `Bearer ${plane.ann.keys[role]}` };
  const response = await plane.app.inject({ method, url, headers, ...(payload ? { payload } : {}) });
  expect(response.statusCode, response.body).toBeLessThan(300);
  return (response.body === '' ? undefined : response.json()) as T;
}

/** Recorded by an agent into its own store, or by one of before agents into the control plane's. */
async function record(recorded: readonly RRPair[], agent: string | null): Promise<void> {
  const made = makeSegment(plane.ann.id, recorded);
  const by = agent === null ? {} : { agent };
  for (const batch of made.batches) await call('POST', '/v1/ingest/index', { ...batch, ...by }, 'agent');
  await (agent === null ? plane.store : store).put(made.shipped.key, made.bytes);
  await call('POST', '/v1/ingest/segments', { ...made.shipped, ...by }, 'agent');
}

async function workOff(): Promise<void> {
  await plane.postgres.asSuperuser(plane.database, 'UPDATE echoplane.jobs SET run_after = now()');
  for (let job = await claimJob(plane.platform, clock); job; job = await claimJob(plane.platform, clock))
    await doJob(options, job, signal);
}

const locksAwaited = async () => {
  const sql = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
  return (await plane.postgres.asSuperuser(plane.database, sql)).rows[0].n as number;
};

interface Asked {
  id: string;
  agent: string;
  body: CommandBody;
}

const asked = async () =>
  (
    await plane.withTenant(plane.ann.id, (db) =>
      db.query("SELECT id, agent, body FROM commands WHERE state = 'waiting' ORDER BY created_at_us"),
    )
  ).rows as Asked[];

async function positionsOf({ id }: Asked): Promise<StoredPosition[]> {
  const page = await call<{ items: StoredPosition[] }>(
    'GET',
    `/v1/agent/commands/${id}/positions`,
    undefined,
    'agent',
  );
  return page.items;
}

async function* one(page: StoredPosition[]) {
  yield page;
}

/** The data plane's part, with the code it has. */
async function answer(command: Asked): Promise<void> {
  const result = await doCommand(command);
  const outcome = { state: 'succeeded', message: null, result };
  await call('POST', `/v1/agent/commands/${command.id}/outcome`, outcome, 'agent');
}

async function doCommand(command: Asked): Promise<unknown> {
  const { id, body } = command;
  if (body.kind === 'edit-snapshot') {
    const prefix = `${snapshotPrefix(plane.ann.id, body.snapshot)}${id}/`;
    return reanalyze({ store, from: body.from, prefix, progress: silent, signal, edits: body.edits });
  }
  if (!('selection' in body)) throw new Error(`not expected: ${body.kind}`);
  const { query, rows } = body.selection;
  const work = { store, positions: one(await positionsOf(command)), rows, progress: silent, signal };
  if (body.kind === 'make-report')
    return {
      report: await makeReportFrom({ ...work, prefix: body.prefix, basis: ReportBasis.parse(body.input) }),
    };
  if (body.kind === 'make-snapshot') {
    const prefix = `${snapshotPrefix(plane.ann.id, body.snapshot)}${id}/`;
    return makeSnapshotFiles({ ...work, id: body.snapshot, name: body.name, query, prefix });
  }
  const expression = compileExpression(body.filter);
  const matches = (pair: RRPair) => expression.test(exprViewOf(pair));
  return searchPairs({ ...work, matches, limit: body.limit, newestFirst: false });
}

const newSnapshot = (query: object) => call<Snapshot>('POST', '/v1/snapshots', { name: 'private', query });
const readSnapshot = (id: string) => call<Snapshot>('GET', `/v1/snapshots/${id}`);

test('a snapshot of a private store is made by the data plane, asked once however often the job is tried', async () => {
  const { id } = await newSnapshot({ from: start });
  await workOff();
  await workOff();
  const commands = await asked();
  expect(commands).toHaveLength(1);
  expect(commands[0]).toMatchObject({
    agent: AGENT,
    body: { kind: 'make-snapshot', snapshot: id, selection: { rows: 30 } },
  });
  expect(await readSnapshot(id)).toMatchObject({
    state: 'queued',
    message: expect.stringContaining('data plane'),
  });
  const progress = { share: 0.4, message: 'reading RRPairs: 12 of 30' };
  await call('POST', `/v1/agent/commands/${commands[0]!.id}/progress`, progress, 'agent');
  await workOff();
  expect(await readSnapshot(id)).toMatchObject({ state: 'queued', message: 'reading RRPairs: 12 of 30' });
  await answer(commands[0]!);
  await workOff();
  snapshot = await readSnapshot(id);
  expect(snapshot).toMatchObject({
    state: 'succeeded',
    storeAccess: 'private',
    manifest: { counts: { tests: 30 } },
  });
  // All but the edits of users.
  expect((await store.list(snapshot.prefix!)).length).toBe(Object.values(ARTIFACTS).length - 1);
});

test('its files are not to be had from the control plane, which says where they are', async () => {
  const headers = { authorization: `Bearer ${plane.ann.keys.viewer}` };
  const url = `/v1/snapshots/${snapshot.id}/artifacts/tests.jsonl`;
  const response = await plane.app.inject({ url, headers });
  expect(response.json()).toMatchObject({
    status: 409,
    code: 'conflict',
    detail: expect.stringContaining(snapshot.prefix!),
  });
});

test('a report of a private snapshot is made there too', async () => {
  const body = { name: 'v1', snapshot: snapshot.id, mode: 'tests-only' };
  const replay = await call<Replay>('POST', '/v1/replays', body);
  const now = clock.nowUs();
  const results = pairs.map((pair, i) => ({
    ...{ ...pair, id: makePair({ ts: now + i }).id, ts: now + i, tags: { replay: replay.id, test: pair.id } },
  }));
  await record(results, AGENT);
  await call('POST', `/v1/replays/${replay.id}/finish`, { run, mockResults: 0 });
  await workOff();
  const [command] = await asked();
  expect(command!.body).toMatchObject({
    kind: 'make-report',
    prefix: snapshot.prefix,
    selection: { rows: 30 },
  });
  await answer(command!);
  await workOff();
  const { report } = await call<ReportDetail>('GET', `/v1/replays/${replay.id}/report`);
  expect(report).toMatchObject({ verdict: 'passed', counts: { tests: 30, passed: 30 } });
});

test('a search of a private store is done there, and gives rows of the index', async () => {
  const body = { filter: 'direction == "IN" && response.json.i == 7', query: { from: start } };
  const { id } = await call<Search>('POST', '/v1/searches', body);
  await workOff();
  const [command] = await asked();
  expect(command!.body).toMatchObject({ selection: { query: { direction: 'IN' } } });
  await answer(command!);
  await workOff();
  expect(await call<Search>('GET', `/v1/searches/${id}`)).toMatchObject({
    ...{ state: 'succeeded', scanned: 30, complete: true, items: [{ id: pairs[7]!.id }] },
  });
});

test('edits of a private snapshot are made by the data plane; until then nothing of the one before changes', async () => {
  const before = await readSnapshot(snapshot.id);
  const edits = { excludedTests: [pairs[3]!.id] };
  const second = await startReplica(plane);
  try {
    const headers = { authorization: `Bearer ${plane.ann.keys.editor}` };
    const url = `/v1/snapshots/${snapshot.id}/edits`;
    const put = { method: 'PUT', url, headers, payload: edits } as const;
    // Both are under way before either may write.
    const both = await plane.withTenant(plane.ann.id, async (db) => {
      await db.query("SELECT 1 FROM jobs WHERE kind = 'snapshot' AND subject = $1 FOR UPDATE", [snapshot.id]);
      const asking = [plane.app.inject(put), second.app.inject(put)].map((one) => one.then((told) => told));
      await expect.poll(locksAwaited).toBe(2);
      return asking;
    });
    const answers = await Promise.all(both);
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([202, 409]);
  } finally {
    await second.stop();
  }
  await workOff();
  const [command, ...more] = await asked();
  expect(more).toEqual([]);
  expect(command).toMatchObject({
    agent: AGENT,
    body: { kind: 'edit-snapshot', snapshot: snapshot.id, from: before.prefix, edits },
  });
  expect(await readSnapshot(snapshot.id)).toMatchObject({ state: 'queued', prefix: before.prefix });
  await answer(command!);
  await workOff();
  const after = await readSnapshot(snapshot.id);
  expect(after).toMatchObject({
    ...{ state: 'succeeded', storeAccess: 'private', manifest: { counts: { pairs: 30, tests: 29 } } },
  });
  expect(after.prefix).not.toBe(before.prefix);
  expect(JSON.parse((await readObject(store, after.prefix + ARTIFACTS.edits)).toString())).toMatchObject(
    edits,
  );
  expect((await store.list(before.prefix!)).length).toBe(Object.values(ARTIFACTS).length - 1);
  const kept = await plane.withTenant(plane.ann.id, (db) =>
    db.query('SELECT body, result FROM commands WHERE id = $1', [command!.id]),
  );
  expect(kept.rows).toEqual([{ body: { kind: 'edit-snapshot' }, result: null }]);
});

test('edits that the data plane could not make leave the snapshot where it was, to be edited again', async () => {
  const { prefix } = await readSnapshot(snapshot.id);
  const url = `/v1/snapshots/${snapshot.id}/edits`;
  await call('PUT', url, { excludedTests: [] });
  await workOff();
  const outcome = { state: 'failed', message: 'The store is full; make room.' };
  await call('POST', `/v1/agent/commands/${(await asked())[0]!.id}/outcome`, outcome, 'agent');
  await workOff();
  expect(await readSnapshot(snapshot.id)).toMatchObject({
    state: 'failed',
    message: outcome.message,
    prefix,
  });
  await call('PUT', url, { excludedTests: [] });
  await workOff();
  await answer((await asked())[0]!);
  await workOff();
  expect(await readSnapshot(snapshot.id)).toMatchObject({
    ...{ state: 'succeeded', manifest: { counts: { tests: 30 } } },
  });
});

test('edits larger than a command are refused, and the snapshot stays as it is', async () => {
  const add = Array.from({ length: 300 }, () => ({ path: 'body.id', kind: 'uuid', why: 'x'.repeat(5_000) }));
  const headers = { authorization: `Bearer ${plane.ann.keys.editor}` };
  const url = `/v1/snapshots/${snapshot.id}/edits`;
  const response = await plane.app.inject({ method: 'PUT', url, headers, payload: { volatile: { add } } });
  expect(response.json()).toMatchObject({ status: 409, detail: expect.stringContaining('narrow it') });
  expect(await readSnapshot(snapshot.id)).toMatchObject({ state: 'succeeded' });
});

test('what the data plane could not do is told in its own words', async () => {
  const { id } = await newSnapshot({ from: start });
  await workOff();
  const [command] = await asked();
  const outcome = { state: 'failed', message: 'The bucket is away; bring it back.' };
  await call('POST', `/v1/agent/commands/${command!.id}/outcome`, outcome, 'agent');
  await workOff();
  expect(await readSnapshot(id)).toMatchObject({ state: 'failed', message: outcome.message });
});

test('a selection in both kinds of store is refused with what to do', async () => {
  const earlier = start - 60_000_000;
  await record([makePair({ ts: earlier })], null);
  const { id } = await newSnapshot({ from: earlier });
  await workOff();
  expect(await readSnapshot(id)).toMatchObject({
    state: 'failed',
    message: expect.stringContaining('one of the two'),
  });
});

test('the control plane stored nothing of it in its own folder', async () => {
  const mine = (await plane.store.list('')).filter((key) => !key.includes('/segments/'));
  expect(mine).toEqual([]);
  expect((await readdir(folder)).length).toBeGreaterThan(0);
});
