// Injected manifests before a real API server: every one of them is accepted, and in the modes without redirection Pod
// Security restricted admits every pod.
import { randomUUID } from 'node:crypto';
import {
  injectManifest,
  injectPod,
  type ManifestFacts,
  type PodFacts,
  templateOf,
} from '@echoplane/injection';
import { CONTAINERS, type KubeObject, type Pod, STATUS_ANNOTATION } from '@echoplane/resources';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { FACTS, MANIFESTS } from '../../packages/injection/src/manifests.fixture.ts';
import { type ApiServer, startApiServer } from './api-server.ts';

const NAMESPACES = { open: 'privileged', strict: 'restricted' } as const;
const WIRING: PodFacts['wiring'] = {
  workload: 'default/Deployment/shop',
  routing: 'sidecar',
  mocks: ['api.example.com:443'],
  responderHost: 'responder.echoplane.svc',
  responderPort: 4160,
  hostAliases: [],
  holdSeconds: 60,
};
// Hundreds of objects, one after the other: it ends what hangs and judges no machine.
vi.setConfig({ testTimeout: 900_000 });
let cluster: ApiServer;

beforeAll(async () => {
  cluster = await startApiServer();
  for (const [name, level] of Object.entries(NAMESPACES)) {
    const labels = { 'pod-security.kubernetes.io/enforce': level };
    await create([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }]);
    await create([
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: name } },
    ]);
  }
});
afterAll(() => cluster?.stop());

function create(objects: readonly object[], ...flags: string[]): Promise<string> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  return cluster.kubectl(['create', '-f', '-', ...flags], { input });
}

/** What an API server without Argo knows, in a namespace. */
function known(facts: ManifestFacts, namespace: string): { name: string; object: KubeObject }[] {
  return MANIFESTS.filter(({ object }) => object.kind !== 'Rollout')
    .map(({ name, object }) => ({ name, ...injectManifest(object, facts) }))
    .filter(({ refused }) => refused === null)
    .map(({ name, object }) => {
      const placed = { ...object, metadata: { ...object.metadata, namespace } };
      return { name, object: object.kind === 'Pod' ? withAccount(placed) : placed };
    });
}

/** As the admission of service accounts leaves a pod, which this API server is without. */
function withAccount<T extends KubeObject | Pod>(pod: T): T {
  return { ...pod, spec: { serviceAccountName: 'default', ...(pod.spec as object) } };
}

/** The pods of injected workloads, as their controllers would make them. */
function podsOf(objects: ReturnType<typeof known>, namespace: string): Pod[] {
  return objects.map(({ object }) => {
    const template = object.kind === 'Pod' ? (object as unknown as Pod) : templateOf(object)!;
    const metadata = { ...template.metadata, name: `pod-${randomUUID()}`, namespace };
    return withAccount({ apiVersion: 'v1', kind: 'Pod', metadata, spec: template.spec });
  });
}

test('every injected manifest is accepted', async () => {
  for (const [place, facts] of [
    ['redirected', FACTS],
    ['without redirection', { ...FACTS, podSecurity: 'baseline' }],
    [
      'in a mesh',
      { ...FACTS, namespaceMarks: { 'istio-injection': 'enabled', 'linkerd.io/inject': 'enabled' } },
    ],
  ] satisfies [string, ManifestFacts][]) {
    const objects = known(facts, 'open');
    expect(objects.length, place).toBeGreaterThan(200);
    const out = await create(
      objects.map(({ object }) => object),
      '--dry-run=server',
      '-o',
      'name',
    );
    expect(out.trim().split('\n'), place).toHaveLength(objects.length);
  }
});

test('every pod that is injected without redirection is admitted by Pod Security restricted', async () => {
  const facts: ManifestFacts = { ...FACTS, podSecurity: 'restricted' };
  const levels = new Map(MANIFESTS.map(({ name, level }) => [name, level]));
  const objects = known(facts, 'strict').filter(({ name }) => levels.get(name) === 'restricted');
  const pods = podsOf(objects, 'strict');
  expect(pods.length).toBeGreaterThan(200);
  for (const { metadata } of pods)
    expect(metadata.annotations![STATUS_ANNOTATION]).not.toContain('"transparent"');
  const out = await create(pods, '--dry-run=server', '-o', 'name');
  expect(out.trim().split('\n')).toHaveLength(pods.length);
});

test('a redirected pod is not, which is why there is the other mode', async () => {
  const [plain] = podsOf(known(FACTS, 'strict').slice(0, 1), 'strict');
  await expect(create([plain!], '--dry-run=server')).rejects.toThrow(
    /violates PodSecurity "restricted.*NET_ADMIN/s,
  );
});

test('pods wired to a replay are accepted, and restricted ones are admitted', async () => {
  for (const [namespace, level] of Object.entries(NAMESPACES)) {
    const facts: PodFacts = {
      ...FACTS,
      podSecurity: level,
      wiring: WIRING,
      replayId: randomUUID(),
      isolate: true,
    };
    const pods = MANIFESTS.filter(({ object, level: own }) => object.kind === 'Pod' && own === 'restricted')
      .map(({ object }) => injectPod(object as unknown as Pod, facts))
      .filter(({ refused }) => refused === null)
      .map(({ object }) => withAccount({ ...object, metadata: { ...object.metadata, namespace } }));
    expect(pods.length).toBeGreaterThan(20);
    for (const { spec } of pods)
      expect(spec.initContainers!.map(({ name }) => name)).toContain(CONTAINERS.hold);
    const out = await create(pods, '--dry-run=server', '-o', 'name');
    expect(out.trim().split('\n')).toHaveLength(pods.length);
  }
});
