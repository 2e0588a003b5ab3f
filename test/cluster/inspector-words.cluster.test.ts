// Words that an inspector must not act upon, and rights it must not have: a control plane that can sign whatever it likes, a real cluster face, a real API
// server, and the inspector as a process.
import { createClient } from '@echoplane/api';
import { type KubeClient, type Obj, RESOURCES } from '@echoplane/kube';
import { INJECT_ANNOTATION } from '@echoplane/resources';
import { newId, newSigningKey } from '@echoplane/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StandInControlPlane } from '../../packages/forwarder/src/agent/stand-in-control-plane.fixture.ts';
import { FaceStage } from '../../packages/forwarder/src/cluster-face/cluster-face.fixture.ts';
import { Cleanup, clock, KEY } from '../../packages/forwarder/src/forwarder.fixture.ts';
import { ProgramStage } from '../program-stage.ts';
import { ACCOUNT, INSTALL, inspectorEnv, startInstalledServer } from './inspector-stage.fixture.ts';
import { until } from './kube-access.fixture.ts';

const HOUR_US = 3_600_000_000;
const STRANGER = '0190a0a0-0000-7000-8000-00000000abcd';
const WORKLOAD = { namespace: 'shop', kind: 'Deployment', name: 'cart' } as const;
const INJECT = { kind: 'inject', workload: WORKLOAD, settings: {} };
const cleanup = new Cleanup();
let plane: StandInControlPlane;
let client: KubeClient;
let metrics: () => Promise<string>;

beforeAll(async () => {
  const installed = await startInstalledServer(cleanup);
  client = installed.client;
  await client.create(RESOURCES.deployments, CART);
  plane = new StandInControlPlane(clock);
  const headers = () => ({ authorization: `Bearer ${KEY}` });
  const cloud = createClient({ baseUrl: await plane.serve(cleanup), fetch, headers });
  const stage = await FaceStage.start(cleanup, { client: cloud });
  const programs = await ProgramStage.open();
  cleanup.add(() => programs.close());
  const url = `https://127.0.0.1:${stage.port}`;
  const env = await inspectorEnv(programs, { server: installed.server, authority: stage.authority, url });
  const program = programs.start('inspector', env);
  const { adminPort } = await program.event('ready');
  metrics = async () => (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  await until(() => plane.streams.length > 0, program.stdout);
});
afterAll(() => cleanup.run());

const CART: Obj = {
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace: 'shop', name: 'cart' } },
  spec: {
    selector: { matchLabels: { app: 'cart' } },
    template: { metadata: { labels: { app: 'cart' } }, spec: { containers: [{ name: 'a', image: 'a' }] } },
  },
};
const cart = async () => (await client.get(RESOURCES.deployments, WORKLOAD))!;
/** On a stream that is open: after trouble the inspector opens another. */
async function send(envelope: unknown): Promise<void> {
  await until(
    () => plane.streams.at(-1)?.destroyed === false,
    () => 'no stream',
  );
  plane.send('command', envelope);
}
const outcomeOf = async (id: string) => {
  await until(
    () => plane.outcomeOf(id) !== undefined,
    () => `no outcome; malformed: ${plane.malformed}`,
  );
  return plane.outcomeOf(id)!;
};

test.each<[string, () => unknown]>([
  ['malformed', () => ({ payload: 'x' })],
  ['bad-signature', () => ({ ...signed({}), signature: signed({ issuedAt: 1 }).signature })],
  ['other-key', () => signed({}, newSigningKey().key)],
  ['other-tenant', () => signed({ tenant: STRANGER })],
  ['other-agent', () => signed({ agent: STRANGER })],
  ['other-agent', () => signed({ agent: undefined })],
  ['expired', () => signed({ issuedAt: clock.nowUs() - 2 * HOUR_US, expiresAt: clock.nowUs() - HOUR_US })],
  ['from-the-future', () => signed({ issuedAt: clock.nowUs() + HOUR_US })],
  ['lives-too-long', () => signed({ expiresAt: clock.nowUs() + 1_000 * HOUR_US })],
])('words that are %s are refused and counted, and nothing is done', async (reason, make) => {
  const countOf = async () =>
    Number(new RegExp(`refused_words_total\\{reason="${reason}"\\} (\\d+)`).exec(await metrics())?.[1] ?? 0);
  const before = await countOf();
  await send(make());
  await until(async () => (await countOf()) === before + 1, metrics);
  expect((await cart()).metadata.annotations ?? {}).not.toHaveProperty(INJECT_ANNOTATION);
});

const signed = (words: Record<string, unknown>, key = plane.key) =>
  plane.sign({ command: { id: newId(clock.nowUs()), body: INJECT }, ...words }, key);

test('a command of a later version is answered with what to do', async () => {
  const id = newId(clock.nowUs());
  await send(plane.command(id, { kind: 'dance' }));
  expect(await outcomeOf(id)).toMatchObject({ state: 'failed', message: expect.stringContaining('upgrade') });
});

test('a command that comes again is told how it ended, and is not done again', async () => {
  const id = newId(clock.nowUs());
  const envelope = plane.command(id, INJECT);
  await send(envelope);
  expect(await outcomeOf(id)).toMatchObject({ state: 'succeeded' });
  const { resourceVersion } = (await cart()).metadata;
  await send(envelope);
  const told = () => plane.outcomes.filter((one) => one.id === id);
  await until(() => told().length === 2, told);
  expect(told()[1]).toEqual(told()[0]);
  expect((await cart()).metadata.resourceVersion).toBe(resourceVersion);
});

test('an outcome that could not be told is told when the control plane is back', async () => {
  const id = newId(clock.nowUs());
  const streams = plane.streams.length;
  plane.fault = (path) => (path.endsWith('/outcome') ? 'cut' : null);
  await send(plane.command(id, { kind: 'list-workloads' }));
  const asked = () => plane.requests.filter(({ path }) => path.endsWith(`${id}/outcome`)).length;
  await until(() => asked() > 0, asked);
  plane.fault = () => null;
  expect(await outcomeOf(id)).toMatchObject({ state: 'succeeded', result: { complete: true } });
  // What is sent next must not go to the stream that this has ended.
  await until(
    () => plane.streams.length > streams,
    () => 'no further stream',
  );
});

test('a command that is too long to remember is refused with what to do, and the next is done', async () => {
  const [long, next] = [newId(clock.nowUs()), newId(clock.nowUs())];
  const spec = { snapshot: 'x'.repeat(950_000) };
  await send(plane.command(long, { kind: 'start-replay', namespace: 'shop', name: 'long', spec }));
  await send(plane.command(next, { kind: 'list-workloads' }));
  expect((await outcomeOf(long)).message).toMatch(/cannot remember this command/);
  expect(await outcomeOf(next)).toMatchObject({ state: 'succeeded' });
});

test('an outcome that the control plane refuses for good is told as a failure, once', async () => {
  const id = newId(clock.nowUs());
  const isFirst = () => plane.requests.filter(({ path }) => path.endsWith(`${id}/outcome`)).length === 1;
  plane.fault = (path) => (path.endsWith(`${id}/outcome`) && isFirst() ? 'invalid_request' : null);
  await send(plane.command(id, { kind: 'list-workloads' }));
  expect(await outcomeOf(id)).toMatchObject({ state: 'failed', message: expect.stringContaining('refused') });
  plane.fault = () => null;
});

describe('its account', () => {
  test.each([
    ['create', { resource: 'pods', namespace: 'shop' }],
    ['create', { resource: 'pods', subresource: 'exec', namespace: 'shop' }],
    ['get', { resource: 'pods', subresource: 'proxy', namespace: INSTALL }],
    ['delete', { group: 'apps', resource: 'deployments', namespace: 'shop' }],
    ['get', { resource: 'secrets', namespace: INSTALL }],
    ['get', { resource: 'configmaps', name: 'other', namespace: INSTALL }],
    ['update', { resource: 'configmaps', name: 'echoplane-install', namespace: INSTALL }],
    ['patch', { resource: 'namespaces', name: 'shop' }],
    ['delete', { group: 'echoplane.dev', resource: 'trafficreplays', namespace: 'shop' }],
    [
      'patch',
      {
        group: 'admissionregistration.k8s.io',
        resource: 'mutatingwebhookconfigurations',
        name: 'echoplane',
      },
    ],
  ])('may not %s %j', async (verb, resource) => {
    const review = await client.call<Obj>('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
      body: {
        ...{ apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview' },
        spec: { user: ACCOUNT, resourceAttributes: { verb, ...resource } },
      },
    });
    expect(review.status.allowed).toBe(false);
  });
});
