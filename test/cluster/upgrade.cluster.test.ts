// From the release before to this one and back, on a real node under traffic: nothing that was captured is lost, nobody is
// rolled, what was recorded stays of use, and sidecars and forwarders of both releases understand each other.
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiClient } from '@echoplane/api';
import { RUN_ANNOTATION } from '@echoplane/resources';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  CLOUD,
  cloudClient,
  IMAGES,
  INSTALL,
  importImages,
  installCloud,
  installDemo,
  keyOf,
  NODE_MS,
  shellOf,
  until,
  untilReady,
} from './installation.ts';
import { type ClusterNode, startNode } from './node.ts';
import { type PreviousRelease, previousRelease } from './previous-release.ts';
import { SHOP, Shop } from './shop.ts';

const TEST_MS = NODE_MS;
const OLD = `${IMAGES.echoplane}:previous`;
const NEW = `${IMAGES.echoplane}:0.1.0`;
const CRDS = ['trafficreplays', 'captureconfigs', 'clustercaptureconfigs'];
const HERE = join(import.meta.dirname, '..', '..');

let node: ClusterNode;
let cloud: ApiClient;
let shop: Shop;
let previous: PreviousRelease;

beforeAll(async () => {
  previous = await previousRelease();
  console.log(`the release before: ${previous.origin}`);
  node = await startNode();
  await Promise.all([importImages(node), importPrevious()]);
  const shell = shellOf(node);
  await installCloud(shell);
  await installDemo(shell, { namespace: SHOP, capture: false });
  await node.kubectl(['label', 'namespace', SHOP, 'replay.echoplane.dev/allowed=true']);
  cloud = await cloudClient(node);
  shop = new Shop(node, cloud);
  await helm('install', previous.chart('echoplane'), 'image.tag=previous');
  await untilForwarder(OLD);
  await untilReady(shell);
  await shop.capture();
  await shop.recorded(0);
  await shop.snapshot('before');
}, NODE_MS);
afterAll(async () => {
  await node?.stop();
  await previous?.remove();
});

async function importPrevious(): Promise<void> {
  const tarball = join(tmpdir(), `echoplane-previous-${process.pid}.tar`);
  await node.importImage(await previous.buildImage(OLD, tarball));
  await rm(tarball);
}

async function helm(verb: 'install' | 'upgrade', chart: string, ...values: string[]): Promise<void> {
  const all = [
    ...['clusterName=test', `image.repository=${IMAGES.echoplane}`],
    ...[`cloud.url=http://echoplane-cloud.${CLOUD}.svc`, `apiKey=${await keyOf(node, 'agentKey')}`],
    ...values,
  ].flatMap((value) => ['--set', value]);
  await node.helm([
    ...[verb, 'echoplane', chart, '-n', INSTALL, ...(verb === 'install' ? ['--create-namespace'] : [])],
    ...[...all, '--wait', '--timeout=240s'],
  ]);
}

/** The forwarder's one pod runs that image and is ready. */
async function untilForwarder(image: string): Promise<void> {
  const statuses = async () => {
    const found = await get('-n', INSTALL, 'pods', '-l', 'app.kubernetes.io/component=forwarder');
    return found.items.map(({ spec, status }: Raw) => [
      spec.containers[0].image,
      status.containerStatuses?.[0].ready ?? false,
    ]);
  };
  await until(statuses, (now) => JSON.stringify(now) === JSON.stringify([[image, true]]), {
    what: `the forwarder of ${image}`,
  });
}

/** Nobody buys any more, and everything that was captured is in the store. */
async function expectNothingLost(): Promise<void> {
  await shop.kubectl('scale', 'deployment/client', '--replicas=0');
  const books = () => cloud.call('accounting', {});
  const { hops } = await until(books, ({ balanced }) => balanced, { what: 'balanced books' });
  for (const { hop, counters } of hops) expect(counters.dropped, hop).toEqual({});
  expect(hops.find(({ hop }) => hop === 'sidecar')!.counters.captured).toBeGreaterThan(0);
}

async function caBundles(): Promise<string[]> {
  const kinds = 'mutatingwebhookconfiguration,validatingwebhookconfiguration';
  const { items } = await get(kinds, '-l', 'app.kubernetes.io/part-of=echoplane');
  return items.flatMap(({ webhooks }: Raw) => webhooks.map((one: Raw) => one.clientConfig.caBundle ?? ''));
}

// biome-ignore lint/suspicious/noExplicitAny: raw JSON of any kind
type Raw = any;
async function get(...args: string[]): Promise<Raw> {
  const flags = args[0] === '-n' ? args.splice(0, 2) : [];
  return JSON.parse(await node.kubectl([...flags, 'get', ...args, '-o', 'json']));
}

const containers = async () => (await shop.pods()).map(({ name, restarts }) => [name, restarts]);

test(
  'an upgrade under traffic rolls nobody and loses nothing; old sidecars feed the new forwarder',
  async () => {
    const before = { pods: await containers(), bundles: await caBundles() };
    expect(before.bundles.every((bundle) => bundle !== '')).toBe(true);
    await helm('upgrade', join(HERE, 'charts', 'echoplane'));
    await untilForwarder(NEW);
    const [pod] = await shop.pods();
    expect(pod!.text).toContain(OLD);
    await shop.recorded(Date.now() * 1_000);
    expect({ pods: await containers(), bundles: await caBundles() }).toEqual(before);
    await expectNothingLost();
  },
  TEST_MS,
);

test(
  'the CRDs are those of this release',
  async () => {
    for (const name of CRDS) {
      const crd = `${name}.echoplane.dev`;
      const present = await get('crd', crd);
      const file = ['-f', join(HERE, 'crds', `${crd}.yaml`)];
      const dry = ['--dry-run=server', '--force-conflicts', '--field-manager=helm-test', '-o', 'json'];
      const applied = JSON.parse(await node.kubectl(['apply', '--server-side', ...dry, ...file]));
      expect(applied.spec, crd).toEqual(present.spec);
    }
  },
  TEST_MS,
);

test(
  'what the release before recorded can be read and replayed',
  async () => {
    const { items } = await cloud.call('traffic', { query: { direction: 'IN', limit: 200 } });
    const { pair } = await cloud.call('trafficPair', { params: { id: items.at(-1)!.id } });
    expect(pair.request).toBeTruthy();
    await shop.snapshot('before');
    await shop.replay('before', { snapshot: 'before' });
    await shop.replayReaches('before', 'Complete');
    const { status } = await get('-n', SHOP, 'replay', 'before');
    expect(status, JSON.stringify(status)).toMatchObject({
      phase: 'Succeeded',
      report: { id: expect.any(String) },
    });
    const cleaned = status.conditions.find(({ type }: Raw) => type === 'CleanedUp');
    expect(cleaned).toMatchObject({ status: 'True', reason: 'Restored' });
    expect(await shop.template()).not.toContain(RUN_ANNOTATION);
  },
  TEST_MS,
);

test(
  'after a rollback new sidecars feed the old forwarder, and nobody is rolled',
  async () => {
    await shop.rolledOutCaptured();
    const before = await containers();
    for (const { text } of await shop.pods()) expect(text).toContain(NEW);
    await node.helm(['rollback', 'echoplane', '1', '-n', INSTALL, '--wait', '--timeout=240s']);
    await untilForwarder(OLD);
    await shop.kubectl('scale', 'deployment/client', '--replicas=1');
    await shop.recorded(Date.now() * 1_000);
    expect(await containers()).toEqual(before);
    await expectNothingLost();
  },
  TEST_MS,
);
