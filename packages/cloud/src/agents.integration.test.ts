import { newId } from '@echoplane/runtime';
import { describe, expect, test } from 'vitest';
import { heartbeatOf, registrationOf } from './agent.fixture.ts';
import {
  ask,
  call,
  extra,
  newAgent,
  one,
  PATIENCE,
  plane,
  post,
  stream,
  two,
  useAgentPlane,
} from './agent-plane.fixture.ts';
import { clock, startReplica, type TestTenant } from './control-plane.fixture.ts';
import { setSuspended } from './suspension.ts';
import { makePair, makeSegment } from './traffic.fixture.ts';

useAgentPlane();

test('an agent whose sealing key is none is refused, and every mutation is in the audit log', async () => {
  const bad = { ...registrationOf(newId(clock.nowUs())), sealingKey: 'AAAA' };
  expect(await post(one, plane.ann.keys.agent, '/v1/agent/register', bad)).toMatchObject({
    ...{ status: 400, body: { errors: [{ path: 'body.sealingKey' }] } },
  });
  const agent = await newAgent(plane.ann);
  await post(one, plane.ann.keys.agent, '/v1/agent/register', registrationOf(agent.id, 'private'));
  const command = await ask(one, plane.ann, agent.id);
  const { rows } = await plane.withTenant(plane.ann.id, (db) =>
    db.query(
      "SELECT action, detail->>'storeAccess' AS access FROM audit WHERE subject = ANY ($1) ORDER BY at_us",
      [[agent.id, command]],
    ),
  );
  expect(rows).toEqual([
    { action: 'register-agent', access: 'delegated' },
    { action: 'register-agent', access: 'private' },
    { action: 'create-command', access: null },
  ]);
});

describe('rules', () => {
  const document = (version: string) => ({ v: 1, version, redaction: { keepLength: true } });
  const put = (version: string, replaces: string | null, tenant = plane.ann) =>
    call(one, tenant.keys.admin, 'PUT', '/v1/rules', { replaces, rules: document(version) });

  test('reach every agent of the tenant and no other, and a heartbeat names their version', async () => {
    const agent = await newAgent(plane.ann);
    expect(agent.registered.config).toBeNull();
    const stranger = await newAgent(plane.bob);
    const reader = await stream(two, plane.ann, agent.id);
    const other = await stream(two, plane.bob, stranger.id);
    expect((await call(one, plane.ann.keys.viewer, 'GET', '/v1/rules')).body).toEqual({
      ...{ version: null, rules: null, updatedAt: null },
    });
    expect((await put('first', null)).status).toBe(200);
    await expect.poll(() => reader.signed('config', agent.key).length, PATIENCE).toBe(1);
    expect(reader.signed('config', agent.key)[0]).toMatchObject({
      ...{ tenant: plane.ann.id, config: { version: 'first', rules: { redaction: { keepLength: true } } } },
    });
    const beat = await post(one, plane.ann.keys.agent, '/v1/agent/heartbeat', heartbeatOf(agent.id));
    expect(beat.body).toEqual({ suspended: false, configVersion: 'first' });
    expect((await newAgent(plane.ann)).registered.config).not.toBeNull();
    expect(other.names()).toEqual([]);
    expect((await call(one, plane.bob.keys.viewer, 'GET', '/v1/rules')).body.version).toBeNull();
  });

  test('are replaced by who read them, under a version that was never used', async () => {
    expect((await put('second', 'first')).status).toBe(200);
    expect(await put('third', 'first')).toMatchObject({ status: 409, body: { detail: /second by now/ } });
    expect(await put('third', null)).toMatchObject({ status: 409 });
    expect(await put('first', 'second')).toMatchObject({ status: 409, body: { detail: /a new one/ } });
    const rivals = await Promise.all([put('third', 'second'), put('fourth', 'second')]);
    expect(rivals.map(({ status }) => status).sort()).toEqual([200, 409]);
    const bad = await call(one, plane.ann.keys.admin, 'PUT', '/v1/rules', {
      ...{ replaces: 'x', rules: { v: 1, version: 'bad', filter: { standard: 'yes' } } },
    });
    expect(bad).toMatchObject({ status: 400, body: { errors: [{ path: 'body.rules.filter.standard' }] } });
    const noDocument = await call(one, plane.ann.keys.admin, 'PUT', '/v1/rules', {
      ...{ replaces: null, rules: 'none' },
    });
    expect(noDocument).toMatchObject({ status: 400, body: { errors: [{ path: 'body.rules' }] } });
  });
});

test('what agents discovered adds up over agents, replaces what each said before, and stays with the tenant', async () => {
  const agents = [await newAgent(plane.ann), await newAgent(plane.ann)];
  const seen = (count: number, path = 'user.email') => ({
    ...{ service: 'local/default/shop', endpoint: '/orders', direction: 'IN', path, kind: 'email', count },
    lastSeen: clock.nowUs(),
  });
  const beat = (agent: string, discoveries: object[]) =>
    post(one, plane.ann.keys.agent, '/v1/agent/heartbeat', heartbeatOf(agent, { discoveries }));
  await beat(agents[0]!.id, [seen(3), seen(1, 'nul\0')]);
  await beat(agents[0]!.id, [seen(5)]);
  await beat(agents[1]!.id, [seen(2), seen(2)]);
  const list = async (tenant: TestTenant) =>
    (
      await call<{ items: { path: string; count: number }[] }>(
        two,
        tenant.keys.viewer,
        'GET',
        '/v1/discoveries',
      )
    ).body.items;
  const items = await list(plane.ann);
  expect(items.map(({ path, count }) => [path, count]).sort()).toEqual([
    ['nul\uFFFD', 1],
    ['user.email', 7],
  ]);
  expect(await list(plane.bob)).toEqual([]);
});

test('a suspended tenant hands nothing over, its agents are told, and its own log says so', async () => {
  const agent = await newAgent(plane.bob);
  const reader = await stream(two, plane.bob, agent.id);
  const [batch] = makeSegment(plane.bob.id, [makePair({ ts: clock.nowUs() })]).batches;
  const ingest = () => post(one, plane.bob.keys.agent, '/v1/ingest/index', batch!);
  const config = { platformDatabaseUrl: plane.platformUrl, logLevel: 'silent', supervised: false } as const;
  await setSuspended(config, { name: 'bob', suspend: true }, clock);
  await expect.poll(() => reader.names(), PATIENCE).toEqual(['suspend']);
  expect(await ingest()).toMatchObject({ status: 403, body: { code: 'suspended' } });
  const beat = await post(one, plane.bob.keys.agent, '/v1/agent/heartbeat', heartbeatOf(agent.id));
  expect(beat.body).toMatchObject({ suspended: true });
  expect((await newAgent(plane.bob)).registered.suspended).toBe(true);
  await setSuspended(config, { name: 'bob', suspend: false }, clock);
  await expect.poll(() => reader.names(), PATIENCE).toEqual(['suspend', 'resume']);
  expect((await ingest()).status).toBe(200);
  await expect(setSuspended(config, { name: 'nobody', suspend: true }, clock)).rejects.toThrow(
    /no tenant nobody/,
  );
  const { rows } = await plane.withTenant(plane.bob.id, (db) =>
    db.query("SELECT action FROM audit WHERE actor = 'platform' ORDER BY at_us"),
  );
  expect(rows).toEqual([{ action: 'suspend-tenant' }, { action: 'resume-tenant' }]);
});

test('five hundred agents at once are let in at a rate, the others told when to come again', async () => {
  const replica = await startReplica(plane, { perSecond: 0.001, burst: 50, random: () => 0.5 });
  extra.push(replica);
  const answers = await Promise.all(
    Array.from({ length: 500 }, () =>
      post(replica, plane.ann.keys.agent, '/v1/agent/register', registrationOf(newId(clock.nowUs()))),
    ),
  );
  const refused = answers.filter(({ status }) => status === 503);
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(50);
  expect(refused).toHaveLength(450);
  for (const { headers } of refused) expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
});
