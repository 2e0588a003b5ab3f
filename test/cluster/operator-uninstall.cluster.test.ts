// Uninstalling against a real API server: everything we wrote is gone, what others wrote is there, a second time changes
// nothing, and what cannot be undone is said.
import { createKubeClient, type KubeClient, type Obj, RESOURCES } from '@echoplane/kube';
import {
  FINALIZER,
  INJECT_ANNOTATION,
  INJECT_LABEL,
  NAMESPACE_CA_SECRET,
  RESOLVED_ANNOTATION,
  SECRETS,
  WEBHOOK_CONFIGURATION,
} from '@echoplane/resources';
import { silentLogger, systemClock } from '@echoplane/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TARGET_PORTS_ANNOTATION } from '../../packages/operator/src/coverage/service-ports.ts';
import { startOperator } from '../../packages/operator/src/operator.fixture.ts';
import { uninstall } from '../../packages/operator/src/uninstall.ts';
import { freePort } from '../ports.ts';
import { type ApiServer, startApiServer } from './api-server.ts';
import { adminAccess, installKinds, namespaceObject, until } from './kube-access.fixture.ts';

let server: ApiServer;
let client: KubeClient;

beforeAll(async () => {
  server = await startApiServer();
  client = createKubeClient(await adminAccess(server));
  await installKinds(server);
  for (const name of ['echoplane', 'shop']) await client.create(RESOURCES.namespaces, namespaceObject(name));
});
afterAll(async () => {
  client?.close();
  await server?.stop();
});

const labels = { app: 'cart' };
const deployment: Obj = {
  ...{ apiVersion: 'apps/v1', kind: 'Deployment' },
  metadata: { name: 'cart', namespace: 'shop', annotations: { [INJECT_ANNOTATION]: 'true', theirs: 'kept' } },
  spec: {
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'app:1' }] } },
  },
};
const run = (signal = new AbortController().signal) =>
  uninstall({
    ...{ client, clock: systemClock(), log: silentLogger(), signal },
    config: { namespace: 'echoplane', namespaces: [], replayMs: 0 },
  });

test('leaves nothing of ours behind, and can be run again', async () => {
  const ports = { webhookPort: await freePort(), adminPort: await freePort() };
  const operator = await startOperator({ kubeconfig: server.adminKubeconfig, ...ports });
  const isInjected = async () => {
    const made = await client.create(RESOURCES.deployments, deployment, { dryRun: true });
    return made.spec.template.metadata.labels[INJECT_LABEL] === 'true';
  };
  await until(isInjected, () => 'not injected');
  await client.create(RESOURCES.deployments, deployment);
  const present = () =>
    client.get(RESOURCES.statefulSets, { namespace: 'echoplane', name: 'echoplane-forwarder' });
  await until(
    async () => (await present()) !== null,
    () => 'no forwarder',
  );
  await operator.stop();
  await client.create(RESOURCES.services, {
    ...{ apiVersion: 'v1', kind: 'Service' },
    metadata: {
      name: 'cart',
      namespace: 'shop',
      annotations: { [TARGET_PORTS_ANNOTATION]: '{"80/TCP":8080}' },
    },
    spec: { selector: labels, ports: [{ port: 80, targetPort: 4143 }] },
  });
  await server.kubectl([
    'delete',
    'validatingwebhookconfiguration,mutatingwebhookconfiguration',
    WEBHOOK_CONFIGURATION,
  ]);
  const replayMade: Obj = {
    ...{ apiVersion: 'echoplane.dev/v1', kind: 'TrafficReplay' },
    metadata: { name: 'one', namespace: 'shop', finalizers: [FINALIZER] },
    spec: {
      snapshot: 'checkout',
      workloads: [{ ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' } }],
    },
  };
  // The API server forgets the webhooks, which nobody serves any more, a moment after they are deleted.
  let refusal: unknown;
  const isTaken = () =>
    client.create(RESOURCES.trafficReplays, replayMade, { dryRun: true }).then(
      () => true,
      (err) => {
        refusal = err;
        return false;
      },
    );
  await until(isTaken, () => refusal);
  await client.create(RESOURCES.trafficReplays, replayMade);

  expect(await run()).toEqual([]);
  const { metadata, spec } = (await client.get(RESOURCES.deployments, { namespace: 'shop', name: 'cart' }))!;
  expect(spec.template.metadata.labels).toEqual(labels);
  expect(spec.template.metadata.annotations?.[RESOLVED_ANNOTATION]).toBeUndefined();
  expect(metadata.annotations!.theirs).toBe('kept');
  expect(await client.get(RESOURCES.secrets, { namespace: 'shop', name: NAMESPACE_CA_SECRET })).toBeNull();
  expect(await client.get(RESOURCES.mutatingWebhooks, { name: WEBHOOK_CONFIGURATION })).toBeNull();
  const service = (await client.get(RESOURCES.services, { namespace: 'shop', name: 'cart' }))!;
  expect(service.spec.ports[0].targetPort).toBe(8080);
  const replay = (await client.get(RESOURCES.trafficReplays, { namespace: 'shop', name: 'one' }))!;
  expect(replay.metadata.finalizers ?? []).toEqual([]);
  expect(replay.status).toMatchObject({ phase: 'Cancelled', outcome: { reason: 'Uninstalled' } });
  for (const name of Object.values(SECRETS))
    expect(await client.get(RESOURCES.secrets, { namespace: 'echoplane', name }), name).toBeNull();
  expect(
    await client.get(RESOURCES.leases, { namespace: 'echoplane', name: 'echoplane-operator' }),
  ).toBeNull();
  expect(await present()).toBeNull();
  expect(await run()).toEqual([]);
});

test('says what was left when its time is over', async () => {
  const left = await run(AbortSignal.abort());
  expect(left.join('\n')).toContain('deployments: the deadline was over; run the uninstallation again.');
});
