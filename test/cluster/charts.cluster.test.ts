// The charts against a real API server: every combination of values renders to objects it accepts, with the names that the
// programs use and no right beyond those written here; and an upgrade leaves the operator's certificate in the webhooks. It is over 400 lines because all of it shares the rendered
// charts and one API server.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  commandOf,
  INSTALL_CONFIG_MAP,
  INSTALL_NAMESPACE,
  InstallConfig,
  PORTS,
  SECRETS,
  SERVICES,
  SIDECAR_UID,
  WEBHOOK_CONFIGURATION,
  WEBHOOK_PATHS,
  WORKLOADS,
} from '@echoplane/resources';
import { envName } from '@echoplane/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { renderedManifests } from '../../deploy/charts.ts';
import { InitConfig, ServeConfig, WorkerConfig } from '../../packages/cloud/src/config.ts';
import { operatorConfig } from '../../packages/operator/src/config.ts';
import { type ApiServer, startApiServer } from './api-server.ts';
import { clientPrograms } from './binaries.ts';

const ROOT = join(import.meta.dirname, '../..');
const NAMESPACES = [INSTALL_NAMESPACE, 'a', 'b'];
const KEY = `ep_01234567_${'k'.repeat(43)}`;
const BASE = {
  clusterName: 'test',
  cloud: { url: 'https://cloud.example.com' },
  apiKey: KEY,
  image: { repository: 'registry.example.com/echoplane', tag: '1' },
};
const STORE = { env: { ECHOPLANE_S3_BUCKET: 'b' }, envFromSecrets: ['bucket'], ship: 'store' };

// biome-ignore lint/suspicious/noExplicitAny: any object of Kubernetes
type Obj = any;
type Values = Record<string, unknown>;

/** By chart and by what is tried. */
const MATRIX: Record<string, Record<string, Values>> = {
  echoplane: {
    'the four values': BASE,
    'some namespaces': { ...BASE, namespaces: ['a', 'b'] },
    'no access from the dashboard': { ...BASE, dashboardAccess: false },
    'a private store': { ...BASE, storeAccess: 'private', forwarder: STORE },
    'a Secret of their own': { ...BASE, apiKey: '', existingSecret: 'mine' },
    'a digest, pull secrets and one replica': {
      ...BASE,
      image: { ...BASE.image, digest: `sha256:${'0'.repeat(64)}`, pullSecrets: [{ name: 'p' }] },
      operator: { replicas: 1, priorityClassName: 'high', tolerations: [{ operator: 'Exists' }] },
    },
    'no CRDs, no policies, no clean-up': {
      ...BASE,
      ...{ crds: { install: false }, networkPolicy: { enabled: false }, uninstall: { cleanUp: false } },
    },
    'a selector for Prometheus': {
      ...BASE,
      monitoring: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } },
    },
    'storage, windows and updates': {
      ...BASE,
      ...{ updates: 'stable', maintenanceWindow: { days: ['Sat'], from: '02:00', hours: 4 } },
      forwarder: { storage: { size: '1Gi', className: 'fast' }, serviceAccountAnnotations: { a: 'b' } },
      replay: { nodeSelector: { pool: 'tests' }, affinity: { nodeAffinity: {} } },
    },
  },
  'echoplane-cloud': {
    trial: { image: BASE.image },
    'trial without volumes': {
      image: BASE.image,
      postgres: { storage: { ephemeral: true } },
      store: { folder: { ephemeral: true } },
    },
    production: {
      ...{ profile: 'production', image: BASE.image, serviceAccount: { annotations: { role: 'r' } } },
      database: { host: 'db', ownerPassword: 'p', parameters: 'sslmode=verify-full' },
      store: { s3: { bucket: 'b' }, envFromSecrets: ['bucket'] },
      ingress: { enabled: true, host: 'e.example.com', tlsSecret: 'tls', className: 'nginx' },
    },
    'a Secret of their own': { image: BASE.image, existingSecret: 'mine' },
  },
  'echoplane-demo': {
    recorded: { image: BASE.image },
    'v2, nobody buys': {
      image: BASE.image,
      build: 'v2',
      client: { enabled: false },
      capture: { enabled: false },
    },
  },
};
const CASES = Object.entries(MATRIX).flatMap(([chart, cases]) =>
  Object.entries(cases).map(([name, values]) => ({ chart, name, values })),
);

let cluster: ApiServer;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'echoplane-charts-'));
  cluster = await startApiServer();
  for (const name of NAMESPACES) await cluster.kubectl(['create', 'namespace', name]);
});
afterAll(async () => {
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function valuesFile(values: Values): Promise<string> {
  const file = join(folder, 'values.yaml');
  await writeFile(file, stringify(values));
  return file;
}

async function template(chart: string, values: Values): Promise<string> {
  const file = await valuesFile(values);
  return cluster.helm(['template', chart, join(ROOT, 'charts', chart), '-n', INSTALL_NAMESPACE, '-f', file]);
}

function objectsOf(text: string): Obj[] {
  return [...parseAllDocuments(text)].map((document) => document.toJS()).filter((object) => object !== null);
}
const named = (objects: Obj[], kind: string, name: string): Obj =>
  objects.find((object) => object.kind === kind && object.metadata.name === name);

describe.each(CASES)('$chart with $name', ({ chart, values }) => {
  test('is sound to helm lint, and the API server takes every object', async () => {
    const file = await valuesFile(values);
    await cluster.helm(['lint', '--strict', join(ROOT, 'charts', chart), '-f', file]);
    const text = await template(chart, values);
    const told = await cluster.kubectl(['apply', '--server-side', '--dry-run=server', '-f', '-'], {
      input: text,
    });
    expect(told.trim().split('\n')).toHaveLength(objectsOf(text).length);
  });

  test('runs every container restricted, with limits, as somebody who is not root', async () => {
    for (const { kind, spec } of objectsOf(await template(chart, values))) {
      if (!['Deployment', 'StatefulSet', 'Job'].includes(kind)) continue;
      const pod = spec.template.spec;
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
        expect(container.securityContext).toEqual({
          ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
          capabilities: { drop: ['ALL'] },
        });
        expect(container.resources.limits.memory).toBeTruthy();
      }
    }
  });
});

describe.each(Object.entries(MATRIX.echoplane!))('install.json with %s', (_, values) => {
  test('is an InstallConfig', async () => {
    const config = named(objectsOf(await template('echoplane', values)), 'ConfigMap', INSTALL_CONFIG_MAP);
    const install = InstallConfig.parse(JSON.parse(config.data['install.json']));
    expect(install).toMatchObject({ clusterName: 'test', cloudUrl: 'https://cloud.example.com' });
    expect(install.dashboardAccess).toBe(values.dashboardAccess ?? true);
    expect(install.apiKeySecret).toBe(values.existingSecret ?? SECRETS.cloud);
    expect(install.namespaces).toEqual(values.namespaces ?? []);
  });
});

describe('charts/echoplane', () => {
  test('with the four values says what install.json would be without any more', async () => {
    const config = named(objectsOf(await template('echoplane', BASE)), 'ConfigMap', INSTALL_CONFIG_MAP);
    const { clusterName, cloudUrl, image } = JSON.parse(config.data['install.json']);
    expect(InstallConfig.parse(JSON.parse(config.data['install.json']))).toEqual(
      InstallConfig.parse({ clusterName, cloudUrl, image }),
    );
  });

  test('uses the names, ports and commands of the programs', async () => {
    const objects = objectsOf(await template('echoplane', BASE));
    const operator = named(objects, 'Deployment', WORKLOADS.operator);
    const [container] = operator.spec.template.spec.containers;
    expect(container.command).toEqual(commandOf('operator'));
    expect(container.ports.map((port: Obj) => port.containerPort)).toEqual([
      ...[PORTS.webhooks, PORTS.artifacts, PORTS.admin],
    ]);
    expect(operator.spec.template.spec.securityContext.runAsUser).toBe(SIDECAR_UID);
    const job = named(objects, 'Job', 'echoplane-uninstall');
    expect(job.spec.template.spec.containers[0].command).toEqual(commandOf('operator', 'uninstall'));
    expect(named(objects, 'Service', SERVICES.operator).spec.ports.map((port: Obj) => port.port)).toEqual([
      ...[443, PORTS.artifacts],
    ]);
    expect(named(objects, 'Secret', SECRETS.cloud).stringData).toEqual({ apiKey: KEY });
    for (const name of Object.values(WORKLOADS)) expect(named(objects, 'ServiceAccount', name)).toBeTruthy();
  });

  test('sets variables that the operator knows, and every one it must have', async () => {
    const operator = named(objectsOf(await template('echoplane', BASE)), 'Deployment', WORKLOADS.operator);
    const given = operator.spec.template.spec.containers[0].env.map(({ name }: Obj) => name);
    const known = Object.keys(operatorConfig.shape).map(envName);
    expect(given.filter((name: string) => !known.includes(name))).toEqual([]);
    const needed = Object.entries(operatorConfig.shape).filter(
      ([, field]) => !field.safeParse(undefined).success,
    );
    expect(needed.map(([field]) => envName(field)).filter((name) => !given.includes(name))).toEqual([]);
  });

  test('asks about everything the operator serves, and fails open for what is not ours', async () => {
    const objects = objectsOf(await template('echoplane', BASE));
    const webhooks = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'].flatMap(
      (kind) => named(objects, kind, WEBHOOK_CONFIGURATION).webhooks,
    );
    const paths = webhooks.map((webhook) => webhook.clientConfig.service.path);
    expect(paths.sort()).toEqual(Object.values(WEBHOOK_PATHS).sort());
    for (const webhook of webhooks) {
      expect(webhook.clientConfig.caBundle).toBeUndefined();
      const isOurKind = webhook.rules.every((rule: Obj) => rule.apiGroups.join() === 'echoplane.dev');
      expect(webhook.failurePolicy).toBe(isOurKind ? 'Fail' : 'Ignore');
    }
  });

  test('leaves out the inspector and its rights without access from the dashboard', async () => {
    const text = await template('echoplane', {
      ...BASE,
      dashboardAccess: false,
      networkPolicy: { enabled: false },
    });
    expect(text).not.toContain(WORKLOADS.inspector);
  });
});

describe('NetworkPolicies', () => {
  /** `component`: port or range ← who; nothing for everybody. */
  async function openings(values: Values): Promise<Record<string, string[]>> {
    const policies = objectsOf(await template('echoplane', values)).filter(
      ({ kind }) => kind === 'NetworkPolicy',
    );
    const who = ({ podSelector, namespaceSelector }: Obj) => {
      if (namespaceSelector) return `namespaces ${Object.values(namespaceSelector.matchLabels)}`;
      const labels = podSelector.matchLabels ?? {};
      return labels['app.kubernetes.io/component'] ?? labels['app.kubernetes.io/part-of'] ?? 'our namespace';
    };
    const one = ({ ports, from }: Obj) => {
      const list = ports.map(({ port, endPort }: Obj) => (endPort ? `${port}-${endPort}` : port)).join(' ');
      return from ? `${list} from ${from.map(who).join(', ')}` : list;
    };
    return Object.fromEntries(
      policies.map(({ spec }) => {
        expect(spec.policyTypes).toEqual(['Ingress']);
        return [spec.podSelector.matchLabels['app.kubernetes.io/component'], spec.ingress.map(one)];
      }),
    );
  }

  test('open to all only what anybody may need, and health and metrics to our namespace', async () => {
    const admin = [`${PORTS.admin} from our namespace`];
    expect(await openings(BASE)).toEqual({
      operator: [`${PORTS.webhooks}`, `${PORTS.artifacts} from our namespace`, ...admin],
      forwarder: [`${PORTS.forwarder}`, `${PORTS.forwarderCluster} from echoplane`, ...admin],
      responder: [`1-${PORTS.admin - 1} ${PORTS.admin + 1}-65535`, `${PORTS.admin} from operator`],
      ...{ inspector: admin, generator: admin, collector: admin },
    });
  });

  test('let Prometheus in where it is', async () => {
    const monitoring = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'prom' } } };
    for (const [component, rules] of Object.entries(await openings({ ...BASE, monitoring })))
      expect(rules.at(-1), component).toMatch(/^4152 from (our namespace|operator), namespaces prom$/);
  });
});

test('alarms name what is measured, and render whole', async () => {
  const monitoring = { prometheusRule: { enabled: true } };
  const rule = named(
    objectsOf(await template('echoplane', { ...BASE, monitoring })),
    'PrometheusRule',
    'echoplane',
  );
  const rules: Obj[] = rule.spec.groups[0].rules;
  expect(rules.map(({ alert }) => alert)).toHaveLength(4);
  for (const { expr } of rules) {
    expect(expr).toMatch(/echoplane_|up\{/);
    expect(expr.split('(').length).toBe(expr.split(')').length);
  }
  expect(rules.find(({ alert }) => alert === 'EchoplaneSpoolFills').expr).toMatch(
    /> echoplane_forwarder_spool_max_bytes$/,
  );
});

describe('rights', () => {
  interface Right {
    account: string;
    everywhere: boolean;
    namespace: string | undefined;
    rule: { apiGroups: string[]; resources: string[]; verbs: string[]; resourceNames?: string[] };
  }
  async function rights(values: Values): Promise<Right[]> {
    const roles = objectsOf(await template('echoplane', values)).filter(({ kind }) => /Role$/.test(kind));
    return roles.flatMap(({ kind, metadata, rules }) =>
      rules.map((rule: Right['rule']) => ({
        account: metadata.name,
        everywhere: kind === 'ClusterRole',
        namespace: metadata.namespace,
        rule,
      })),
    );
  }
  const outside = (right: Right) => right.everywhere || right.namespace !== INSTALL_NAMESPACE;

  test('are named one by one: no * and no way to more', async () => {
    for (const { rule } of await rights(BASE)) {
      expect([...rule.apiGroups, ...rule.resources, ...rule.verbs]).not.toContain('*');
      for (const verb of ['escalate', 'bind', 'impersonate', 'deletecollection'])
        expect(rule.verbs).not.toContain(verb);
      for (const resource of [
        'pods/exec',
        'pods/attach',
        'pods/portforward',
        'serviceaccounts/token',
        'nodes/proxy',
      ])
        expect(rule.resources).not.toContain(resource);
    }
  });

  test('outside of our namespace read no Secret but echoplane-ca, and delete nothing of others', async () => {
    for (const right of (await rights(BASE)).filter(outside)) {
      const { rule } = right;
      if (rule.resources.includes('secrets') && rule.verbs.join() !== 'create')
        expect(rule.resourceNames).toEqual(['echoplane-ca']);
      if (rule.verbs.includes('delete'))
        expect(['echoplane-ca', 'trafficreplays']).toContain(
          rule.resourceNames?.[0] ?? rule.resources.join(),
        );
    }
  });

  test('with namespaces are in Roles there, but for tokens, our own webhooks and what a diagnosis looks at', async () => {
    const cluster = (await rights({ ...BASE, namespaces: ['a', 'b'] })).filter(
      ({ everywhere }) => everywhere,
    );
    expect(
      cluster.map(({ account, rule }) => `${account}: ${rule.resources.join()} ${rule.resourceNames ?? ''}`),
    ).toEqual([
      'echoplane-operator: tokenreviews ',
      'echoplane-operator: mutatingwebhookconfigurations,validatingwebhookconfigurations echoplane',
      'echoplane-forwarder: tokenreviews ',
      'echoplane-inspector: nodes ',
      'echoplane-inspector: customresourcedefinitions trafficreplays.echoplane.dev,captureconfigs.echoplane.dev,clustercaptureconfigs.echoplane.dev',
      'echoplane-inspector: mutatingwebhookconfigurations,validatingwebhookconfigurations echoplane',
      'echoplane-inspector: subjectaccessreviews ',
    ]);
  });
});

describe('what is missing or wrong', () => {
  const refused = async (chart: string, values: Values) =>
    template(chart, values).then(
      () => 'accepted',
      (err: Error) => err.message,
    );

  test('is told at once, with how to get it', async () => {
    const told = await refused('echoplane', {});
    for (const value of ['clusterName', 'cloud.url', 'apiKey', 'image.repository'])
      expect(told).toContain(`${value} is missing: `);
  });

  test.each<[string, Values, string]>([
    ['echoplane', { ...BASE, colour: 'red' }, "additional properties 'colour' not allowed"],
    ['echoplane', { ...BASE, operator: { replicas: 0 } }, "at '/operator/replicas'"],
    ['echoplane', { ...BASE, forwarder: { ship: 'pigeon' } }, "at '/forwarder/ship'"],
    ['echoplane', { ...BASE, cloud: { url: 'cloud.example.com' } }, 'must be http:// or https://'],
    ['echoplane', { ...BASE, apiKey: 'short' }, 'apiKey is not a key'],
    ['echoplane', { ...BASE, existingSecret: 'mine' }, 'choose one'],
    ['echoplane', { ...BASE, namespaces: ['kube-system'] }, 'nothing is ever captured'],
    ['echoplane', { ...BASE, storeAccess: 'private' }, 'ECHOPLANE_S3_BUCKET'],
    ['echoplane', { ...BASE, forwarder: { ship: 'firehose' } }, 'ECHOPLANE_FIREHOSE_STREAM'],
    [
      'echoplane',
      { ...BASE, monitoring: { serviceMonitor: { enabled: true } } },
      'monitoring.namespaceSelector is missing',
    ],
    ['echoplane-cloud', {}, 'image.repository is missing'],
    ['echoplane-cloud', { image: BASE.image, profile: 'production' }, 'database.host is missing'],
    ['echoplane-cloud', { image: BASE.image, ingress: { enabled: true } }, 'ingress.host is missing'],
    ['echoplane-demo', {}, 'image.repository is missing'],
    ['echoplane-demo', { image: BASE.image, build: 'v3' }, "at '/build'"],
  ])('%s refuses %j', async (chart, values, sentence) => {
    expect(await refused(chart, values)).toContain(sentence);
  });
});

describe('charts/echoplane-cloud', () => {
  test.each(['trial', 'production'])('sets variables that the programs know (%s)', async (name) => {
    const objects = objectsOf(await template('echoplane-cloud', MATRIX['echoplane-cloud']![name]!));
    const known: Record<string, string[]> = {
      init: Object.keys(InitConfig.shape).map(envName),
      serve: Object.keys(ServeConfig.shape).map(envName),
      worker: Object.keys(WorkerConfig.shape).map(envName),
    };
    const pods = objects.filter(({ kind }) => kind === 'Deployment').map(({ spec }) => spec.template.spec);
    const containers = pods.flatMap((pod) => [...pod.initContainers, ...pod.containers]);
    expect([...new Set(containers.map((container) => container.name))].sort()).toEqual([
      'init',
      'serve',
      'worker',
    ]);
    for (const container of containers) {
      expect(container.command).toEqual(commandOf('cloud', container.name));
      const ours = container.env
        .map((variable: Obj) => variable.name)
        .filter((key: string) => /^ECHOPLANE_/.test(key));
      expect(ours.filter((key: string) => !known[container.name]!.includes(key))).toEqual([]);
    }
  });
});

describe('conditions of the webhooks', () => {
  const OURS = { 'sidecar.echoplane.dev/inject': 'true' };
  const pod = { containers: [{ name: 'c', image: 'i' }] };
  const templated = (annotations?: Values) => ({
    metadata: { labels: { app: 'x' }, ...(annotations && { annotations }) },
    spec: pod,
  });
  const object = (kind: string, metadata: Values, spec: Values): Obj => ({
    apiVersion: /Job$/.test(kind) ? 'batch/v1' : kind === 'Pod' ? 'v1' : 'apps/v1',
    ...{ kind, metadata: { name: 'x', namespace: 'a', ...metadata }, spec },
  });
  const workload = (kind: string, metadata: Values, annotations?: Values) =>
    object(kind, metadata, {
      selector: { matchLabels: { app: 'x' } },
      ...(kind === 'StatefulSet' && { serviceName: 'x' }),
      template: templated(annotations),
    });
  const cron = (metadata: Values, annotations?: Values) => {
    const template = templated(annotations);
    const jobTemplate = { spec: { template: { ...template, spec: { ...pod, restartPolicy: 'Never' } } } };
    return object('CronJob', metadata, { schedule: '* * * * *', jobTemplate });
  };
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd', uid: 'u', controller: true };

  /** Nobody serves them here: with `Fail`, an object they would ask about is refused, and so is one they cannot judge. */
  beforeAll(async () => {
    const objects = objectsOf(await template('echoplane', { ...BASE, crds: { install: true } }));
    const crds = objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
    const configuration = named(objects, 'MutatingWebhookConfiguration', WEBHOOK_CONFIGURATION);
    for (const webhook of configuration.webhooks) webhook.failurePolicy = 'Fail';
    await apply([...crds, configuration]);
    await cluster.kubectl(['label', 'namespace', 'b', 'operator.echoplane.dev/ignore=true', '--overwrite']);
    // A change of webhooks takes a moment to be known.
    const deadline = Date.now() + 120_000;
    while ((await outcome(workload('Deployment', { annotations: OURS }))) !== 'asked')
      if (Date.now() > deadline) throw new Error('the webhooks were not taken up within 120 s');
  });
  afterAll(async () => {
    await cluster.kubectl(['delete', 'mutatingwebhookconfiguration', WEBHOOK_CONFIGURATION]);
    await cluster.kubectl(['delete', 'crds', '--all']);
  });

  const apply = (objects: Obj[], more: string[] = []) =>
    cluster.kubectl(['apply', '--server-side', ...more, '-f', '-'], {
      input: objects.map((one) => stringify(one)).join('---\n'),
    });
  async function outcome(one: Obj): Promise<string> {
    return apply([one], ['--dry-run=server']).then(
      () => 'not asked',
      (err: Error) => (err.message.includes('failed calling webhook') ? 'asked' : err.message),
    );
  }

  test.each<[string, Obj, string]>([
    ['a plain Deployment', workload('Deployment', {}), 'not asked'],
    [
      'a Deployment with foreign annotations',
      workload('Deployment', { annotations: { a: 'b' } }, { c: 'd' }),
      'not asked',
    ],
    ['a Deployment with a setting', workload('Deployment', { annotations: OURS }), 'asked'],
    ['a StatefulSet with a setting', workload('StatefulSet', { annotations: OURS }), 'asked'],
    ['a DaemonSet with a setting on its template', workload('DaemonSet', {}, OURS), 'asked'],
    [
      'a Deployment wired to a replay',
      workload('Deployment', {}, { 'replay.echoplane.dev/run': 'u' }),
      'asked',
    ],
    [
      'a Deployment that asks for a replay',
      workload('Deployment', { annotations: { 'replay.echoplane.dev/snapshot': 's' } }),
      'asked',
    ],
    ['a plain CronJob', cron({}), 'not asked'],
    ['a CronJob with a setting', cron({ annotations: OURS }), 'asked'],
    ['a CronJob with a setting on its template', cron({}, OURS), 'asked'],
    ['a ReplicaSet of a Deployment', workload('ReplicaSet', { ownerReferences: [owner] }, OURS), 'not asked'],
    [
      'a Deployment in a namespace with hands off',
      workload('Deployment', { namespace: 'b', annotations: OURS }),
      'not asked',
    ],
    [
      'a Deployment in our own namespace',
      workload('Deployment', { namespace: INSTALL_NAMESPACE, annotations: OURS }),
      'not asked',
    ],
    ['a plain pod', object('Pod', {}, pod), 'not asked'],
    ['a pod with our annotation only', object('Pod', { annotations: OURS }, pod), 'not asked'],
    ['a pod with our label', object('Pod', { labels: OURS }, pod), 'asked'],
  ])('for %s', async (_, one, expected) => {
    expect(await outcome(one)).toBe(expected);
  });

  test('for a Deployment whose setting was taken away: asked', async () => {
    await cluster.kubectl([
      'delete',
      'mutatingwebhookconfiguration',
      WEBHOOK_CONFIGURATION,
      '--ignore-not-found',
    ]);
    const had = workload('Deployment', { name: 'had', annotations: OURS });
    const deadline = Date.now() + 120_000;
    while ((await outcome(had)) !== 'not asked')
      if (Date.now() > deadline) throw new Error('the webhooks were not forgotten within 120 s');
    await apply([had]);
    const objects = objectsOf(await template('echoplane', BASE));
    const configuration = named(objects, 'MutatingWebhookConfiguration', WEBHOOK_CONFIGURATION);
    for (const webhook of configuration.webhooks) webhook.failurePolicy = 'Fail';
    await apply([configuration]);
    await expect
      .poll(() => outcome(workload('Deployment', { name: 'had' })), { timeout: 120_000 })
      .toBe('asked');
  });
});

test('deploy/manifests is the chart, rendered', async () => {
  const { helm } = await clientPrograms();
  for (const [path, text] of await renderedManifests(helm))
    expect(await readFile(join(ROOT, path), 'utf8'), `run deploy/charts.ts: ${path}`).toBe(text);
});

test('an upgrade keeps the certificate the operator put into the webhooks, and an uninstall leaves the CRDs alone', async () => {
  const chart = join(ROOT, 'charts/echoplane');
  const install = async (verb: string, values: Values) =>
    cluster.helm([verb, 'echoplane', chart, '-n', INSTALL_NAMESPACE, '-f', await valuesFile(values)]);
  await install('install', BASE);
  const caBundle = Buffer.from('roots').toString('base64');
  const patch = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: WEBHOOK_CONFIGURATION },
    webhooks: [{ name: 'pods.echoplane.dev', clientConfig: { caBundle } }],
  };
  await cluster.kubectl(
    ['apply', '--server-side', '--validate=false', '--field-manager=echoplane-operator', '-f', '-'],
    {
      input: JSON.stringify(patch),
    },
  );
  // The selectors of every webhook change.
  await install('upgrade', { ...BASE, namespaces: ['a'] });
  const bundles = await cluster.kubectl([
    ...['get', 'mutatingwebhookconfiguration', WEBHOOK_CONFIGURATION],
    '-o=jsonpath={.webhooks[?(@.name=="pods.echoplane.dev")].clientConfig.caBundle}',
  ]);
  expect(bundles).toBe(caBundle);
  // No pod runs here, so no job either.
  await cluster.helm(['uninstall', 'echoplane', '-n', INSTALL_NAMESPACE, '--no-hooks']);
  expect(await cluster.kubectl(['get', 'crds', '-o=name'])).toContain('trafficreplays.echoplane.dev');
  const left = await cluster.kubectl(['get', 'mutatingwebhookconfigurations,clusterroles', '-o=name']);
  expect(left).not.toContain('echoplane');
});
