// What `helm uninstall` leaves behind: every object of the cluster by kind and name before the installation and after it,
// and of each its labels, annotations, finalizers, owners and pod template. Uninstalling has the hard case: a workload that
// is captured, a replay that runs and one that is over.
//
// Not compared: what controllers make and unmake for themselves (pods, EndpointSlices, Events, leases of nodes), and the
// ReplicaSets and ControllerRevisions by which a workload remembers its rollouts. Pods are searched for containers of ours.
import { jsonPatch } from '@echoplane/injection';
import type { Obj } from '@echoplane/kube';
import { type ClusterStage, DEMO, soon } from './cluster-stage.ts';
import { createReplay, readReplay } from './recovery.ts';

/** Key of an object → what of it must be as before. */
export type Dump = ReadonlyMap<string, object>;

const CHURN = new Set([
  'pods',
  'events',
  'events.events.k8s.io',
  'endpoints',
  'endpointslices.discovery.k8s.io',
  'replicasets.apps',
  'controllerrevisions.apps',
  'componentstatuses',
  'nodes',
  'csinodes.storage.k8s.io',
]);
const NODE_LEASES = 'kube-node-lease';
/** Written by Kubernetes' own controllers: the count of rollouts, and that a volume was used. */
const OF_CONTROLLERS = new Set(['deployment.kubernetes.io/revision', 'pv.kubernetes.io/bound-by-controller']);

/** Every object there is, but for churn. */
export async function dump({ node }: Pick<ClusterStage, 'node'>): Promise<Dump> {
  const known = await node.kubectl(['api-resources', '--verbs=list', '-o', 'name', '--cached=false']);
  const kinds = known.split('\n').filter((kind) => kind !== '' && !CHURN.has(kind));
  const found = new Map<string, object>();
  for (const kind of kinds) {
    const { items } = JSON.parse(await node.kubectl(['get', kind, '-A', '-o', 'json'])) as { items: Obj[] };
    for (const item of items) {
      if (item.metadata.namespace === NODE_LEASES) continue;
      found.set([kind, item.metadata.namespace, item.metadata.name].filter(Boolean).join(' '), stateOf(item));
    }
  }
  return found;
}

function stateOf({ metadata, spec }: Obj): object {
  const { labels = {}, finalizers = [], ownerReferences = [] } = metadata;
  const annotations = Object.entries(metadata.annotations ?? {}).filter(
    ([name]) => !OF_CONTROLLERS.has(name),
  );
  const template = spec?.template ?? spec?.jobTemplate ?? null;
  return { labels, annotations: Object.fromEntries(annotations), finalizers, ownerReferences, template };
}

/** One line for each difference. */
export function differences(before: Dump, after: Dump): string[] {
  const lines: string[] = [];
  for (const [key, state] of after) {
    const was = before.get(key);
    if (was === undefined) lines.push(`left: ${key}`);
    else for (const { op, path } of jsonPatch(was, state)) lines.push(`changed: ${key}: ${op} ${path}`);
  }
  for (const key of before.keys()) if (!after.has(key)) lines.push(`gone: ${key}`);
  return lines;
}

/** Pods, outside the control plane's namespace, with a container of ours. */
export async function podsOfOurs({ node }: Pick<ClusterStage, 'node'>): Promise<string[]> {
  const { items } = JSON.parse(await node.kubectl(['get', 'pods', '-n', DEMO, '-o', 'json'])) as {
    items: Obj[];
  };
  const containers = ({ spec }: Obj) =>
    [...(spec.initContainers ?? []), ...spec.containers] as { name: string }[];
  return items
    .filter((pod) => containers(pod).some(({ name }) => name.startsWith('echoplane-')))
    .map(({ metadata }) => `left: sidecar in pod ${metadata.namespace} ${metadata.name}`);
}

/** A replay that keeps its workload and its mocks until somebody ends it. */
export async function startEndlessReplay(stage: ClusterStage): Promise<void> {
  await createReplay(stage, 'endless', { mode: 'mocks-only' });
  let phase = '';
  await soon(
    () => `the endless replay is ${phase}`,
    async () => {
      phase = (await readReplay(stage, 'endless')).status?.phase;
      return phase === 'Running';
    },
  );
}
