// Whose traffic a capture stream carries, when senders show tokens: the names of a workload's sidecar are the cluster's,
// whatever its Hello says. The pods of a replay speak for workloads that are not theirs; only the installation's own may.
// Pure.
import { WORKLOADS } from '@echoplane/resources';
import type { Hello, Refusal } from '@echoplane/wire';
import type { Caller } from './callers.ts';

/** Where the forwarder stands. */
export interface Place {
  cluster: string;
  installNamespace: string;
}

const REPLAY_HOPS: readonly string[] = ['generator', 'responder'] satisfies Hello['hop'][];

/** Whether these pods belong to a replay. */
export function isReplayPod({ namespace, serviceAccount }: Caller, { installNamespace }: Place): boolean {
  return namespace === installNamespace && serviceAccount === WORKLOADS.replay;
}

/** Hello with the names that hold, or why this caller may not say it. */
export function namesOf(hello: Hello, caller: Caller, place: Place): Hello | Refusal {
  const { cluster } = place;
  const { token: _, ...claimed } = hello;
  if (REPLAY_HOPS.includes(hello.hop) && isReplayPod(caller, place))
    return { ...claimed, cluster, pod: caller.pod };
  if (hello.hop !== 'sidecar') {
    const message = `A pod of the service account ${caller.serviceAccount} in ${caller.namespace} may send as sidecar only, not as ${hello.hop}.`;
    return { code: 'hop-not-allowed', message };
  }
  const { namespace, pod, workload, containers } = caller;
  const container = containers.includes(hello.container) ? hello.container : (containers[0] ?? '');
  return {
    ...claimed,
    cluster,
    namespace,
    pod,
    container,
    workloadKind: workload.kind,
    workload: workload.name,
  };
}
