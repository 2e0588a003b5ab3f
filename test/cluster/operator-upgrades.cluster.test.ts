// Upgrades against a real API server: what the control plane wishes comes over the forwarder's face, and moves forwarder,
// inspector and operator one after the other, or back. The kubelet's part, pods that are ready or not, is played here.
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { createKubeClient, type KubeClient, type Obj, RESOURCES } from '@echoplane/kube';
import { SECRETS } from '@echoplane/resources';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { STAGE_DEADLINE_MS } from '../../packages/operator/src/installation/upgrade-plan.ts';
import {
  SetAheadClock,
  type StartedOperator,
  startOperator,
} from '../../packages/operator/src/operator.fixture.ts';
import { freePort } from '../ports.ts';
import { type ApiServer, startApiServer } from './api-server.ts';
import { adminAccess, installKinds, namespaceObject, until } from './kube-access.fixture.ts';

const NAMESPACE = 'echoplane';
const BASE = 'registry.test/echoplane:1';
const RELEASE = { channel: 'stable', version: '99.0.0', image: `sha256:${'a'.repeat(64)}`, notBefore: 0 };
const NEW = `registry.test/echoplane@${RELEASE.image}`;
const PARTS = {
  forwarder: RESOURCES.statefulSets,
  inspector: RESOURCES.deployments,
  operator: RESOURCES.deployments,
};
type Part = keyof typeof PARTS;

let server: ApiServer;
let client: KubeClient;
let operator: StartedOperator | undefined;
let face: Server | undefined;

beforeAll(async () => {
  server = await startApiServer();
  client = createKubeClient(await adminAccess(server));
  await installKinds(server);
  await client.create(RESOURCES.namespaces, namespaceObject(NAMESPACE));
});
afterEach(async () => {
  await operator?.stop();
  face?.closeAllConnections();
  face?.close();
  await client.delete(RESOURCES.configMaps, { namespace: NAMESPACE, name: 'echoplane-upgrade' });
  await server.kubectl(['-n', NAMESPACE, 'delete', 'events', '--all']);
  for (const part of Object.keys(PARTS) as Part[]) await client.delete(PARTS[part], ref(part));
});
afterAll(async () => {
  client?.close();
  await server?.stop();
});

const ref = (part: Part) => ({ namespace: NAMESPACE, name: `echoplane-${part}` });
const read = async (part: Part) => client.get(PARTS[part], ref(part));
const imageOf = async (part: Part) => (await read(part))?.spec.template.spec.containers[0].image;
const images = async () => Promise.all((Object.keys(PARTS) as Part[]).map(imageOf));
async function become(expected: string[]): Promise<void> {
  let seen: unknown[] = [];
  const isSo = async () => {
    seen = await images();
    return String(seen) === String(expected);
  };
  await until(isSo, () => JSON.stringify(seen));
}
/** For as long as a dozen reconciles take. */
async function stay(expected: string[]): Promise<void> {
  const end = performance.now() + 2_000;
  while (performance.now() < end) expect(await images()).toEqual(expected);
}
/** As the controllers would say once every pod runs what is wanted. */
async function settle(part: Part): Promise<void> {
  const object = (await read(part))!;
  const replicas = object.spec.replicas ?? 1;
  const counts = { replicas, updatedReplicas: replicas, readyReplicas: replicas };
  const status = { ...counts, observedGeneration: object.metadata.generation };
  const args = [
    '-n',
    NAMESPACE,
    'patch',
    `${PARTS[part].plural}/echoplane-${part}`,
    '--subresource=status',
    '--type=merge',
  ];
  await server.kubectl([...args, '-p', JSON.stringify({ status })]);
}
async function told(reason: string): Promise<string> {
  let found: { message: string } | undefined;
  const isThere = async () => {
    const { items } = JSON.parse(await server.kubectl(['-n', NAMESPACE, 'get', 'events', '-o', 'json']));
    found = items.find((event: { reason: string }) => event.reason === reason);
    return found !== undefined;
  };
  await until(isThere, () => reason);
  return found!.message;
}

/** An operator that leads, and a face of the forwarder that wishes the release. */
async function start(install: object, labels: Record<string, string> = {}) {
  const clock = new SetAheadClock(0);
  const facePort = await freePort();
  await client.create(RESOURCES.deployments, operatorDeployment(labels));
  operator = await startOperator({
    ...{ kubeconfig: server.adminKubeconfig, webhookPort: await freePort(), adminPort: await freePort() },
    ...{ install: { image: BASE, ...install }, clock, forwarderUrl: `https://127.0.0.1:${facePort}` },
  });
  await become([BASE, BASE, BASE]);
  let tls: Record<string, string> | undefined;
  const secret = { namespace: NAMESPACE, name: SECRETS.forwarderTls };
  const isMade = async () => {
    tls = (await client.get(RESOURCES.secrets, secret))?.data;
    return tls !== undefined;
  };
  await until(isMade, () => 'no certificate of the forwarder');
  const pem = (key: string) => Buffer.from(tls![key]!, 'base64').toString();
  face = createServer({ cert: pem('tls.crt'), key: pem('tls.key'), ca: pem('ca.crt'), requestCert: true });
  face.on('request', (_, answer) => wish(answer)).listen(facePort, '127.0.0.1');
  // The link waits longer each time it found nobody.
  clock.setAhead(60_000);
  return clock;
}
function wish(answer: ServerResponse): void {
  answer.writeHead(200, { 'content-type': 'text/event-stream' });
  answer.write(`event: releases\nid: 1\ndata: ${JSON.stringify([RELEASE])}\n\n`);
}
function operatorDeployment(labels: Record<string, string>): Obj {
  const podLabels = { 'app.kubernetes.io/component': 'operator' };
  const spec = { containers: [{ name: 'operator', image: BASE }] };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { ...ref('operator'), labels } },
    spec: {
      replicas: 2,
      selector: { matchLabels: podLabels },
      template: { metadata: { labels: podLabels }, spec },
    },
  };
}

test('forwarder, then inspector, then operator take the release, each when the one before is ready', async () => {
  await start({ updates: 'stable' });
  await become([NEW, BASE, BASE]);
  await settle('forwarder');
  await become([NEW, NEW, BASE]);
  await settle('inspector');
  await become([NEW, NEW, NEW]);
  await settle('operator');
  expect(await told('Upgraded')).toMatch(/^Version 99\.0\.0 runs/);
});

test('an image whose pods do not become ready is taken back, told, and not tried again', async () => {
  const clock = await start({ updates: 'stable' });
  await become([NEW, BASE, BASE]);
  await settle('forwarder');
  await become([NEW, NEW, BASE]);
  clock.setAhead(60_000 + STAGE_DEADLINE_MS + 1_000);
  await become([BASE, BASE, BASE]);
  expect(await told('UpgradeFailed')).toBe(
    'Version 99.0.0 was taken back: the inspector was not ready within 10 minutes.',
  );
  clock.setAhead(2 * STAGE_DEADLINE_MS);
  await stay([BASE, BASE, BASE]);
});

test('nothing changes before the maintenance window', async () => {
  const inTwelveHours = new Date(Date.now() + 12 * 3_600_000);
  const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
  const from = inTwelveHours.toISOString().slice(11, 16);
  const maintenanceWindow = { days: [days[inTwelveHours.getUTCDay()]], from, hours: 1 };
  const clock = await start({ updates: 'stable', maintenanceWindow });
  // Two looks at what is wished.
  for (const ahead of [90_000, 120_000]) clock.setAhead(ahead);
  await stay([BASE, BASE, BASE]);
  clock.setAhead(12 * 3_600_000 + 60_000);
  await become([NEW, BASE, BASE]);
});

test.each([
  [
    'kept by a tool for GitOps',
    { updates: 'stable' },
    { 'argocd.argoproj.io/instance': 'e' },
    /kept by Argo CD/,
  ],
  ['without updates', {}, {}, /updates are off/],
])('an installation %s is only told', async (_, install, labels, said) => {
  await start(install, labels as Record<string, string>);
  expect(await told('ReleaseAvailable')).toMatch(said);
  expect(await images()).toEqual([BASE, BASE, BASE]);
});
