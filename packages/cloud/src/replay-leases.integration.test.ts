import type { NewReplay, Problem, Replay } from '@echoplane/api';
import type { Clock } from '@echoplane/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { z } from 'zod';
import { buildApp } from './app.ts';
import { type ControlPlane, log, startControlPlane, clock as systemClock } from './control-plane.fixture.ts';
import { doDuties } from './duties.ts';
import { makePair, makeSegment } from './traffic.fixture.ts';

const SECOND_US = 1_000_000;
const run = {
  ...{ startedAt: 1, finishedAt: 2, testsPlanned: 1, sent: 1, resultsDelivered: 1, notSent: {} },
  ...{ maxEventLoopLagMs: 1, voidReasons: [] },
};

let plane: ControlPlane;
/** Two replicas of the API on one database and one clock, which only the tests move. */
let replicas: Awaited<ReturnType<typeof buildApp>>[];
let snapshot: string;
let nowUs = systemClock.nowUs();
const clock: Clock = { nowUs: () => nowUs++, sleep: async () => {} };

beforeAll(async () => {
  plane = await startControlPlane();
  replicas = [];
  for (let n = 0; n < 2; n++)
    replicas.push(await buildApp({ services: { ...plane.services, clock }, metrics: async () => [] }));
  const made = makeSegment(plane.ann.id, [makePair({ ts: nowUs })]);
  await post('/v1/ingest/index', made.batches[0]!, 0, plane.ann.keys.agent);
  const created = await post<{ id: string }>('/v1/snapshots', { name: 'mine', query: {} });
  snapshot = created.body.id;
  await plane.withTenant(plane.ann.id, (db) => db.query("UPDATE jobs SET state = 'succeeded'"));
});
afterAll(async () => {
  for (const app of replicas ?? []) await app.close();
  await plane?.stop();
});

async function post<T>(url: string, payload: object, replica = 0, key = plane.ann.keys.editor) {
  const headers = { authorization: `Bearer ${key}` };
  const response = await replicas[replica]!.inject({ method: 'POST', url, headers, payload });
  return { status: response.statusCode, body: response.json() as T };
}

async function opened(more: Partial<z.input<typeof NewReplay>> = {}): Promise<Replay> {
  const body = { name: 'v1', snapshot, mode: 'full', leaseSeconds: 60, ...more };
  const { status, body: replay } = await post<Replay>('/v1/replays', body);
  expect(status, JSON.stringify(replay)).toBe(201);
  return replay;
}

const beat = (id: string, replica = 0) => post<Replay & Problem>(`/v1/replays/${id}/heartbeat`, {}, replica);
const read = async (id: string, replica = 0) => {
  const headers = { authorization: `Bearer ${plane.ann.keys.viewer}` };
  return (await replicas[replica]!.inject({ url: `/v1/replays/${id}`, headers })).json() as Replay;
};
/** What any worker does every few seconds. */
const age = async () =>
  (await doDuties({ platform: plane.platform, segmentLostAfterMs: 1e9, clock, log })).ended;
const pass = (seconds: number) => {
  nowUs += seconds * SECOND_US;
};

test('a replay of which nothing is heard ends as failed and says why; once, whoever looks', async () => {
  const { id, leaseUntil } = await opened();
  expect(leaseUntil! - nowUs).toBeLessThanOrEqual(60 * SECOND_US);
  pass(59);
  expect(await age()).toBe(0);
  pass(2);
  expect((await Promise.all([age(), age()])).sort()).toEqual([0, 1]);
  const ended = await read(id, 1);
  expect(ended).toMatchObject({
    phase: 'failed',
    message: expect.stringMatching(/^Nothing was heard for 60 s .* Run the replay again\.$/),
  });
  expect(ended.finishedAt).toBeGreaterThan(leaseUntil!);
});

test('a word to any replica begins the lease anew, also one that comes late but before the end', async () => {
  const { id } = await opened();
  for (let n = 0; n < 4; n++) {
    pass(50);
    expect((await beat(id, n % 2)).body).toMatchObject({ phase: 'running' });
    expect(await age()).toBe(0);
  }
  pass(70);
  expect((await beat(id)).status).toBe(200);
  expect(await age()).toBe(0);
  await post(`/v1/replays/${id}/cancel`, {});
  pass(70);
  expect(await age()).toBe(0);
  expect(await read(id)).toMatchObject({ phase: 'cancelled', message: null });
});

test('who comes back after the end is told what happened, whatever it wanted', async () => {
  const { id } = await opened();
  pass(61);
  expect(await age()).toBe(1);
  const answers = [
    await beat(id, 1),
    await post<Problem>(`/v1/replays/${id}/finish`, { run, mockResults: 0 }),
    await post<Problem>(`/v1/replays/${id}/cancel`, {}),
  ];
  for (const { body } of answers)
    expect(body).toMatchObject({ status: 409, detail: expect.stringMatching(/failed: Nothing was heard/) });
  expect((await read(id)).phase).toBe('failed');
});

test('a replay that was finished, or was opened without a lease, does not end by itself', async () => {
  const finished = await opened();
  await post(`/v1/replays/${finished.id}/finish`, { run, mockResults: 0 });
  const without = { name: 'v1', snapshot, mode: 'full' };
  const endless = (await post<Replay>('/v1/replays', without)).body;
  expect(endless.leaseUntil).toBeNull();
  expect((await beat(endless.id)).body).toMatchObject({ phase: 'running', leaseUntil: null });
  pass(86_400);
  expect(await age()).toBe(0);
  expect([(await read(finished.id)).phase, (await read(endless.id)).phase]).toEqual(['analyzing', 'running']);
});
