// Manifests of every kind with every edge case: what the invariants of injection are held against, here and in a real API
// server. Each is complete and valid; those of level `restricted` pass Pod Security restricted before injection.
import type { KubeObject, PodTemplate } from '@echoplane/resources';
import type { ManifestFacts } from './inject-manifest.ts';
import { type Case, type Level, PODS, plainPod, SETTINGS } from './manifest-cases.fixture.ts';

export interface Manifest {
  name: string;
  level: Level;
  object: KubeObject;
}

export const FACTS: ManifestFacts = {
  image: 'registry.example.com/echoplane:1.0.0',
  imagePullPolicy: 'IfNotPresent',
  cluster: 'test',
  installNamespace: 'echoplane',
  namespace: 'default',
  podSecurity: 'privileged',
  nativeSidecars: true,
  namespaceLabels: {},
  captureConfigs: [],
  clusterConfigs: [],
};

export const KINDS = [
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'ReplicaSet',
  'Job',
  'CronJob',
  'Rollout',
  'Pod',
];

/** All of them: every kind with every case. */
export const MANIFESTS: readonly Manifest[] = KINDS.flatMap((kind) =>
  [...SETTINGS, ...PODS].map((one) => ({
    name: `${kind} ${one.name}`,
    level: one.level ?? 'restricted',
    object: manifest(kind, one),
  })),
);

function manifest(kind: string, { name, settings = {}, annotations, labels = {}, change }: Case): KubeObject {
  const spec = plainPod();
  change?.(spec, spec.containers[0]!);
  const own = { inject: 'true', ...settings };
  const marks = Object.fromEntries(
    Object.entries(own).map(([key, value]) => [`sidecar.echoplane.dev/${key}`, value]),
  );
  const metadata = { name: `${kind.toLowerCase()}-${name}`, annotations: { ...marks, owner: 'me' } };
  const template: PodTemplate = {
    metadata: { labels: { app: name, ...labels }, ...(annotations && { annotations }) },
    spec,
  };
  const selector = { matchLabels: { app: name } };
  if (kind === 'Job' || kind === 'CronJob') spec.restartPolicy = 'Never';
  if (kind === 'Pod')
    return {
      apiVersion: 'v1',
      kind,
      metadata: {
        ...metadata,
        labels: template.metadata!.labels!,
        annotations: { ...metadata.annotations, ...annotations },
      },
      spec,
    };
  const groups: Record<string, string> = {
    Job: 'batch/v1',
    CronJob: 'batch/v1',
    Rollout: 'argoproj.io/v1alpha1',
  };
  const inner = kind === 'Job' ? { template } : { selector, template };
  const body: Record<string, unknown> =
    kind === 'CronJob'
      ? { schedule: '0 * * * *', jobTemplate: { spec: { template } } }
      : { ...inner, ...(kind === 'StatefulSet' && { serviceName: 'x' }) };
  return { apiVersion: groups[kind] ?? 'apps/v1', kind, metadata, spec: body };
}
