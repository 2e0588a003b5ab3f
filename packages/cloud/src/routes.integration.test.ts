import { type Access, Problem, ROUTES, type Role, type RouteName, type RouteSpec } from '@echoplane/api';
import { newId } from '@echoplane/runtime';
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type ControlPlane,
  clock,
  PASSWORD,
  ROLES,
  startControlPlane,
  type TestTenant,
} from './control-plane.fixture.ts';
import { makePair, makeSegment } from './traffic.fixture.ts';

let plane: ControlPlane;
/** Things of ann's, by kind. */
const things = { snapshot: '', replay: '', job: '', pair: '', segment: '' };

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const send = (options: InjectOptions) => plane.app.inject(options);

beforeAll(async () => {
  plane = await startControlPlane();
  const pair = makePair({ ts: clock.nowUs() });
  const made = makeSegment(plane.ann.id, [pair]);
  const ingested = await call(plane.ann.keys.agent, 'ingestIndex', {}, made.batches[0]!);
  expect(ingested.statusCode, ingested.body).toBe(200);
  const snapshot = await call(plane.ann.keys.editor, 'createSnapshot', {}, { name: 'mine', query: {} });
  Object.assign(things, { pair: pair.id, segment: made.id, snapshot: snapshot.json().id });
  things.job = await plane.withTenant(plane.ann.id, async (db) => {
    await db.query("UPDATE jobs SET state = 'succeeded'");
    return (await db.query<{ id: string }>('SELECT id FROM jobs')).rows[0]!.id;
  });
  things.replay = (await call(plane.ann.keys.editor, 'createReplay', {}, newReplay())).json().id;
});
afterAll(() => plane?.stop());

const newReplay = () => ({ name: 'v1', snapshot: things.snapshot, mode: 'full' });
const run = {
  ...{ startedAt: 1, finishedAt: 2, testsPlanned: 1, sent: 1, resultsDelivered: 1, notSent: {} },
  ...{ maxEventLoopLagMs: 1, voidReasons: [] },
};

function call(key: string | null, name: RouteName, params: Record<string, string> = {}, body?: unknown) {
  const spec: RouteSpec = ROUTES[name];
  const url = spec.path.replace(/:(\w+)/g, (_, part: string) => params[part] ?? newId(clock.nowUs()));
  const payload = spec.body ? { payload: (body ?? {}) as object } : {};
  return send({ method: spec.method, url, headers: key ? bearer(key) : {}, ...payload });
}

/** Who may use what: written out, not taken from the code under test. */
const ALLOWED: Record<Access, Role[]> = {
  public: ['viewer', 'editor', 'admin', 'agent'],
  viewer: ['viewer', 'editor', 'admin'],
  editor: ['editor', 'admin'],
  admin: ['admin'],
  agent: ['agent', 'admin'],
};

/** For each route what another tenant's caller would name; null where a route names nothing. */
const FOREIGN: Record<RouteName, (() => { params?: Record<string, string>; body?: unknown }) | null> = {
  signIn: null,
  signOut: null,
  me: null,
  agent: null,
  services: null,
  traffic: null,
  trafficGraph: null,
  accounting: null,
  createSnapshot: null,
  snapshots: null,
  replays: null,
  // Their tenant is the caller's; a foreign one is refused in ingest.integration.test.ts.
  ingestIndex: null,
  ingestSegment: null,
  ingestReports: null,
  trafficPair: () => ({ params: { id: things.pair } }),
  snapshot: () => ({ params: { id: things.snapshot } }),
  artifact: () => ({ params: { id: things.snapshot, name: 'manifest.json' } }),
  createReplay: () => ({ body: newReplay() }),
  replay: () => ({ params: { id: things.replay } }),
  finishReplay: () => ({ params: { id: things.replay }, body: { run, mockResults: 0 } }),
  cancelReplay: () => ({ params: { id: things.replay } }),
  report: () => ({ params: { id: things.replay } }),
  job: () => ({ params: { id: things.job } }),
};

const names = Object.keys(ROUTES) as RouteName[];
const guarded = names.filter((name) => ROUTES[name].access !== 'public');

describe('the sweep', () => {
  test('covers the route table, and the table is what is registered and documented', async () => {
    expect(Object.keys(FOREIGN).sort()).toEqual([...names].sort());
    const document = (await send({ url: '/v1/openapi.json' })).json();
    const documented = Object.entries(document.paths as Record<string, object>).flatMap(([path, verbs]) =>
      Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${path}`),
    );
    const table = names.map(
      (name) => `${ROUTES[name].method} ${ROUTES[name].path.replace(/:(\w+)/g, '{$1}')}`,
    );
    expect(documented.sort()).toEqual(table.sort());
    for (const name of names) {
      expect(plane.app.hasRoute({ method: ROUTES[name].method, url: ROUTES[name].path })).toBe(true);
    }
    for (const name of names) {
      if (ROUTES[name].path.includes('/:id')) expect(FOREIGN[name], name).not.toBeNull();
    }
  });

  test('the OpenAPI document refers to nothing it does not hold', async () => {
    const { body } = await send({ url: '/v1/openapi.json' });
    const held = Object.keys(JSON.parse(body).components.schemas).map(
      (name) => `#/components/schemas/${name}`,
    );
    const used = [...body.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]);
    expect(used.length).toBeGreaterThan(20);
    expect(used.filter((reference) => !held.includes(reference!))).toEqual([]);
  });

  test.each(guarded)('%s refuses who has no valid credential', async (name) => {
    for (const key of [null, 'ep_00000000_nope', `ep_00000000_${'A'.repeat(43)}`]) {
      const response = await call(key, name);
      expect(response.statusCode).toBe(401);
      expect(Problem.parse(response.json()).code).toBe('unauthenticated');
    }
  });

  test.each(guarded)('%s refuses the roles it is not for, and only those', async (name) => {
    for (const role of ROLES) {
      const response = await call(plane.bob.keys[role], name);
      const allowed = ALLOWED[ROUTES[name].access].includes(role);
      expect(response.statusCode === 403, `${role}: ${response.body}`).toBe(!allowed);
      if (!allowed) expect(Problem.parse(response.json()).code).toBe('forbidden');
    }
  });

  const naming = names.filter((name) => FOREIGN[name]);
  test.each(naming)("%s does not find another tenant's things, nor what does not exist", async (name) => {
    const { params = {}, body } = FOREIGN[name]!();
    const foreign = await call(plane.bob.keys.admin, name, params, body);
    expect(foreign.statusCode, foreign.body).toBe(404);
    const unknown = await call(plane.bob.keys.admin, name, { ...params, id: newId(clock.nowUs()) }, body);
    const { requestId: _a, ...first } = Problem.parse(foreign.json());
    const { requestId: _b, ...second } = Problem.parse(unknown.json());
    expect(second).toEqual(first);
  });

  test("nothing of ann's is in bob's lists", async () => {
    for (const name of ['traffic', 'services', 'snapshots', 'replays'] as const) {
      expect((await call(plane.bob.keys.admin, name)).json().items).toEqual([]);
      expect((await call(plane.ann.keys.viewer, name)).json().items).toHaveLength(1);
    }
    expect((await call(plane.bob.keys.viewer, 'accounting')).json()).toMatchObject({
      hops: [],
      indexed: 0,
      balanced: true,
    });
  });
});

async function signIn(tenant: TestTenant, password = PASSWORD, email = tenant.email) {
  const response = await send({ method: 'POST', url: '/v1/sign-in', payload: { email, password } });
  return { response, cookie: String(response.headers['set-cookie'] ?? '').split(';')[0]! };
}

describe('a session', () => {
  test('begins with a cookie that scripts cannot read and ends with sign-out', async () => {
    const { response, cookie } = await signIn(plane.ann);
    expect(response.json()).toMatchObject({
      user: { email: plane.ann.email },
      role: 'admin',
      tenant: { id: plane.ann.id },
    });
    expect(response.headers['set-cookie']).toMatch(
      /^echoplane_session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Lax$/,
    );
    const { csrfToken } = (await send({ url: '/v1/me', headers: { cookie } })).json();
    expect(csrfToken).toBe(response.json().csrfToken);
    const headers = { cookie, 'x-csrf-token': csrfToken };
    const out = await send({ method: 'POST', url: '/v1/sign-out', payload: {}, headers });
    expect(out.statusCode).toBe(204);
    expect((await send({ url: '/v1/me', headers: { cookie } })).statusCode).toBe(401);
  });

  test('gets a Secure cookie behind https', async () => {
    const headers = { 'x-forwarded-proto': 'https' };
    const payload = { email: plane.ann.email, password: PASSWORD };
    const response = await send({ method: 'POST', url: '/v1/sign-in', payload, headers });
    expect(response.headers['set-cookie']).toMatch(/; Secure/);
  });

  test('changes nothing without its CSRF token', async () => {
    const { response, cookie } = await signIn(plane.ann);
    const { csrfToken } = response.json();
    const create = (headers: Record<string, string>) =>
      send({
        method: 'POST',
        url: '/v1/snapshots',
        payload: { name: 'x', query: {} },
        headers: { cookie, ...headers },
      });
    for (const headers of [{}, { 'x-csrf-token': 'wrong' }]) {
      const refused = await create(headers as Record<string, string>);
      expect(refused.statusCode).toBe(403);
      expect(refused.json().code).toBe('csrf_failed');
    }
    expect((await create({ 'x-csrf-token': csrfToken })).statusCode).toBe(202);
  });

  test('is stored as a digest, and so are keys', async () => {
    const { cookie } = await signIn(plane.ann);
    const token = cookie.split('=')[1]!;
    const tables = ['sessions', 'api_keys', 'users'].map(
      (table) => `SELECT row_to_json(t)::text AS row FROM echoplane.${table} t`,
    );
    const stored = await plane.postgres.asSuperuser(plane.database, tables.join(' UNION ALL '));
    const text = JSON.stringify(stored.rows) + Buffer.from(token).toString('hex');
    expect(text).toContain('argon2id');
    for (const secret of [token, plane.ann.keys.admin, PASSWORD]) expect(text).not.toContain(secret);
  });

  test('is refused alike for a wrong password and an unknown user, ten times in a quarter of an hour', async () => {
    const wrong = await signIn(plane.bob, 'wrong');
    const unknown = await signIn(plane.bob, 'wrong', 'nobody@example.org');
    const { requestId: _a, ...first } = wrong.response.json();
    const { requestId: _b, ...second } = unknown.response.json();
    expect(first).toMatchObject({ code: 'wrong_credentials', status: 401 });
    expect(second).toEqual(first);
    const email = 'somebody@example.org';
    const attempts = await Promise.all(Array.from({ length: 12 }, () => signIn(plane.bob, 'wrong', email)));
    const codes = attempts.map(({ response }) => response.json().code).sort();
    expect(codes).toEqual([...Array(2).fill('too_many_attempts'), ...Array(10).fill('wrong_credentials')]);
    expect((await signIn(plane.bob)).response.statusCode).toBe(200);
  });

  test('a good sign-in forgets the failures before it', async () => {
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 8; i++) await signIn(plane.ann, 'wrong');
      expect((await signIn(plane.ann)).response.statusCode).toBe(200);
    }
  });
});

describe('problems', () => {
  const key = () => bearer(plane.ann.keys.admin);
  const cases: [string, () => InjectOptions, number, string][] = [
    ['an unknown path', () => ({ url: '/v1/nothing' }), 404, 'not_found'],
    [
      'a known path with another verb',
      () => ({ method: 'DELETE', url: '/v1/snapshots', headers: key() }),
      405,
      'method_not_allowed',
    ],
    [
      'malformed JSON',
      () => ({
        method: 'POST',
        url: '/v1/sign-in',
        payload: '{',
        headers: { 'content-type': 'application/json' },
      }),
      400,
      'invalid_request',
    ],
    [
      'a form',
      () => ({
        method: 'POST',
        url: '/v1/sign-in',
        payload: 'email=a',
        headers: { 'content-type': 'text/plain' },
      }),
      400,
      'invalid_request',
    ],
    ['an id that is none', () => ({ url: '/v1/jobs/7', headers: key() }), 400, 'invalid_request'],
    [
      'a cursor that is none',
      () => ({ url: '/v1/traffic?cursor=abc', headers: key() }),
      400,
      'invalid_request',
    ],
    ['a path that cannot be decoded', () => ({ url: '/%' }), 400, 'invalid_request'],
    [
      'a time beyond the calendar',
      () => ({ url: '/v1/traffic/graph?from=-9007199254740991&to=9007199254740991', headers: key() }),
      400,
      'invalid_request',
    ],
    [
      '65 KiB to sign in',
      () => ({ method: 'POST', url: '/v1/sign-in', payload: { email: 'x'.repeat(65 << 10), password: 'x' } }),
      413,
      'payload_too_large',
    ],
    [
      '33 MiB',
      () => ({
        method: 'POST',
        url: '/v1/ingest/reports',
        payload: JSON.stringify({ reports: ['x'.repeat(33 << 20)] }),
        headers: { ...key(), 'content-type': 'application/json' },
      }),
      413,
      'payload_too_large',
    ],
  ];
  test.each(cases)('%s is answered as problem+json', async (_name, options, status, code) => {
    const response = await send(options());
    expect(response.statusCode).toBe(status);
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
    const problem = Problem.parse(response.json());
    expect(problem).toMatchObject({ status, code });
    expect(response.headers['x-request-id']).toBe(problem.requestId);
  });

  test('a failed validation lists every path', async () => {
    const payload = { name: '', query: { direction: 'UP', statusMin: -1 } };
    const response = await send({ method: 'POST', url: '/v1/snapshots', payload, headers: key() });
    const paths = Problem.parse(response.json()).errors!.map((error) => error.path);
    expect(paths.sort()).toEqual(['body.name', 'body.query.direction', 'body.query.statusMin']);
  });

  test('a body of nothing but mistakes gets a short answer', async () => {
    const rows = [...Array(5_000).fill({}), { tags: { ['x'.repeat(100_000)]: 1 } }];
    const options = { method: 'POST' as const, url: '/v1/ingest/index', headers: key() };
    for (const payload of [{ rows }, { rows: rows.slice(-1) }]) {
      const response = await send({ ...options, payload });
      expect(response.statusCode).toBe(400);
      expect(Problem.parse(response.json()).errors!.length).toBeLessThanOrEqual(20);
      expect(response.body.length).toBeLessThan(10_000);
    }
  });

  test('a request that never ends is ended', () => {
    expect(plane.app.server.requestTimeout).toBe(120_000);
  });

  test('a request id that is sent is kept when it is one', async () => {
    const kept = await send({ url: '/healthz', headers: { 'x-request-id': 'trace-1' } });
    expect(kept.headers['x-request-id']).toBe('trace-1');
    const replaced = await send({ url: '/healthz', headers: { 'x-request-id': 'no good' } });
    expect(replaced.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('replays', () => {
  test('are finished once', async () => {
    const editor = plane.ann.keys.editor;
    const { id } = (await call(editor, 'createReplay', {}, newReplay())).json();
    const finished = await call(editor, 'finishReplay', { id }, { run, mockResults: 0 });
    expect(finished.json()).toMatchObject({ phase: 'analyzing' });
    const again = await call(editor, 'finishReplay', { id }, { run, mockResults: 0 });
    expect(again.json()).toMatchObject({ status: 409, code: 'conflict' });
    expect((await call(editor, 'cancelReplay', { id })).statusCode).toBe(409);
    expect((await call(editor, 'createReplay', {}, { ...newReplay(), baseline: id })).json().detail).toMatch(
      /analyzing/,
    );
  });

  test('need a snapshot that has succeeded', async () => {
    const snapshot = (
      await call(plane.ann.keys.editor, 'createSnapshot', {}, { name: 'new', query: {} })
    ).json().id;
    const refused = await call(plane.ann.keys.editor, 'createReplay', {}, { ...newReplay(), snapshot });
    expect(refused.json()).toMatchObject({ status: 409, detail: expect.stringContaining('is queued') });
  });

  test('every mutation leaves an audit row with who did it', async () => {
    const { id } = (await call(plane.ann.keys.editor, 'createReplay', {}, newReplay())).json();
    await call(plane.ann.keys.editor, 'cancelReplay', { id });
    const rows = await plane.withTenant(plane.ann.id, (db) =>
      db.query('SELECT action, actor FROM audit WHERE subject = $1 ORDER BY at_us', [id]),
    );
    const actor = `key:${plane.ann.keys.editor.slice(3, 11)}`;
    expect(rows.rows).toEqual([
      { action: 'create-replay', actor },
      { action: 'cancel-replay', actor },
    ]);
    const actions = await plane.withTenant(plane.ann.id, (db) =>
      db.query('SELECT DISTINCT action FROM audit ORDER BY 1'),
    );
    expect(actions.rows.map((row) => row.action)).toEqual([
      ...['cancel-replay', 'create-replay', 'create-snapshot', 'finish-replay', 'sign-in', 'sign-out'],
    ]);
  });
});

test('health, readiness and metrics answer without a credential', async () => {
  expect((await send({ url: '/healthz' })).body).toBe('ok\n');
  expect((await send({ url: '/readyz' })).body).toBe('ready\n');
  expect((await send({ url: '/metrics' })).body).toMatch(
    /echoplane_http_requests_total\{route="\/healthz",method="GET",status="200"\} \d/,
  );
});
