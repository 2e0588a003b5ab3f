// The real node of the rows that need one, with the images, the control plane and the demo's services in it, as a user has
// it before Echoplane is installed. Made once for all rows.
import type { ApiClient } from '@echoplane/api';
import { createKubeClient, type KubeClient, type Obj, RESOURCES } from '@echoplane/kube';
import {
  cloudClient,
  INSTALL,
  importImages,
  installCloud,
  installDemo,
  installEchoplane,
  type Shell,
  shellOf,
} from '../../test/cluster/installation.ts';
import { adminAccess } from '../../test/cluster/kube-access.fixture.ts';
import { type ClusterNode, startNode } from '../../test/cluster/node.ts';

export { INSTALL };
export const DEMO = 'shop';
/** The Deployment that is captured and replayed. */
export const TARGET = { namespace: DEMO, name: 'shop' };

export interface ClusterStage {
  node: ClusterNode;
  shell: Shell;
  client: KubeClient;
  cloud: ApiClient;
  target(): Promise<Obj>;
  stop(): Promise<void>;
}

export async function startStage(): Promise<ClusterStage> {
  const node = await startNode();
  let client: KubeClient | null = null;
  try {
    const shell = shellOf(node);
    await importImages(node);
    await installCloud(shell);
    // A little traffic, all the time.
    await installDemo(shell, { namespace: DEMO, capture: false, values: ['--set', 'client.thinkMs=200'] });
    client = createKubeClient(await adminAccess(node));
    const kube = client;
    const stop = async () => {
      kube.close();
      await node.stop();
    };
    const target = async () => (await kube.get(RESOURCES.deployments, TARGET))!;
    return { node, shell, client, cloud: await cloudClient(node), target, stop };
  } catch (err) {
    client?.close();
    await node.stop();
    throw err;
  }
}

/** `helm install` to the end of its last rollout, in seconds. */
export async function install({ node, shell }: ClusterStage): Promise<number> {
  const began = performance.now();
  await installEchoplane(node, shell, ['--set', 'crds.keep=false']);
  return secondsSince(began);
}

/** `helm uninstall`, in seconds; returns when the pods of the installation are gone. */
export async function uninstall({ node, client }: ClusterStage): Promise<number> {
  const began = performance.now();
  await node.helm(['uninstall', 'echoplane', '-n', INSTALL, '--wait', '--timeout=300s'], {
    deadlineMs: 330_000,
  });
  const took = secondsSince(began);
  await soon('the pods of the installation are still there', async () => {
    for await (const _ of client.list(RESOURCES.pods, { namespace: INSTALL })) return false;
    return true;
  });
  return took;
}

/** Waits for the rollout of the target. */
export async function rolledOut({ shell }: ClusterStage): Promise<void> {
  await shell('kubectl', ['-n', DEMO, 'rollout', 'status', `deployment/${TARGET.name}`, '--timeout=120s']);
}

export function secondsSince(began: number): number {
  return Math.round((performance.now() - began) / 10) / 100;
}

const POLL_MS = 100;

/** Looks every 100 ms until it is so; throws with `what` after the deadline. */
export async function soon(
  what: string | (() => string),
  isSo: () => Promise<boolean>,
  deadlineMs = 120_000,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await isSo())) {
    if (performance.now() > deadline)
      throw new Error(`after ${deadlineMs} ms ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
