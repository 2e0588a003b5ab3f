import { newId, Secret } from '@echoplane/runtime';
import { describe, expect, test } from 'vitest';
import { registrationOf } from './agent.fixture.ts';
import {
  call,
  newAgent,
  one,
  PATIENCE,
  plane,
  post,
  stream,
  two,
  useAgentPlane,
} from './agent-plane.fixture.ts';
import { clock, PASSWORD } from './control-plane.fixture.ts';
import { releaseOf, setRelease } from './releases.ts';

useAgentPlane();

const IMAGE = `sha256:${'a'.repeat(64)}`;
const platform = () => ({
  platformDatabaseUrl: new Secret(plane.postgres.url(plane.database, 'echoplane_platform', PASSWORD)),
});

async function newInspector(): Promise<string> {
  const id = newId(clock.nowUs());
  const { keys } = plane.ann;
  const registered = await post(
    one,
    keys.agent,
    '/v1/agent/register',
    registrationOf(id, 'delegated', 'inspector'),
  );
  expect(registered.status, JSON.stringify(registered.body)).toBe(200);
  return id;
}

async function newSnapshot(): Promise<string> {
  const made = await post<{ id: string }>(one, plane.ann.keys.editor, '/v1/snapshots', {
    name: 'mine',
    query: {},
  });
  await plane.postgres.asSuperuser(
    plane.database,
    `UPDATE echoplane.jobs SET state = 'succeeded' WHERE subject = '${made.body.id}'`,
  );
  return made.body.id;
}

describe('commands for a cluster', () => {
  const inject = {
    kind: 'inject',
    workload: { namespace: 'shop', kind: 'Deployment', name: 'shop' },
    settings: {},
  };

  test('reach an inspector signed, and take its result', async () => {
    const agent = await newInspector();
    const reader = await stream(two, plane.ann, agent);
    const asked = await post<{ id: string }>(one, plane.ann.keys.editor, '/v1/commands', {
      agent,
      body: inject,
    });
    expect(asked.status, JSON.stringify(asked.body)).toBe(202);
    await expect.poll(() => reader.names(), PATIENCE).toContain('command');
    const outcome = { state: 'succeeded', message: null, result: {} };
    const url = `/v1/agent/commands/${asked.body.id}/outcome`;
    expect((await post(one, plane.ann.keys.agent, url, outcome)).status).toBe(204);
    const { body } = await call(two, plane.ann.keys.viewer, 'GET', `/v1/commands/${asked.body.id}`);
    expect(body).toMatchObject({ state: 'succeeded', kind: 'inject' });
  });

  test("are not for a forwarder, nor a forwarder's for an inspector", async () => {
    const { id } = await newAgent(plane.ann);
    const refused = await post(one, plane.ann.keys.editor, '/v1/commands', { agent: id, body: inject });
    expect(refused.status).toBe(400);
    expect(JSON.stringify(refused.body)).toContain('is for an agent of the kind inspector');
    const body = { agent: await newInspector(), body: { kind: 'flush' } };
    expect((await post(one, plane.ann.keys.editor, '/v1/commands', body)).status).toBe(400);
  });

  test('name what the whitelist allows and nothing else', async () => {
    const agent = await newInspector();
    for (const body of [
      { ...inject, workload: { ...inject.workload, kind: 'Secret' } },
      { ...inject, workload: { ...inject.workload, name: '../secrets/x' } },
      { kind: 'exec', namespace: 'shop', pod: 'shop' },
    ])
      expect((await post(one, plane.ann.keys.editor, '/v1/commands', { agent, body })).status).toBe(400);
  });
});

describe('a release', () => {
  test('is told to every stream, on every replica, signed', async () => {
    const agent = await newAgent(plane.ann);
    const reader = await stream(two, plane.ann, agent.id);
    await setRelease(platform() as never, releaseOf(['stable', '1.2.3', IMAGE], 7));
    const told = () => reader.signed('releases', agent.key).at(-1)?.releases;
    await expect
      .poll(told, PATIENCE)
      .toContainEqual({ channel: 'stable', version: '1.2.3', image: IMAGE, notBefore: 7 });
  });

  test('by a tag is refused: only a digest names an image', () => {
    expect(() => releaseOf(['stable', '1.2.3', 'v1.2.3'], 0)).toThrow(/digest/);
    expect(() => releaseOf(['nightly', '1.2.3', IMAGE], 0)).toThrow(/channel/);
  });
});

describe('a replay with a key', () => {
  test('is opened once, however often and on however many replicas at once it is asked for', async () => {
    const body = { name: 'v1', snapshot: await newSnapshot(), mode: 'full', key: newId(clock.nowUs()) };
    const { agent } = plane.ann.keys;
    const asked = await Promise.all(
      [one, two, one, two].map((replica) => post<{ id: string }>(replica, agent, '/v1/replays', body)),
    );
    expect(asked.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(new Set(asked.map((answer) => answer.body.id)).size).toBe(1);
  });

  test('of another organisation is another replay', async () => {
    const key = newId(clock.nowUs());
    const mine = await post<{ id: string }>(one, plane.ann.keys.agent, '/v1/replays', {
      ...{ name: 'v1', snapshot: await newSnapshot(), mode: 'mocks-only', key },
    });
    const theirs = await post(one, plane.bob.keys.agent, '/v1/replays', {
      ...{ name: 'v1', snapshot: await newSnapshot(), mode: 'mocks-only', key },
    });
    expect([mine.status, theirs.status]).toEqual([201, 404]);
  });
});

describe('observations', () => {
  test('are kept once each and listed by time and kind', async () => {
    const { agent, viewer } = plane.ann.keys;
    const made = await post<{ id: string }>(one, agent, '/v1/replays', {
      ...{ name: 'v1', snapshot: await newSnapshot(), mode: 'full' },
    });
    const replay = made.body.id;
    const of = { replay, namespace: 'shop', pod: 'shop-1', container: 'shop' };
    const observations = [
      { kind: 'log', ...of, ts: 20, line: 'second \u0000' },
      { kind: 'log', ...of, ts: 10, line: 'first' },
      { kind: 'metric', ...of, ts: 15, cpuMillicores: 12.5, memoryBytes: 1 << 20 },
    ];
    const url = `/v1/ingest/replays/${replay}/observations`;
    expect((await post(one, agent, url, { observations })).body).toEqual({ accepted: 3 });
    expect((await post(two, agent, url, { observations })).body).toEqual({ accepted: 0 });
    const listed = await call<{ items: { ts: number }[] }>(
      one,
      viewer,
      'GET',
      `/v1/replays/${replay}/observations?kind=log`,
    );
    expect(listed.body.items.map(({ ts }) => ts)).toEqual([10, 20]);
    const newest = `/v1/replays/${replay}/observations?order=newest&limit=2`;
    const latest = await call<{ items: { ts: number }[] }>(one, viewer, 'GET', newest);
    expect(latest.body.items.map(({ ts }) => ts)).toEqual([20, 15]);
    const others = await call(one, plane.bob.keys.viewer, 'GET', `/v1/replays/${replay}/observations`);
    expect(others.status).toBe(404);
  });
});
