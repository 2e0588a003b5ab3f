// The resources we work with.
import type { Resource } from './contract.ts';

const core = (plural: string, kind: string, namespaced = true): Resource => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced,
});
const grouped = (
  group: string,
  version: string,
  plural: string,
  kind: string,
  namespaced = true,
): Resource => ({ group, version, plural, kind, namespaced });

export const RESOURCES = {
  pods: core('pods', 'Pod'),
  services: core('services', 'Service'),
  secrets: core('secrets', 'Secret'),
  configMaps: core('configmaps', 'ConfigMap'),
  events: core('events', 'Event'),
  namespaces: core('namespaces', 'Namespace', false),
  nodes: core('nodes', 'Node', false),
  serviceAccounts: core('serviceaccounts', 'ServiceAccount'),
  endpointSlices: grouped('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice'),
  deployments: grouped('apps', 'v1', 'deployments', 'Deployment'),
  statefulSets: grouped('apps', 'v1', 'statefulsets', 'StatefulSet'),
  daemonSets: grouped('apps', 'v1', 'daemonsets', 'DaemonSet'),
  replicaSets: grouped('apps', 'v1', 'replicasets', 'ReplicaSet'),
  jobs: grouped('batch', 'v1', 'jobs', 'Job'),
  cronJobs: grouped('batch', 'v1', 'cronjobs', 'CronJob'),
  rollouts: grouped('argoproj.io', 'v1alpha1', 'rollouts', 'Rollout'),
  leases: grouped('coordination.k8s.io', 'v1', 'leases', 'Lease'),
  mutatingWebhooks: grouped(
    'admissionregistration.k8s.io',
    'v1',
    'mutatingwebhookconfigurations',
    'MutatingWebhookConfiguration',
    false,
  ),
  validatingWebhooks: grouped(
    'admissionregistration.k8s.io',
    'v1',
    'validatingwebhookconfigurations',
    'ValidatingWebhookConfiguration',
    false,
  ),
  crds: grouped('apiextensions.k8s.io', 'v1', 'customresourcedefinitions', 'CustomResourceDefinition', false),
  podDisruptionBudgets: grouped('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget'),
  tokenReviews: grouped('authentication.k8s.io', 'v1', 'tokenreviews', 'TokenReview', false),
  subjectAccessReviews: grouped(
    'authorization.k8s.io',
    'v1',
    'selfsubjectaccessreviews',
    'SelfSubjectAccessReview',
    false,
  ),
  trafficReplays: grouped('echoplane.dev', 'v1', 'trafficreplays', 'TrafficReplay'),
  captureConfigs: grouped('echoplane.dev', 'v1', 'captureconfigs', 'CaptureConfig'),
  clusterCaptureConfigs: grouped(
    'echoplane.dev',
    'v1',
    'clustercaptureconfigs',
    'ClusterCaptureConfig',
    false,
  ),
} as const satisfies Record<string, Resource>;
