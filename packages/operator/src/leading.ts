// What the leader does, and only it: one queue for each reconciler, fed by the caches. Everything here begins when leadership
// does and has ended before it could be another's.
import { createWorkQueue, type Reconciler, type WorkQueue } from '@echoplane/kube';
import { INJECT_LABEL, REPLAY_LABEL, RUN_ANNOTATION } from '@echoplane/resources';
import type { CertificateKeeper } from './certificates/certificate-keeper.ts';
import { INTERNAL_KEY, NAMESPACE_PREFIX } from './certificates/certificate-keeper.ts';
import type { OperatorContext } from './context.ts';
import { type CoverageReconciler, concernsUs, coverageKey } from './coverage/coverage.ts';
import type { WorkloadView } from './views.ts';

/** The one key of reconcilers that keep one thing. */
export const ONLY_KEY = 'installation';

export interface LeaderParts {
  context: OperatorContext;
  certificates: CertificateKeeper;
  coverage: CoverageReconciler;
  servicePorts: Reconciler;
  silentOutbound: Reconciler;
  serviceNames: Reconciler;
  installation: Reconciler;
  upgrades: Reconciler;
  replays: Reconciler;
  rolloutReplays: Reconciler;
  /** Filled with the queues while we lead. */
  queues: Map<string, WorkQueue>;
  /** Reconciles that failed, by reconciler. */
  errors: Map<string, number>;
}

const WORKERS: Readonly<Record<string, number>> = { coverage: 4, replays: 4 };

/** Runs every reconciler until aborted. */
export async function lead(parts: LeaderParts, signal: AbortSignal): Promise<void> {
  const { context, queues, errors } = parts;
  const { clock, log } = context;
  const { certificates, coverage, servicePorts, silentOutbound, installation, upgrades } = parts;
  const own = [certificates, coverage, servicePorts, silentOutbound, installation, upgrades];
  const reconcilers = [...own, parts.serviceNames, parts.replays, parts.rolloutReplays];
  for (const { name } of reconcilers) queues.set(name, createWorkQueue({ clock, log }));
  certificates.enqueue = (key) => queues.get(certificates.name)?.add(key);
  const stops = feed(parts);
  try {
    await Promise.all(
      reconcilers.map((reconciler) =>
        queues.get(reconciler.name)!.run(counted(reconciler, errors), signal, WORKERS[reconciler.name] ?? 1),
      ),
    );
  } finally {
    for (const stop of stops) stop();
    certificates.enqueue = () => {};
    queues.clear();
  }
}

function counted(reconciler: Reconciler, errors: Map<string, number>): Reconciler {
  const { name } = reconciler;
  return {
    name,
    async reconcile(key, signal) {
      try {
        return await reconciler.reconcile(key, signal);
      } catch (err) {
        errors.set(name, (errors.get(name) ?? 0) + 1);
        throw err;
      }
    },
  };
}

/** What is there now, and whatever changes. Gives what ends it. */
function feed(parts: LeaderParts): (() => void)[] {
  const { context, queues } = parts;
  const { caches } = context;
  const add = (reconciler: Reconciler, key: string) => queues.get(reconciler.name)?.add(key);
  add(parts.certificates, INTERNAL_KEY);
  add(parts.installation, ONLY_KEY);
  add(parts.upgrades, ONLY_KEY);
  add(parts.silentOutbound, ONLY_KEY);
  add(parts.serviceNames, ONLY_KEY);
  for (const object of caches.trafficReplays.all())
    add(parts.replays, `${object.metadata.namespace}/${object.metadata.name}`);
  const everyWorkload = () => {
    for (const cache of caches.workloads.values())
      for (const view of cache.all()) if (concernsUs(context, view)) add(parts.coverage, coverageKey(view));
  };
  everyWorkload();
  for (const namespace of portNamespaces(context)) add(parts.servicePorts, namespace);
  return [
    ...workloadFeeds(parts, add),
    // Its settings may be for any workload, and so may the label of a namespace.
    caches.captureConfigs.onChange(everyWorkload),
    caches.namespaces.onChange(everyWorkload),
    caches.clusterCaptureConfigs.onChange(() => {
      everyWorkload();
      add(parts.installation, ONLY_KEY);
    }),
    caches.secrets.onChange(() => add(parts.certificates, INTERNAL_KEY)),
    caches.trafficReplays.onChange(({ key }) => add(parts.replays, key)),
    ...podFeeds(parts, add),
  ];
}

type Add = (reconciler: Reconciler, key: string) => void;

function workloadFeeds(parts: LeaderParts, add: Add): (() => void)[] {
  const { context } = parts;
  return [...context.caches.workloads.values()].map((cache) =>
    cache.onChange(({ key, before, after }) => {
      const view = after ?? before;
      if (!view) return;
      add(parts.coverage, coverageKey(view));
      if (view.kind === 'Deployment') add(parts.rolloutReplays, key);
      if (isInjected(before) || isInjected(after)) add(parts.servicePorts, view.metadata.namespace ?? '');
      const run = view.template?.annotations[RUN_ANNOTATION];
      if (run !== undefined) addReplay(parts, add, run);
      if (view.metadata.namespace !== context.config.namespace) return;
      add(parts.installation, ONLY_KEY);
      // An upgrade goes on when what it changed is ready.
      add(parts.upgrades, ONLY_KEY);
    }),
  );
}

function podFeeds(parts: LeaderParts, add: Add): (() => void)[] {
  const { caches } = parts.context;
  return [
    caches.pods.onChange(({ before, after }) => {
      const pod = after ?? before;
      if (!pod) return;
      const { namespace = '' } = pod.metadata;
      if (pod.workload) add(parts.coverage, `${pod.workload.kind}/${namespace}/${pod.workload.name}`);
      if (before?.ready !== after?.ready) add(parts.servicePorts, namespace);
      // Its sidecar waits for the CA of its namespace, if the webhook could not.
      if (after?.isInjected && !before) add(parts.certificates, `${NAMESPACE_PREFIX}${namespace}`);
    }),
    caches.installPods.onChange(({ before, after }) => {
      const run = (after ?? before)?.metadata.labels[REPLAY_LABEL];
      if (run !== undefined) addReplay(parts, add, run);
    }),
  ];
}

function addReplay({ context, replays }: LeaderParts, add: Add, uid: string): void {
  for (const { metadata } of context.caches.trafficReplays.all())
    if (metadata.uid === uid) add(replays, `${metadata.namespace}/${metadata.name}`);
}

const isInjected = (view: WorkloadView | undefined) => view?.template?.labels[INJECT_LABEL] === 'true';

/** Namespaces with injected pods: Services there may have to follow. */
function portNamespaces({ caches }: OperatorContext): Set<string> {
  return new Set([...caches.pods.all()].map(({ metadata }) => metadata.namespace ?? ''));
}
