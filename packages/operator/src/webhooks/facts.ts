// What the webhooks and the coverage reconciler know beside an object: read from the caches alone, so that no admission
// waits for the API server.
import {
  type PodFacts,
  type PodSecurity,
  podSecurityOf as securityOf,
  type WorkloadFacts,
} from '@echoplane/injection';
import type { Obj } from '@echoplane/kube';
import {
  IGNORE_KEY,
  parseCaptureConfig,
  parseClusterCaptureConfig,
  type ReplayWiring,
  RUN_ANNOTATION,
} from '@echoplane/resources';
import type { OperatorContext } from '../context.ts';
import type { Raw } from './admission-review.ts';

const SYSTEM = new Set(['kube-system', 'kube-public', 'kube-node-lease']);
/** The oldest kubelet that the chart admits knows native sidecars. */
const NATIVE_SIDECARS = true;

/** What a replay says of the pods of a workload; null when it has none for it. */
export type WiringOf = (
  run: string,
  pod: { namespace: string; annotations: Readonly<Record<string, string>>; object: Raw },
) => { wiring: ReplayWiring; replayId: string | null; isolate: boolean } | null;

/** Whether we keep our hands off everything in the namespace, and why. */
export function namespaceRefusal(context: OperatorContext, namespace: string): string | null {
  const { install, config, caches } = context;
  if (SYSTEM.has(namespace)) return 'it is a system namespace';
  if (namespace === config.namespace) return 'it is the namespace of the installation';
  if (install.namespaces.length > 0 && !install.namespaces.includes(namespace))
    return 'this installation is for other namespaces';
  const labels = caches.namespaces.get({ name: namespace })?.metadata.labels;
  return labels?.[IGNORE_KEY] === 'true' ? `its label ${IGNORE_KEY} says so` : null;
}

/** What is enforced there; the strictest when we do not know the namespace, because then nothing of ours is refused. */
export function podSecurityOf(context: OperatorContext, namespace: string): PodSecurity {
  const known = context.caches.namespaces.get({ name: namespace });
  return known ? securityOf(known.metadata) : 'restricted';
}

/** Facts for `resolveWorkload`. CaptureConfigs that cannot be read count for nothing: their webhook refused them. */
export function workloadFacts(context: OperatorContext, namespace: string): WorkloadFacts {
  const { caches } = context;
  const specs = <T>(objects: Iterable<Obj>, parse: (object: unknown) => { spec: T } | object): T[] =>
    [...objects].sort(byName).flatMap((object) => {
      const parsed = parse(object);
      return 'spec' in parsed ? [parsed.spec as T] : [];
    });
  return {
    podSecurity: podSecurityOf(context, namespace),
    namespaceLabels: caches.namespaces.get({ name: namespace })?.metadata.labels ?? {},
    captureConfigs: specs(caches.captureConfigs.byNamespace(namespace), parseCaptureConfig),
    clusterConfigs: specs(caches.clusterCaptureConfigs.all(), parseClusterCaptureConfig),
  };
}

/** A cache has no order: of two that set the same, the first by name holds. */
function byName({ metadata: a }: Obj, { metadata: b }: Obj): number {
  return a.name < b.name ? -1 : 1;
}

/** Facts for `injectPod`. */
export function podFacts(
  context: OperatorContext,
  namespace: string,
  pod: Raw,
  wiringOf: WiringOf,
): PodFacts {
  const { install, config, caches } = context;
  const annotations: Record<string, string> = pod.metadata?.annotations ?? {};
  const run = annotations[RUN_ANNOTATION];
  const wired = run === undefined ? null : wiringOf(run, { namespace, annotations, object: pod });
  const marks = caches.namespaces.get({ name: namespace })?.metadata;
  return {
    image: install.image,
    imagePullPolicy: install.imagePullPolicy,
    imagePullSecrets: install.imagePullSecrets,
    cluster: install.clusterName,
    installNamespace: config.namespace,
    namespace,
    podSecurity: podSecurityOf(context, namespace),
    nativeSidecars: NATIVE_SIDECARS,
    wiring: wired?.wiring ?? null,
    replayId: wired?.replayId ?? null,
    isolate: wired?.isolate ?? false,
    namespaceMarks: marks ? { ...marks.annotations, ...marks.labels } : {},
  };
}
