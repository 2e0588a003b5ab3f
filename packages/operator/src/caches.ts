// The caches of the operator: one for each kind and, when it may see some namespaces only, each of those. What of an object
// is kept is in views.ts. It must not know who reads them.
import {
  apiVersionOf,
  type Cache,
  type CacheOptions,
  createCache,
  isNotFound,
  type KubeClient,
  type Obj,
  RESOURCES,
  type Resource,
} from '@echoplane/kube';
import {
  COMPONENT_LABEL,
  INJECT_LABEL,
  type InstallConfig,
  REPLAY_LABEL,
  SECRETS,
} from '@echoplane/resources';
import type { Clock, Logger } from '@echoplane/runtime';
import type { Caches } from './context.ts';
import { namespaceView, type PodView, podView, workloadView } from './views.ts';

export interface CachesOptions {
  client: KubeClient;
  installNamespace: string;
  namespaces: InstallConfig['namespaces'];
  clock: Clock;
  log: Logger;
}

const WORKLOADS: readonly Resource[] = [
  RESOURCES.deployments,
  RESOURCES.statefulSets,
  RESOURCES.daemonSets,
  RESOURCES.jobs,
  RESOURCES.cronJobs,
];
/** Secrets that are kept whole. */
const OURS: ReadonlySet<string> = new Set(Object.values(SECRETS));
const NAMESPACE_POLL_MS = 30_000;

/** The caches and what keeps them current. */
export async function openCaches(
  options: CachesOptions,
): Promise<{ caches: Caches; run: (signal: AbortSignal) => Promise<void> }> {
  const { client, installNamespace, namespaces, clock, log } = options;
  const cache = <T = Obj>(resource: Resource, more: Partial<CacheOptions<T>> = {}): Cache<T> =>
    createCache<T>({ client, resource, clock, log, ...more });
  const everywhere = <T = Obj>(resource: Resource, more: Partial<CacheOptions<T>> = {}): Cache<T> =>
    namespaces.length === 0
      ? cache<T>(resource, more)
      : joined(namespaces.map((namespace) => cache<T>(resource, { ...more, namespace })));
  const kinds = (await hasRollouts(client)) ? [...WORKLOADS, RESOURCES.rollouts] : WORKLOADS;
  const workloads = new Map(
    kinds.map((resource) => {
      const project = workloadView(resource.kind, apiVersionOf(resource));
      return [resource.kind, everywhere(resource, { project })] as const;
    }),
  );
  const replayOf = ({ metadata }: PodView) => listOf(metadata.labels[REPLAY_LABEL]);
  const known = {
    pods: everywhere(RESOURCES.pods, {
      labelSelector: `${INJECT_LABEL}=true`,
      project: podView,
      indexes: {
        workload: ({ metadata, workload }) =>
          workload ? [`${metadata.namespace}/${workload.kind}/${workload.name}`] : [],
      },
    }),
    installPods: cache(RESOURCES.pods, {
      namespace: installNamespace,
      project: podView,
      indexes: { replay: replayOf, component: ({ metadata }) => listOf(metadata.labels[COMPONENT_LABEL]) },
    }),
    namespaces:
      namespaces.length === 0
        ? cache(RESOURCES.namespaces, { project: namespaceView })
        : polledNamespaces(client, namespaces, clock),
    trafficReplays: everywhere(RESOURCES.trafficReplays),
    captureConfigs: everywhere(RESOURCES.captureConfigs),
    // With Roles only, nothing that belongs to the whole cluster can be read.
    clusterCaptureConfigs:
      namespaces.length === 0
        ? cache(RESOURCES.clusterCaptureConfigs)
        : joined<Obj>([], RESOURCES.clusterCaptureConfigs),
    secrets: cache(RESOURCES.secrets, {
      namespace: installNamespace,
      // Helm keeps each release in one, of up to a megabyte.
      fieldSelector: 'type!=helm.sh/release.v1',
      project: (secret) => (OURS.has(secret.metadata.name) ? secret : { ...secret, data: {} }),
    }),
  };
  const all: Cache<unknown>[] = [...Object.values(known), ...workloads.values()] as Cache<unknown>[];
  const caches: Caches = {
    ...known,
    workloads,
    synced: async (signal) => void (await Promise.all(all.map((one) => one.synced(signal)))),
    notSynced: () => all.find((one) => !one.isSynced)?.trouble ?? null,
  };
  return { caches, run: async (signal) => void (await Promise.all(all.map((one) => one.run(signal)))) };
}

const listOf = (label: string | undefined) => (label === undefined ? [] : [label]);

async function hasRollouts(client: KubeClient): Promise<boolean> {
  try {
    await client.call('GET', '/apis/argoproj.io/v1alpha1');
    return true;
  } catch (err) {
    if (isNotFound(err)) return false;
    throw err;
  }
}

/** Caches of namespaces that do not overlap, as one. Without any: empty, and never behind. */
function joined<T>(parts: readonly Cache<T>[], resource: Resource = parts[0]!.resource): Cache<T> {
  function* each(read: (part: Cache<T>) => Iterable<T>): Iterable<T> {
    for (const part of parts) yield* read(part);
  }
  return {
    resource,
    synced: async (signal) => void (await Promise.all(parts.map((part) => part.synced(signal)))),
    get isSynced() {
      return parts.every((part) => part.isSynced);
    },
    get size() {
      return parts.reduce((sum, part) => sum + part.size, 0);
    },
    get trouble() {
      return parts.find((part) => part.trouble !== null)?.trouble ?? null;
    },
    get: (ref) => parts.map((part) => part.get(ref)).find((found) => found !== undefined),
    all: () => each((part) => part.all()),
    byNamespace: (namespace) => each((part) => part.byNamespace(namespace)),
    by: (index, value) => each((part) => part.by(index, value)),
    onChange(listener) {
      const stops = parts.map((part) => part.onChange(listener));
      return () => {
        for (const stop of stops) stop();
      };
    },
    run: async (signal) => void (await Promise.all(parts.map((part) => part.run(signal)))),
  };
}

/** Who may see some namespaces only can get each, but cannot watch them. */
function polledNamespaces(client: KubeClient, names: readonly string[], clock: Clock): Caches['namespaces'] {
  const first = Promise.withResolvers<void>();
  let isSynced = false;
  let trouble: string | null = 'The namespaces are not read yet.';
  const views = new Map<string, ReturnType<typeof namespaceView>>();
  const read = async () => {
    for (const name of names) {
      const found = await client.get(RESOURCES.namespaces, { name });
      if (found) views.set(name, namespaceView(found));
      else views.delete(name);
    }
    isSynced = true;
    trouble = null;
    first.resolve();
  };
  const ofCluster = joined<ReturnType<typeof namespaceView>>([], RESOURCES.namespaces);
  return {
    ...ofCluster,
    synced: () => first.promise,
    get isSynced() {
      return isSynced;
    },
    get trouble() {
      return trouble;
    },
    get size() {
      return views.size;
    },
    get: ({ name }) => views.get(name),
    all: () => views.values(),
    async run(signal) {
      while (!signal.aborted) {
        await read().catch((err: Error) => {
          trouble = err.message;
        });
        await clock.sleep(NAMESPACE_POLL_MS, signal);
      }
    },
  };
}
