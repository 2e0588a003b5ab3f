// Workloads whose traffic is not redirected (modes forward and dual) and of which nothing went out through the sidecar for
// five minutes: if the app calls anybody, it does so past us, and neither is it recorded nor can it be mocked.
import type { Outcome, Reconciler } from '@echoplane/kube';
import type { FaceStatus } from '@echoplane/resources';
import type { OperatorContext } from '../context.ts';
import type { PodView } from '../views.ts';

/** An app that has not called anybody by then is worth a look. */
export const SILENT_MS = 300_000;
const AGAIN_MS = 60_000;
const MODES: ReadonlySet<string | null> = new Set(['forward', 'dual']);

export interface SilentOutbound extends Reconciler {
  /** Keys of the workloads, `Kind/namespace/name`. */
  readonly silent: ReadonlySet<string>;
}

/** Key: any. While the forwarder does not answer, what was found before holds. */
export function silentOutboundReconciler(context: OperatorContext): SilentOutbound {
  const silent = new Set<string>();
  return {
    name: 'silent-outbound',
    silent,
    async reconcile(_key, signal): Promise<Outcome> {
      const { caches, clock, forwarder } = context;
      const pods = [...caches.pods.all()];
      if (!pods.some(({ mode }) => MODES.has(mode))) silent.clear();
      else {
        const status = await forwarder.status(signal).catch(() => null);
        if (status) tell(context, silent, silentWorkloads(pods, status.workloads, clock.nowUs() / 1_000));
      }
      return { again: 'after', ms: AGAIN_MS };
    },
  };
}

/** Keys of the workloads that were silent for so long with a pod that is ready. Pure. */
export function silentWorkloads(
  pods: readonly PodView[],
  counts: FaceStatus['workloads'],
  nowMs: number,
): ReadonlySet<string> {
  const isSilent = new Set(
    counts
      .filter(({ outbound, knownMs }) => outbound === 0 && knownMs >= SILENT_MS)
      .map(({ kind, namespace, name }) => `${kind}/${namespace}/${name}`),
  );
  return new Set(
    pods
      .filter(({ mode, ready, metadata }) => {
        const ageMs = nowMs - Date.parse(metadata.creationTimestamp ?? '');
        return MODES.has(mode) && ready && ageMs >= SILENT_MS;
      })
      .map(({ workload, metadata }) => `${workload?.kind}/${metadata.namespace}/${workload?.name}`)
      .filter((key) => isSilent.has(key)),
  );
}

function tell({ caches, events }: OperatorContext, before: Set<string>, now: ReadonlySet<string>): void {
  for (const key of now) {
    if (before.has(key)) continue;
    const [kind = '', namespace = '', name = ''] = key.split('/');
    const about = caches.workloads.get(kind)?.get({ namespace, name });
    const message =
      'Nothing went out through the sidecar for 5 minutes, and nothing is redirected in this mode. If the app calls others, its client ignores HTTP_PROXY: set it up to use the proxy it names.';
    if (about) events.record(about, { type: 'Warning', reason: 'NothingOutbound', message });
  }
  for (const key of before) if (!now.has(key)) before.delete(key);
  for (const key of now) before.add(key);
}
