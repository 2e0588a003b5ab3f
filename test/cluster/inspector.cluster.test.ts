// The inspector from the control plane to the API server: what it does, what it refuses, what a crash in the middle leaves,
// and that it needs no more rights than the chart gives it.
import { type Obj, RESOURCES } from '@echoplane/kube';
import { IGNORE_KEY, INJECT_ANNOTATION, INJECT_LABEL, SIDECAR_PREFIX } from '@echoplane/resources';
import { newSigningKey } from '@echoplane/runtime';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Cleanup } from '../../packages/forwarder/src/forwarder.fixture.ts';
import { COMMAND_ANNOTATION } from '../../packages/inspector/src/commands.ts';
import { gate, INSTALL, InspectorStage, type RunningInspector } from './inspector-stage.fixture.ts';
import { collect, namespaceObject, until } from './kube-access.fixture.ts';

const cleanup = new Cleanup();
const afterOne = new Cleanup();
let stage: InspectorStage;
let inspector: RunningInspector;

beforeAll(async () => {
  stage = await InspectorStage.open(cleanup);
  const { client } = stage;
  await client.create(RESOURCES.namespaces, namespaceObject('kube-other'));
  const quiet = namespaceObject('quiet');
  await client.create(RESOURCES.namespaces, {
    ...quiet,
    metadata: { name: 'quiet', labels: { [IGNORE_KEY]: 'true' } },
  });
  for (const namespace of ['shop', 'quiet', 'kube-other', INSTALL])
    await client.create(RESOURCES.deployments, deployment(namespace, 'cart'));
  inspector = await stage.inspector();
});
afterEach(() => afterOne.run());
afterAll(() => cleanup.run());

function deployment(namespace: string, name: string, metadata: Partial<Obj['metadata']> = {}): Obj {
  const labels = { app: name };
  const spec = { containers: [{ name: 'app', image: 'app:1' }] };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { ...metadata, namespace, name } },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  };
}
const ref = (namespace: string, name = 'cart') => ({ namespace, kind: 'Deployment', name }) as const;
const read = async (name = 'cart') =>
  (await stage.client.get(RESOURCES.deployments, { namespace: 'shop', name }))!;
const eventsOf = async (name: string) =>
  (await collect(stage.client.list(RESOURCES.events, { namespace: 'shop' }))).filter(
    (one) => one.involvedObject.name === name,
  );
const inject = (name = 'cart', settings: Record<string, string> = {}) =>
  ({ kind: 'inject', workload: ref('shop', name), settings }) as const;
async function newDeployment(name: string, metadata: Partial<Obj['metadata']> = {}): Promise<void> {
  await stage.client.create(RESOURCES.deployments, deployment('shop', name, metadata));
  afterOne.add(() => stage.client.delete(RESOURCES.deployments, { namespace: 'shop', name }));
}
const state = async () =>
  (await stage.client.get(RESOURCES.configMaps, { namespace: INSTALL, name: 'echoplane-inspector' }))!;

describe('a command', () => {
  test('injects: the annotations and the id of the command are on the workload, an Event says so; remove takes them off', async () => {
    await newDeployment('pays', { annotations: { theirs: 'kept' } });
    const injected = await stage.do(inspector.agent, inject('pays', { 'tls-out': 'true' }));
    expect(injected).toMatchObject({ state: 'succeeded', result: {} });
    expect((await read('pays')).metadata.annotations).toEqual({
      ...{ theirs: 'kept', [COMMAND_ANNOTATION]: injected.id },
      ...{ [INJECT_ANNOTATION]: 'true', [`${SIDECAR_PREFIX}tls-out`]: 'true' },
    });
    const [event] = await eventsOf('pays');
    expect(event).toMatchObject({ reason: 'RemoteCommand', source: { component: 'echoplane-inspector' } });
    expect(event!.message).toContain(injected.id);
    const removed = await stage.do(inspector.agent, { kind: 'remove', workload: ref('shop', 'pays') });
    expect(removed.state).toBe('succeeded');
    expect((await read('pays')).metadata.annotations).toEqual({
      ...{ theirs: 'kept', [COMMAND_ANNOTATION]: removed.id },
    });
  });

  test('lists workloads with their settings and how many pods have a sidecar', async () => {
    await newDeployment('pays', { annotations: { [INJECT_ANNOTATION]: 'true' } });
    const pod = {
      containers: [
        { name: 'app', image: 'a' },
        { name: 'echoplane-sidecar', image: 'b' },
      ],
    };
    const labels = { [INJECT_LABEL]: 'true' };
    const annotations = {
      [`${SIDECAR_PREFIX}resolved`]: JSON.stringify({ workload: { kind: 'Deployment', name: 'pays' } }),
    };
    const metadata = { namespace: 'shop', name: 'pays-1', labels, annotations };
    await stage.client.create(RESOURCES.pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec: pod });
    const { result } = await stage.do(inspector.agent, { kind: 'list-workloads', namespace: 'shop' });
    expect(result).toEqual({
      complete: true,
      workloads: [
        expect.objectContaining({ name: 'cart', injected: false }),
        {
          ...{
            namespace: 'shop',
            kind: 'Deployment',
            name: 'pays',
            injected: true,
            pods: 0,
            injectedPods: 1,
          },
          settings: { inject: 'true' },
        },
      ],
    });
    const all = await stage.do(inspector.agent, { kind: 'list-workloads' });
    expect((all.result as { workloads: unknown[] }).workloads).toHaveLength(5);
  });

  test('starts a replay once and cancels it', async () => {
    const replay = { namespace: 'shop', name: 'nightly' };
    const workloads = [{ url: 'http://cart' }];
    const spec = { snapshot: 'snap', testConfig: 'standard', mode: 'tests-only', workloads };
    const started = await stage.do(inspector.agent, { kind: 'start-replay', ...replay, spec });
    expect(started.message).toBeNull();
    const made = (await stage.client.get(RESOURCES.trafficReplays, replay))!;
    expect(started).toMatchObject({
      state: 'succeeded',
      result: { uid: made.metadata.uid },
    });
    expect(made.metadata.annotations).toEqual({ [COMMAND_ANNOTATION]: started.id });
    const again = await stage.do(inspector.agent, { kind: 'start-replay', ...replay, spec });
    expect(again).toMatchObject({ state: 'failed', message: expect.stringContaining('choose another name') });
    const wrong = await stage.do(inspector.agent, {
      kind: 'start-replay',
      ...replay,
      name: 'wrong',
      spec: {},
    });
    expect(wrong.message).toMatch(/"wrong" is invalid: .*spec\.snapshot: Required value/);
    const cancelled = await stage.do(inspector.agent, { kind: 'cancel-replay', ...replay });
    expect(cancelled.state).toBe('succeeded');
    expect((await stage.client.get(RESOURCES.trafficReplays, replay))!.spec.cancel).toBe(true);
    expect((await eventsOf('nightly')).map(({ message }) => message)).toEqual(
      expect.arrayContaining([expect.stringContaining(started.id), expect.stringContaining(cancelled.id)]),
    );
  });

  test('reads logs of our own containers only', async () => {
    const pod = {
      containers: [
        { name: 'app', image: 'a' },
        { name: 'echoplane-sidecar', image: 'b' },
      ],
    };
    const metadata = { namespace: 'shop', name: 'logs-1' };
    await stage.client.create(RESOURCES.pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec: pod });
    const logs = (container: string) =>
      stage.do(inspector.agent, { kind: 'logs', namespace: 'shop', pod: 'logs-1', container, lines: 10 });
    expect((await logs('app')).message).toBe('app is not a container of ours; its log stays here.');
    // Allowed; without a node it is empty.
    expect((await logs('echoplane-sidecar')).result).toEqual({ text: '', truncated: false });
  });

  test('diagnoses as the account of the chart, without a right it lacks', async () => {
    const { client } = stage;
    const parts = [
      ['operator', RESOURCES.deployments],
      ['forwarder', RESOURCES.statefulSets],
    ] as const;
    for (const [name, resource] of parts) {
      const made = deployment(INSTALL, `echoplane-${name}`);
      const spec = { ...made.spec, serviceName: 'x' };
      await client.create(resource, { ...made, kind: resource.kind, spec });
      const metadata = { namespace: INSTALL, name: `echoplane-${name}` };
      const status = { status: { replicas: 1, readyReplicas: 1 } };
      await client.patch(resource, metadata, status, { type: 'merge', subresource: 'status' });
      afterOne.add(() => client.delete(resource, metadata));
    }
    const { result } = await stage.do(inspector.agent, { kind: 'diagnose' });
    const { findings } = result as { findings: { check: string; state: string; message: string }[] };
    expect(findings.filter(({ state }) => state === 'unknown')).toEqual([]);
    expect(Object.fromEntries(findings.map(({ check, state }) => [check, state]))).toEqual({
      ...{ server: 'ok', clock: 'ok', nodes: 'ok', crds: 'ok', operator: 'ok', permissions: 'ok' },
      ...{ webhooks: 'problem', forwarder: 'ok', capture: 'warning' },
    });
  });

  test.each([
    ['a system namespace', ref('kube-other'), {}, /Nothing in kube-other/],
    ['our own namespace', ref(INSTALL), {}, /Nothing in echoplane/],
    ['a namespace marked hands off', ref('quiet'), {}, /quiet is labelled .*hands off/],
    ['a workload marked hands off', ref('shop', 'ignored'), {}, /marked .*hands off/],
    ['what a controller made', ref('shop', 'owned'), {}, /belongs to a controller/],
    ['what is not there', ref('shop', 'gone'), {}, /There is no Deployment shop\/gone/],
    ['an unknown setting', ref('shop'), { mod: 'dual' }, /mod=dual/],
    ['a bad value', ref('shop'), { mode: 'loud' }, /mode=loud/],
    ['what the operator makes', ref('shop'), { resolved: '{}' }, /resolved is made by the operator/],
  ])('does nothing to or with %s', async (_, workload, settings, words) => {
    await newDeployment('ignored', { annotations: { [IGNORE_KEY]: 'true' } });
    const owner = { apiVersion: 'argoproj.io/v1alpha1', kind: 'App', name: 'a', uid: 'u', controller: true };
    await newDeployment('owned', { ownerReferences: [owner] });
    const { state, message } = await stage.do(inspector.agent, {
      ...{ kind: 'inject', workload, settings: settings as Record<string, string> },
    });
    expect([state, message]).toEqual(['failed', expect.stringMatching(words)]);
    for await (const one of stage.client.list(RESOURCES.deployments))
      expect(one.metadata.annotations ?? {}).not.toHaveProperty(INJECT_ANNOTATION);
  });
});

describe('after kill -9', () => {
  const kill = async () => {
    inspector.child.kill('SIGKILL');
    await inspector.ended;
  };

  test('while a workload is being changed, the next life does it', async () => {
    await newDeployment('slow');
    const asked = Promise.withResolvers<void>();
    const release = Promise.withResolvers<boolean>();
    const open = await gate(
      stage.client,
      { resource: RESOURCES.deployments, namespace: 'shop', probe: 'cart' },
      (one) => {
        if (one.metadata.name !== 'slow') return Promise.resolve(true);
        asked.resolve();
        return release.promise;
      },
    );
    afterOne.add(open);
    const id = await stage.ask(inspector.agent, inject('slow'));
    await asked.promise;
    await kill();
    release.resolve(false);
    await open();
    expect((await read('slow')).metadata.annotations).toBeUndefined();
    inspector = await stage.inspector();
    expect(await stage.ended(id)).toMatchObject({ state: 'succeeded' });
    expect((await read('slow')).metadata.annotations).toMatchObject({ [COMMAND_ANNOTATION]: id });
  });

  test('between the change and the journal, it is done again to no effect, and told', async () => {
    await newDeployment('twice');
    const rule = { resource: RESOURCES.configMaps, namespace: INSTALL, probe: 'echoplane-inspector' };
    const stop = await gate(stage.client, rule, async ({ data }) => {
      const { journal } = JSON.parse(data['state.json']);
      if (journal.at(-1).outcome === null) return true;
      await kill();
      return false;
    });
    afterOne.add(stop);
    const id = await stage.ask(inspector.agent, inject('twice'));
    await inspector.ended;
    await stop();
    const before = (await read('twice')).metadata;
    expect(before.annotations).toMatchObject({ [COMMAND_ANNOTATION]: id });
    inspector = await stage.inspector();
    expect(await stage.ended(id)).toMatchObject({ state: 'succeeded' });
    const after = (await read('twice')).metadata;
    expect(after.resourceVersion).toBe(before.resourceVersion);
    expect(await eventsOf('twice')).toMatchObject([{ count: 2 }]);
  });

  test('before it could say how a command ended, it says so in its next life', async () => {
    await newDeployment('told');
    const { agent } = inspector;
    await kill();
    const id = await stage.ask(agent, inject('told'));
    const object = await state();
    const known = JSON.parse(object.data['state.json']);
    const expiresAt = Date.now() * 1_000 + 60_000_000;
    known.journal.push({
      id,
      expiresAt,
      body: null,
      outcome: { state: 'failed', message: 'so it was' },
      told: false,
    });
    await stage.client.replace(RESOURCES.configMaps, {
      ...object,
      data: { 'state.json': JSON.stringify(known) },
    });
    inspector = await stage.inspector();
    expect(await stage.ended(id)).toMatchObject({ state: 'failed', message: 'so it was' });
    expect((await read('told')).metadata.annotations).toBeUndefined();
  });

  test('and a long time away, a command that expired is not done any more', async () => {
    await newDeployment('late');
    const { agent } = inspector;
    await kill();
    const id = await stage.ask(agent, inject('late'));
    const object = await state();
    const known = JSON.parse(object.data['state.json']);
    known.journal.push({ id, expiresAt: 1, body: inject('late'), outcome: null, told: false });
    await stage.client.replace(RESOURCES.configMaps, {
      ...object,
      data: { 'state.json': JSON.stringify(known) },
    });
    inspector = await stage.inspector();
    expect((await stage.ended(id)).message).toMatch(/was away until this had expired/);
    expect((await read('late')).metadata.annotations).toBeUndefined();
  });
});

describe('the installation', () => {
  test('goes on without an inspector; what was asked meanwhile is done when it is back', async () => {
    const { agent } = inspector;
    inspector.child.kill('SIGTERM');
    expect((await inspector.ended).code).toBe(0);
    const id = await stage.ask(agent, { kind: 'list-workloads', namespace: 'shop' });
    const { items } = await stage.cloud.call('agents', {});
    const forwarder = items.find(({ kind }) => kind === 'forwarder')!;
    const flush = await stage.cloud.call('createCommand', {
      body: { agent: forwarder.id, body: { kind: 'flush' } },
    });
    expect((await stage.ended(flush.id)).state).toBe('succeeded');
    inspector = await stage.inspector();
    expect((await stage.ended(id)).state).toBe('succeeded');
  });

  test('has one inspector: of two, the one that is behind ends, and no command is lost or done twice', async () => {
    const two = await stage.inspector();
    expect(two.agent).toBe(inspector.agent);
    const both = [inspector, two];
    const isOver = () => both.some(({ child }) => child.exitCode !== null);
    const ids: string[] = [];
    await newDeployment('shared');
    for (let n = 0; n < 200 && !isOver(); n++) {
      const id = await stage.ask(two.agent, inject('shared'));
      ids.push(id);
      await stage.ended(id);
    }
    const loser = both.find(({ child }) => child.exitCode !== null)!;
    expect(await loser.ended).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Another inspector changed/),
    });
    inspector = both.find((one) => one !== loser)!;
    for (const id of ids) expect((await stage.ended(id)).state).toBe('succeeded');
    expect((await eventsOf('shared')).map(({ count }) => count)).toEqual(ids.map(() => 1));
  });

  test('does not let another control plane in: a changed key is refused with what to do', async () => {
    inspector.child.kill('SIGTERM');
    await inspector.ended;
    const object = await state();
    const text = object.data['state.json'];
    const { id, publicKey } = newSigningKey().key;
    const other = JSON.parse(text);
    other.pin.key = { id, publicKey };
    const changed = await stage.client.replace(RESOURCES.configMaps, {
      ...{ ...object, data: { 'state.json': JSON.stringify(other) } },
    });
    const distrusting = await stage.inspector({ isTrusting: false });
    const asked = await stage.ask(distrusting.agent, inject());
    await until(
      async () => (await distrusting.metrics()).includes('echoplane_inspector_connected 0'),
      () => 'connected',
    );
    await until(
      () => distrusting.stdout().includes('delete the ConfigMap echoplane-inspector'),
      () => 'no word of it',
    );
    expect((await stage.cloud.call('command', { params: { id: asked } })).state).toBe('waiting');
    distrusting.child.kill('SIGTERM');
    await distrusting.ended;
    await stage.client.replace(RESOURCES.configMaps, { ...changed, data: { 'state.json': text } });
    inspector = await stage.inspector();
    expect((await stage.ended(asked)).state).toBe('succeeded');
    await stage.do(inspector.agent, { kind: 'remove', workload: ref('shop') });
  });

  test('says of every command in its log who, what and where', async () => {
    const { id } = await stage.do(inspector.agent, { kind: 'list-workloads', namespace: 'shop' });
    inspector.child.kill('SIGTERM');
    const { lines } = await inspector.ended;
    expect(lines.find((line) => line.command === id)).toMatchObject({
      kind: 'list-workloads',
      target: 'shop',
    });
    inspector = await stage.inspector();
  });
});
