import { zstdDecompressSync } from 'node:zlib';
import type { Replay, ReportDetail, Snapshot } from '@echoplane/api';
import { readObject } from '@echoplane/runtime';
import {
  ARTIFACTS,
  type GeneratorRun,
  type RRPair,
  RRPair as RRPairSchema,
  snapshotPrefix,
  Test,
} from '@echoplane/traffic';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlPlane, clock, log, startControlPlane } from './control-plane.fixture.ts';
import { WAIT_LIMIT_MS } from './job-context.ts';
import type { HeldJob } from './jobs.ts';
import { type MadeSegment, makePair, makeSegment } from './traffic.fixture.ts';
import { claimJob, doJob, type WorkerOptions } from './worker.ts';

let plane: ControlPlane;
let options: WorkerOptions;
const never = new AbortController().signal;

beforeAll(async () => {
  plane = await startControlPlane();
  const { platform, withTenant, store } = plane;
  options = { platform, withTenant, store, clock, log };
});
afterAll(() => plane?.stop());

const claim = () => claimJob(plane.platform, clock);
const makeDue = () =>
  plane.postgres.asSuperuser(plane.database, 'UPDATE echoplane.jobs SET run_after = now()');

/** Works until no job is due. */
async function workOff(): Promise<void> {
  await makeDue();
  for (let job = await claim(); job; job = await claim()) await doJob(options, job, never);
}

async function call<T>(
  method: 'GET' | 'POST' | 'PUT',
  url: string,
  payload?: object,
  role: 'agent' | 'editor' = 'editor',
): Promise<T> {
  const headers = { authorization: `Bearer ${plane.ann.keys[role]}` };
  const response = await plane.app.inject({ method, url, headers, ...(payload ? { payload } : {}) });
  expect(response.statusCode, response.body).toBeLessThan(300);
  return response.json() as T;
}

async function ingest(made: MadeSegment): Promise<void> {
  for (const batch of made.batches) await call('POST', '/v1/ingest/index', batch, 'agent');
}
async function ship(made: MadeSegment): Promise<void> {
  await plane.store.put(made.shipped.key, made.bytes);
  await call('POST', '/v1/ingest/segments', made.shipped, 'agent');
}

/** Where the files of a snapshot are. */
const prefixOf = (id: string) =>
  plane.withTenant(
    plane.ann.id,
    async (db) =>
      (await db.query('SELECT prefix FROM snapshots WHERE id = $1', [id])).rows[0].prefix as string,
  );

const expireLeases = () =>
  plane.postgres.asSuperuser(
    plane.database,
    "UPDATE echoplane.jobs SET lease_until = now() - interval '1 second' WHERE state = 'running'",
  );

/** A few sessions that make an order and read it back, with the charge it causes. */
function recording(start: number): RRPair[] {
  return Array.from({ length: 30 }, (_, i) => {
    const ts = start + i * 10_000;
    const order = { id: crypto.randomUUID(), total: 10 + i };
    const [connection, url] = [`c${i}`, 'http://shop.localhost/orders'];
    return [
      makePair({
        ts,
        connection,
        method: 'POST',
        url,
        requestBody: { sku: `s${i}` },
        status: 201,
        responseBody: order,
      }),
      makePair({
        ts: ts + 100,
        direction: 'OUT',
        method: 'POST',
        url: 'http://pay.localhost/charges',
        requestBody: { sku: `s${i}` },
        responseBody: { ok: true },
      }),
      makePair({ ts: ts + 5_000, connection, seq: 1, url: `${url}/${order.id}`, responseBody: order }),
    ];
  }).flat();
}

describe('snapshot and report', () => {
  let snapshot: Snapshot;
  let pairs: RRPair[];
  const run: GeneratorRun = {
    ...{ startedAt: 0, finishedAt: 1_000_000, testsPlanned: 60, sent: 60, resultsDelivered: 60, notSent: {} },
    ...{ maxEventLoopLagMs: 1, voidReasons: [] },
  };

  test('a snapshot waits for its segments, and then holds every pair of the selection as files', async () => {
    const start = clock.nowUs() - 60_000_000;
    pairs = recording(start);
    const halves = [
      makeSegment(plane.ann.id, pairs.slice(0, 40), { perFrame: 7 }),
      makeSegment(plane.ann.id, pairs.slice(40)),
    ];
    const others = makeSegment(plane.ann.id, [makePair({ ts: start, workload: 'other' })]);
    for (const made of [...halves, others]) await ingest(made);
    await ship(halves[0]!);
    const query = { service: 'local/default/shop', from: start };
    const { id } = await call<Snapshot>('POST', '/v1/snapshots', { name: 'morning', query });
    await workOff().catch(() => {});
    expect(await call<Snapshot>('GET', `/v1/snapshots/${id}`)).toMatchObject({
      state: 'queued',
      message: expect.stringContaining('1 segments'),
    });
    await ship(halves[1]!);
    await workOff();
    snapshot = await call<Snapshot>('GET', `/v1/snapshots/${id}`);
    expect(snapshot.message).toBeNull();
    expect(snapshot.state).toBe('succeeded');
    expect(snapshot.manifest).toMatchObject({
      counts: { pairs: 90, tests: 60, mocks: 30 },
      from: start,
      to: pairs.at(-1)!.ts,
    });
    expect(snapshot.manifest!.lineage.sort()).toEqual(halves.map((half) => half.id).sort());
    const prefix = await prefixOf(id);
    expect(prefix.startsWith(snapshotPrefix(plane.ann.id, id))).toBe(true);
    const names = Object.values(ARTIFACTS).filter((name) => name !== ARTIFACTS.edits);
    expect((await plane.store.list(prefix)).sort()).toEqual(names.map((name) => prefix + name).sort());
    const stored = zstdDecompressSync(await readObject(plane.store, prefix + ARTIFACTS.pairs))
      .toString()
      .trimEnd();
    expect(stored.split('\n').map((line) => RRPairSchema.parse(JSON.parse(line)))).toEqual(
      pairs.toSorted((a, b) => a.ts - b.ts),
    );
    const headers = { authorization: `Bearer ${plane.ann.keys.viewer}` };
    const artifact = await plane.app.inject({ url: `/v1/snapshots/${id}/artifacts/tests.jsonl`, headers });
    const tests = artifact.body
      .trimEnd()
      .split('\n')
      .map((line) => Test.parse(JSON.parse(line)));
    expect(tests).toHaveLength(60);
    expect(artifact.headers['content-type']).toContain('application/x-ndjson');
    const edits = await plane.app.inject({ url: `/v1/snapshots/${id}/artifacts/edits.json`, headers });
    expect(edits.statusCode).toBe(404);
  });

  test('a worker that lost its lease while it wrote leaves the snapshot of the other alone, and nothing behind', async () => {
    const query = { service: 'local/default/shop' };
    const { id } = await call<Snapshot>('POST', '/v1/snapshots', { name: 'twice', query });
    const late = (await claim())!;
    let taken = false;
    const put: WorkerOptions['store']['put'] = async (key, data) => {
      if (!taken) {
        taken = true;
        // What a killed one left, too.
        await plane.store.put(`${snapshotPrefix(plane.ann.id, id)}killed/tests.jsonl`, Buffer.from('old'));
        // What the late one still says of its progress renews its lease.
        let other: HeldJob | null = null;
        while (!other) {
          await expireLeases();
          other = await claim();
        }
        await doJob(options, other, never);
      }
      return plane.store.put(key, data);
    };
    await doJob({ ...options, store: { ...plane.store, put } }, late, never);
    expect(taken).toBe(true);
    expect(await call<Snapshot>('GET', `/v1/snapshots/${id}`)).toMatchObject({ state: 'succeeded' });
    const prefix = await prefixOf(id);
    expect(prefix).not.toContain(late.lease);
    const keys = await plane.store.list(snapshotPrefix(plane.ann.id, id));
    expect(keys).toHaveLength(Object.values(ARTIFACTS).length - 1);
    for (const key of keys) expect(key.startsWith(prefix)).toBe(true);
  });

  test('edits are kept, and the recording is analyzed anew with them', async () => {
    const query = { service: 'local/default/shop' };
    const { id } = await call<Snapshot>('POST', '/v1/snapshots', { name: 'edited', query });
    await workOff();
    const before = await prefixOf(id);
    const [first] = (await readObject(plane.store, before + ARTIFACTS.tests)).toString().split('\n');
    const excludedTests = [Test.parse(JSON.parse(first!)).id];
    expect(await call<Snapshot>('PUT', `/v1/snapshots/${id}/edits`, { excludedTests })).toMatchObject({
      state: 'queued',
    });
    await workOff();
    const made = await call<Snapshot>('GET', `/v1/snapshots/${id}`);
    expect(made).toMatchObject({ state: 'succeeded', message: null, manifest: { counts: { tests: 59 } } });
    const edits = await call<object>('GET', `/v1/snapshots/${id}/artifacts/edits.json`);
    expect(edits).toMatchObject({ excludedTests });
    expect(await prefixOf(id)).not.toBe(before);
    const headers = { authorization: `Bearer ${plane.ann.keys.editor}` };
    const url = `/v1/snapshots/${id}/edits`;
    const refused = await plane.app.inject({ method: 'PUT', url, headers, payload: { excluded: [] } });
    expect([refused.statusCode, refused.json().detail]).toEqual([400, expect.stringContaining('excluded')]);
  });

  test('a selection without pairs fails with what to do', async () => {
    const { id } = await call<Snapshot>('POST', '/v1/snapshots', {
      name: 'none',
      query: { service: 'nobody' },
    });
    await workOff();
    expect(await call<Snapshot>('GET', `/v1/snapshots/${id}`)).toMatchObject({
      state: 'failed',
      message: expect.stringContaining('widen'),
    });
  });

  async function replayed(change: (pair: RRPair) => RRPair, extra: object = {}): Promise<Replay> {
    const replay = await call<Replay>('POST', '/v1/replays', {
      name: 'v1',
      snapshot: snapshot.id,
      mode: 'full',
      ...extra,
    });
    const now = clock.nowUs();
    const results = pairs.map((pair, i) => {
      const tags: Record<string, string> =
        pair.direction === 'IN'
          ? { replay: replay.id, test: pair.id }
          : { replay: replay.id, match: 'exact' };
      return change({ ...pair, id: makePair({ ts: now + i }).id, ts: now + i, tags });
    });
    const made = makeSegment(plane.ann.id, results);
    await ingest(made);
    await call('POST', `/v1/replays/${replay.id}/finish`, { run, mockResults: 30 });
    await ship(made);
    return replay;
  }

  test('a replay that answers as recorded passes, and its results stay out of live traffic', async () => {
    const replay = await replayed((pair) => pair);
    await workOff();
    const detail = await call<ReportDetail>('GET', `/v1/replays/${replay.id}/report`);
    expect(detail.report.reasons.join(' ')).not.toBe('');
    expect(detail).toMatchObject({
      replay: { phase: 'succeeded', verdict: 'passed', successRate: 1 },
      snapshotName: 'morning',
    });
    expect(detail.report.counts).toMatchObject({ tests: 60, passed: 60, mockExact: 30, missing: 0 });
    const live = await call<{ items: { tags: object }[] }>('GET', '/v1/traffic?limit=500');
    expect(live.items).toHaveLength(91);
    const own = await call<{ items: { tags: object }[] }>('GET', `/v1/traffic?limit=500&replay=${replay.id}`);
    expect(own.items).toHaveLength(90);
  });

  test('one that answers otherwise, slower than its baseline, misses its goals', async () => {
    const baseline = await replayed((pair) => pair);
    await workOff();
    const wrong = (pair: RRPair): RRPair =>
      pair.direction === 'IN' && pair.request!.method === 'POST'
        ? {
            ...pair,
            durationUs: 400_000,
            response: { ...pair.response!, body: { size: 3, encoding: 'identity', text: 'a\0b' } },
          }
        : pair;
    const replay = await replayed(wrong, { baseline: baseline.id });
    await workOff();
    const { report } = await call<ReportDetail>('GET', `/v1/replays/${replay.id}/report`);
    expect(report.verdict).toBe('missed-goals');
    expect(report.counts.failed).toBe(30);
    expect(report.findings.filter((finding) => finding.kind === 'slower')).toMatchObject([
      { method: 'POST', endpoint: '/orders' },
    ]);
  });

  test('what its baseline differs in as well is no failure where that is said, and anything else is', async () => {
    const answering = (method: string, text: string) => (pair: RRPair) =>
      pair.direction === 'IN' && pair.request!.method === method
        ? {
            ...pair,
            response: { ...pair.response!, body: { size: text.length, encoding: 'identity', text } },
          }
        : pair;
    const baseline = await replayed(answering('POST', 'then'));
    await workOff();
    const asked = { baseline: baseline.id, goals: { allowKnown: true } };
    const same = await replayed(answering('POST', 'now'), asked);
    await workOff();
    const { report } = await call<ReportDetail>('GET', `/v1/replays/${same.id}/report`);
    expect(report).toMatchObject({ verdict: 'passed', counts: { passed: 30, failed: 0, known: 30 } });
    const worse = await replayed((pair) => answering('GET', 'now')(answering('POST', 'now')(pair)), asked);
    await workOff();
    const found = await call<ReportDetail>('GET', `/v1/replays/${worse.id}/report`);
    expect(found.report).toMatchObject({ verdict: 'missed-goals', counts: { failed: 30, known: 30 } });
    // Judged again without it, the same answers have failed.
    await call('POST', `/v1/replays/${same.id}/analyze`, { goals: { allowKnown: false } });
    await workOff();
    const anew = await call<ReportDetail>('GET', `/v1/replays/${same.id}/report`);
    expect(anew.report).toMatchObject({ verdict: 'missed-goals', counts: { failed: 30 } });
  });

  test('results that never arrive are missing and void the verdict', async () => {
    const replay = await call<Replay>('POST', '/v1/replays', {
      name: 'lost',
      snapshot: snapshot.id,
      mode: 'full',
    });
    await call('POST', `/v1/replays/${replay.id}/finish`, { run, mockResults: 0 });
    await makeDue();
    await doJob(options, (await claim())!, never);
    expect(await call<Replay>('GET', `/v1/replays/${replay.id}`)).toMatchObject({
      phase: 'analyzing',
      message: expect.stringContaining('0 of 60'),
    });
    const since = `now() - interval '${WAIT_LIMIT_MS + 1_000} milliseconds'`;
    await plane.postgres.asSuperuser(
      plane.database,
      `UPDATE echoplane.jobs SET waiting_since = ${since} WHERE state = 'queued'`,
    );
    await workOff();
    const { report } = await call<ReportDetail>('GET', `/v1/replays/${replay.id}/report`);
    expect(report).toMatchObject({ verdict: 'void', counts: { missing: 60 } });
    expect(report.run.voidReasons).toEqual(['60 of 60 results did not arrive within 90 s']);
  });

  test('a replay whose analysis fails has failed, with the reason', async () => {
    const replay = await replayed((pair) => pair);
    await plane.store.remove(`${await prefixOf(snapshot.id)}${ARTIFACTS.tests}`);
    await workOff();
    expect(await call<Replay>('GET', `/v1/replays/${replay.id}`)).toMatchObject({
      phase: 'failed',
      message: expect.stringContaining('tests.jsonl is not in the store'),
    });
  });
});
