// The workloads of a cluster and which of them are captured, up to a bound.
import { watchedNamespaces } from '@echoplane/diagnosis';
import { isNotFound, type KubeClient, type Obj, RESOURCES } from '@echoplane/kube';
import { CONTAINERS, INJECT_LABEL, type Pod, SIDECAR_PREFIX, workloadOfPod } from '@echoplane/resources';
import { settingsOf, WORKLOAD_KINDS } from './whitelist.ts';

const MAX_WORKLOADS = 5_000;
/** What the forwarder takes as an outcome is 4 MiB. */
const MAX_CHARS = 3_000_000;

interface Listed {
  namespace: string;
  kind: string;
  name: string;
  injected: boolean;
  settings: Record<string, string>;
  pods: number;
  injectedPods: number;
}

/** Those of a namespace, or of all that the installation works in. */
export async function listWorkloads(
  client: KubeClient,
  { install, asked }: { install: string; asked: string | undefined },
): Promise<{ workloads: Listed[]; complete: boolean }> {
  const workloads: Listed[] = [];
  let chars = 0;
  for (const namespace of asked === undefined ? await watchedNamespaces(client, install) : [asked]) {
    const injectedPods = await countInjected(client, namespace);
    for await (const [kind, object] of everyWorkload(client, namespace)) {
      const one = listed(kind, object, injectedPods);
      chars += JSON.stringify(one).length;
      if (workloads.length === MAX_WORKLOADS || chars > MAX_CHARS) return { workloads, complete: false };
      workloads.push(one);
    }
  }
  return { workloads, complete: true };
}

async function* everyWorkload(
  client: KubeClient,
  namespace: string | undefined,
): AsyncGenerator<[string, Obj]> {
  for (const [kind, resource] of Object.entries(WORKLOAD_KINDS)) {
    try {
      for await (const object of client.list(resource, { namespace })) yield [kind, object];
    } catch (err) {
      // Rollouts are there only with Argo.
      if (!isNotFound(err)) throw err;
    }
  }
}

function listed(kind: string, { metadata, status }: Obj, injectedPods: ReadonlyMap<string, number>): Listed {
  const { namespace = '', name, annotations } = metadata;
  const settings = Object.fromEntries(
    settingsOf(annotations).map(([key, value]) => [key.slice(SIDECAR_PREFIX.length), value]),
  );
  const pods = status?.replicas ?? status?.currentNumberScheduled ?? status?.active?.length ?? 0;
  return {
    ...{ namespace, kind, name, settings, pods },
    injected: settings.inject === 'true',
    injectedPods: injectedPods.get(`${namespace}/${kind}/${name}`) ?? 0,
  };
}

async function countInjected(
  client: KubeClient,
  namespace: string | undefined,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for await (const pod of client.list(RESOURCES.pods, { namespace, labelSelector: `${INJECT_LABEL}=true` })) {
    const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
    if (!containers.some((one: { name: string }) => one.name === CONTAINERS.sidecar)) continue;
    const { kind, name } = workloadOfPod(pod as unknown as Pod);
    const key = `${pod.metadata.namespace}/${kind}/${name}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
