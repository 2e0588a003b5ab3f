// The product in a cluster as a user puts it there: images, the charts by helm, the demo's services; and a client of the
// control plane. What a test, the benchmark and the transcript of the docs all begin with.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiClient, createClient } from '@echoplane/api';
import { buildImage } from '../../deploy/image.ts';
import { postgresImage, probeImage } from './images.ts';
import type { ClusterNode } from './node.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const chart = (name: string) => join(ROOT, 'charts', name);
/** Names that a registry would have; the node has the images already. */
export const IMAGES = {
  echoplane: 'registry.example.com/echoplane',
  demo: 'registry.example.com/echoplane-demo',
} as const;
export const INSTALL = 'echoplane';
export const CLOUD = 'echoplane-cloud';
const WAIT = '--timeout=240s';
/** After the two seconds of the chart a pod starts without us: which machine is how quick is not what tests ask. */
const WEBHOOK_PATIENCE_S = 20;

/** For a test, or what it begins with, that takes minutes on a node; it ends what hangs and judges no machine. */
export const NODE_MS = 900_000;

/** Runs a command line for its output; the transcript of the docs shows what goes through here. */
export type Shell = (
  command: 'kubectl' | 'helm',
  args: string[],
  options?: { input?: string },
) => Promise<string>;

export const shellOf =
  (node: ClusterNode): Shell =>
  (command, args, options) =>
    command === 'kubectl' ? node.kubectl(args, options) : node.helm(args);

/** Builds the images and puts them into the node. */
export async function importImages(node: ClusterNode, tag = '0.1.0'): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'echoplane-images-'));
  try {
    const tarballs = await Promise.all([
      buildImage({ name: `${IMAGES.echoplane}:${tag}`, out: join(folder, 'echoplane.tar') }),
      buildImage({ demo: true, name: `${IMAGES.demo}:${tag}`, out: join(folder, 'demo.tar') }),
      postgresImage(folder),
      probeImage(folder),
    ]);
    for (const tarball of tarballs) await node.importImage(tarball);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The control plane with its bundled database, ready. */
export async function installCloud(shell: Shell): Promise<void> {
  await shell('helm', [
    ...['install', 'echoplane-cloud', chart('echoplane-cloud'), '-n', CLOUD, '--create-namespace'],
    ...['--set', `image.repository=${IMAGES.echoplane}`, '--wait', WAIT],
  ]);
}

/** A key of the control plane, from the Secret of its chart. */
export async function keyOf(node: ClusterNode, name: 'agentKey' | 'apiKey'): Promise<string> {
  const path = `jsonpath={.data.${name}}`;
  const encoded = await node.kubectl(['-n', CLOUD, 'get', 'secret', 'echoplane-cloud-access', '-o', path]);
  return Buffer.from(encoded, 'base64').toString();
}

/** Echoplane itself; resolves when operator, forwarder and inspector are ready. */
export async function installEchoplane(
  node: ClusterNode,
  shell: Shell = shellOf(node),
  values: string[] = [],
): Promise<void> {
  await shell('helm', [
    ...['install', 'echoplane', chart('echoplane'), '-n', INSTALL, '--create-namespace'],
    ...['--set', 'clusterName=test', '--set', `image.repository=${IMAGES.echoplane}`],
    ...['--set', `cloud.url=http://echoplane-cloud.${CLOUD}.svc`],
    ...['--set', `apiKey=${await keyOf(node, 'agentKey')}`, ...values, '--wait', WAIT],
  ]);
  await untilReady(shell);
  await waitForWebhooks(node);
}

/** Has the API server wait longer for our webhooks. Helm does not upgrade what was changed so: it is for what stays, or is uninstalled. */
export async function waitForWebhooks({ kubectl }: Pick<ClusterNode, 'kubectl'>): Promise<void> {
  for (const kind of ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration']) {
    const { webhooks } = JSON.parse(await kubectl(['get', kind, 'echoplane', '-o', 'json']));
    const operations = webhooks.map((_: unknown, index: number) => ({
      ...{ op: 'replace', path: `/webhooks/${index}/timeoutSeconds`, value: WEBHOOK_PATIENCE_S },
    }));
    await kubectl(['patch', kind, 'echoplane', '--type=json', '-p', JSON.stringify(operations)]);
  }
}

/** What the operator makes after helm is done. */
export async function untilReady(shell: Shell): Promise<void> {
  const rollout = (name: string) => shell('kubectl', ['-n', INSTALL, 'rollout', 'status', name, WAIT]);
  const created = (name: string) => shell('kubectl', ['-n', INSTALL, 'wait', '--for=create', name, WAIT]);
  for (const name of ['statefulset/echoplane-forwarder', 'deployment/echoplane-inspector']) {
    await created(name);
    await rollout(name);
  }
}

/** The demo's services in a namespace; `capture`: already annotated. */
export async function installDemo(
  shell: Shell,
  { namespace, capture, values = [] }: { namespace: string; capture: boolean; values?: string[] },
): Promise<void> {
  await shell('helm', [
    ...['install', 'demo', chart('echoplane-demo'), '-n', namespace, '--create-namespace'],
    ...['--set', `image.repository=${IMAGES.demo}`, '--set', `capture.enabled=${capture}`, ...values],
    ...['--wait', WAIT],
  ]);
}

/** The demo's client, when all that it needs is ready. */
export async function startClient(
  shell: Shell,
  { namespace, thinkMs }: { namespace: string; thinkMs: number },
): Promise<void> {
  await shell('helm', [
    ...['upgrade', 'demo', chart('echoplane-demo'), '-n', namespace, '--reuse-values'],
    ...['--set', 'client.enabled=true', '--set', `client.thinkMs=${thinkMs}`, '--wait', WAIT],
  ]);
}

/** A client of the control plane by its Service, which a test reaches as it is. */
export async function cloudClient(node: ClusterNode): Promise<ApiClient> {
  const address = await node.kubectl([
    '-n',
    CLOUD,
    'get',
    'service',
    'echoplane-cloud',
    '-o',
    'jsonpath={.spec.clusterIP}',
  ]);
  const key = await keyOf(node, 'apiKey');
  return createClient({
    baseUrl: `http://${address}`,
    fetch,
    headers: () => ({ authorization: `Bearer ${key}` }),
  });
}

/** Looks again and again until `done` holds; throws with what was seen last. */
export async function until<T>(
  look: () => Promise<T>,
  done: (seen: T) => boolean,
  { what, deadlineMs = 240_000 }: { what: string; deadlineMs?: number },
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const seen = await look();
    if (done(seen)) return seen;
    if (performance.now() > deadline)
      throw new Error(
        `${what} did not come within ${deadlineMs} ms; last seen: ${JSON.stringify(seen).slice(0, 2_000)}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
