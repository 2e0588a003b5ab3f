// The CRDs in a real API server: structural, with their defaults, and refusing without the operator what they can refuse.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from './api-server.ts';
import { installKinds } from './kube-access.fixture.ts';

const REF = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' };
let cluster: ApiServer;

beforeAll(async () => {
  cluster = await startApiServer();
  await installKinds(cluster);
});
afterAll(() => cluster?.stop());

const apply = (object: object) => cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(object) });
const replay = (name: string, spec: object) => ({
  apiVersion: 'echoplane.dev/v1',
  kind: 'TrafficReplay',
  metadata: { name, namespace: 'default' },
  spec: { snapshot: 's', workloads: [{ ref: REF }], ...spec },
});
const capture = (kind: string, spec: object) => ({
  apiVersion: 'echoplane.dev/v1',
  kind,
  metadata: { name: 'one', ...(kind === 'CaptureConfig' && { namespace: 'default' }) },
  spec,
});

test('the schemas are structural', async () => {
  const { items } = JSON.parse(await cluster.kubectl(['get', 'crd', '-o', 'json']));
  for (const { status, metadata } of items) {
    const types = status.conditions.map(
      (one: { type: string; status: string }) => `${one.type}=${one.status}`,
    );
    expect(types, metadata.name).toEqual(expect.arrayContaining(['NamesAccepted=True', 'Established=True']));
    expect(types.join(), metadata.name).not.toContain('NonStructuralSchema=True');
  }
});

test('defaults are filled in, and an inline test config is kept whole', async () => {
  const testConfig = { goals: [{ latency: { p95: 300 } }] };
  await apply(replay('defaults', { testConfig }));
  const { spec } = JSON.parse(await cluster.kubectl(['get', 'replay', 'defaults', '-o', 'json']));
  expect(spec).toMatchObject({
    ...{ mode: 'full', timeout: '30m', cleanup: 'inventory', isolate: false, suspend: false, cancel: false },
    ...{ generator: { replicas: 1 }, responder: { replicas: 1 }, secretRefs: [], testConfig },
    workloads: [{ ref: REF, tests: ['*'], routing: 'sidecar' }],
  });
  await apply(replay('by-name', { testConfig: 'nightly' }));
});

test.each([
  [{ snapshot: '' }, 'spec.snapshot'],
  [{ workloads: [] }, 'spec.workloads'],
  [{ workloads: [{}] }, 'exactly one of ref and url'],
  [{ workloads: [{ ref: REF, url: 'http://a:1' }] }, 'exactly one of ref and url'],
  [{ workloads: [{ url: 'http://a:1' }] }, 'url is possible with mode tests-only'],
  [{ mode: 'tests-only', workloads: [{ url: 'http://a:1', mocks: ['*'] }] }, 'need ref'],
  [{ workloads: [{ ref: REF, routing: 'hostalias', mocks: ['*'] }] }, 'mocks are named'],
  [{ workloads: [{ ref: REF, tests: ['nothing'] }] }, 'spec.workloads[0].tests[0]'],
  [{ mode: 'tests-only', isolate: true }, 'mocks nothing'],
  [{ mode: 'sideways' }, 'spec.mode'],
  [{ timeout: 'soon' }, 'spec.timeout'],
  [{ ttlAfterFinished: '1d' }, 'spec.ttlAfterFinished'],
  [{ generator: { replicas: 0 } }, 'spec.generator.replicas'],
  [{ secretRefs: [{ name: 'a', key: 'b' }] }, 'spec.secretRefs[0].as'],
])('%j is refused', async (spec, why) => {
  await expect(apply(replay('refused', spec))).rejects.toThrow(why);
});

test('a spec cannot be changed, but for suspend and cancel', async () => {
  await apply(replay('fixed', {}));
  for (const change of [
    { snapshot: 't' },
    { buildTag: 'x' },
    { isolate: true },
    { generator: { replicas: 2 } },
  ])
    await expect(apply(replay('fixed', change)), JSON.stringify(change)).rejects.toThrow(
      'spec cannot be changed',
    );
  await apply(replay('fixed', { suspend: true }));
  await apply(replay('fixed', { suspend: false, cancel: true }));
});

test('the status is a subresource, and kubectl shows it', async () => {
  await apply(replay('shown', {}));
  const report = { id: 'r', url: 'http://r', successRate: 0.5, success: '50 %', p95Ms: 12 };
  const condition = { type: 'Passed', status: 'True', reason: 'R', message: '', lastTransitionTime: 't' };
  const status = { phase: 'Succeeded', verdict: 'passed', report, conditions: [condition] };
  const patch = ['patch', 'replay', 'shown', '--subresource=status', '--type=merge', '-p'];
  await cluster.kubectl([...patch, JSON.stringify({ status })]);
  const [head, row] = (await cluster.kubectl(['get', 'replay', 'shown'])).split('\n');
  expect(head!.split(/\s+/)).toEqual(['NAME', 'PHASE', 'VERDICT', 'SUCCESS', 'P95', 'AGE']);
  expect(row).toMatch(/^shown\s+Succeeded\s+passed\s+50 %\s+12\s/);
  await cluster.kubectl(['wait', '--for=condition=Passed', '--timeout=60s', 'replay/shown']);
  const twice = JSON.stringify({ status: { conditions: [condition, condition] } });
  await expect(cluster.kubectl([...patch, twice])).rejects.toThrow('Duplicate value');
  await expect(cluster.kubectl([...patch, '{"status":{"phase":"Sideways"}}'])).rejects.toThrow(
    'status.phase',
  );
});

test.each(['CaptureConfig', 'ClusterCaptureConfig'])(
  '%s takes settings by their names only',
  async (kind) => {
    await apply(capture(kind, { selector: { matchLabels: { a: 'b' } }, settings: { 'tls-out': 'true' } }));
    await expect(apply(capture(kind, { settings: { 'tls-uot': 'true' } }))).rejects.toThrow(
      'name of an annotation',
    );
  },
);

test('rules of a ClusterCaptureConfig are kept whole', async () => {
  const rules = { filter: { rules: [{ name: 'a', when: 'path == "/x"', action: 'drop' }] } };
  await apply(capture('ClusterCaptureConfig', { rules }));
  const kept = JSON.parse(await cluster.kubectl(['get', 'clustercaptureconfig', 'one', '-o', 'json']));
  expect(kept.spec.rules).toEqual(rules);
});
