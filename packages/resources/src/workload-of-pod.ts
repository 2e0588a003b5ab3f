// Which workload a pod belongs to, by the pod alone: what the workload webhook wrote on its template, else its controller.
// A ReplicaSet stands for whoever made it, because its own name changes with every rollout.
import type { Pod } from './kubernetes.ts';
import { RESOLVED_ANNOTATION } from './names.ts';

export interface PodWorkload {
  kind: string;
  name: string;
}

/** Label of the hash that a controller of ReplicaSets put into their names, and the kind of that controller. */
const HASH_LABELS: readonly (readonly [label: string, kind: string])[] = [
  ['pod-template-hash', 'Deployment'],
  ['rollouts-pod-template-hash', 'Rollout'],
];
/** Names of objects are at most as long; annotations are written by whoever makes the pod. */
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const KIND = /^[A-Z][A-Za-z0-9]{0,62}$/;

/** The workload of a pod; a pod that nobody controls is its own. */
export function workloadOfPod({ metadata }: Pick<Pod, 'metadata'>): PodWorkload {
  const resolved = resolvedWorkload(metadata.annotations?.[RESOLVED_ANNOTATION]);
  if (resolved) return resolved;
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  // The node controls static pods: it is no workload.
  if (!owner || owner.kind === 'Node') return { kind: 'Pod', name: metadata.name ?? '' };
  if (owner.kind !== 'ReplicaSet') return { kind: owner.kind, name: owner.name };
  for (const [label, kind] of HASH_LABELS) {
    const hash = metadata.labels?.[label];
    if (hash && owner.name.endsWith(`-${hash}`) && owner.name.length > hash.length + 1)
      return { kind, name: owner.name.slice(0, -hash.length - 1) };
  }
  return { kind: owner.kind, name: owner.name };
}

/** `workload` of the settings that the workload webhook resolved; null when it is not there or not sound. */
function resolvedWorkload(annotation: string | undefined): PodWorkload | null {
  if (annotation === undefined) return null;
  try {
    const { kind, name } = (JSON.parse(annotation) as { workload?: Partial<PodWorkload> }).workload ?? {};
    return typeof kind === 'string' && typeof name === 'string' && KIND.test(kind) && NAME.test(name)
      ? { kind, name }
      : null;
  } catch {
    return null;
  }
}
