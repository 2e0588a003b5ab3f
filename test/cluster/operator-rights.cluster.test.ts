// The operator with exactly the rights that the chart gives it, for the whole cluster and for some namespaces only: it does
// its work, is refused nothing, and what is not in its namespaces stays as it is.
import { createKubeClient, type KubeClient, type Obj, RESOURCES } from '@echoplane/kube';
import {
  INJECT_ANNOTATION,
  INJECT_LABEL,
  NAMESPACE_CA_SECRET,
  STATUS_ANNOTATION,
} from '@echoplane/resources';
import { silentLogger } from '@echoplane/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type StartedOperator, startOperator } from '../../packages/operator/src/operator.fixture.ts';
import { webhookConfigurations } from '../../packages/operator/src/webhooks/webhook-configurations.ts';
import { freePort } from '../ports.ts';
import { type ApiServer, startApiServer } from './api-server.ts';
import { adminAccess, installKinds, namespaceObject, until } from './kube-access.fixture.ts';

const VALUES = ['clusterName=c', 'cloud.url=http://c.test', 'existingSecret=k', 'image.repository=r.test/e'];
const OPERATOR = 'system:serviceaccount:echoplane:echoplane-operator';
const MOVED = {
  mode: 'dual',
  containers: [],
  volumes: [],
  inbound: { name: null, from: 8080, to: 4143 },
  replay: null,
};

describe.each([[[] as string[]], [['shop', 'empty']]])('for namespaces %j', (namespaces) => {
  let server: ApiServer;
  let client: KubeClient;
  let operator: StartedOperator;
  const refused: string[] = [];
  /** What the log tells of a refusal, wherever in an error it is. */
  const log = Object.assign(silentLogger(), {
    warn: (...said: unknown[]) => note(refused, said),
    error: (...said: unknown[]) => note(refused, said),
  });

  beforeAll(async () => {
    server = await startApiServer();
    client = createKubeClient(await adminAccess(server));
    await installKinds(server);
    for (const name of ['echoplane', 'shop', 'empty', 'other'])
      await client.create(RESOURCES.namespaces, namespaceObject(name));
    const values = [...VALUES, ...namespaces.map((name, index) => `namespaces[${index}]=${name}`)];
    const set = values.flatMap((value) => ['--set', value]);
    const shown = ['accounts', 'rbac'].flatMap((name) => ['-s', `templates/${name}.yaml`]);
    const input = await server.helm([
      'template',
      'e',
      'charts/echoplane',
      '-n',
      'echoplane',
      ...shown,
      ...set,
    ]);
    await server.kubectl(['apply', '-f', '-'], { input });
    // As they were before the operator came, which begins when somebody starts it.
    await client.create(RESOURCES.deployments, deployment('shop', 'early'));
    await client.create(RESOURCES.deployments, deployment('other', 'early'));
    await client.create(RESOURCES.services, service('shop'));
    await client.create(RESOURCES.pods, movedPod('shop'));
    const ports = { webhookPort: await freePort(), adminPort: await freePort() };
    // The chart makes them, and may; the operator only puts its roots in.
    const url = `https://127.0.0.1:${ports.webhookPort}`;
    const hooks = webhookConfigurations({ installNamespace: 'echoplane', url, roots: '', namespaces });
    await client.create(RESOURCES.mutatingWebhooks, withoutRoots(hooks.mutating));
    await client.create(RESOURCES.validatingWebhooks, withoutRoots(hooks.validating));
    const kubeconfig = await server.userKubeconfig(OPERATOR, ['system:serviceaccounts']);
    // What was given a moment ago is not refused any more: whatever the operator is refused counts.
    const mayAsOperator = async (...what: string[]) =>
      server.kubectl(['--kubeconfig', kubeconfig, 'auth', 'can-i', ...what]).then(
        () => true,
        () => false,
      );
    for (const what of [
      ['create', 'tokenreviews.authentication.k8s.io'],
      ['watch', 'pods', '-n', 'shop'],
    ])
      await until(
        () => mayAsOperator(...what),
        () => what,
      );
    operator = await startOperator({ kubeconfig, ...ports, install: { namespaces }, log });
    await until(async () => (await operator.trouble()) === '', operator.trouble);
  });
  afterAll(async () => {
    await operator?.stop();
    client?.close();
    await server?.stop();
  });

  const labelOf = async (namespace: string, name: string) =>
    (await client.get(RESOURCES.deployments, { namespace, name }))?.spec.template.metadata.labels[
      INJECT_LABEL
    ];

  test('makes the installation, and resolves what was there before it', async () => {
    await until(
      async () => (await labelOf('shop', 'early')) === 'true',
      () => refused,
    );
    for (const [resource, name] of [
      [RESOURCES.statefulSets, 'echoplane-forwarder'],
      [RESOURCES.deployments, 'echoplane-inspector'],
      [RESOURCES.configMaps, 'echoplane-status'],
    ] as const)
      await until(
        async () => (await client.get(resource, { namespace: 'echoplane', name })) !== null,
        () => refused,
      );
    const secret = { namespace: 'shop', name: NAMESPACE_CA_SECRET };
    await until(
      async () => (await client.get(RESOURCES.secrets, secret)) !== null,
      () => refused,
    );
    const events = async () =>
      JSON.stringify(JSON.parse(await server.kubectl(['-n', 'shop', 'get', 'events', '-o', 'json'])));
    await until(
      async () => (await events()).includes('"Resolved"'),
      () => refused,
    );
  });

  test('resolves what comes, and leads Services to the sidecar', async () => {
    await until(
      async () => (await made('shop')) === 'true',
      () => refused,
    );
    const port = async () =>
      (await client.get(RESOURCES.services, { namespace: 'shop', name: 'cart' }))!.spec.ports[0].targetPort;
    await until(
      async () => (await port()) === 4143,
      () => refused,
    );
  });

  test('does in other namespaces what it may, and is refused nothing', async () => {
    const expected = namespaces.length === 0 ? 'true' : undefined;
    await until(
      async () => (await labelOf('other', 'early')) === expected,
      () => refused,
    );
    await until(
      async () => (await made('other')) === expected,
      () => refused,
    );
    const secret = () => client.get(RESOURCES.secrets, { namespace: 'other', name: NAMESPACE_CA_SECRET });
    await until(
      async () => ((await secret()) === null) === (expected === undefined),
      () => refused,
    );
    expect(refused).toEqual([]);
  });

  /** What a dry run of a new Deployment is given. */
  async function made(namespace: string): Promise<string | undefined> {
    const one = await client.create(RESOURCES.deployments, deployment(namespace, 'new'), { dryRun: true });
    return one.spec.template.metadata.labels[INJECT_LABEL];
  }
});

function note(refused: string[], said: unknown[]): void {
  const text = said.map((one) => (one instanceof Object ? describeError(one) : String(one))).join(' ');
  if (/forbidden/i.test(text)) refused.push(text);
}
function describeError(fields: object): string {
  const { err } = fields as { err?: unknown };
  return err instanceof Error ? `${err.message} ${String(err.cause ?? '')}` : JSON.stringify(fields);
}

// biome-ignore lint/suspicious/noExplicitAny: raw JSON of any kind
const withoutRoots = (object: Obj): any => ({
  ...object,
  // biome-ignore lint/suspicious/noExplicitAny: raw JSON of any kind
  webhooks: object.webhooks.map(({ clientConfig: { caBundle: _, ...rest }, ...webhook }: any) => ({
    ...webhook,
    clientConfig: rest,
  })),
});

function deployment(namespace: string, name: string): Obj {
  const labels = { app: name };
  const spec = { containers: [{ name: 'app', image: 'app:1' }] };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment' },
    metadata: { namespace, name, annotations: { [INJECT_ANNOTATION]: 'true' } },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  };
}
function service(namespace: string): Obj {
  const spec = { selector: { app: 'cart' }, ports: [{ port: 80, targetPort: 8080 }] };
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name: 'cart' }, spec };
}
/** As the webhook would have left it in mode dual. */
function movedPod(namespace: string): Obj {
  const annotations = { [STATUS_ANNOTATION]: JSON.stringify(MOVED) };
  const metadata = {
    namespace,
    name: 'cart-1',
    labels: { app: 'cart', [INJECT_LABEL]: 'true' },
    annotations,
  };
  const spec = { containers: [{ name: 'app', image: 'app:1' }] };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec };
}
