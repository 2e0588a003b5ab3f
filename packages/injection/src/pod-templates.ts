// Where the pod template of each kind is, and who owns an object.
import type { KubeObject, PodTemplate } from '@echoplane/resources';

/** Kinds with a pod template, and its path. */
const TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  Job: ['spec', 'template'],
  Rollout: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
};
const GROUPS = /^(apps|batch|argoproj\.io)\//;

/** The pod template of a workload; null for other objects, such as a Rollout that refers to a Deployment. */
export function templateOf(object: KubeObject): PodTemplate | null {
  const path = GROUPS.test(object.apiVersion) ? TEMPLATES[object.kind] : undefined;
  if (!path) return null;
  const template = path.reduce<unknown>(
    (value, part) => (value as Record<string, unknown> | undefined)?.[part],
    object,
  ) as PodTemplate | undefined;
  return Array.isArray(template?.spec?.containers) ? template : null;
}

/** Name and kind under which the pods of an object are recorded. */
export function nameOf({ kind, metadata }: KubeObject): { kind: string; name: string } {
  return { kind, name: metadata.name ?? (metadata.generateName ?? '').replace(/[-.]+$/, '') };
}

/** The controller that owns an object. */
export function controllerOf({ metadata }: Pick<KubeObject, 'metadata'>) {
  return metadata.ownerReferences?.find(({ controller }) => controller === true) ?? null;
}
