import { randomUUID } from 'node:crypto';
import { type Access, Problem, ROUTES, type Role, type RouteName, type RouteSpec } from '@echoplane/api';
import { newId } from '@echoplane/runtime';
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { heartbeatOf, registrationOf } from './agent.fixture.ts';
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
const things = {
  testConfig: '',
  ...{ snapshot: '', replay: '', job: '', pair: '', segment: '', agent: '', command: '' },
  ...{ search: '', erasure: '' },
};

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
  things.testConfig = 'nightly';
  const put = await call(plane.ann.keys.editor, 'putTestConfig', { name: things.testConfig }, {});
  expect(put.statusCode, put.body).toBe(200);
  things.agent = registration.agent;
  const registered = await call(plane.ann.keys.agent, 'registerAgent', {}, registration);
  expect(registered.statusCode, registered.body).toBe(200);
  const search = { filter: 'status == 200', query: {} };
  things.search = (await call(plane.ann.keys.viewer, 'createSearch', {}, search)).json().id;
  const erasure = { value: 'ann@example.org', reason: 'asked to' };
  things.erasure = (await call(plane.ann.keys.admin, 'createErasure', {}, erasure)).json().id;
  things.command = (await call(plane.ann.keys.editor, 'createCommand', {}, flush())).json().id;
});
afterAll(() => plane?.stop());

const newReplay = () => ({ name: 'v1', snapshot: things.snapshot, mode: 'full' });
const run = {
  ...{ startedAt: 1, finishedAt: 2, testsPlanned: 1, sent: 1, resultsDelivered: 1, notSent: {} },
  ...{ maxEventLoopLagMs: 1, voidReasons: [] },
};

const flush = () => ({ agent: things.agent, body: { kind: 'flush' } });
const registration = registrationOf(newId(clock.nowUs()));

/** Of `params`, those that are no part of the path are its query. */
function call(key: string | null, name: RouteName, params: Record<string, string> = {}, body?: unknown) {
  const spec: RouteSpec = ROUTES[name];
  const query = Object.entries(params).filter(([part]) => !spec.path.includes(`:${part}`));
  const path = spec.path.replace(/:(\w+)/g, (_, part: string) => params[part] ?? newId(clock.nowUs()));
  const url = query.length > 0 ? `${path}?${new URLSearchParams(query)}` : path;
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

/** What an operator needs of a replay, with the key of its data plane. */
const AGENTS_TOO: RouteName[] = [
  ...(['services', 'trafficGraph', 'accounting', 'snapshots', 'snapshot', 'artifact'] as const),
  ...(['createReplay', 'replay', 'keepReplay', 'finishReplay', 'cancelReplay', 'report'] as const),
  ...(['reportText', 'compareReports', 'testConfigs', 'testConfig'] as const),
];

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
  ingestTombstones: null,
  registerAgent: null,
  agents: null,
  rules: null,
  putRules: null,
  discoveries: null,
  createSearch: null,
  createErasure: null,
  trafficPair: () => ({ params: { id: things.pair } }),
  snapshot: () => ({ params: { id: things.snapshot } }),
  editSnapshot: () => ({ params: { id: things.snapshot }, body: {} }),
  artifact: () => ({ params: { id: things.snapshot, name: 'manifest.json' } }),
  createReplay: () => ({ body: newReplay() }),
  replay: () => ({ params: { id: things.replay } }),
  keepReplay: () => ({ params: { id: things.replay } }),
  finishReplay: () => ({ params: { id: things.replay }, body: { run, mockResults: 0 } }),
  cancelReplay: () => ({ params: { id: things.replay } }),
  report: () => ({ params: { id: things.replay } }),
  reportText: () => ({ params: { id: things.replay, format: 'junit' } }),
  compareReports: () => ({ params: { id: things.replay, before: things.replay } }),
  reanalyzeReplay: () => ({ params: { id: things.replay } }),
  testConfigs: null,
  testConfig: () => ({ params: { name: things.testConfig } }),
  putTestConfig: null,
  observations: () => ({ params: { id: things.replay } }),
  ingestObservations: () => ({ params: { id: things.replay }, body: { observations: [] } }),
  job: () => ({ params: { id: things.job } }),
  // Segments have no owner before they are stored: the key under which one lands is the caller's tenant's.
  grantSegment: null,
  uploadSegment: null,
  agentStream: () => ({ params: { agent: things.agent } }),
  agentHeartbeat: () => ({ body: heartbeatOf(things.agent) }),
  createCommand: () => ({ body: flush() }),
  command: () => ({ params: { id: things.command } }),
  commandPositions: () => ({ params: { id: things.command } }),
  commandProgress: () => ({ params: { id: things.command }, body: { share: 0.5, message: 'half' } }),
  commandOutcome: () => ({ params: { id: things.command }, body: { state: 'failed', message: 'no' } }),
  search: () => ({ params: { id: things.search } }),
  erasure: () => ({ params: { id: things.erasure } }),
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
      const names = ROUTES[name].path.includes('/:id') && !ROUTES[name].path.startsWith('/v1/ingest/');
      if (names) expect(FOREIGN[name], name).not.toBeNull();
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
      const allowed =
        ALLOWED[ROUTES[name].access].includes(role) || (role === 'agent' && AGENTS_TOO.includes(name));
      expect(response.statusCode === 403, `${role}: ${response.body}`).toBe(!allowed);
      if (!allowed) expect(Problem.parse(response.json()).code).toBe('forbidden');
    }
  });

  /** What names a form of a thing, not the thing. */
  const formOf = ({ name, format }: { name?: string; format?: string }) => ({
    ...(name?.includes('.') ? { name } : {}),
    ...(format === undefined ? {} : { format }),
  });
  const naming = names.filter((name) => FOREIGN[name]);
  test.each(naming)("%s does not find another tenant's things, nor what does not exist", async (name) => {
    const { params = {}, body } = FOREIGN[name]!();
    const foreign = await call(plane.bob.keys.admin, name, params, body);
    expect(foreign.statusCode, foreign.body).toBe(404);
    const fresh = Object.fromEntries(Object.keys(params).map((part) => [part, newId(clock.nowUs())]));
    const unknown = await call(plane.bob.keys.admin, name, { ...params, ...fresh, ...formOf(params) }, body);
    const { requestId: _a, ...first } = Problem.parse(foreign.json());
    const { requestId: _b, ...second } = Problem.parse(unknown.json());
    expect(second).toEqual(first);
  });

  test("nothing of ann's is in bob's lists", async () => {
    for (const name of ['traffic', 'services', 'snapshots', 'replays', 'agents'] as const) {
      expect((await call(plane.bob.keys.admin, name)).json().items).toEqual([]);
      expect((await call(plane.ann.keys.viewer, name)).json().items).toHaveLength(1);
    }
    const { items } = (await call(plane.bob.keys.admin, 'testConfigs')).json();
    expect(items.map(({ name }: { name: string }) => name)).not.toContain(things.testConfig);
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

  test('takes no data plane its stream by a link: its routes want the CSRF token by GET too', async () => {
    const { response, cookie } = await signIn(plane.ann);
    const open = (headers: Record<string, string>) =>
      send({ url: `/v1/agent/stream?agent=${randomUUID()}`, headers: { cookie, ...headers } });
    expect((await open({})).json().code).toBe('csrf_failed');
    expect((await open({ 'x-csrf-token': response.json().csrfToken })).json().code).toBe('not_found');
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

  test('take nothing for known without a baseline that says what is', async () => {
    const asked = [{ goals: { allowKnown: true } }, { testConfig: { goals: { allowKnown: true } } }];
    for (const one of asked) {
      const refused = await call(plane.ann.keys.editor, 'createReplay', {}, { ...newReplay(), ...one });
      expect(refused.json()).toMatchObject({ status: 400, errors: [{ path: 'body.goals.allowKnown' }] });
    }
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
      ...['cancel-replay', 'create-command', 'create-erasure', 'create-replay', 'create-search'],
      ...['create-snapshot', 'finish-replay', 'put-test-config', 'register-agent', 'sign-in', 'sign-out'],
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
