// What a pod that carries a run is told, from the cache of TrafficReplays alone: admission waits for no call.
import type { Obj } from '@echoplane/kube';
import { type Pod, type ReplayWiring, workloadOfPod } from '@echoplane/resources';
import type { OperatorContext } from '../context.ts';
import { isTerminal, readTrafficReplay, workloadKey } from './replay-object.ts';

type Replays = { caches: Pick<OperatorContext['caches'], 'trafficReplays'> };

/** The wiring of a pod's workload in the replay with this UID; null when there is none, or none any more. */
export function wiringOf(
  { caches }: Replays,
  run: string,
  pod: { namespace: string; object: unknown },
): { wiring: ReplayWiring; replayId: string | null; isolate: boolean } | null {
  const object = find(caches.trafficReplays.all(), run);
  if (!object) return null;
  const replay = readTrafficReplay(object);
  // Kept by `cleanup: none` it stays wired after its end.
  if (isTerminal(replay) && replay.status.inventory.every(({ restored }) => restored)) return null;
  const key = workloadKey({ namespace: pod.namespace, ...workloadOfPod(pod.object as Pod) });
  const wiring = replay.status.wiring.find(({ workload }) => workload === key);
  return wiring ? { wiring, replayId: replay.status.replay ?? null, isolate: replay.spec.isolate } : null;
}

function find(replays: Iterable<Obj>, uid: string): Obj | null {
  for (const object of replays) if (object.metadata.uid === uid) return object;
  return null;
}
