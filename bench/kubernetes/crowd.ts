// The crowd of a large cluster in an API server that has no controllers: Deployments of every case that injection knows, and
// their pods as a controller would make them, injected by the webhook and running by their status. The order of everything
// is fixed.
import { type KubeClient, type Obj, RESOURCES } from '@echoplane/kube';
import { STATUS_ANNOTATION } from '@echoplane/resources';
import { MANIFESTS } from '../../packages/injection/src/manifests.fixture.ts';
import { inParallel, namespaceObject } from '../../test/cluster/kube-access.fixture.ts';

const NAMESPACES = 20;
const PODS_OF_EACH = 5;
const NODES = 100;
const AT_ONCE = 8;
const HASH = '5d8f7c9b64';
/** The fixtures are of no namespace, and pods need their selector's labels. */
const CASES = MANIFESTS.filter(({ object }) => object.kind === 'Deployment').map(({ object }) => object);

const namespaceOf = (workload: number) => `team-${workload % NAMESPACES}`;

/** Workloads that `pods` pods belong to. */
export const workloadsFor = (pods: number) => Math.ceil(pods / PODS_OF_EACH);

/** Makes the Deployments, resolved by the workload webhook; gives them as the API server has them. */
export async function makeWorkloads(client: KubeClient, pods: number): Promise<Obj[]> {
  for (let i = 0; i < NAMESPACES; i++)
    await client.create(RESOURCES.namespaces, namespaceObject(namespaceOf(i)));
  const made: Obj[] = [];
  await inParallel(workloadsFor(pods), AT_ONCE, async (i) => {
    const manifest = structuredClone(CASES[i % CASES.length]!) as Obj;
    manifest.metadata.name += `-${i}`;
    manifest.metadata.namespace = namespaceOf(i);
    made[i] = await client.create(RESOURCES.deployments, manifest);
  });
  return made;
}

/** The pod `i` of the crowd, as its ReplicaSet would make it. */
export function podOf(workloads: readonly Obj[], i: number): Obj {
  const workload = workloads[i % workloads.length]!;
  const { name, namespace, uid } = workload.metadata;
  const { metadata, spec } = structuredClone(workload.spec.template);
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${name}-${HASH}`, uid, controller: true };
  return {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: {
      ...{ ...metadata, name: `${name}-${HASH}-${i}`, namespace, ownerReferences: [owner] },
      labels: { ...metadata.labels, 'pod-template-hash': HASH },
    },
    // The admission plugin that would set it is not there.
    spec: { serviceAccountName: 'default', ...spec, nodeName: `node-${i % NODES}` },
  };
}

/** What its kubelet says of a pod that runs. */
export function runningStatus(pod: Obj, i: number): object {
  const startedAt = '2025-01-01T00:00:00Z';
  const status = ({ name, image }: { name: string; image: string }) => ({
    ...{
      name,
      image,
      imageID: `${image}@sha256:${'a'.repeat(64)}`,
      containerID: `containerd://${'b'.repeat(64)}`,
    },
    ...{ ready: true, started: true, restartCount: 0, state: { running: { startedAt } } },
  });
  const conditions = ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'];
  return {
    ...{ phase: 'Running', podIP: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, startTime: startedAt },
    conditions: conditions.map((type) => ({ type, status: 'True', lastTransitionTime: startedAt })),
    containerStatuses: pod.spec.containers.map(status),
    initContainerStatuses: (pod.spec.initContainers ?? []).map(status),
  };
}

export const refOf = ({ metadata }: Obj) => ({ namespace: metadata.namespace, name: metadata.name });

/** Makes pods `from` to `to`, running; gives how many the webhook has injected. */
export async function makePods(
  client: KubeClient,
  workloads: readonly Obj[],
  from: number,
  to: number,
): Promise<number> {
  let injected = 0;
  await inParallel(to - from, AT_ONCE, async (offset) => {
    const made = await client.create(RESOURCES.pods, podOf(workloads, from + offset));
    if (isInjected(made)) injected++;
    await setStatus(client, made, from + offset);
  });
  return injected;
}

export async function setStatus(client: KubeClient, pod: Obj, i: number): Promise<void> {
  const patch = { status: runningStatus(pod, i) };
  await client.patch(RESOURCES.pods, refOf(pod), patch, { type: 'merge', subresource: 'status' });
}

export function isInjected(pod: Obj): boolean {
  return pod.metadata.annotations?.[STATUS_ANNOTATION] !== undefined;
}
