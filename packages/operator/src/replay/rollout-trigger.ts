// A Deployment that is applied with `replay.echoplane.dev/snapshot` gets a TrafficReplay for that rollout: one for each pod
// template, whatever we ourselves add to it. All guards of a TrafficReplay hold for it.
import { isConflict, type Obj, type Outcome, RESOURCES, type Reconciler, refOf } from '@echoplane/kube';
import { API_VERSION, SNAPSHOT_ANNOTATION, TEST_CONFIG_ANNOTATION } from '@echoplane/resources';
import type { ReplayContext } from './replay-context.ts';
import { templateDigest } from './target-state.ts';

/** Nobody deletes these by hand. */
const TTL = '168h';
const HASH_CHARS = 10;
const MAX_NAME_CHARS = 200;
const NONE: Outcome = { again: 'no' };

/** Keys are those of Deployments; one without the annotation costs a look and no more. */
export function rolloutTrigger(context: Pick<ReplayContext, 'client' | 'events' | 'log'>): Reconciler {
  const { client, events, log } = context;
  return {
    name: 'rollout-replays',
    async reconcile(key): Promise<Outcome> {
      const deployment = await client.get(RESOURCES.deployments, refOf(key));
      const replay = deployment && replayFor(deployment);
      if (!replay) return NONE;
      if (await client.get(RESOURCES.trafficReplays, replay.metadata)) return NONE;
      try {
        await client.create(RESOURCES.trafficReplays, replay);
      } catch (err) {
        if (isConflict(err)) return NONE;
        const { status, message } = err as { status?: number; message: string };
        if (status !== 400 && status !== 403 && status !== 422) throw err;
        // Refused by admission: it will be the next time too, until somebody changes the Deployment.
        const note = { type: 'Warning' as const, reason: 'ReplayRefused', message };
        events.record({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: deployment.metadata }, note);
        return NONE;
      }
      log.info({ event: 'rollout-replay', replay: replay.metadata.name }, 'a rollout is replayed');
      const message = `TrafficReplay ${replay.metadata.name} replays this rollout.`;
      events.record(
        { apiVersion: 'apps/v1', kind: 'Deployment', metadata: deployment.metadata },
        { type: 'Normal', reason: 'ReplayCreated', message },
      );
      return NONE;
    },
  };
}

/** The TrafficReplay of the Deployment as it is; null when it wants none or is on its way out. */
function replayFor({ metadata, spec }: Obj): (Obj & { metadata: { namespace: string } }) | null {
  const snapshot = metadata.annotations?.[SNAPSHOT_ANNOTATION];
  if (!snapshot || metadata.deletionTimestamp) return null;
  const testConfig = metadata.annotations?.[TEST_CONFIG_ANNOTATION];
  const hash = templateDigest(spec?.template).slice(0, HASH_CHARS);
  const { name, namespace, uid } = metadata;
  return {
    ...{ apiVersion: API_VERSION, kind: 'TrafficReplay' },
    metadata: {
      ...{ name: `${name.slice(0, MAX_NAME_CHARS)}-${hash}`, namespace: namespace! },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name, uid: uid! }],
    },
    spec: {
      snapshot,
      ...(testConfig === undefined ? {} : { testConfig }),
      workloads: [{ ref: { apiVersion: 'apps/v1', kind: 'Deployment', name, namespace: namespace! } }],
      ttlAfterFinished: TTL,
    },
  };
}
