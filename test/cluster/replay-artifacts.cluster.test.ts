// The artifact endpoint over real HTTPS, with service-account tokens that a real API server gives and reviews.
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCache, type KubeClient, type Obj, RESOURCES } from '@echoplane/kube';
import { API_VERSION, COMPONENT_LABEL, REPLAY_LABEL, WORKLOADS } from '@echoplane/resources';
import { silentLogger, systemClock } from '@echoplane/runtime';
import fastify from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { artifactRoutes } from '../../packages/operator/src/replay/index.ts';
import { createCredentials } from './credentials.ts';
import { until } from './kube-access.fixture.ts';
import { SNAPSHOT_ID, startControlPlane, type TestControlPlane } from './replay-control-plane.fixture.ts';
import { INSTALL, type ReplayWorld, SHOP, startReplayWorld } from './replay-world.fixture.ts';

const ending = new AbortController();
let world: ReplayWorld;
let plane: TestControlPlane;
let client: KubeClient;
let folder: string;
let app: ReturnType<typeof fastify>;
let ca: Buffer;
let uid: string;
const tokens: Record<string, string> = {};

beforeAll(async () => {
  world = await startReplayWorld();
  plane = await startControlPlane();
  client = world.client;
  folder = await mkdtemp(join(tmpdir(), 'echoplane-artifacts-'));
  const credentials = await createCredentials(folder);
  const { certFile, keyFile } = await credentials.issue('operator', {
    commonName: 'operator',
    names: ['127.0.0.1'],
  });
  ca = readFileSync(credentials.caFile);
  uid = await makeReplay();
  for (const name of [WORKLOADS.replay, 'somebody'])
    await client.create(RESOURCES.serviceAccounts, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { namespace: INSTALL, name },
    });
  tokens.generator = await tokenOf('generator', uid);
  tokens.responder = await tokenOf('responder', uid);
  tokens.stranger = await tokenOf('generator', 'another-replay');
  tokens.somebody = await tokenOf('generator', uid, { account: 'somebody' });
  tokens.forOthers = await tokenOf('generator', uid, { audience: 'others' });
  const trafficReplays = createCache({ client, resource: RESOURCES.trafficReplays });
  void trafficReplays.run(ending.signal);
  await trafficReplays.synced();
  const bytes = (text: string) => ({ sizeBytes: text.length, bytes: new Blob([text]).stream() });
  const forwarder = {
    vault: async () => bytes('sealed'),
    rules: async () => ({ v: 1 }),
    artifact: async () => null,
  };
  app = fastify({ https: { cert: readFileSync(certFile), key: readFileSync(keyFile) } });
  await app.register(
    artifactRoutes({
      ...{
        client,
        cloud: plane.client,
        forwarder: forwarder as never,
        clock: systemClock(),
        log: silentLogger(),
      },
      ...{ config: { namespace: INSTALL }, caches: { trafficReplays } },
    }),
  );
  await app.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(async () => {
  ending.abort();
  await app?.close();
  plane?.stop();
  await world?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function makeReplay(): Promise<string> {
  const made = await client.create<Obj>(RESOURCES.trafficReplays, {
    ...{ apiVersion: API_VERSION, kind: 'TrafficReplay', metadata: { namespace: SHOP, name: 'fetching' } },
    spec: { snapshot: 'checkout', workloads: [{ url: 'http://cart' }], mode: 'tests-only' },
  });
  await setStatus({ snapshot: SNAPSHOT_ID });
  return made.metadata.uid!;
}

const setStatus = (status: object) =>
  client.patch(
    RESOURCES.trafficReplays,
    { namespace: SHOP, name: 'fetching' },
    { status },
    { type: 'merge', subresource: 'status' },
  );

let pods = 0;
/** A token as the kubelet projects it, bound to a pod with the labels of a replay. */
async function tokenOf(
  role: string,
  replay: string,
  { account = WORKLOADS.replay as string, audience = 'echoplane' } = {},
): Promise<string> {
  const name = `pod-${pods++}`;
  const pod = await client.create<Obj>(RESOURCES.pods, {
    ...{
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: INSTALL, name, labels: { [REPLAY_LABEL]: replay, [COMPONENT_LABEL]: role } },
    },
    spec: { serviceAccountName: account, containers: [{ name: 'main', image: 'image' }] },
  });
  const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name, uid: pod.metadata.uid };
  const path = `/api/v1/namespaces/${INSTALL}/serviceaccounts/${account}/token`;
  const body = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: [audience], boundObjectRef },
  };
  const { status } = await client.call<{ status: { token: string } }>('POST', path, { body });
  return status.token;
}

function ask(path: string, token?: string): Promise<{ status: number; text: string }> {
  const { port } = app.server.address() as AddressInfo;
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    request(`https://127.0.0.1:${port}/replays/${path}`, { ca, headers, agent: false }, async (answer) => {
      let text = '';
      for await (const chunk of answer.setEncoding('utf8')) text += chunk;
      resolve({ status: answer.statusCode!, text });
    })
      .on('error', reject)
      .end();
  });
}

test('a pod of the replay gets what its role needs', async () => {
  expect(await ask(`${uid}/artifacts/tests.jsonl`, tokens.generator)).toEqual({ status: 200, text: '{}\n' });
  expect(await ask(`${uid}/artifacts/vault.jsonl`, tokens.generator)).toEqual({
    status: 200,
    text: 'sealed',
  });
  expect(await ask(`${uid}/artifacts/mocks.jsonl`, tokens.responder)).toEqual({ status: 200, text: '{}\n' });
  expect(await ask(`${uid}/artifacts/rules.json`, tokens.responder)).toEqual({
    status: 200,
    text: '{"v":1}',
  });
});

test.each([
  ['no token', 'artifacts/tests.jsonl', undefined, 401],
  ['a token that is none', 'artifacts/tests.jsonl', 'nonsense', 401],
  ['a token for another audience', 'artifacts/tests.jsonl', 'forOthers', 401],
  ['another account of the namespace', 'artifacts/tests.jsonl', 'somebody', 401],
  ['a pod of another replay', 'artifacts/tests.jsonl', 'stranger', 403],
  ['a file of another role', 'artifacts/vault.jsonl', 'responder', 403],
  ['the recording itself', 'artifacts/rrpairs.jsonl.zst', 'generator', 403],
  ['a path out of the folder', 'artifacts/..%2F..%2Fx', 'generator', 403],
  ['the start of others', 'start', 'responder', 403],
])('%s is refused', async (_, path, who, status) => {
  const token = who === undefined ? undefined : (tokens[who] ?? who);
  expect((await ask(`${uid}/${path}`, token)).status).toBe(status);
});

test('a deleted pod is nobody any more, once its minute is over', async () => {
  const token = await tokenOf('generator', uid);
  const path = `/api/v1/namespaces/${INSTALL}/pods/pod-${pods - 1}`;
  await client.call('DELETE', path, { body: { gracePeriodSeconds: 0 } });
  // The API server itself may know a moment later, and we believe it for a minute.
  const isNobody = async () => {
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview' };
    const body = { ...review, spec: { token, audiences: ['echoplane'] } };
    const { status } = await client.call<Obj>('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
      body,
    });
    return status.authenticated !== true;
  };
  await until(isNobody, () => 'the API server still takes the token');
  expect((await ask(`${uid}/artifacts/tests.jsonl`, token)).status).toBe(401);
});

test('a generator that asks for the start is ready, which its pod says; and it is told the time', async () => {
  expect((await ask(`${uid}/start?index=0`, tokens.generator)).status).toBe(204);
  const pod = await client.get(RESOURCES.pods, { namespace: INSTALL, name: 'pod-0' });
  expect(pod!.metadata.annotations).toMatchObject({ 'replay.echoplane.dev/ready': 'true' });
  const startAt = '2026-03-01T12:00:03.000000Z';
  await setStatus({ startAt });
  const told = async () => ask(`${uid}/start?index=0`, tokens.generator);
  await until(
    async () => (await told()).status === 200,
    () => 'no start',
  );
  expect(JSON.parse((await told()).text)).toEqual({ startAt });
});
