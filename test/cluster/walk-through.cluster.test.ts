import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { clientPrograms } from './binaries.ts';
import { CLOUD, INSTALL, importImages, NODE_MS } from './installation.ts';
import { type ClusterNode, startNode } from './node.ts';
import {
  type CloudAccess,
  captureShop,
  cloudAccess,
  installAll,
  leave,
  replayBoth,
  Terminal,
  takeSnapshot,
} from './walk-through.ts';

vi.setConfig({ testTimeout: NODE_MS, hookTimeout: NODE_MS });
let node: ClusterNode;
let terminal: Terminal;
let access: CloudAccess;
beforeAll(async () => {
  node = await startNode();
  await importImages(node);
  const { kubectl, helm } = await clientPrograms();
  terminal = new Terminal(node, `${dirname(kubectl)}:${dirname(helm)}`);
});
afterAll(() => node?.stop());

const template = async () =>
  JSON.parse(await node.kubectl(['-n', 'shop', 'get', 'deployment', 'shop', '-o', 'json'])).spec.template;

/** In order: each goes on where the one before ended, as a user does. */
describe('a new user', () => {
  test('installs the control plane and Echoplane, and all of it becomes ready', async () => {
    await installAll(node, terminal);
    const pods = await node.kubectl(['-n', INSTALL, 'get', 'pods', '--no-headers']);
    expect(pods.trim().split('\n')).toHaveLength(4);
    expect(pods).not.toMatch(/0\/1/);
  });

  test('annotates a Deployment, and its traffic is recorded, what goes out over TLS too', async () => {
    await captureShop(terminal);
    access = await cloudAccess(node);
    await takeSnapshot(terminal, access);
    const outbound = terminal.steps.find(({ shown }) => shown.includes('direction=OUT'))!.output;
    expect(outbound.split('\n')).toHaveLength(3);
    // Not among those: the newest three may all be calls of rates.
    const answer = await fetch(`${access.CLOUD}/v1/traffic?direction=OUT&host=payments&limit=20`, {
      headers: { authorization: `Bearer ${access.API_KEY}` },
    });
    const { items } = (await answer.json()) as {
      items: { method: string; path: string; status: number | null }[];
    };
    expect(items.map(({ method, path, status }) => `${method} ${path} ${status}`).join('\n')).toMatch(
      /^(GET|POST) \/v1\/charges.* 20[01]$/m,
    );
    const counts = JSON.parse(terminal.steps.at(-1)!.output);
    expect(counts.tests).toBeGreaterThan(20);
    expect(counts.mocks).toBeGreaterThan(10);
  });

  test('replays it: the same build passes, the broken one is told what is wrong, the Deployment is as before', async () => {
    const { v1, v2 } = await replayBoth(terminal, access);
    const told = terminal.steps.map(({ output }) => output).join('\n');
    expect(v1, told).toMatch(/same\s+Succeeded\s+passed/);
    expect(v2).toMatch(/next\s+Succeeded\s+missed-goals/);
    const reasons = terminal.steps.at(-1)!.output;
    expect(reasons).toContain('body.total');
    expect(reasons).toMatch(/changed its type, number \d+ became string/);
    const { metadata } = await template();
    expect(Object.keys(metadata.annotations ?? {})).not.toContain('replay.echoplane.dev/run');
    const ours = ['get', 'all,secrets', '-l', 'replay.echoplane.dev/id', '-o', 'name'];
    // Pods take their time to end, after what made them is gone.
    await expect.poll(() => node.kubectl(['-n', INSTALL, ...ours]), { timeout: 120_000 }).toBe('');
  });

  test('is told that all is well, uninstalls, and has plain pods again', async () => {
    await leave(terminal);
    const check = terminal.steps.find(({ shown }) => shown.includes('main.ts check'))!.output;
    expect(check).toContain('0 problems');
    const { metadata, spec } = await template();
    expect(JSON.stringify(metadata)).not.toContain('sidecar.echoplane.dev');
    expect(spec.initContainers).toBeUndefined();
    const webhooks = ['get', 'mutatingwebhookconfigurations,validatingwebhookconfigurations', '-o', 'name'];
    expect(await node.kubectl(webhooks)).not.toContain('echoplane');
    // The control plane is another installation; it stays.
    expect(await node.kubectl(['-n', CLOUD, 'get', 'pods', '-o', 'name'])).toContain('echoplane-cloud');
  });
});
