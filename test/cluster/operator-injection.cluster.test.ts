// The operator against a real API server: settings become a resolved template, pods are injected, bad values are refused,
// and whatever is wrong with us lets the pods of others start.

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createKubeClient, type KubeClient, type Obj, RESOURCES } from '@echoplane/kube';
import {
  CONTAINERS,
  INJECT_ANNOTATION,
  INJECT_LABEL,
  NAMESPACE_CA_SECRET,
  RESOLVED_ANNOTATION,
  STATUS_ANNOTATION,
} from '@echoplane/resources';
import { createAuthority, systemClock } from '@echoplane/runtime';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type StartedOperator, startOperator } from '../../packages/operator/src/operator.fixture.ts';
import { freePort } from '../ports.ts';
import { type ApiServer, startApiServer } from './api-server.ts';
import { adminAccess, installKinds, namespaceObject, until } from './kube-access.fixture.ts';

let server: ApiServer;
let client: KubeClient;
let ports: { webhookPort: number; adminPort: number };
const operators: StartedOperator[] = [];

beforeAll(async () => {
  server = await startApiServer();
  client = createKubeClient(await adminAccess(server));
  await installKinds(server);
  for (const name of ['echoplane', 'shop']) await client.create(RESOURCES.namespaces, namespaceObject(name));
  ports = { webhookPort: await freePort(), adminPort: await freePort() };
});
afterEach(async () => {
  for (const operator of operators.splice(0)) await operator.stop();
  for await (const one of client.list(RESOURCES.deployments, { namespace: 'shop' }))
    await client.delete(RESOURCES.deployments, { namespace: 'shop', name: one.metadata.name });
  for await (const one of client.list(RESOURCES.pods, { namespace: 'shop' }))
    await server.kubectl(['delete', 'pod', '-n', 'shop', one.metadata.name, '--force', '--grace-period=0']);
});
afterAll(async () => {
  client?.close();
  await server?.stop();
});

async function start(more: Partial<Parameters<typeof startOperator>[0]> = {}): Promise<StartedOperator> {
  const operator = await startOperator({ kubeconfig: server.adminKubeconfig, ...ports, ...more });
  operators.push(operator);
  return operator;
}
/** Up, leading, and known to the API server with the roots of now. */
async function serving(operator: StartedOperator): Promise<void> {
  await until(
    async () => (await operator.trouble()) === '',
    () => 'not ready',
  );
  await until(
    async () => (await operator.metrics()).includes('echoplane_operator_leader 1'),
    () => 'no leader',
  );
  await until(isAsked, () => 'the API server does not ask the webhooks');
}
/** A dry run tells whether the webhooks are asked. */
async function isAsked(): Promise<boolean> {
  const made = await client.create(RESOURCES.deployments, deployment('probe'), { dryRun: true });
  return made.spec.template.metadata.labels[INJECT_LABEL] === 'true';
}

function deployment(
  name: string,
  annotations: Record<string, string> = { [INJECT_ANNOTATION]: 'true' },
): Obj {
  const labels = { app: name };
  const template = {
    metadata: { labels, annotations: { theirs: 'kept' } },
    spec: { serviceAccountName: 'default', containers: [{ name: 'app', image: 'app:1' }] },
  };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment' },
    metadata: { name, namespace: 'shop', annotations },
    spec: { replicas: 1, selector: { matchLabels: labels }, template },
  };
}
/** As the controller would make it of the template. */
async function podOf(made: Obj, name: string): Promise<Obj> {
  const { metadata, spec } = made.spec.template;
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name, namespace: 'shop' }, spec };
  return await client.create(RESOURCES.pods, pod);
}
const read = async (name: string) => (await client.get(RESOURCES.deployments, { namespace: 'shop', name }))!;
const sidecarOf = (pod: Obj) =>
  (pod.spec.initContainers ?? []).find(({ name }: { name: string }) => name === CONTAINERS.sidecar);

describe('with an operator', () => {
  test('an annotated workload gets a resolved template, its namespace a CA, and its pods the sidecar', async () => {
    await serving(await start());
    const made = await client.create(RESOURCES.deployments, deployment('cart'));
    expect(made.spec.template.metadata.labels[INJECT_LABEL]).toBe('true');
    expect(JSON.parse(made.spec.template.metadata.annotations[RESOLVED_ANNOTATION]).workload.name).toBe(
      'cart',
    );
    // An admission does not wait for the CA longer than a second.
    let secret: Obj | null = null;
    const isThere = async () => {
      secret = await client.get(RESOURCES.secrets, { namespace: 'shop', name: NAMESPACE_CA_SECRET });
      return secret !== null;
    };
    await until(isThere, () => 'no CA');
    expect(Object.keys(secret!.data).sort()).toEqual(['forwarder-ca.crt', 'tls.crt', 'tls.key']);
    const pod = await podOf(made, 'cart-1');
    expect(sidecarOf(pod).image).toBe('registry.test/echoplane:1');
    expect(pod.metadata.annotations![STATUS_ANNOTATION]).toBeDefined();
    expect(pod.metadata.annotations!.theirs).toBe('kept');
  });

  test('taking the annotation away takes everything off the template, and what others wrote stays', async () => {
    await serving(await start());
    await client.create(RESOURCES.deployments, deployment('cart'));
    const patch = { metadata: { annotations: { [INJECT_ANNOTATION]: null } } };
    const plain = await client.patch(RESOURCES.deployments, { namespace: 'shop', name: 'cart' }, patch, {
      type: 'merge',
    });
    expect(plain.spec.template.metadata.labels).toEqual({ app: 'cart' });
    expect(plain.spec.template.metadata.annotations).toEqual({ theirs: 'kept' });
  });

  test('a bad value is refused with the field, the value and what is allowed', async () => {
    await serving(await start());
    const bad = deployment('cart', { [INJECT_ANNOTATION]: 'true', 'sidecar.echoplane.dev/mode': 'sideways' });
    await expect(client.create(RESOURCES.deployments, bad)).rejects.toThrow(
      /sidecar\.echoplane\.dev\/mode is "sideways"; allowed: transparent, reverse, forward or dual/,
    );
  });

  test('a pod without our label never waits for us', async () => {
    const operator = await start();
    await serving(operator);
    const plain = await podOf(deployment('plain', {}), 'plain-1');
    expect(sidecarOf(plain)).toBeUndefined();
    expect(await operator.metrics()).not.toMatch(/path="\/pods"/);
  });

  test('a dry run makes no CA', async () => {
    await serving(await start());
    await client.delete(RESOURCES.secrets, { namespace: 'shop', name: NAMESPACE_CA_SECRET });
    await client.create(RESOURCES.namespaces, namespaceObject('dry'));
    const dry = deployment('cart');
    dry.metadata.namespace = 'dry';
    await client.create(RESOURCES.deployments, dry, { dryRun: true });
    expect(await client.get(RESOURCES.secrets, { namespace: 'dry', name: NAMESPACE_CA_SECRET })).toBeNull();
  });
});

describe('workloads the webhooks did not see', () => {
  test('one from before the operator is resolved when it comes, and fields of others survive', async () => {
    await server.kubectl([
      'delete',
      'mutatingwebhookconfiguration,validatingwebhookconfiguration',
      'echoplane',
      '--ignore-not-found',
    ]);
    const old = deployment('old');
    old.spec.template.spec.containers[0].lifecycle = { preStop: { exec: { command: ['sleep', '1'] } } };
    await client.create(RESOURCES.deployments, old, { fieldManager: 'gitops' });
    await serving(await start());
    await until(
      async () => (await read('old')).spec.template.metadata.labels[INJECT_LABEL] === 'true',
      () => 'not resolved',
    );
    const { spec } = await read('old');
    expect(spec.template.spec.containers[0].lifecycle.preStop.exec.command).toEqual(['sleep', '1']);
    expect(spec.template.metadata.annotations.theirs).toBe('kept');
  });

  test('with the webhooks down pods start as they are, and the gap is reported when we are back', async () => {
    const first = await start();
    await serving(first);
    const made = await client.create(RESOURCES.deployments, deployment('cart'));
    await first.stop();
    operators.length = 0;
    const owner = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name: 'cart',
      uid: made.metadata.uid!,
      controller: true,
    };
    made.spec.template.metadata.ownerReferences = [owner];
    const pod = await podOf(made, 'cart-1');
    expect(sidecarOf(pod)).toBeUndefined();
    const second = await start();
    await until(
      async () => (await second.metrics()).includes('coverage_gap_pods{workload="Deployment/shop/cart"} 1'),
      () => 'no gap',
    );
    const about = { namespace: 'shop', fieldSelector: 'involvedObject.name=cart,reason=PodsNotInjected' };
    const events = async () => {
      for await (const _ of client.list(RESOURCES.events, about)) return true;
      return false;
    };
    await until(events, () => 'no Event');
  });

  test('a workload whose pods cannot start because of our image is given back, and stays so', async () => {
    await serving(await start());
    const made = await client.create(RESOURCES.deployments, deployment('cart'));
    const owner = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name: 'cart',
      uid: made.metadata.uid!,
      controller: true,
    };
    made.spec.template.metadata.ownerReferences = [owner];
    await podOf(made, 'cart-1');
    const waiting = {
      name: CONTAINERS.sidecar,
      image: 'x',
      imageID: '',
      ready: false,
      restartCount: 0,
      state: { waiting: { reason: 'ImagePullBackOff' } },
    };
    const status = { phase: 'Pending', initContainerStatuses: [waiting] };
    await client.patch(
      RESOURCES.pods,
      { namespace: 'shop', name: 'cart-1' },
      { status },
      { type: 'merge', subresource: 'status' },
    );
    // The two minutes pass for an operator whose clock is ahead.
    for (const operator of operators.splice(0)) await operator.stop();
    const real = systemClock();
    await start({
      clock: { nowUs: () => real.nowUs() + 180_000_000, sleep: (ms, signal) => real.sleep(ms, signal) },
    });
    await until(
      async () => (await read('cart')).spec.template.metadata.labels[INJECT_LABEL] === undefined,
      () => 'not given back',
    );
    const { metadata } = await read('cart');
    expect(metadata.annotations!['operator.echoplane.dev/stuck']).toContain('ImagePullBackOff');
    expect(await client.get(RESOURCES.pods, { namespace: 'shop', name: 'cart-1' })).not.toBeNull();
  });
});

describe('when our end is bad', () => {
  test('webhooks that do not answer cost two seconds, and the pod starts', async () => {
    const first = await start();
    await serving(first);
    const made = await client.create(RESOURCES.deployments, deployment('cart'));
    await first.stop();
    const second = await start({ webhookTimeoutS: undefined });
    const waitsForS = async () =>
      (await client.get(RESOURCES.mutatingWebhooks, { name: 'echoplane' }))!.webhooks[0].timeoutSeconds;
    await until(
      async () => (await waitsForS()) === 2,
      () => 'the API server would wait longer',
    );
    await second.stop();
    operators.length = 0;
    const held = new Set<Socket>();
    // The API server may reset what it gives up.
    const silent = createServer((socket) => held.add(socket.on('error', () => {})));
    silent.listen(ports.webhookPort, '127.0.0.1');
    await once(silent, 'listening');
    try {
      expect(sidecarOf(await podOf(made, 'cart-1'))).toBeUndefined();
    } finally {
      for (const socket of held) socket.destroy();
      silent.close();
    }
  });

  test('a wrong CA in the configuration lets pods start, and is put right', async () => {
    const operator = await start();
    await serving(operator);
    const made = await client.create(RESOURCES.deployments, deployment('cart'));
    const authority = await createAuthority({
      commonName: 'other',
      days: 1,
    });
    const caBundle = Buffer.from(authority.certPem).toString('base64');
    const operations = [0, 1, 2].map((i) => ({
      op: 'replace',
      path: `/webhooks/${i}/clientConfig/caBundle`,
      value: caBundle,
    }));
    // Again and again: the API server knows it a moment later, and the operator, which looks each minute, may have put it right.
    let pods = 0;
    const startsPlain = async () => {
      await client.patch(RESOURCES.mutatingWebhooks, { name: 'echoplane' }, operations, { type: 'json' });
      return sidecarOf(await podOf(made, `cart-${++pods}`)) === undefined;
    };
    await until(startsPlain, () => 'the API server still has the right roots');
    // What wakes the keeper here is a Secret of ours that changed; otherwise it looks each minute.
    await client.patch(
      RESOURCES.secrets,
      { namespace: 'echoplane', name: 'echoplane-operator-tls' },
      { metadata: { annotations: { poke: '1' } } },
      { type: 'merge' },
    );
    await until(isAsked, () => 'the roots are not put right');
  });

  test('an API server that restarts is picked up again', async () => {
    const operator = await start();
    await serving(operator);
    await server.restart();
    await client.create(RESOURCES.namespaces, namespaceObject('later'));
    await until(isAsked, () => 'not asked any more');
    const late = deployment('late');
    late.metadata.namespace = 'later';
    await until(
      async () =>
        (await client.create(RESOURCES.deployments, late, { dryRun: true })).spec.template.metadata.labels[
          INJECT_LABEL
        ] === 'true',
      () => 'not resolved',
    );
  });
});
