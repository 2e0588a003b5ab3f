// Which pods do not start because of our containers, judged from what the cache holds of them. Pure.
import { CONTAINERS } from '@echoplane/resources';
import type { PodView } from '../views.ts';

const OURS: ReadonlySet<string> = new Set(Object.values(CONTAINERS));
/** What a container says while it cannot start and will not by itself. */
const STUCK = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'CrashLoopBackOff',
]);
/** A registry that is away for a moment is none of it. */
export const STUCK_MS = 120_000;

/** Since when the pod may be stuck, and by which of our containers; null when none of ours is in the way. */
export function stuckBy(pod: PodView): { sinceMs: number; container: string; reason: string } | null {
  if (!pod.isInjected || pod.ready || pod.metadata.deletionTimestamp !== undefined) return null;
  const found = pod.containers.find(
    ({ name, waiting }) => OURS.has(name) && waiting !== null && STUCK.has(waiting),
  );
  if (!found) return null;
  const sinceMs = Date.parse(pod.metadata.creationTimestamp ?? '');
  return { sinceMs, container: found.name, reason: found.waiting! };
}
