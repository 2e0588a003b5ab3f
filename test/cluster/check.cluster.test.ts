// `echoplane check` against a real API server and a real operator: all is well, and then each thing that can be wrong, one
// at a time; and the command itself with its exit codes.
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { runChecks } from '@echoplane/diagnosis';
import { createKubeClient, type KubeClient, kubeconfigAccess, type Obj, RESOURCES } from '@echoplane/kube';
import { INJECT_ANNOTATION, INJECT_LABEL, INSTALL_CONFIG_MAP, SIDECAR_PREFIX } from '@echoplane/resources';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Cleanup } from '../../packages/forwarder/src/forwarder.fixture.ts';
import { type StartedOperator, startOperator } from '../../packages/operator/src/operator.fixture.ts';
import { freePort } from '../ports.ts';
import { ProgramStage } from '../program-stage.ts';
import type { ApiServer } from './api-server.ts';
import { INSTALL, startInstalledServer } from './inspector-stage.fixture.ts';
import { configMap, installKinds, until } from './kube-access.fixture.ts';

const DAY_MS = 86_400_000;
const STATUS = { lag: { frames: 0, segments: 0, awayMs: 0 }, spool: { trouble: null } };
const CLI = join(import.meta.dirname, '../../packages/cli/src/main.ts');
const cleanup = new Cleanup();
const afterOne = new Cleanup();
let server: ApiServer;
let client: KubeClient;
let operator: StartedOperator;
let programs: ProgramStage;

beforeAll(async () => {
  ({ server, client } = await startInstalledServer(cleanup));
  programs = await ProgramStage.open();
  cleanup.add(() => programs.close());
  const ports = { webhookPort: await freePort(), adminPort: await freePort() };
  operator = await startOperator({ kubeconfig: server.adminKubeconfig, ...ports });
  cleanup.add(() => operator.stop());
  await client.create(RESOURCES.nodes, node('node-1', 'v1.32.2'));
  await component('operator', 2);
  // The operator makes the forwarder, and nobody makes its pods.
  const forwarder = { namespace: INSTALL, name: 'echoplane-forwarder' };
  await until(
    async () => (await client.get(RESOURCES.statefulSets, forwarder)) !== null,
    () => 'no forwarder',
  );
  await setReady('statefulset', 'forwarder', 1);
  let seen: string[] = [];
  const isReached = async () => {
    seen = await found();
    return seen.some((one) => one.includes('reaches the webhook: '));
  };
  await until(isReached, () => seen.join('\n'));
  await client.create(RESOURCES.deployments, captured('cart', { 'tls-out': 'true' }));
});
afterEach(() => afterOne.run());
afterAll(() => cleanup.run());

const node = (name: string, kubeletVersion: string): Obj => ({
  ...{ apiVersion: 'v1', kind: 'Node', metadata: { name } },
  status: { nodeInfo: { kubeletVersion } },
});
const workload = (namespace: string, name: string, annotations = {}): Obj => ({
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace, name, annotations } },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'app', image: 'r/e:1', ports: [{ containerPort: 80 }] }] },
    },
  },
});
const captured = (name: string, settings: Record<string, string> = {}) => {
  const wanted = Object.entries({ inject: 'true', ...settings });
  return workload(
    'shop',
    name,
    Object.fromEntries(wanted.map(([key, value]) => [SIDECAR_PREFIX + key, value])),
  );
};
async function component(name: string, replicas: number): Promise<void> {
  const made = workload(INSTALL, `echoplane-${name}`);
  await client.create(RESOURCES.deployments, { ...made, spec: { ...made.spec, replicas } });
  await setReady('deployment', name, replicas);
}
const setReady = (kind: 'deployment' | 'statefulset', name: string, readyReplicas: number) =>
  server.kubectl([
    ...['patch', kind, `echoplane-${name}`, '-n', INSTALL, '--subresource=status', '--type=merge'],
    ...['-p', JSON.stringify({ status: { replicas: 2, readyReplicas } })],
  ]);

/** For what the API server acts upon a moment after it was written, and for what a slow answer would blur. */
const SETTLES = { timeout: 120_000, interval: 200 };

/** Findings of one check, or of all, in short. */
async function found(check?: string, more: Partial<Parameters<typeof runChecks>[0]> = {}): Promise<string[]> {
  const context = { client, namespace: INSTALL, nowMs: Date.now, forwarderStatus: async () => STATUS };
  const findings = await runChecks({ ...context, ...more });
  for (const { state, remedy } of findings) expect(remedy === null).toBe(state === 'ok');
  return findings
    .filter((one) => check === undefined || one.check === check)
    .map(({ state, message }) => `${state}: ${message}`);
}

describe('an installation', () => {
  test('that is well has nothing but good findings', async () => {
    await expect
      .poll(() => found(), SETTLES)
      .toEqual([
        expect.stringMatching(/^ok: The API server https:.* answers; it is v1\.\d+/),
        'ok: The clock here and that of the API server agree.',
        'ok: All 1 kubelets know native sidecars.',
        'ok: The 3 kinds of echoplane.dev/v1 are there.',
        'ok: 2 of 2 replicas of the operator are ready (r/e:1).',
        'ok: The operator has the rights it needs.',
        'ok: The webhooks are registered with a certificate that holds.',
        'ok: The API server reaches the webhook: a pod of a dry run was injected.',
        'ok: The forwarder keeps up: 0 frames and 0 segments wait.',
        'ok: 1 workloads are captured, all their pods have a sidecar.',
      ]);
  });

  test.each([
    [4_000, 'ok: The clock here and that of the API server agree.'],
    [-30_000, expect.stringMatching(/^warning: .* differ by (29|30) s\.$/)],
    [90_000, expect.stringMatching(/^problem: .* differ by (89|90) s\.$/)],
  ])('whose clock is %i ms off', async (offMs, wanted) => {
    const clock = () => found('clock', { nowMs: () => Date.now() + offMs });
    await expect.poll(clock, SETTLES).toEqual([wanted]);
  });

  test('with an old kubelet', async () => {
    await client.create(RESOURCES.nodes, node('old', 'v1.28.9'));
    afterOne.add(() => client.delete(RESOURCES.nodes, { name: 'old' }));
    expect(await found('nodes')).toEqual([
      expect.stringMatching(/^warning: Kubelets older than 1\.30: old \(v1\.28\.9\)\./),
    ]);
  });

  test('with half an operator, with none that is ready, and without one: then nothing else is looked at', async () => {
    afterOne.add(() => setReady('deployment', 'operator', 2));
    await setReady('deployment', 'operator', 1);
    expect(await found('operator')).toEqual([expect.stringMatching(/^warning: 1 of 2 replicas/)]);
    await setReady('deployment', 'operator', 0);
    expect((await found()).at(-1)).toMatch(/^problem: 0 of 2 replicas/);
    expect((await found(undefined, { namespace: 'shop' })).at(-1)).toBe(
      'problem: There is no operator in the namespace shop.',
    );
  });

  test('whose operator lost a right', async () => {
    const name = 'echoplane-operator';
    const binding = ['clusterrolebinding', name, '-o', 'json'];
    const text = await server.kubectl(['get', ...binding]);
    await server.kubectl(['delete', 'clusterrolebinding', name]);
    afterOne.add(() => {
      const { metadata, ...rest } = JSON.parse(text);
      return server.kubectl(['create', '-f', '-'], {
        input: JSON.stringify({ ...rest, metadata: { name } }),
      });
    });
    await expect
      .poll(() => found('permissions'), SETTLES)
      .toEqual([expect.stringMatching(/^problem: .*watch pods, patch deployments/)]);
  });

  test('that is for some namespaces is looked at in those', async () => {
    const config = configMap(INSTALL, INSTALL_CONFIG_MAP, {
      'install.json': '{"namespaces":["shop","away"]}',
    });
    await client.create(RESOURCES.configMaps, config);
    afterOne.add(() => client.delete(RESOURCES.configMaps, { namespace: INSTALL, name: INSTALL_CONFIG_MAP }));
    expect(await found('capture')).toEqual([expect.stringMatching(/^ok: 1 workloads/)]);
    for (const check of ['webhook-reach', 'permissions'])
      await expect.poll(() => found(check), SETTLES).toEqual([expect.stringMatching(/^ok/)]);
  });

  test('with a forwarder that is behind, that waits for the control plane, or that is not ready', async () => {
    const behind = { ...STATUS, lag: { ...STATUS.lag, awayMs: 300_000 } };
    expect(await found('forwarder', { forwarderStatus: async () => behind })).toEqual([
      expect.stringMatching(/^problem: It has not reached the control plane for 300 s/),
    ]);
    expect(await found('forwarder', { forwarderStatus: async () => null })).toEqual([
      'warning: The forwarder waits for the control plane.',
    ]);
    afterOne.add(() => setReady('statefulset', 'forwarder', 1));
    await setReady('statefulset', 'forwarder', 0);
    expect(await found('forwarder')).toEqual(['problem: The forwarder is not ready: nothing is recorded.']);
  });

  test('whose HTTPS dependencies are opaque', async () => {
    await client.create(RESOURCES.deployments, captured('opaque'));
    afterOne.add(() => client.delete(RESOURCES.deployments, { namespace: 'shop', name: 'opaque' }));
    await expect
      .poll(() => found('capture'), SETTLES)
      .toEqual([expect.stringMatching(/^warning: HTTPS .* shop\/deployment\/opaque\.$/)]);
  });

  test('whose webhooks have a CA that ends soon or has ended', async () => {
    const config = (await client.get(RESOURCES.mutatingWebhooks, { name: 'echoplane' }))!;
    const bundle = Buffer.from(config.webhooks[0].clientConfig.caBundle, 'base64').toString();
    const endMs = Date.parse(new X509Certificate(bundle).validTo);
    const at = (nowMs: number) => found('webhooks', { nowMs: () => nowMs });
    expect((await at(endMs - DAY_MS))[0]).toMatch(/^warning: The CA of the webhook .* expires in 1 days\.$/);
    expect((await at(endMs + DAY_MS))[0]).toMatch(/^problem: The CA of the webhook .* has expired\.$/);
  });

  test('without one of its kinds', async () => {
    const name = 'captureconfigs.echoplane.dev';
    await server.kubectl(['delete', 'crd', name]);
    afterOne.add(() => installKinds(server));
    expect(await found('crds')).toEqual([`problem: These are not there, or not in version v1: ${name}.`]);
  });
});

describe('the command', () => {
  const check = async (args: string[], kubeconfig = server.adminKubeconfig) => {
    const all = [CLI, 'check', '--kubeconfig', kubeconfig, ...args];
    return programs.run(process.execPath, all, { PATH: process.env.PATH! }).ended;
  };

  test('prints what is and what to do, and ends with 0 when nothing is a problem', async () => {
    const { code, stdout } = await check([]);
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/operator +2 of 2 replicas of the operator are ready/);
    // There is no node that could answer for the forwarder.
    expect(stdout).toMatch(/\? forwarder +This could not be looked at: .*\n +→ Run the check as/);
    expect(stdout).toMatch(/\n0 problems, 0 warnings, 1 not looked at\n$/);
  });

  test('prints findings as JSON, and ends with 1 when there is a problem', async () => {
    const { code, lines } = await check(['--json', '--namespace', 'shop']);
    expect(code).toBe(1);
    expect(lines.at(-1)).toMatchObject({ check: 'operator', state: 'problem', remedy: expect.any(String) });
  });

  test('says of an API server that does not answer what to check', async () => {
    const port = await freePort();
    const nowhere = { server: `http://127.0.0.1:${port}` };
    const config = {
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'c' },
      clusters: [{ name: 'c', cluster: nowhere }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      users: [{ name: 'u', user: {} }],
    };
    const { code, lines } = await check(['--json'], await programs.file('nowhere', JSON.stringify(config)));
    expect([code, lines]).toEqual([1, [expect.objectContaining({ check: 'server', state: 'problem' })]]);
  });

  test('tells somebody without rights what could not be looked at', async () => {
    const access = await kubeconfigAccess(await server.userKubeconfig('nobody'));
    const nobody = createKubeClient(access);
    const findings = await found(undefined, { client: nobody });
    nobody.close();
    expect(findings[0]).toMatch(/^ok/);
    expect(findings.length).toBeGreaterThan(5);
    for (const finding of findings.slice(1)) expect(finding).toMatch(/^unknown: /);
  });

  test('names a context that is not there', async () => {
    const { code, stderr } = await check(['--context', 'away']);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/There is no cluster in context away/)]);
  });
});

describe('without a running operator', () => {
  beforeAll(() => operator.stop());

  test('the webhook is not reached, and says what to look at', async () => {
    expect(await found('webhook-reach')).toEqual([expect.stringMatching(/^problem: .* without our sidecar/)]);
  });

  test('workloads that ask are not taken up, and pods have no sidecar', async () => {
    await client.delete(RESOURCES.mutatingWebhooks, { name: 'echoplane' });
    await client.delete(RESOURCES.validatingWebhooks, { name: 'echoplane' });
    await client.create(RESOURCES.deployments, captured('missed', { 'tls-out': 'true' }));
    const metadata = { namespace: 'shop', name: 'cart-1', labels: { [INJECT_LABEL]: 'true' } };
    const spec = { containers: [{ name: 'app', image: 'a' }] };
    await client.create(RESOURCES.pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec });
    expect(await found('capture')).toEqual([
      'warning: Annotated, and not taken up yet: shop/deployment/missed.',
      'warning: Pods without a sidecar: shop/cart-1.',
    ]);
    await client.patch(
      RESOURCES.deployments,
      { namespace: 'shop', name: 'cart' },
      { metadata: { annotations: { [INJECT_ANNOTATION]: null } } },
      { type: 'merge' },
    );
    await client.delete(RESOURCES.deployments, { namespace: 'shop', name: 'missed' });
    expect((await found('capture'))[0]).toBe('warning: No workload asks to be captured.');
  });

  test('webhooks that are gone or have no CA are the problem; whether they are reached is no question then', async () => {
    expect(await found('webhooks')).toEqual([
      'problem: There is no MutatingWebhookConfiguration echoplane.',
      'problem: There is no ValidatingWebhookConfiguration echoplane.',
    ]);
    for (const resource of [RESOURCES.mutatingWebhooks, RESOURCES.validatingWebhooks])
      await client.create(resource, {
        ...{
          apiVersion: 'admissionregistration.k8s.io/v1',
          kind: resource.kind,
          metadata: { name: 'echoplane' },
        },
        webhooks: [
          {
            ...{ name: 'pods.echoplane.dev', admissionReviewVersions: ['v1'], sideEffects: 'None' },
            clientConfig: { service: { namespace: INSTALL, name: 'echoplane-operator' } },
            objectSelector: { matchLabels: { never: 'there' } },
          },
        ],
      });
    expect(await found('webhooks')).toEqual([
      'problem: The webhook pods.echoplane.dev has no CA yet.',
      'problem: The webhook pods.echoplane.dev has no CA yet.',
    ]);
    expect(await found('webhook-reach')).toEqual([]);
  });
});
