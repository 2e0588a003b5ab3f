// How long after `kubectl annotate` the first RRPair of the workload is in the control plane, with its client at work: the
// webhook, a rollout with our containers, the capture, the forwarder's batch and the index.
import { RESOURCES } from '@echoplane/kube';
import { type ClusterStage, DEMO, rolledOut, secondsSince, soon, TARGET } from './cluster-stage.ts';

const SETTINGS = {
  inject: 'true',
  // As in the README: payments is called over HTTPS, with a root of its own.
  'tls-out': 'true',
  'tls-upstream-ca-configmap': 'payments-ca',
};
const ANNOTATE = ['-n', DEMO, 'annotate', `deployment/${TARGET.name}`];

export interface Visible {
  /** Annotated to the pod's containers running. */
  podReadyS: number;
  visibleS: number;
}

/** Annotates and waits for the first pair. */
export async function annotate(stage: ClusterStage): Promise<Visible> {
  const { shell, cloud } = stage;
  const from = Date.now() * 1_000;
  const began = performance.now();
  const settings = Object.entries(SETTINGS).map(([name, value]) => `sidecar.echoplane.dev/${name}=${value}`);
  await shell('kubectl', [...ANNOTATE, ...settings]);
  const rolled = rolledOut(stage).then(() => secondsSince(began));
  await soon('no RRPair of the shop is in the control plane', async () => {
    const { items } = await cloud.call('traffic', { query: { from, limit: 500 } });
    return items.some(({ service }) => service.endsWith(`/${TARGET.name}`));
  });
  const visibleS = secondsSince(began);
  return { podReadyS: await rolled, visibleS };
}

/** Takes our annotations away again. */
export async function takeAnnotations({ shell }: ClusterStage): Promise<void> {
  const names = Object.keys(SETTINGS).map((name) => `sidecar.echoplane.dev/${name}-`);
  await shell('kubectl', [...ANNOTATE, ...names]);
}

/** Likewise, and waits until the pods are plain. */
export async function unannotate(stage: ClusterStage): Promise<void> {
  await takeAnnotations(stage);
  await rolledOut(stage);
  await onePod(stage);
}

/** The pods from before the rollout are gone: what they still record would count as the next one's. */
async function onePod({ client }: ClusterStage): Promise<void> {
  await soon('a pod from before is still there', async () => {
    let pods = 0;
    const labelSelector = 'app.kubernetes.io/name=shop';
    for await (const _ of client.list(RESOURCES.pods, { namespace: DEMO, labelSelector })) pods++;
    return pods === 1;
  });
}
