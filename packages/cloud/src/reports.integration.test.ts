import type { Replay, ReportDetail, StoredTestConfig } from '@echoplane/api';
import { Problem } from '@echoplane/api';
import { newId } from '@echoplane/runtime';
import { ARTIFACTS, ReportComparison, type RRPair, type Test } from '@echoplane/traffic';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlPlane, clock, log, startControlPlane } from './control-plane.fixture.ts';
import { thinned } from './report-job.ts';
import { makePair, makeSegment } from './traffic.fixture.ts';
import { claimJob, doJob } from './worker.ts';

const TESTS = 24;
const signal = new AbortController().signal;
let plane: ControlPlane;
let snapshot: string;
let tests: Test[];

beforeAll(async () => {
  plane = await startControlPlane();
  snapshot = newId(clock.nowUs());
  const start = clock.nowUs() - 60_000_000;
  tests = Array.from({ length: TESTS }, (_, n) => testOf(n, start));
  const prefix = `${plane.ann.id}/snapshots/${snapshot}/made/`;
  await plane.store.put(
    prefix + ARTIFACTS.tests,
    Buffer.from(tests.map((one) => `${JSON.stringify(one)}\n`).join('')),
  );
  await plane.store.put(prefix + ARTIFACTS.tokens, Buffer.from('[]\n'));
  await plane.postgres.asSuperuser(
    plane.database,
    `INSERT INTO echoplane.snapshots (tenant_id, id, name, query, prefix, created_at_us)
       VALUES ('${plane.ann.id}', '${snapshot}', 'made', '{}', '${prefix}', 1);
     INSERT INTO echoplane.jobs (tenant_id, id, kind, subject, state, created_at_us)
       VALUES ('${plane.ann.id}', '${newId(clock.nowUs())}', 'snapshot', '${snapshot}', 'succeeded', 1)`,
  );
});
afterAll(() => plane?.stop());

/** Even ones ask for things, odd ones for others. */
function testOf(n: number, start: number): Test {
  const target = n % 2 === 0 ? '/things' : '/others';
  const pair = makePair({
    ts: start + n * 10_000,
    url: `http://shop.localhost${target}`,
    responseBody: { total: 10 },
  });
  return {
    ...{ id: pair.id, session: 's', order: n, offsetUs: n * 10_000, endpoint: target, headless: false },
    request: { method: 'GET', target, headers: pair.request!.headers, body: pair.request!.body },
    response: pair.response as Test['response'],
    ...{ durationUs: pair.durationUs, consumes: [], produces: [], volatile: [], ts: pair.ts },
  };
}

async function ask(method: 'GET' | 'POST' | 'PUT', url: string, payload?: object, status = 200) {
  const headers = {
    authorization: `Bearer ${plane.ann.keys[url.startsWith('/v1/ingest') ? 'agent' : 'editor']}`,
  };
  const response = await plane.app.inject({ method, url, headers, ...(payload ? { payload } : {}) });
  expect(response.statusCode, response.body).toBe(status);
  return response;
}

async function workOff(): Promise<void> {
  const { platform, withTenant, store } = plane;
  for (let job = await claimJob(platform, clock); job; job = await claimJob(platform, clock))
    await doJob({ platform, withTenant, store, clock, log }, job, signal);
}

/** A replay whose live totals are what `total` says, analyzed. */
async function replayed(total: (test: Test) => number, extra: object = {}): Promise<Replay> {
  const body = { name: 'nightly', snapshot, mode: 'tests-only', ...extra };
  const replay = (await ask('POST', '/v1/replays', body, 201)).json() as Replay;
  const now = clock.nowUs();
  const results = tests.map((one, n): RRPair => {
    const tags = { replay: replay.id, test: one.id, 'replay-session': one.session };
    const url = `http://shop.localhost${one.request.target}`;
    const live = makePair({ ts: now + n * 1_000, url, responseBody: { total: total(one) } });
    return { ...live, durationUs: one.durationUs, tags };
  });
  const made = makeSegment(plane.ann.id, results);
  for (const batch of made.batches) await ask('POST', '/v1/ingest/index', batch);
  await plane.store.put(made.shipped.key, made.bytes);
  await ask('POST', '/v1/ingest/segments', made.shipped);
  const run = {
    ...{
      startedAt: now,
      finishedAt: now + 1_000_000,
      testsPlanned: TESTS,
      sent: TESTS,
      resultsDelivered: TESTS,
    },
    ...{ notSent: {}, maxEventLoopLagMs: 1, voidReasons: [] },
  };
  await ask('POST', `/v1/replays/${replay.id}/finish`, { run, mockResults: 0 }, 202);
  await workOff();
  return replay;
}

const reportOf = async ({ id }: Replay) =>
  ((await ask('GET', `/v1/replays/${id}/report`)).json() as ReportDetail).report;
const others = ({ endpoint }: Test) => (endpoint === '/others' ? 11 : 10);

test('a replay is judged by the test config it was opened with', async () => {
  const testConfig = {
    goals: { successRate: 0.5, rules: ['requests.total == 24'] },
    assertions: [{ type: 'status' }, { type: 'expect', expression: 'response.json.total < 11.0' }],
  };
  const replay = await replayed(others, { testConfig });
  expect(replay.testConfig).toMatchObject({ assertions: testConfig.assertions });
  const report = await reportOf(replay);
  expect(report).toMatchObject({ verdict: 'passed', counts: { passed: 12, failed: 12 } });
  expect(report.findings.map(({ endpoint, path }) => [endpoint, path])).toEqual([['/others', 'expect']]);
  expect(report.goals.map(({ name, met }) => [name, met])).toContainEqual(['requests.total', true]);
});

test('the same results are judged anew with other assertions and goals, without a run', async () => {
  const replay = await replayed(others);
  expect(await reportOf(replay)).toMatchObject({ verdict: 'missed-goals', counts: { failed: 12 } });
  const anew = { assertions: [{ type: 'status' }], goals: { rules: ['errors.pct < 1%'] } };
  const asked = await ask('POST', `/v1/replays/${replay.id}/analyze`, anew, 202);
  expect(asked.json()).toMatchObject({
    phase: 'analyzing',
    goals: { successRate: 1, rules: anew.goals.rules },
  });
  await ask('POST', `/v1/replays/${replay.id}/analyze`, anew, 409);
  await workOff();
  const report = await reportOf(replay);
  expect(report).toMatchObject({ verdict: 'passed', counts: { passed: 24, failed: 0 }, findings: [] });
  expect(report.goals.map(({ name }) => name)).toContain('errors.pct');
});

test('a running replay is not analyzed anew', async () => {
  const body = { name: 'open', snapshot, mode: 'tests-only' };
  const { id } = (await ask('POST', '/v1/replays', body, 201)).json();
  const refused = await ask('POST', `/v1/replays/${id}/analyze`, {}, 409);
  expect(Problem.parse(refused.json()).detail).toContain('this one is running');
});

test('a report comes as JUnit XML, Markdown and JSON', async () => {
  const replay = await replayed(others);
  const get = async (format: string) => ask('GET', `/v1/replays/${replay.id}/report/${format}`);
  const junit = await get('junit');
  expect(junit.headers['content-type']).toContain('xml');
  expect(junit.body).toContain('<testsuites name="nightly" tests="5" failures="2" errors="0"');
  expect((await get('markdown')).body).toMatch(/^## ❌ nightly: missed goals/);
  expect((await get('json')).json()).toEqual(await reportOf(replay));
  await ask('GET', `/v1/replays/${replay.id}/report/pdf`, undefined, 400);
});

test('two reports are compared: what is new, gone and the same', async () => {
  const [before, after] = [await replayed(others), await replayed(() => 12)];
  const url = `/v1/replays/${after.id}/compare/${before.id}`;
  const { findings, leaves } = ReportComparison.parse((await ask('GET', url)).json());
  expect(findings.new.map(({ endpoint }) => endpoint)).toEqual(['/things']);
  expect(findings.same.map(({ finding }) => finding.endpoint)).toEqual(['/others']);
  expect(leaves).toMatchObject([{ endpoint: '/others', path: 'body.total', before: '11', after: '12' }]);
});

describe('expressions of no use', () => {
  const bad = {
    assertions: [{ type: 'expect', expression: 'status = 200' }],
    goals: { rules: ['latency.p95 < 3'] },
  };
  const errorsOf = async (method: 'POST' | 'PUT', url: string, body: object) =>
    Problem.parse((await ask(method, url, body, 400)).json()).errors!.map(
      ({ path, message }) => `${path}: ${message}`,
    );

  test('are refused with their column before a replay is opened', async () => {
    const body = { name: 'bad', snapshot, mode: 'full' };
    expect(await errorsOf('POST', '/v1/replays', { ...body, testConfig: bad })).toEqual([
      expect.stringMatching(/^body\.testConfig\.assertions\[0\]\.expression: column 8: a single =/),
      expect.stringMatching(/^body\.testConfig\.goals\.rules\[0\]: column \d+: latency.p95 needs a unit/),
    ]);
    expect(await errorsOf('POST', '/v1/replays', { ...body, goals: bad.goals })).toHaveLength(1);
  });

  test('are refused before a test config is kept, and before results are judged anew', async () => {
    expect(await errorsOf('PUT', '/v1/test-configs/nightly', bad)).toHaveLength(2);
    await ask('GET', '/v1/test-configs/nightly', undefined, 404);
    expect(await errorsOf('POST', `/v1/replays/${newId(clock.nowUs())}/analyze`, bad)).toHaveLength(2);
  });
});

test('a leaf pattern that fits nothing is refused when a config is written; one that was kept before can be read', async () => {
  const config = { assertions: [{ type: 'body', ignore: ['body..x['] }] };
  const { errors } = Problem.parse((await ask('PUT', '/v1/test-configs/new', config, 400)).json());
  expect(errors).toEqual([
    { path: 'body.assertions[0].ignore[0]', message: expect.stringContaining('fits no leaf: column 5') },
  ]);
  await plane.withTenant(plane.ann.id, (db) =>
    db.query('INSERT INTO test_configs (tenant_id, name, config, updated_at_us) VALUES ($1, $2, $3, 1)', [
      ...[plane.ann.id, 'old', JSON.stringify(config)],
    ]),
  );
  expect((await ask('GET', '/v1/test-configs/old')).json()).toMatchObject({ config });
});

test('a test config is kept under its name, and replaced', async () => {
  const put = (config: object) => ask('PUT', '/v1/test-configs/smoke.v1', config);
  await put({ goals: { successRate: 0.9 } });
  await put({ load: { users: 4 } });
  const { config } = (await ask('GET', '/v1/test-configs/smoke.v1')).json() as StoredTestConfig;
  expect(config).toEqual({ load: { users: 4 } });
  const { items } = (await ask('GET', '/v1/test-configs')).json() as { items: StoredTestConfig[] };
  expect(items.map(({ name }) => name)).toContain('smoke.v1');
  await ask('PUT', '/v1/test-configs/Not%20A%20Name', {}, 400);
});

test('thinned() keeps how many there were and where they lay', () => {
  const many = Array.from({ length: 30_000 }, (_, n) => ({
    method: 'GET',
    endpoint: '/a',
    latencyUs: n,
    count: 2,
  }));
  const few = thinned(many);
  expect(few.length).toBeLessThanOrEqual(8_000);
  expect(few.reduce((sum, { count }) => sum + count!, 0)).toBe(60_000);
  const all = few.flatMap(({ latencyUs, count }) => Array<number>(count!).fill(latencyUs));
  expect(Math.abs(all[all.length >> 1]! - 15_000)).toBeLessThan(10);
});
