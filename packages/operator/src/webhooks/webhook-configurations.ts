// The webhook configurations for an operator outside a cluster, whole: which objects the API server asks us about, under
// which conditions, and for how long it waits. Inside, the chart has the same; a test holds them together. Pure.
import type { Obj } from '@echoplane/kube';
import {
  GROUP,
  IGNORE_KEY,
  INJECT_LABEL,
  type InstallConfig,
  MANAGED_LABEL,
  MANAGED_VALUE,
  REPLAY_PREFIX,
  SERVICES,
  SIDECAR_PREFIX,
  VERSION,
  WEBHOOK_CONFIGURATION,
  WEBHOOK_PATHS,
} from '@echoplane/resources';

export interface WebhookTarget {
  installNamespace: string;
  /** Instead of the Service. */
  url?: string | undefined;
  /** PEM roots. */
  roots: string;
  namespaces: InstallConfig['namespaces'];
  /** How long the API server waits for any of them, instead of the usual times. */
  timeoutS?: number | undefined;
}

const TIMEOUT_S = 2;
const OWN_TIMEOUT_S = 5;

const SYSTEM_NAMESPACES = ['kube-system', 'kube-public', 'kube-node-lease'];
const ONES_OF_OURS = `exists(k, k.startsWith("${SIDECAR_PREFIX}") || k.startsWith("${REPLAY_PREFIX}"))`;
const WORKLOAD_CONDITIONS = [
  {
    name: 'not-made-by-a-controller',
    expression:
      '!has(object.metadata.ownerReferences) || !object.metadata.ownerReferences.exists(o, has(o.controller) && o.controller)',
  },
  // Removing our annotations concerns us too: then only the old object has them.
  {
    name: 'ours',
    expression: [
      '[object, oldObject].exists(o, o != null && (',
      `(has(o.metadata.annotations) && o.metadata.annotations.${ONES_OF_OURS}) ||`,
      '(has(o.spec.template) && has(o.spec.template.metadata) && has(o.spec.template.metadata.annotations) &&',
      `o.spec.template.metadata.annotations.${ONES_OF_OURS}) ||`,
      '(has(o.spec.jobTemplate) && has(o.spec.jobTemplate.spec.template.metadata) &&',
      'has(o.spec.jobTemplate.spec.template.metadata.annotations) &&',
      `o.spec.jobTemplate.spec.template.metadata.annotations.${ONES_OF_OURS})))`,
    ].join(' '),
  },
];
/** A deleted object is left to its finalizers, and a change that leaves the spec alone waits for nobody. */
const OWN_CONDITIONS = [
  { name: 'not-being-deleted', expression: '!has(object.metadata.deletionTimestamp)' },
  { name: 'new-or-changed', expression: 'oldObject == null || object.spec != oldObject.spec' },
];

const rule = (group: string, version: string, resources: string[], operations = ['CREATE', 'UPDATE']) => ({
  ...{ apiGroups: [group], apiVersions: [version], operations, resources },
});
const namespaced = (one: object) => ({ ...one, scope: 'Namespaced' });
const POD_RULES = [namespaced(rule('', 'v1', ['pods'], ['CREATE']))];
const WORKLOAD_RULES = [
  rule('apps', 'v1', ['deployments', 'statefulsets', 'daemonsets', 'replicasets']),
  rule('batch', 'v1', ['cronjobs']),
  // The template of a Job cannot be changed.
  rule('batch', 'v1', ['jobs'], ['CREATE']),
  rule('argoproj.io', 'v1alpha1', ['rollouts']),
].map(namespaced);
const REPLAY_RULES = [namespaced(rule(GROUP, VERSION, ['trafficreplays']))];
const CONFIG_RULES = [rule(GROUP, VERSION, ['captureconfigs', 'clustercaptureconfigs'])];

/** Both configurations. */
export function webhookConfigurations(target: WebhookTarget): { mutating: Obj; validating: Obj } {
  const { timeoutS } = target;
  const of = (kind: string, webhooks: object[]): Obj => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind,
    metadata: { name: WEBHOOK_CONFIGURATION, labels: { [MANAGED_LABEL]: MANAGED_VALUE } },
    webhooks: webhooks.map((one) => ({ ...one, ...(timeoutS && { timeoutSeconds: timeoutS }) })),
  });
  return {
    mutating: of('MutatingWebhookConfiguration', mutatingWebhooks(target)),
    validating: of('ValidatingWebhookConfiguration', validatingWebhooks(target)),
  };
}

function mutatingWebhooks(target: WebhookTarget): object[] {
  const injecting = {
    ...{ failurePolicy: 'Ignore', timeoutSeconds: TIMEOUT_S },
    ...{ reinvocationPolicy: 'IfNeeded', sideEffects: 'NoneOnDryRun' },
  };
  return [
    {
      ...entry(target, 'pods', WEBHOOK_PATHS.pods),
      ...namespaceSelector(target),
      ...{ objectSelector: { matchLabels: { [INJECT_LABEL]: 'true' } }, rules: POD_RULES, ...injecting },
    },
    {
      ...entry(target, 'workloads', WEBHOOK_PATHS.workloads),
      ...namespaceSelector(target),
      ...{ rules: WORKLOAD_RULES, matchConditions: WORKLOAD_CONDITIONS, ...injecting },
    },
    { ...entry(target, 'replays', WEBHOOK_PATHS.replays), rules: REPLAY_RULES, ...CLOSED },
  ];
}

/** What is ours alone may fail: nobody's pods wait for it. */
const CLOSED = {
  ...{
    matchConditions: OWN_CONDITIONS,
    failurePolicy: 'Fail',
    timeoutSeconds: OWN_TIMEOUT_S,
    sideEffects: 'None',
  },
};

function validatingWebhooks(target: WebhookTarget): object[] {
  return [
    {
      ...entry(target, 'validate-workloads', WEBHOOK_PATHS.validateWorkloads),
      ...namespaceSelector(target),
      ...{ rules: WORKLOAD_RULES, matchConditions: WORKLOAD_CONDITIONS },
      ...{ failurePolicy: 'Ignore', timeoutSeconds: TIMEOUT_S, sideEffects: 'None' },
    },
    { ...entry(target, 'validate-replays', WEBHOOK_PATHS.validateReplays), rules: REPLAY_RULES, ...CLOSED },
    { ...entry(target, 'capture-configs', WEBHOOK_PATHS.captureConfigs), rules: CONFIG_RULES, ...CLOSED },
  ];
}

function entry({ installNamespace, url, roots }: WebhookTarget, name: string, path: string) {
  const caBundle = Buffer.from(roots).toString('base64');
  const service = { name: SERVICES.operator, namespace: installNamespace, path, port: 443 };
  return {
    name: `${name}.${GROUP}`,
    clientConfig: url ? { caBundle, url: `${url.replace(/\/+$/, '')}${path}` } : { caBundle, service },
    admissionReviewVersions: ['v1'],
  };
}

function namespaceSelector({ installNamespace, namespaces }: WebhookTarget) {
  const key = 'kubernetes.io/metadata.name';
  return {
    namespaceSelector: {
      matchExpressions: [
        { key, operator: 'NotIn', values: [...SYSTEM_NAMESPACES, installNamespace] },
        { key: IGNORE_KEY, operator: 'NotIn', values: ['true'] },
        ...(namespaces.length > 0 ? [{ key, operator: 'In', values: namespaces }] : []),
      ],
    },
  };
}
