// Every partition a transaction looks at stays locked, with its indexes, to its end, and the lock table is shared by all
// tenants: so each reader is watched for how many days of tables it holds at once.
import type { Replay, Snapshot, TrafficList } from '@echoplane/api';
import type { RRPair } from '@echoplane/traffic';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildApp } from './app.ts';
import { type ControlPlane, clock, log, startControlPlane } from './control-plane.fixture.ts';
import { DAY_US } from './partitions.ts';
import type { WithTenant } from './tenancy.ts';
import { makePair, makeSegment } from './traffic.fixture.ts';
import { claimJob, doJob } from './worker.ts';

const LOCKED = `SELECT count(DISTINCT substring(c.relname FROM '\\d{8}$'))::int AS days
  FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
  WHERE l.pid = pg_backend_pid() AND c.relname ~ '^rrpair(s|_tags)_\\d+_\\d{8}$'`;

let plane: ControlPlane;
let app: FastifyInstance;
let withTenant: WithTenant;
/** Days of partitions each transaction held at its end. */
let held: number[] = [];
let now: number;

beforeAll(async () => {
  plane = await startControlPlane();
  withTenant = (tenant, work) =>
    plane.withTenant(tenant, async (db) => {
      const result = await work(db);
      held.push((await db.query(LOCKED)).rows[0].days);
      return result;
    });
  app = await buildApp({ services: { ...plane.services, withTenant }, metrics: async () => [] });
  now = clock.nowUs();
  await plane.platform.query('SELECT make_partitions(current_date - 31, current_date)');
});
afterAll(async () => {
  await app?.close();
  await plane?.stop();
});

/** The answer, and the most days that one of its transactions held. */
async function call<T>(
  method: 'GET' | 'POST',
  url: string,
  payload?: object,
): Promise<{ body: T; days: number }> {
  held = [];
  const headers = { authorization: `Bearer ${plane.ann.keys.admin}` };
  const response = await app.inject({ method, url, headers, ...(payload ? { payload } : {}) });
  expect(response.statusCode, response.body).toBeLessThan(300);
  return { body: response.json() as T, days: Math.max(...held) };
}

async function record(pairs: RRPair[]): Promise<void> {
  const made = makeSegment(plane.ann.id, pairs);
  for (const batch of made.batches) await call('POST', '/v1/ingest/index', batch);
  await plane.store.put(made.shipped.key, made.bytes);
  await call('POST', '/v1/ingest/segments', made.shipped);
}

async function work(): Promise<number> {
  held = [];
  const { platform, store } = plane;
  const job = (await claimJob(platform, clock))!;
  await doJob({ platform, withTenant, store, clock, log }, job, new AbortController().signal);
  return Math.max(...held);
}

test('readers hold the tables of a few days, though there are 32', async () => {
  const live = [0, 1, 2].map((i) => makePair({ ts: now - i, tags: { a: 'b' } }));
  const old = makePair({ ts: now - 25 * DAY_US });
  await record(live);
  await record([old]);

  const page = await call<TrafficList>('GET', '/v1/traffic?limit=2');
  expect(page.body.items[0]!.tags).toEqual({ a: 'b' });
  expect(page.days, 'the page that the dashboard asks for again and again').toBeLessThanOrEqual(2);
  const all = await call<TrafficList>('GET', '/v1/traffic');
  expect(all.body).toMatchObject({ complete: true, cursor: null });
  expect(all.body.items.map((row) => row.id)).toContain(old.id);
  expect(all.days, 'a list of everything').toBeLessThanOrEqual(8);
  expect((await call('GET', `/v1/traffic?from=0&to=${now + DAY_US}`)).days).toBeLessThanOrEqual(8);
  expect((await call('GET', `/v1/traffic/${live[0]!.id}`)).days, 'a recent pair').toBeLessThanOrEqual(2);
  expect((await call('GET', `/v1/traffic/${old.id}`)).days, 'an old pair').toBeLessThanOrEqual(8);

  const query = { from: now - 60_000_000, to: now + 1 };
  const { body: snapshot } = await call<Snapshot>('POST', '/v1/snapshots', { name: 'last minute', query });
  expect(await work(), 'a snapshot').toBeLessThanOrEqual(2);
  const made = await call<Snapshot>('GET', `/v1/snapshots/${snapshot.id}`);
  expect(made.body).toMatchObject({ state: 'succeeded', manifest: { counts: { pairs: 3 } } });

  const replayed = async (extra: object) => {
    const { body } = await call<Replay>('POST', '/v1/replays', {
      name: 'r',
      snapshot: snapshot.id,
      mode: 'full',
      ...extra,
    });
    const results = live.map((pair, i) => {
      const ts = clock.nowUs() + i;
      return { ...pair, id: makePair({ ts }).id, ts, tags: { replay: body.id, test: pair.id } };
    });
    await record(results);
    const run = {
      ...{ startedAt: 0, finishedAt: 1, testsPlanned: 3, sent: 3, resultsDelivered: 3, notSent: {} },
      ...{ maxEventLoopLagMs: 1, voidReasons: [] },
    };
    await call('POST', `/v1/replays/${body.id}/finish`, { run, mockResults: 0 });
    expect(await work(), 'a report').toBeLessThanOrEqual(2);
    const ended = await call<Replay>('GET', `/v1/replays/${body.id}`);
    expect(ended.body).toMatchObject({ phase: 'succeeded', message: null });
    return body.id;
  };
  await replayed({ baseline: await replayed({}) });
});
