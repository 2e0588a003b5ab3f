// What a rollout of a replay looks like from its objects: the pod template without our annotation as a digest, whether the
// rollout is done, and which kinds can be rolled at all. Pure; raw objects in, facts out.
import { createHash } from 'node:crypto';
import type { Obj, Resource } from '@echoplane/kube';
import { RESOURCES } from '@echoplane/kube';
import {
  IGNORE_KEY,
  INJECT_ANNOTATION,
  INJECT_LABEL,
  RUN_ANNOTATION,
  STATUS_ANNOTATION,
} from '@echoplane/resources';
import type { TargetRef } from './replay-object.ts';

/** Kinds whose pods follow their template; those of others cannot be wired. */
const ROLLED: Record<string, Resource> = {
  Deployment: RESOURCES.deployments,
  StatefulSet: RESOURCES.statefulSets,
  DaemonSet: RESOURCES.daemonSets,
  Rollout: RESOURCES.rollouts,
};
export const ROLLED_KINDS = Object.keys(ROLLED);

/** The resource of a kind that can be rolled; null of all others. */
export function rolledResource({
  kind,
  apiVersion,
}: Pick<TargetRef, 'kind' | 'apiVersion'>): Resource | null {
  const resource = ROLLED[kind];
  return resource && apiVersion.split('/')[0] === resource.group ? resource : null;
}

export interface TargetPod {
  name: string;
  ip: string | null;
  ready: boolean;
  /** The pod webhook was here and wired it to this replay. */
  wired: boolean;
}
export interface TargetFact extends TargetRef {
  found: boolean;
  uid?: string;
  resourceVersion?: string;
  /** Digest of the pod template without our annotation. */
  digest: string;
  /** Which replay the template is wired to. */
  run: string | null;
  isInjected: boolean;
  /** It says that it wants no sidecar. */
  declinesInjection: boolean;
  /** Why its pods would not follow a change of the template. */
  unrollable: string | null;
  isRolledOut: boolean;
  /** As a query selects its pods. */
  selector: string;
  /** Labels of its pods, by which Services find them. */
  labels: Record<string, string>;
  ports: number[];
  /** Not those that are going. */
  pods: TargetPod[];
}

export function absentTarget(ref: TargetRef): TargetFact {
  return {
    ...ref,
    ...{ found: false, digest: '', run: null, isInjected: false, declinesInjection: false },
    ...{ unrollable: null, isRolledOut: false },
    ...{ selector: '', labels: {}, ports: [], pods: [] },
  };
}

export function targetFact(
  ref: TargetRef,
  object: Obj,
  pods: readonly Obj[],
  wired: { run: string; replayId: string | undefined },
): TargetFact {
  const template = object.spec?.template ?? {};
  return {
    ...ref,
    found: true,
    uid: object.metadata.uid ?? '',
    resourceVersion: object.metadata.resourceVersion ?? '',
    digest: templateDigest(template),
    run: template.metadata?.annotations?.[RUN_ANNOTATION] ?? null,
    isInjected: template.metadata?.labels?.[INJECT_LABEL] === 'true',
    declinesInjection: [object.metadata, template.metadata].some(
      (meta) => meta?.annotations?.[INJECT_ANNOTATION]?.trim() === 'false',
    ),
    unrollable: unrollable(object),
    isRolledOut: isRolledOut(object),
    selector: selectorOf(object),
    labels: template.metadata?.labels ?? {},
    ports: portsOf(template),
    pods: pods
      .filter((pod) => !pod.metadata.deletionTimestamp && isAlive(pod))
      .map((pod) => podFact(pod, wired)),
  };
}

/** Empty for a selector that labels alone cannot say. */
export function selectorOf({ spec }: Obj): string {
  const labels = Object.entries((spec?.selector?.matchLabels ?? {}) as Record<string, string>);
  return labels.map(([key, value]) => `${key}=${value}`).join(',');
}

/** Digest of a pod template without our annotation: equal before and after means that nothing of ours is left. */
export function templateDigest(template: unknown): string {
  const plain = structuredClone(template ?? {}) as { metadata?: { annotations?: Record<string, string> } };
  const { annotations } = plain.metadata ?? {};
  if (annotations) {
    delete annotations[RUN_ANNOTATION];
    // An empty map and none are the same to the API server.
    if (Object.keys(annotations).length === 0) delete plain.metadata!.annotations;
  }
  return createHash('sha256').update(stableJson(plain)).digest('hex').slice(0, 32);
}

/** JSON with sorted keys: equal texts for equal values. */
export function stableJson(value: unknown): string {
  return JSON.stringify(sorted(value)) ?? '';
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

function unrollable({ kind, metadata, spec = {} }: Obj): string | null {
  const ignored = metadata.labels?.[IGNORE_KEY] ?? metadata.annotations?.[IGNORE_KEY];
  if (ignored === 'true') return `it says ${IGNORE_KEY}; take that away first`;
  if (spec.paused === true) return 'its rollout is paused; resume it first';
  if ((spec.updateStrategy?.type ?? '') === 'OnDelete')
    return 'its update strategy is OnDelete, so its pods would not change; use RollingUpdate';
  if ((spec.updateStrategy?.rollingUpdate?.partition ?? 0) > 0)
    return 'its update strategy has a partition, so not all pods would change; set it to 0';
  if (kind !== 'DaemonSet' && spec.replicas === 0) return 'it has no replicas; scale it up first';
  return null;
}

function isRolledOut({ kind, metadata, spec = {}, status = {} }: Obj): boolean {
  if (kind === 'Rollout')
    return status.phase === 'Healthy' && status.updatedReplicas === (spec.replicas ?? 1);
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) return false;
  if (kind === 'DaemonSet') {
    const wanted = status.desiredNumberScheduled ?? 0;
    return (status.updatedNumberScheduled ?? 0) === wanted && (status.numberAvailable ?? 0) >= wanted;
  }
  const wanted = spec.replicas ?? 1;
  const { replicas = 0, updatedReplicas = 0, readyReplicas = 0 } = status;
  return replicas === wanted && updatedReplicas === wanted && readyReplicas === wanted;
}

function isAlive({ status }: Obj): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}

function podFact(pod: Obj, { run, replayId }: { run: string; replayId: string | undefined }): TargetPod {
  const { annotations = {} } = pod.metadata;
  return {
    name: pod.metadata.name,
    ip: pod.status?.podIP ?? null,
    ready: isReady(pod),
    wired: annotations[RUN_ANNOTATION] === run && replayOf(annotations[STATUS_ANNOTATION]) === replayId,
  };
}

/** Injection writes down which replay it wired the pod to; a pod that the webhook missed has none. */
function replayOf(status: string | undefined): string | null {
  try {
    return (JSON.parse(status ?? '') as { replay?: string | null }).replay ?? null;
  } catch {
    return null;
  }
}

export function isReady({ status }: Obj): boolean {
  return (status?.conditions ?? []).some(
    (one: { type: string; status: string }) => one.type === 'Ready' && one.status === 'True',
  );
}

function portsOf(template: {
  spec?: { containers?: { ports?: { containerPort: number; protocol?: string }[] }[] };
}) {
  const ports = (template.spec?.containers ?? []).flatMap(({ ports = [] }) => ports);
  return ports.filter(({ protocol = 'TCP' }) => protocol === 'TCP').map(({ containerPort }) => containerPort);
}
