import type { Problem, Search } from '@echoplane/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ControlPlane, clock, log, startControlPlane } from './control-plane.fixture.ts';
import { makePair, makeSegment } from './traffic.fixture.ts';
import { claimJob, doJob, type WorkerOptions } from './worker.ts';

let plane: ControlPlane;
let options: WorkerOptions;
const signal = new AbortController().signal;

beforeAll(async () => {
  plane = await startControlPlane();
  const { platform, withTenant, store } = plane;
  options = { platform, withTenant, store, clock, log };
});
afterAll(() => plane?.stop());

async function inject(
  method: 'GET' | 'POST',
  url: string,
  payload?: object,
  role: 'agent' | 'viewer' = 'viewer',
) {
  const headers = { authorization: `Bearer ${plane.ann.keys[role]}` };
  return plane.app.inject({ method, url, headers, ...(payload ? { payload } : {}) });
}
async function search(body: object): Promise<Search> {
  const response = await inject('POST', '/v1/searches', body);
  expect(response.statusCode, response.body).toBe(202);
  return response.json() as Search;
}
const read = async (id: string) => (await inject('GET', `/v1/searches/${id}`)).json() as Search;

async function workOff(): Promise<void> {
  await plane.postgres.asSuperuser(plane.database, 'UPDATE echoplane.jobs SET run_after = now()');
  for (let job = await claimJob(plane.platform, clock); job; job = await claimJob(plane.platform, clock))
    await doJob(options, job, signal);
}

const start = clock.nowUs() - 3_600_000_000;
const pairs = Array.from({ length: 3 }, (_, minute) =>
  Array.from({ length: 40 }, (_, i) =>
    makePair({ ts: start + minute * 60_000_000 + i, responseBody: { n: i % 10 }, status: i % 2 ? 200 : 500 }),
  ),
).flat();

test('a search finds by bodies what the index does not know, newest first, up to its limit', async () => {
  for (let at = 0; at < pairs.length; at += 40) {
    const made = makeSegment(plane.ann.id, pairs.slice(at, at + 40));
    for (const batch of made.batches) await inject('POST', '/v1/ingest/index', batch, 'agent');
    await plane.store.put(made.shipped.key, made.bytes);
    expect((await inject('POST', '/v1/ingest/segments', made.shipped, 'agent')).statusCode).toBe(200);
  }
  const { id, state, items } = await search({ filter: 'response.json.n == 4', query: {}, limit: 100 });
  expect([state, items]).toEqual(['queued', []]);
  await workOff();
  const found = await read(id);
  const wanted = pairs.filter((_, i) => i % 10 === 4).reverse();
  expect(found).toMatchObject({
    state: 'succeeded',
    scanned: 120,
    complete: true,
    filter: 'response.json.n == 4',
  });
  expect(found.items.map((item) => item.id)).toEqual(wanted.map((pair) => pair.id));
  const few = await search({ filter: 'response.json.n == 4', query: {}, limit: 2 });
  await workOff();
  expect((await read(few.id)).items.map((item) => item.id)).toEqual(
    wanted.slice(0, 2).map((pair) => pair.id),
  );
});

test('what the index knows of the filter is not read', async () => {
  const { id } = await search({ filter: 'status >= 500 && response.json.n == 4', query: {} });
  await workOff();
  expect(await read(id)).toMatchObject({ scanned: 60, items: Array(12).fill({}) });
});

test('a search may be written in the shorthand, and says which expression that is', async () => {
  const shorthand = { filter: 'status:5xx method:GET', language: 'shorthand', query: {} };
  const { id } = await search(shorthand);
  await workOff();
  expect(await read(id)).toMatchObject({
    state: 'succeeded',
    filter: expect.stringContaining('status >= 500'),
    scanned: 60,
  });
  const wrong = await inject('POST', '/v1/searches', { ...shorthand, filter: 'statu:5xx' });
  expect((wrong.json() as Problem).errors).toMatchObject([{ path: 'body.filter' }]);
});

test('a filter with a mistake is refused with where it is', async () => {
  const response = await inject('POST', '/v1/searches', { filter: 'response.json.n == ', query: {} });
  expect(response.statusCode).toBe(400);
  expect((response.json() as Problem).errors).toMatchObject([{ path: 'body.filter' }]);
});

test('a search without any row to look at says so', async () => {
  const { id } = await search({ filter: 'response.json.n == 4', query: { service: 'nobody' } });
  await workOff();
  expect(await read(id)).toMatchObject({ state: 'failed', message: expect.stringContaining('widen') });
});
