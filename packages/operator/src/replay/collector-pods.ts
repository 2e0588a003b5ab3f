// The collector of a replay: it watches the pods of the workloads and of the replay, and tells the forwarder. Pure.
import type { Obj } from '@echoplane/kube';
import { PORTS, REPLAY_LABEL, SERVICES } from '@echoplane/resources';
import type { Setting } from './facts.ts';
import { baseName, type TrafficReplay, workloadKey } from './replay-object.ts';
import { envOf, podTemplate, replayLabels } from './replay-pods.ts';
import type { TargetFact } from './target-state.ts';

export function collectorDeployment(
  replay: TrafficReplay,
  targets: readonly TargetFact[],
  setting: Setting,
): Obj {
  const { metadata, status } = replay;
  const { namespace } = setting;
  const name = `${baseName(metadata.uid)}-collector`;
  const selector = { 'app.kubernetes.io/name': name };
  const watched = targets.filter(({ selector: labels }) => labels !== '');
  const pods = [
    `${namespace}/${REPLAY_LABEL}=${metadata.uid}`,
    ...watched.map((target) => `${target.namespace}/${target.selector}`),
  ];
  const template = podTemplate(
    replay,
    {
      ...{ role: 'collector', name, asksApi: true },
      workload: targets[0] ?? { namespace: metadata.namespace, kind: 'TrafficReplay', name: metadata.name },
      env: envOf({
        TARGETS: pods.join(';'),
        WORKLOADS: targets.length > 0 ? targets.map(workloadKey).join(',') : undefined,
        SINCE: status.stages[0]?.start,
        FORWARDER_URL: `https://${SERVICES.forwarder}.${namespace}.svc:${PORTS.forwarderCluster}`,
        ...{ HOST: '0.0.0.0', ADMIN_PORT: PORTS.admin },
      }),
      ports: [{ name: 'admin', containerPort: PORTS.admin }],
      isReadyAt: { path: '/readyz', port: 'admin' },
    },
    setting,
  );
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment' },
    metadata: { name, namespace, labels: { ...replayLabels(metadata.uid, 'collector'), ...selector } },
    spec: { replicas: 1, selector: { matchLabels: selector }, template },
  };
}
