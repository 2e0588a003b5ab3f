// What the caches keep of each kind: a declared projection, so that memory does not grow with what users write into their
// objects. Full objects are read on demand. It must not know what anybody does with them.
import { isSecurityMark } from '@echoplane/injection';
import type { Meta, Obj } from '@echoplane/kube';
import { RESOLVED_ANNOTATION, STATUS_ANNOTATION } from '@echoplane/resources';

/** Identity and the labels and annotations that concern us. */
export type KeptMeta = Pick<
  Meta,
  'name' | 'namespace' | 'uid' | 'generation' | 'creationTimestamp' | 'deletionTimestamp' | 'ownerReferences'
> & { labels: Record<string, string>; annotations: Record<string, string> };

export interface ContainerView {
  name: string;
  ready: boolean;
  restarts: number;
  /** Reason of a container that waits, such as ErrImagePull. */
  waiting: string | null;
  terminated: { reason: string; exitCode: number; message: string } | null;
}
export interface PodView {
  metadata: KeptMeta;
  /** The workload the pod is of: a ReplicaSet counts as its Deployment. Null without controller. */
  workload: { kind: string; name: string } | null;
  phase: string;
  ready: boolean;
  /** Whether the pod webhook was here. */
  isInjected: boolean;
  /** Of the injected sidecar. */
  mode: string | null;
  nodeName: string | null;
  podIp: string | null;
  containers: ContainerView[];
}
export interface WorkloadView {
  apiVersion: string;
  kind: string;
  metadata: KeptMeta;
  /** Of the pod template; null when there is none. */
  template: { labels: Record<string, string>; annotations: Record<string, string> } | null;
  paused: boolean;
  strategy: string;
  desired: number;
  observedGeneration: number;
  updated: number;
  available: number;
}
export interface NamespaceView {
  metadata: KeptMeta;
}

const OURS = /(^|\.)echoplane\.dev\//;
/** Labels by which pods of Jobs and rollouts are known. */
const KEPT_LABELS =
  /^(app\.kubernetes\.io\/|pod-template-hash$|controller-revision-hash$|batch\.kubernetes\.io\/|job-name$)/;
/** Last words of a container: what the kubelet keeps of a termination message. */
const MAX_MESSAGE = 4_096;

function keptOf(
  of: Record<string, string> | undefined,
  isKept: (key: string) => boolean,
): Record<string, string> {
  return Object.fromEntries(Object.entries(of ?? {}).filter(([key]) => isKept(key)));
}
const isOurs = (key: string) => OURS.test(key);

function metaOf(meta: Meta, allLabels: boolean): KeptMeta {
  const { name, namespace, uid, generation, creationTimestamp, deletionTimestamp, ownerReferences } = meta;
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(generation === undefined ? {} : { generation }),
    ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    ...(ownerReferences === undefined
      ? {}
      : { ownerReferences: ownerReferences.filter((o) => o.controller) }),
    labels: allLabels
      ? { ...meta.labels }
      : keptOf(meta.labels, (key) => isOurs(key) || KEPT_LABELS.test(key)),
    annotations: keptOf(meta.annotations, isOurs),
  };
}

/** The controller of a pod as people name it: a ReplicaSet with a template hash is its Deployment. */
export function workloadOfPod(meta: Meta): PodView['workload'] {
  const owner = meta.ownerReferences?.find((one) => one.controller);
  if (!owner) return null;
  const hash = meta.labels?.['pod-template-hash'];
  const isOfDeployment = owner.kind === 'ReplicaSet' && hash && owner.name.endsWith(`-${hash}`);
  return isOfDeployment
    ? { kind: 'Deployment', name: owner.name.slice(0, -hash.length - 1) }
    : { kind: owner.kind, name: owner.name };
}

export function podView(pod: Obj): PodView {
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const metadata = metaOf(pod.metadata, false);
  const injection = metadata.annotations[STATUS_ANNOTATION];
  const isInjected = injection !== undefined;
  // Long, and read from the pod itself when it is wanted.
  delete metadata.annotations[STATUS_ANNOTATION];
  delete metadata.annotations[RESOLVED_ANNOTATION];
  return {
    metadata,
    workload: workloadOfPod(pod.metadata),
    phase: pod.status?.phase ?? 'Unknown',
    ready: (pod.status?.conditions ?? []).some(
      (one: { type: string; status: string }) => one.type === 'Ready' && one.status === 'True',
    ),
    isInjected,
    mode: modeOf(injection),
    nodeName: pod.spec?.nodeName ?? null,
    podIp: pod.status?.podIP ?? null,
    containers: statuses.map(containerView),
  };
}

function modeOf(injection: string | undefined): string | null {
  try {
    const { mode } = JSON.parse(injection ?? '{}');
    return typeof mode === 'string' ? mode : null;
  } catch {
    return null;
  }
}

function containerView(status: {
  name: string;
  ready?: boolean;
  restartCount?: number;
  state?: {
    waiting?: { reason?: string };
    terminated?: { reason?: string; exitCode?: number; message?: string };
  };
}): ContainerView {
  const ended = status.state?.terminated;
  return {
    name: status.name,
    ready: status.ready ?? false,
    restarts: status.restartCount ?? 0,
    waiting: status.state?.waiting?.reason ?? null,
    terminated: ended
      ? {
          reason: ended.reason ?? '',
          exitCode: ended.exitCode ?? 0,
          message: (ended.message ?? '').slice(0, MAX_MESSAGE),
        }
      : null,
  };
}

/** The pod template of any kind of workload; undefined for objects without one. */
export function templateOf(object: Obj): { metadata?: Partial<Meta>; spec?: unknown } | undefined {
  return object.kind === 'CronJob' ? object.spec?.jobTemplate?.spec?.template : object.spec?.template;
}

/** `kind` and `apiVersion` are given: items of a list do not say them. */
export function workloadView(kind: string, apiVersion: string): (object: Obj) => WorkloadView {
  return (object) => {
    const template = templateOf({ ...object, kind });
    const { spec = {}, status = {} } = object;
    return {
      apiVersion,
      kind,
      metadata: metaOf(object.metadata, true),
      template: template
        ? {
            labels: keptOf(template.metadata?.labels, isOurs),
            annotations: keptOf(template.metadata?.annotations, isOurs),
          }
        : null,
      paused: spec.paused === true || spec.suspend === true,
      strategy: (spec.strategy ?? spec.updateStrategy)?.type ?? '',
      desired: spec.replicas ?? status.desiredNumberScheduled ?? spec.parallelism ?? 1,
      observedGeneration: status.observedGeneration ?? 0,
      updated: status.updatedReplicas ?? status.updatedNumberScheduled ?? 0,
      available: status.availableReplicas ?? status.numberAvailable ?? 0,
    };
  };
}

export function namespaceView(object: Obj): NamespaceView {
  const metadata = metaOf(object.metadata, true);
  const security = keptOf(object.metadata.annotations, isSecurityMark);
  return { metadata: { ...metadata, annotations: { ...metadata.annotations, ...security } } };
}
