// TrafficReplays on a real node, with the demo shop: what each mode, guard and ending promises, and that the workloads are
// afterwards as they were.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { IMAGES, INSTALL, NODE_MS, until } from './installation.ts';
import { conditionOf, ReplayStage, SHOP, workload } from './replay-stage.fixture.ts';

const TOKEN = `eyJhbGciOiJIUzI1NiJ9.${Buffer.from('{"sub":"anna"}').toString('base64url')}.c2lnbmF0dXJlLW9mLXRoZS10ZXN0`;
const TOLD = { timeout: 120_000, interval: 500 };
const WORKLOADS = ['shop', 'payments', 'rates'];
vi.setConfig({ testTimeout: NODE_MS, hookTimeout: NODE_MS });
let stage: ReplayStage;
let before: string[];
const templates = () => Promise.all(WORKLOADS.map((name) => stage.template(name)));

beforeAll(async () => {
  stage = await ReplayStage.open();
});
afterAll(() => stage?.close());
beforeEach(async () => {
  before = await templates();
});
afterEach(async () => {
  expect(await templates()).toEqual(before);
});

test('the build that was recorded passes; its pods are watched, and what they log is redacted', async () => {
  await stage.freshDatabase();
  await stage.apply('v1');
  await stage.until('v1', ({ status }) => status?.phase !== undefined && status.phase !== 'Pending');
  await logAsShop(`login of anna@example.com with Bearer ${TOKEN}`);
  await stage.kubectl('wait', '--for=condition=Passed', 'replay/v1', '--timeout=240s');
  const replay = await stage.ended('v1');
  expect(replay.status).toMatchObject({
    phase: 'Succeeded',
    verdict: 'passed',
    report: { success: '100 %' },
  });
  expect(conditionOf(replay, 'CleanedUp')).toMatchObject({ status: 'True', reason: 'Restored' });
  expect(conditionOf(replay, 'MocksReady')!.message).toMatch(/payments:.*rates:.*opaque.*:5432/);
  expect(await stage.leftovers(replay)).toBe('');
  expect(await stage.kubectl('get', 'replay', 'v1')).toMatch(/Succeeded +passed +100 %/);
  const params = { id: replay.status!.replay! };
  const seen = async (kind: 'log' | 'metric' | 'note') =>
    (await stage.cloud.call('observations', { params, query: { kind, limit: 5_000 } })).items;
  const metrics = (await seen('metric')).filter((one) => one.kind === 'metric' && one.container === 'shop');
  expect(metrics.length).toBeGreaterThan(0);
  const lines = (await seen('log')).flatMap((one) => (one.kind === 'log' ? [one] : []));
  const said = lines.filter(({ pod }) => pod === 'talker').map(({ line }) => line);
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(/^login of /);
  // Of a token what it claims stays readable; what makes it one does not.
  expect(said[0]).not.toMatch(/anna@example\.com|c2lnbmF0dXJl/);
  expect(lines.some(({ container }) => container === 'shop')).toBe(true);
  expect(await seen('note')).toEqual([]);
  // The last ones are told when the status says so already.
  await expect
    .poll(async () => (await stage.events('v1')).sort(), TOLD)
    .toEqual(
      ['Accepted', 'Finished', 'Found', 'Passed', 'Restored', 'RolledOut', 'Serving'].map(
        (one) => `Normal ${one}`,
      ),
    );
});

test('shop and rates at once, each with three generators and its own requests, pass', async () => {
  await stage.freshDatabase();
  const generator = { replicas: 3 };
  await stage.apply('both', {
    snapshot: 'both',
    generator,
    workloads: [workload('shop'), workload('rates')],
  });
  const replay = await stage.ended('both');
  expect(replay.status).toMatchObject({
    phase: 'Succeeded',
    verdict: 'passed',
    message: expect.stringContaining('100 %'),
  });
  expect(conditionOf(replay, 'GeneratorFinished')!.message).toContain('by 6 generators');
  // None went to the real one.
  const { items } = await stage.cloud.call('traffic', {
    query: { replay: replay.status!.replay!, direction: 'IN', host: 'rates', limit: 10 },
  });
  expect(items).toEqual([]);
});

test('a build with faults misses the goals, and the condition names them', async () => {
  await stage.freshDatabase();
  await stage.kubectl('set', 'env', 'deployment/shop', 'BUILD=v2');
  await stage.rolledOut('shop');
  const broken = await stage.template('shop');
  await stage.apply('v2', { buildTag: 'v2' });
  const replay = await stage.ended('v2');
  expect(await stage.template('shop')).toBe(broken);
  await stage.kubectl('set', 'env', 'deployment/shop', 'BUILD=v1');
  expect(replay.status!.verdict).toBe('missed-goals');
  const passed = conditionOf(replay, 'Passed')!;
  expect(passed).toMatchObject({ status: 'False', reason: 'MissedGoals' });
  expect(passed.message).toMatch(/^missed goals: success rate is [\d.]+ %, wanted ≥ 100 %[.;]/);
  expect(passed.message).toMatch(/GET \/cart.*total/);
  expect(passed.message).toMatch(/GET \/orders\/\{id\}.*number/);
  const warnings = async () => (await stage.events('v2')).filter((one) => one.startsWith('Warning'));
  await expect.poll(warnings, TOLD).toEqual(['Warning MissedGoals']);
  await stage.rolledOut('shop');
});

test('tests-only sends to an address and changes no workload', async () => {
  await stage.freshDatabase();
  // Nobody rolls the shop, which makes its tables when it starts.
  await stage.kubectl('delete', 'pod', '-l', 'app.kubernetes.io/name=shop');
  await stage.rolledOut('shop');
  await stage.apply('tests', { mode: 'tests-only', workloads: [{ url: `http://shop.${SHOP}.svc` }] });
  const replay = await stage.ended('tests');
  expect(replay.status).toMatchObject({ phase: 'Succeeded', verdict: 'passed' });
  expect(replay.status!.inventory.filter(({ action }) => action === 'changed')).toEqual([]);
});

test('mocks-only answers for dependencies that are gone, until it is cancelled', async () => {
  const dependencies = ['deployment/payments', 'deployment/rates'];
  await stage.apply('mocks', { mode: 'mocks-only', suspend: true });
  await stage.until('mocks', ({ status }) => status?.message?.startsWith('suspended') ?? false);
  await stage.patch('mocks', { suspend: false });
  await stage.inPhase('mocks', 'Running');
  await stage.kubectl('scale', '--replicas=0', ...dependencies);
  await stage.kubectl('wait', '--for=delete', 'pod', '-l', 'app.kubernetes.io/name=rates', '--timeout=240s');
  const { body } = await stage.ask('/products?page=1&perPage=8');
  const { id } = (body as { items: { id: string }[] }).items[0]!;
  const priced = await stage.ask(`/products/${id}?currency=USD`);
  expect(priced).toMatchObject({ status: 200, body: { id } });
  await stage.patch('mocks', { cancel: true });
  const replay = await stage.ended('mocks');
  await stage.kubectl('scale', '--replicas=1', ...dependencies);
  expect(replay.status).toMatchObject({ phase: 'Cancelled', outcome: { reason: 'Cancelled' } });
  expect(conditionOf(replay, 'Passed')!.status).toBe('Unknown');
  expect(await stage.leftovers(replay)).toBe('');
  await Promise.all(['payments', 'rates', 'shop'].map((name) => stage.rolledOut(name)));
});

test('an alias stands in for a host; the others stay real', async () => {
  await stage.freshDatabase();
  await stage.apply('alias', {
    workloads: [workload('shop', { routing: 'hostalias', mocks: ['rates:80'] })],
  });
  const replay = await stage.ended('alias');
  expect(replay.status, JSON.stringify(conditionOf(replay, 'Passed'))).toMatchObject({
    phase: 'Succeeded',
    verdict: 'passed',
  });
  expect(replay.status!.wiring[0]!.hostAliases[0]!.hostnames).toContain('rates.shop.svc.cluster.local');
});

test('a workload that nobody captures gets a sidecar for the replay, and is plain again', async () => {
  await stage.apply('plain', { mode: 'mocks-only', workloads: [workload('payments')] });
  await stage.inPhase('plain', 'Running');
  expect(await podsOf('payments')).toContain('echoplane-sidecar');
  // Another one of the same workload waits, and one that is deleted while it runs is undone all the same.
  await stage.apply('second', { mode: 'mocks-only', workloads: [workload('payments')] });
  const waiting = await stage.until('second', (one) => conditionOf(one, 'Accepted') !== undefined);
  expect(conditionOf(waiting, 'Accepted')).toMatchObject({ status: 'False', reason: 'WorkloadBusy' });
  await stage.kubectl('delete', 'replay', 'second', '--timeout=240s');
  await stage.kubectl('delete', 'replay', 'plain', '--timeout=240s');
  await stage.rolledOut('payments');
  await until(
    () => podsOf('payments'),
    (pods) => !pods.includes('echoplane-sidecar'),
    { what: 'plain pods' },
  );
});

test('what cannot start fails soon, with the last words of its container', async () => {
  const responder = { resources: { limits: { memory: '16Mi' }, requests: { memory: '16Mi' } } };
  await stage.apply('starved', { mode: 'mocks-only', responder, workloads: [workload('payments')] });
  await stage.apply('late', { timeout: '4s' });
  const replay = await stage.ended('starved');
  expect(replay.status).toMatchObject({ phase: 'Failed', outcome: { reason: 'CannotStart' } });
  expect(conditionOf(replay, 'MocksReady')).toMatchObject({
    ...{ status: 'False', reason: 'CannotStart' },
    message: expect.stringMatching(/responder-0-\S+ ended with .*begun anew [2-9] times/),
  });
  const late = await stage.ended('late');
  expect(late.status).toMatchObject({ phase: 'Failed', outcome: { reason: 'TimedOut' } });
  expect(await stage.leftovers(late)).toBe('');
});

test('what may not run is refused before anything is made, and says why', async () => {
  await stage.node.kubectl(['create', 'namespace', 'other']);
  await stage.node.kubectl([
    '-n',
    INSTALL,
    'create',
    'secret',
    'generic',
    'mine',
    '--from-literal=key=value',
  ]);
  const secretRefs = [{ name: 'mine', key: 'key', as: 'mine' }];
  // Traffic is live for minutes, and the tests before may have taken longer.
  await stage.traffic();
  await stage.apply('foreign', {}, 'other');
  await stage.apply('live', { allowLiveTraffic: false });
  await stage.apply('secret', { secretRefs });
  await stage.kubectl('annotate', 'deployment/shop', 'replay.echoplane.dev/snapshot=shop');
  const reasonOf = async (name: string, namespace = SHOP) => {
    const { status } = await stage.ended(name, namespace);
    expect(status!.inventory).toEqual([]);
    return status!.conditions.find(({ type }) => type === 'Accepted')?.reason;
  };
  expect(await reasonOf('foreign', 'other')).toBe('NamespaceNotAllowed');
  expect(await reasonOf('live')).toBe('LiveTraffic');
  expect(await reasonOf('secret')).toBe('SecretNotAllowed');
  const made = () => stage.kubectl('get', 'replay', '-o', 'name');
  const name = (await until(made, (all) => /\/shop-/.test(all), { what: 'the replay of a rollout' }))
    .split('\n')
    .find((one) => one.includes('/shop-'))!
    .split('/')[1]!;
  expect(await reasonOf(name)).toBe('LiveTraffic');
  await stage.kubectl('annotate', 'deployment/shop', 'replay.echoplane.dev/snapshot-');

  const allowed = `replay.echoplane.dev/namespaces=${SHOP}`;
  await stage.node.kubectl(['-n', INSTALL, 'annotate', 'secret/mine', allowed]);
  await stage.apply('allowed', {
    secretRefs,
    mode: 'tests-only',
    workloads: [{ url: `http://shop.${SHOP}.svc` }],
  });
  expect((await stage.ended('allowed')).status!.phase).toBe('Succeeded');
});

const podsOf = (name: string) =>
  stage.kubectl('get', 'pods', '-l', `app.kubernetes.io/name=${name}`, '-o', 'jsonpath={.items[*].spec}');

/** A pod with the labels of the shop's that says one line and ends. */
async function logAsShop(line: string): Promise<void> {
  const labels = JSON.parse(
    await stage.kubectl('get', 'deployment/shop', '-o', 'jsonpath={.spec.selector.matchLabels}'),
  );
  const command = ['/usr/local/bin/node', '-e', `console.log(${JSON.stringify(line)})`];
  const container = { name: 'talker', image: `${IMAGES.demo}:0.1.0`, imagePullPolicy: 'Never', command };
  const pod = {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'talker', namespace: SHOP, labels } },
    spec: { restartPolicy: 'Never', containers: [container] },
  };
  await stage.node.kubectl(['create', '-f', '-'], { input: JSON.stringify(pod) });
}
