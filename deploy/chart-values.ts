// What each chart takes, as zod schemas: values.schema.json is made of them, so that helm names a bad value before
// anything is rendered. What a missing value is for and how one is got is said by the charts' own checks (_validate.tpl).
import { InstallConfig, MaintenanceWindow } from '@echoplane/resources';
import { LOG_LEVELS } from '@echoplane/runtime';
import { z } from 'zod';

const labels = z.record(z.string(), z.string());
const text = z.string();
const resources = InstallConfig.shape.replay.unwrap().shape.generator;
const scheduling = {
  nodeSelector: labels,
  tolerations: z.array(z.unknown()),
  affinity: z.record(z.string(), z.unknown()),
  priorityClassName: text,
};
const replicas = z.int().min(1).max(20);
const image = {
  repository: text,
  tag: text,
  digest: text.regex(/^(sha256:[0-9a-f]{64})?$/),
  pullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']),
  pullSecrets: z.array(z.strictObject({ name: text })),
};
const namespace = text.regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
const install = InstallConfig.shape;

/** Values of charts/echoplane: those of install.json under the same names, and what only the chart knows. */
const EchoplaneValues = z.strictObject({
  global: z.unknown().optional(),
  clusterName: text.max(253),
  cloud: z.strictObject({ url: text }),
  apiKey: text,
  existingSecret: text,
  image: z.strictObject(image),
  namespaces: z.array(namespace).max(500),
  dashboardAccess: z.boolean(),
  updates: install.updates.unwrap(),
  /** Helm takes out what is null. */
  maintenanceWindow: MaintenanceWindow.nullable().optional(),
  storeAccess: install.storeAccess.unwrap(),
  operator: z.strictObject({
    replicas,
    logLevel: z.enum(LOG_LEVELS),
    resources,
    podAnnotations: labels,
    ...scheduling,
  }),
  forwarder: install.forwarder,
  inspector: install.inspector,
  replay: install.replay,
  crds: z.strictObject({ install: z.boolean(), keep: z.boolean() }),
  networkPolicy: z.strictObject({ enabled: z.boolean() }),
  monitoring: z.strictObject({
    namespaceSelector: z.strictObject({
      matchLabels: labels.optional(),
      matchExpressions: z.array(z.unknown()).optional(),
    }),
    serviceMonitor: z.strictObject({ enabled: z.boolean(), interval: text, labels }),
    prometheusRule: z.strictObject({ enabled: z.boolean(), labels }),
  }),
  uninstall: z.strictObject({ cleanUp: z.boolean(), deadlineSeconds: z.int().min(30).max(86_400) }),
});

const volume = z.strictObject({ size: text, className: text, ephemeral: z.boolean() });
const CloudValues = z.strictObject({
  global: z.unknown().optional(),
  profile: z.enum(['trial', 'production']),
  image: z.strictObject(image),
  tenantName: text.max(120),
  admin: z.strictObject({ email: text.max(254), password: text }),
  existingSecret: text,
  serve: z.strictObject({ replicas, resources, ...scheduling }),
  worker: z.strictObject({ replicas, resources, ...scheduling }),
  logLevel: z.enum(LOG_LEVELS),
  database: z.strictObject({
    ...{ host: text, port: z.int().min(1).max(65_535), name: text, owner: text },
    ...{ ownerPassword: text, parameters: text },
  }),
  postgres: z.strictObject({
    image: text,
    imagePullPolicy: image.pullPolicy,
    user: z.int().min(1),
    resources,
    storage: volume,
  }),
  store: z.strictObject({
    folder: volume,
    s3: z.strictObject({
      ...{ bucket: text, prefix: text, region: text, endpoint: text, kmsKeyId: text },
      pathStyle: z.boolean(),
    }),
    envFromSecrets: z.array(text),
  }),
  serviceAccount: z.strictObject({ annotations: labels }),
  service: z.strictObject({ type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer']), port: z.int() }),
  ingress: z.strictObject({
    enabled: z.boolean(),
    className: text,
    host: text,
    tlsSecret: text,
    annotations: labels,
  }),
  networkPolicy: z.strictObject({ enabled: z.boolean() }),
});

const DemoValues = z.strictObject({
  global: z.unknown().optional(),
  image: z.strictObject(image),
  build: z.enum(['v1', 'v2']),
  postgres: z.strictObject({
    image: text,
    imagePullPolicy: image.pullPolicy,
    user: z.int().min(1),
  }),
  capture: z.strictObject({ enabled: z.boolean(), annotations: labels }),
  client: z.strictObject({
    ...{ enabled: z.boolean(), sessions: z.int().min(1).max(100_000) },
    ...{ concurrency: z.int().min(1).max(100), thinkMs: z.int().min(0).max(60_000) },
  }),
  resources,
});

/** By chart: the JSON Schema of its values. */
export const VALUES_SCHEMAS: Readonly<Record<string, unknown>> = Object.fromEntries(
  Object.entries({
    echoplane: EchoplaneValues,
    'echoplane-cloud': CloudValues,
    'echoplane-demo': DemoValues,
  }).map(([chart, schema]) => [chart, z.toJSONSchema(schema, { target: 'draft-7', io: 'input' })]),
);
