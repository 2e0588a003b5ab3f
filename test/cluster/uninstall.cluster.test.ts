// Uninstalling on a real node, as a user does it: after capture and replays everything in the cluster is as it was before
// the installation, also when a replay is running and when there is no operator left; and what the hook says can be read.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { RUN_ANNOTATION } from '@echoplane/resources';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { clientPrograms } from './binaries.ts';
import { type Dump, differences, dump } from './cluster-dump.ts';
import {
  cloudClient,
  INSTALL,
  importImages,
  installCloud,
  installDemo,
  installEchoplane,
  NODE_MS,
  shellOf,
  until,
} from './installation.ts';
import { type ClusterNode, startNode } from './node.ts';
import { SHOP, Shop } from './shop.ts';

const CRDS = ['crd', '-l', 'app.kubernetes.io/part-of=echoplane'];
/** What the hook says when it is done. */
const DONE = 'nothing of Echoplane is left';
const TEST_MS = NODE_MS;

let node: ClusterNode;
let shop: Shop;
let before: Dump;

beforeAll(async () => {
  node = await startNode();
  await importImages(node);
  const shell = shellOf(node);
  await installCloud(shell);
  await node.kubectl(['create', 'namespace', INSTALL]);
  // As helm labels it.
  await node.kubectl(['label', 'namespace', INSTALL, `name=${INSTALL}`]);
  await installDemo(shell, { namespace: SHOP, capture: false });
  await node.kubectl(['label', 'namespace', SHOP, 'replay.echoplane.dev/allowed=true']);
  shop = new Shop(node, await cloudClient(node));
  before = await dump(node);
}, NODE_MS);
afterAll(() => node?.stop());
afterEach(async () => {
  await node.kubectl(['delete', ...CRDS, '--ignore-not-found']);
});

const install = (...values: string[]) =>
  installEchoplane(
    node,
    shellOf(node),
    values.flatMap((value) => ['--set', value]),
  );

/** Gives all that helm prints: the log of the hook is among its messages. */
async function uninstall(): Promise<string> {
  const { helm } = await clientPrograms();
  const env = { ...process.env, KUBECONFIG: node.adminKubeconfig };
  const args = ['uninstall', 'echoplane', '-n', INSTALL, '--timeout=270s'];
  const { stdout, stderr } = await promisify(execFile)(helm, args, { env, timeout: 300_000 });
  return stdout + stderr;
}

/** What is another than before; kinds that have just gone may be named for a moment, and then cannot be listed. */
const changed = () =>
  dump(node).then(
    (now) => differences(before, now),
    (err) => [String(err)],
  );

/** The user takes back what the user has done; then nothing may be left. */
async function expectUntouched(): Promise<void> {
  await shop.release();
  // Names first, so that a long list can be read.
  await until(
    async () => (await changed()).sort((a, b) => a.length - b.length),
    (found) => found.length === 0,
    { what: 'the cluster as it was' },
  );
}

/** Mocks stay until somebody cancels them, and the workload stays wired to them. */
async function startMocks(name: string): Promise<void> {
  await shop.replay(name, { snapshot: 'shop', mode: 'mocks-only' });
  await shop.replayReaches(name, 'TargetReady');
  expect(await shop.template()).toContain(RUN_ANNOTATION);
}

async function expectPlainPods(): Promise<void> {
  expect(await shop.template()).not.toContain('echoplane.dev/');
  for (const { name, text } of await shop.pods()) expect(text, name).not.toContain('echoplane-sidecar');
}

test(
  'after capture, a replay and one that still runs, uninstalling leaves nothing',
  async () => {
    await install('crds.keep=false');
    await shop.capture();
    await shop.recorded(0);
    await shop.snapshot('shop');
    await shop.replay('whole', { snapshot: 'shop' });
    await shop.replayReaches('whole', 'Complete');
    await startMocks('running');
    expect(await uninstall()).toContain(DONE);
    await expectPlainPods();
    await expectUntouched();
  },
  TEST_MS,
);

test(
  'without an operator it is done too; the CRDs remain, and what users made of them, closed',
  async () => {
    await install();
    await shop.capture();
    await startMocks('orphan');
    const operator = ['-n', INSTALL, 'scale', 'deployment/echoplane-operator', '--replicas=0'];
    await node.kubectl(operator);
    const pods = ['pods', '-l', 'app.kubernetes.io/component=operator', '-o', 'name'];
    const running = () => node.kubectl(['-n', INSTALL, 'get', ...pods]);
    await until(running, (names) => names === '', { what: 'the end of the operators' });
    const said = await uninstall();
    expect(said).toContain('no operator is ready');
    expect(said).toContain(DONE);
    await expectPlainPods();
    const orphan = JSON.parse(await shop.kubectl('get', 'replay', 'orphan', '-o', 'json'));
    expect(orphan.metadata.finalizers ?? []).toEqual([]);
    expect(orphan.status).toMatchObject({
      phase: 'Cancelled',
      message: expect.stringContaining('uninstalled'),
    });
    await shop.kubectl('wait', '--for=condition=Complete', '--timeout=120s', 'replay/orphan');
    await shop.release();
    const kinds = async () => (await changed()).map((line) => line.replace(/\/.*/s, ''));
    const own = ['+ APIService', ...Array(3).fill('+ CustomResourceDefinition'), '+ TrafficReplay'];
    await until(kinds, (now) => now.join() === own.join(), { what: 'nothing but the CRDs' });
    await node.kubectl(['delete', ...CRDS]);
    await expectUntouched();
  },
  TEST_MS,
);

test(
  'what it cannot undo it names, in a log that stays, and it can be run again',
  async () => {
    await install('crds.keep=false');
    await shop.capture();
    const policy = { input: JSON.stringify(REFUSAL) };
    await node.kubectl(['apply', '-f', '-'], policy);
    const attempt = () => shop.kubectl('annotate', '--dry-run=server', 'deployment', 'shop', 'a=b');
    const isRefused = () =>
      attempt().then(
        () => false,
        () => true,
      );
    await until(isRefused, (refused) => refused, { what: 'the policy that refuses' });
    await expect(uninstall()).rejects.toThrow('failed');
    const log = await node.kubectl(['-n', INSTALL, 'logs', 'job/echoplane-uninstall']);
    expect(log).toContain('Deployment shop/shop: ');
    expect(log).toContain('the shop is frozen');
    await node.kubectl(['delete', '-f', '-'], policy);
    expect(await uninstall()).toContain(DONE);
    await expectPlainPods();
    await expectUntouched();
    await node.kubectl(['delete', 'namespace', SHOP, '--timeout=240s']);
  },
  TEST_MS,
);

/** Somebody's policy that lets nobody change the shop. */
const REFUSAL = {
  ...{ apiVersion: 'v1', kind: 'List' },
  items: [
    {
      ...{ apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingAdmissionPolicy' },
      metadata: { name: 'frozen' },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': SHOP } },
          resourceRules: [
            {
              ...{ apiGroups: ['apps'], apiVersions: ['v1'] },
              ...{ operations: ['UPDATE'], resources: ['deployments'] },
            },
          ],
        },
        validations: [{ expression: 'false', message: 'the shop is frozen' }],
      },
    },
    {
      ...{ apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingAdmissionPolicyBinding' },
      metadata: { name: 'frozen' },
      spec: { policyName: 'frozen', validationActions: ['Deny'] },
    },
  ],
};
