// The client against a real API server.
import {
  createKubeClient,
  findAccess,
  type KubeClient,
  KubeError,
  type Obj,
  RESOURCES,
  recordEvent,
} from '@echoplane/kube';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from './api-server.ts';
import {
  adminAccess,
  collect,
  compact,
  configMap,
  inParallel,
  namespaceObject,
  until,
} from './kube-access.fixture.ts';
import { startRelay } from './kube-relay.fixture.ts';

const { configMaps, deployments, namespaces, events } = RESOURCES;
let cluster: ApiServer;
let client: KubeClient;

beforeAll(async () => {
  cluster = await startApiServer();
  client = createKubeClient(await findAccess({}, { kubeconfig: cluster.adminKubeconfig }));
});
afterAll(async () => {
  client?.close();
  await cluster?.stop();
});

const refOf = (object: Obj) => ({ namespace: object.metadata.namespace, name: object.metadata.name });

test('an object is created, read, replaced, patched and deleted, and a missing one is null, not an error', async () => {
  const made = await client.create(configMaps, configMap('default', 'life', { a: '1' }));
  expect((await client.get(configMaps, refOf(made)))?.metadata.uid).toBe(made.metadata.uid);
  const replaced = await client.replace(configMaps, { ...made, data: { a: '2' } });
  await expect(client.replace(configMaps, { ...made, data: { a: '3' } })).rejects.toMatchObject({
    status: 409,
    reason: 'Conflict',
  });
  await client.patch(configMaps, refOf(made), { data: { b: '1' } }, { type: 'merge' });
  const operations = [{ op: 'remove', path: '/data/a' }];
  const patched = await client.patch(configMaps, refOf(made), operations, { type: 'json' });
  expect(patched.data).toEqual({ b: '1' });
  expect(replaced.data).toEqual({ a: '2' });
  expect(await client.delete(configMaps, refOf(made), { uid: 'of-another-life' })).toBe(false);
  expect(await client.delete(configMaps, refOf(made), { uid: made.metadata.uid! })).toBe(true);
  expect(await client.delete(configMaps, refOf(made))).toBe(false);
  expect(await client.get(configMaps, refOf(made))).toBeNull();
});

test('a dry run changes nothing', async () => {
  await client.create(configMaps, configMap('default', 'dry'), { dryRun: true });
  expect(await client.get(configMaps, { namespace: 'default', name: 'dry' })).toBeNull();
});

test('errors carry the status, the reason and the sentence of the API server', async () => {
  const wrong = { ...configMap('default', 'Not A Name'), data: {} };
  const err = await client.create(configMaps, wrong).catch((caught: unknown) => caught);
  expect(err).toBeInstanceOf(KubeError);
  expect(err).toMatchObject({ status: 422, reason: 'Invalid', code: 'kube_refused' });
  expect((err as Error).message).toContain('metadata.name');
  await expect(client.call('GET', '/nothing/here')).rejects.toMatchObject({ status: 404 });
});

test('who may not is told so; who is away is an operating error', async () => {
  const kubeconfig = await cluster.userKubeconfig('nobody');
  const stranger = createKubeClient(await findAccess({}, { kubeconfig }));
  await expect(stranger.get(configMaps, { namespace: 'default', name: 'x' })).rejects.toMatchObject({
    status: 403,
    reason: 'Forbidden',
  });
  stranger.close();
  const nowhere = createKubeClient({ ...(await adminAccess(cluster)), server: 'https://127.0.0.1:9' });
  await expect(nowhere.call('GET', '/version')).rejects.toMatchObject({ code: 'kube_unreachable' });
  nowhere.close();
});

test('apply() takes fields, and without force is refused those of others', async () => {
  await client.apply(configMaps, configMap('default', 'applied', { ours: '1', shared: 'ours' }));
  const theirs = configMap('default', 'applied', { shared: 'theirs' });
  const options = { fieldManager: 'someone-else' };
  await expect(client.apply(configMaps, theirs, { ...options, force: false })).rejects.toMatchObject({
    status: 409,
    reason: 'Conflict',
  });
  await client.apply(configMaps, theirs, options);
  const after = await client.apply(configMaps, configMap('default', 'applied', {}));
  expect(after.data).toEqual({ shared: 'theirs' });
});

test('fields we do not know survive read and write, and apply reaches the status of a custom resource', async () => {
  const widgets = {
    ...{ group: 'test.echoplane.dev', version: 'v1', plural: 'widgets', kind: 'Widget' },
    namespaced: true,
  };
  const schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  await client.create(RESOURCES.crds, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.test.echoplane.dev' },
    spec: {
      group: widgets.group,
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: schema },
          subresources: { status: {} },
        },
      ],
    },
  });
  await cluster.kubectl([
    'wait',
    '--for=condition=Established',
    'crd/widgets.test.echoplane.dev',
    '--timeout=120s',
  ]);
  // Established, and served a moment later.
  const isServed = () =>
    collect(client.list(widgets, { namespace: 'default' })).then(
      () => true,
      () => false,
    );
  await until(isServed, () => 'widgets are not served');
  const base = { apiVersion: 'test.echoplane.dev/v1', kind: 'Widget' };
  const metadata = { namespace: 'default', name: 'w' };
  await client.create(widgets, {
    ...base,
    metadata,
    spec: { known: 1, odd: { nested: [null, { deep: true }] } },
  });
  const read = (await client.get(widgets, metadata))!;
  await client.replace(widgets, { ...read, spec: { ...read.spec, known: 2 } });
  await client.apply(widgets, { ...base, metadata, status: { phase: 'Fine' } }, { subresource: 'status' });
  const after = (await client.get(widgets, metadata))!;
  expect(after.spec).toEqual({ known: 2, odd: { nested: [null, { deep: true }] } });
  expect(after.status).toEqual({ phase: 'Fine' });
});

test('a scale is changed through its subresource', async () => {
  const labels = { app: 'scaled' };
  await client.create(deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace: 'default', name: 'scaled' },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'a', image: 'a' }] } },
    },
  });
  const ref = { namespace: 'default', name: 'scaled' };
  await client.patch(deployments, ref, { spec: { replicas: 3 } }, { type: 'merge', subresource: 'scale' });
  expect((await client.get(deployments, ref))?.spec.replicas).toBe(3);
});

test('list() gives each of 1,200 objects once, selected or not, also when the server forgets the list midway', async () => {
  await client.create(namespaces, namespaceObject('many'));
  await inParallel(1_200, 8, (i) => {
    const object = configMap('many', `c${String(i).padStart(4, '0')}`);
    object.metadata.labels = { half: String(i % 2) };
    return client.create(configMaps, object);
  });
  const names: string[] = [];
  for await (const each of client.list(configMaps, { namespace: 'many' })) {
    names.push(each.metadata.name);
    expect(each).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
    if (names.length !== 500) continue;
    // So that the version of the list is older than the newest, which is never forgotten.
    await client.create(configMaps, configMap('default', 'meanwhile'));
    await compact(cluster.etcdUrl);
  }
  expect(names).toHaveLength(1_200);
  expect(new Set(names).size).toBe(1_200);
  let half = 0;
  for await (const _ of client.list(configMaps, { namespace: 'many', labelSelector: 'half=1' })) half++;
  expect(half).toBe(600);
});

test('300 lists, many at a time and few at a time, take a handful of connections', async () => {
  const relay = await startRelay(cluster.url);
  const pooled = createKubeClient({ ...(await adminAccess(cluster)), server: relay.url });
  const list = () => collect(pooled.list(configMaps, { namespace: 'default' }));
  await inParallel(150, 20, list);
  await inParallel(150, 3, list);
  expect(relay.connections).toBeLessThanOrEqual(8);
  pooled.close();
  await relay.close();
});

test('an aborted call rejects with the reason of its signal, and a stalled one with its deadline', async () => {
  const relay = await startRelay(cluster.url);
  const access = { ...(await adminAccess(cluster)), server: relay.url };
  const slow = createKubeClient(access, { timeoutMs: 10_000 });
  await slow.call('GET', '/version');
  relay.stall();
  await expect(slow.call('GET', '/version')).rejects.toMatchObject({ code: 'kube_timeout' });
  const reason = new Error('changed my mind');
  await expect(slow.call('GET', '/version', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  slow.close();
  await relay.close();
});

test('an answer over the bound is refused rather than held', async () => {
  const small = createKubeClient(await adminAccess(cluster), { maxAnswerBytes: 2_000 });
  const all = collect(small.list(configMaps, { namespace: 'many' }));
  await expect(all).rejects.toMatchObject({ code: 'kube_answer_too_large' });
  small.close();
});

test('an event said again is counted, not repeated, and what cannot be said throws nothing', async () => {
  const regarding = await client.create(configMaps, configMap('default', 'talked-about'));
  const event = { regarding, type: 'Warning' as const, reason: 'Odd', message: 'is odd', component: 'test' };
  for (let i = 0; i < 3; i++) await recordEvent(client, event);
  await recordEvent(client, { ...event, message: 'is even' });
  const said = (await collect(client.list(events, { namespace: 'default' }))).filter(
    ({ reason }) => reason === 'Odd',
  );
  expect(said.map(({ message, count }) => [message, count]).sort()).toEqual([
    ['is even', 1],
    ['is odd', 3],
  ]);
  expect(await cluster.kubectl(['describe', 'configmap', 'talked-about'])).toMatch(/x3 over.*is odd/);
  const errors: unknown[] = [];
  const elsewhere = { ...regarding, metadata: { name: 'x', namespace: 'no-such-namespace' } };
  await recordEvent(client, { ...event, regarding: elsewhere }, (err) => errors.push(err));
  expect(errors).toHaveLength(1);
});
