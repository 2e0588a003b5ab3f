// Injection as pods live it: kubelet, containers, nft rules, probes and Services of a real node, with the product as the
// charts install it. Everything is made at the beginning, so that what takes its time takes it beside the rest.
import type { ApiClient } from '@echoplane/api';
import { INJECT_LABEL } from '@echoplane/resources';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  injectedWorkloads,
  LATE,
  movedPod,
  OPEN,
  PROBE_KINDS,
  STRICT,
} from './injection-workloads.fixture.ts';
import {
  CLOUD,
  cloudClient,
  INSTALL,
  importImages,
  installCloud,
  installEchoplane,
  NODE_MS,
  shellOf,
  until,
} from './installation.ts';
import { type ClusterNode, startNode } from './node.ts';

// biome-ignore lint/suspicious/noExplicitAny: raw JSON of any kind
type Raw = any;

const SIDECAR = 'echoplane-sidecar';
const GIVE_BACK_MS = 480_000;
vi.setConfig({ testTimeout: NODE_MS, hookTimeout: NODE_MS });
let node: ClusterNode;
let cloud: ApiClient;

beforeAll(async () => {
  node = await startNode();
  const shell = shellOf(node);
  await importImages(node);
  await installCloud(shell);
  await installEchoplane(node);
  cloud = await cloudClient(node);
  await node.kubectl(['apply', '-f', '-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: injectedWorkloads() }),
  });
  await holdBack();
});
afterAll(() => node?.stop());

const json = async (...args: string[]): Promise<Raw> =>
  JSON.parse(await node.kubectl([...args, '-o', 'json']));
/** Pods of a workload that are not going. */
async function podsOf(name: string, namespace = OPEN): Promise<Raw[]> {
  const { items } = await json('-n', namespace, 'get', 'pods', '-l', `app=${name}`);
  return items.filter(({ metadata }: Raw) => metadata.deletionTimestamp === undefined);
}
const isReady = (pod: Raw) =>
  pod.status.conditions?.some(({ type, status }: Raw) => type === 'Ready' && status === 'True') ?? false;
const hasSidecar = (pod: Raw) =>
  [...(pod.spec.initContainers ?? []), ...pod.spec.containers].some(({ name }: Raw) => name === SIDECAR);
const statusOf = (pod: Raw, name: string) =>
  [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])].find(
    (one: Raw) => one.name === name,
  );
/** Its one pod, ready, with or without the sidecar. */
async function readyPod(name: string, injected: boolean, namespace = OPEN): Promise<Raw> {
  const what = `one ready pod of ${namespace}/${name} ${injected ? 'with' : 'without'} the sidecar`;
  const isIt = (pods: Raw[]) => pods.length === 1 && isReady(pods[0]) && hasSidecar(pods[0]) === injected;
  const look = async () => {
    const pods = await podsOf(name, namespace);
    // While the webhook is away or slow a pod starts without us, and stays so: then its user deletes it.
    for (const pod of pods)
      if (injected && pod.metadata.labels[INJECT_LABEL] === 'true' && !hasSidecar(pod))
        await node.kubectl(['-n', namespace, 'delete', 'pod', pod.metadata.name, '--ignore-not-found']);
    return pods;
  };
  const [pod] = await until(look, isIt, { what });
  return pod;
}
const annotate = (what: string, annotation: string, namespace = OPEN) =>
  node.kubectl(['-n', namespace, 'annotate', '--overwrite', what, annotation]);

/** What a service says, called from outside of the cluster's pods. */
async function ask(name: string, path: string, namespace = OPEN): Promise<string> {
  const { spec } = await json('-n', namespace, 'get', 'service', name);
  const answer = await fetch(`http://${spec.clusterIP}${path}`, { signal: AbortSignal.timeout(20_000) });
  return `${answer.status} ${await answer.text()}`;
}
const askUntil = (name: string, path: string, said: string, namespace = OPEN) =>
  until(
    () => ask(name, path, namespace).catch(String),
    (seen) => seen === said,
    { what: `${name}${path}` },
  );

/** The directions in which the control plane has seen a path. */
async function recorded(path: string, directions: string[]): Promise<void> {
  const look = async () => {
    const { items } = await cloud.call('traffic', { query: { limit: 500 } });
    return [...new Set(items.filter((item) => item.path === path).map(({ direction }) => direction))].sort();
  };
  await until(look, (seen) => String(seen) === String(directions), { what: `a recording of ${path}` });
}

/** Events that tell of an object. */
async function told(name: string, reason: string, namespace = OPEN): Promise<string> {
  const look = async () => {
    const { items } = await json('-n', namespace, 'get', 'events');
    return items.filter((event: Raw) => event.involvedObject.name === name && event.reason === reason);
  };
  const [event] = await until(look, (events) => events.length > 0, { what: `${reason} of ${name}` });
  return event.message;
}

/** The process of a container, as the node numbers it. */
async function pidOf(pod: Raw, name: string): Promise<string> {
  const id = statusOf(pod, name).containerID.replace('containerd://', '');
  const tasks = await node.nodeExec(['ctr', '-n', 'k8s.io', 'tasks', 'ls']);
  return tasks
    .split('\n')
    .find((line) => line.startsWith(id))!
    .split(/\s+/)[1]!;
}

/** Gives our containers of the workload `unpullable` an image that no registry has, and lets its pods go. */
async function holdBack(): Promise<void> {
  const [pod] = await until(
    () => podsOf('unpullable'),
    (pods) => pods.length === 1,
    { what: 'the gated pod' },
  );
  const { initContainers } = pod.spec;
  const images = initContainers.map((_: Raw, index: number) => ({
    ...{
      op: 'replace',
      path: `/spec/initContainers/${index}/image`,
      value: 'registry.example.com/nowhere:1',
    },
  }));
  await changePod(pod, [...images, { op: 'remove', path: '/spec/schedulingGates' }]);
}
const changePod = ({ metadata }: Raw, operations: object[]) =>
  node.kubectl(['-n', OPEN, 'patch', 'pod', metadata.name, '--type=json', '-p', JSON.stringify(operations)]);

test('transparent: a running Deployment that is annotated is redirected and recorded, in and out', async () => {
  await readyPod('web', false);
  await annotate('deployment/web', 'sidecar.echoplane.dev/inject=true');
  const pod = await readyPod('web', true);
  const pid = await pidOf(pod, 'app');
  const rules = await node.nodeExec(['nsenter', '-t', pid, '-n', 'nft', 'list', 'ruleset']);
  expect(rules).toMatch(/redirect to :4143/);
  expect(rules).toMatch(/redirect to :4140/);
  await askUntil('web', '/call?path=/seen-by-web', '200 answered /seen-by-web');
  await recorded('/seen-by-web', ['OUT']);
  await recorded('/call', ['IN']);
});

test('restricted: mode dual, through HTTP_PROXY, with the Service led to the sidecar', async () => {
  const pod = await readyPod('web', true, STRICT);
  expect(pod.spec.initContainers.map(({ name }: Raw) => name)).toEqual([SIDECAR]);
  const target = async () => (await json('-n', STRICT, 'get', 'service', 'web')).spec.ports[0].targetPort;
  await until(target, (port) => port === 4143, { what: 'targetPort of the sidecar' });
  await askUntil('web', '/call?path=/seen-by-strict', '200 answered /seen-by-strict', STRICT);
  await askUntil('web', '/asked-of-strict', '200 answered /asked-of-strict', STRICT);
  await recorded('/seen-by-strict', ['OUT']);
  await recorded('/asked-of-strict', ['IN']);
  await annotate('deployment/web', 'sidecar.echoplane.dev/inject-', STRICT);
  await readyPod('web', false, STRICT);
  await until(target, (port) => port === 8080, { what: 'targetPort of the app' });
  await askUntil('web', '/plain', '200 answered /plain', STRICT);
});

test('each kind of probe means what it meant: only the container that is broken is restarted', async () => {
  const pod = await readyPod('probed', true);
  const restarts = ({ status }: Raw) =>
    Object.fromEntries(status.containerStatuses.map((one: Raw) => [one.name, one.restartCount]));
  const expected: Record<string, number> = Object.fromEntries(PROBE_KINDS.map((kind) => [kind, 0]));
  expect(restarts(pod)).toEqual(expected);
  for (const kind of PROBE_KINDS) {
    await node.kubectl([
      '-n',
      OPEN,
      'exec',
      pod.metadata.name,
      '-c',
      kind,
      '--',
      '/bin/touch',
      '/tmp/broken',
    ]);
    expected[kind] = 1;
    const look = async () => restarts((await podsOf('probed'))[0]);
    await until(look, (seen) => seen[kind] === 1, { what: `a restart of ${kind}` });
    expect(await look()).toEqual(expected);
  }
  await recordedProbes();
});
async function recordedProbes(): Promise<void> {
  const { items } = await cloud.call('traffic', { query: { limit: 500 } });
  expect(items.filter(({ path }) => path === '/alive')).toEqual([]);
}

test('a Job and a Job of a CronJob end, and were recorded', async () => {
  await node.kubectl(['-n', OPEN, 'create', 'job', 'now', '--from=cronjob/often']);
  for (const name of ['once', 'now'])
    await node.kubectl(['-n', OPEN, 'wait', '--for=condition=Complete', '--timeout=240s', `job/${name}`]);
  await recorded('/from-job', ['OUT']);
  await recorded('/from-cronjob', ['OUT']);
});

test('a StatefulSet and a DaemonSet are injected; the pod’s own init containers go through the sidecar', async () => {
  await readyPod('stateful', true);
  await readyPod('daemon', true);
  await readyPod('with-init', true);
  await recorded('/from-init', ['OUT']);
});

test('the network of the node is never redirected: dual where a port is known, else refused, and told', async () => {
  const pod = await readyPod('on-node', true);
  expect(pod.spec.initContainers.map(({ name }: Raw) => name)).toEqual([SIDECAR]);
  expect(await told('on-node', 'HostNetwork')).toMatch(/mode dual is used instead/);
  const answer = await fetch(`http://${node.nodeAddress}:4143/asked-on-node`);
  expect(await answer.text()).toBe('answered /asked-on-node');
  await recorded('/asked-on-node', ['IN']);
  await readyPod('on-node-unknown', false);
  expect(await told('on-node-unknown', 'HostNetwork')).toMatch(/Not injected/);
});

test('an app with the sidecar’s own user is left alone, and told', async () => {
  await readyPod('same-user', false);
  expect(await told('same-user', 'SidecarIdentityInUse')).toMatch(/container app runs as user 4140/);
});

test('a sidecar that is killed comes back, and the app’s connections pass', async () => {
  const pod = await readyPod('web', true);
  const { restartCount: before } = statusOf(pod, SIDECAR);
  await node.nodeExec(['kill', '-9', await pidOf(pod, SIDECAR)]);
  const look = async () => statusOf((await podsOf('web'))[0], SIDECAR);
  await until(look, ({ restartCount, started }) => restartCount === before + 1 && started, {
    what: 'the sidecar back',
  });
  await askUntil('web', '/call?path=/after-the-kill', '200 answered /after-the-kill');
  expect((await podsOf('web'))[0].metadata.name).toBe(pod.metadata.name);
  expect(statusOf((await podsOf('web'))[0], 'app').restartCount).toBe(0);
});

test('the app stops before the sidecar: its last word is recorded', async () => {
  const pod = await readyPod('leaving', true);
  await node.kubectl(['-n', OPEN, 'delete', 'pod', pod.metadata.name, '--wait=true']);
  await recorded('/last-word-of-leaving', ['OUT']);
});

test('without the operator pods start plain; when it is back the gap is told, and a removed annotation ends it', async () => {
  const replicas = (count: number) =>
    node.kubectl(['-n', INSTALL, 'scale', 'deployment', 'echoplane-operator', `--replicas=${count}`]);
  const injected = await readyPod('daemon', true);
  await replicas(0);
  const gone = async () =>
    (await json('-n', INSTALL, 'get', 'pods', '-l', 'app.kubernetes.io/component=operator')).items;
  await until(gone, (items) => items.length === 0, { what: 'the end of the operator' });
  await node.kubectl(['-n', OPEN, 'delete', 'pod', '-l', 'app=daemon', '--wait=false']);
  await readyPod('daemon', false);
  await node.kubectl(['apply', '-f', '-'], { input: JSON.stringify(movedPod(injected, LATE)) });
  await readyPod('moved', true, LATE);
  await replicas(2);
  expect(await told('daemon', 'PodsNotInjected')).toMatch(/1 pods started without the sidecar/);
  await node.kubectl(['-n', INSTALL, 'rollout', 'status', 'deployment/echoplane-operator', '--timeout=240s']);
  await node.kubectl(['-n', OPEN, 'delete', 'pod', '-l', 'app=daemon']);
  await readyPod('daemon', true);
  await annotate('daemonset/daemon', 'sidecar.echoplane.dev/inject-');
  await readyPod('daemon', false);
});

test('a workload whose sidecar’s image cannot be pulled is given back, and told', {
  timeout: NODE_MS,
}, async () => {
  const name = 'unpullable';
  const isPlain = (pods: Raw[]) => pods.some((pod) => !hasSidecar(pod));
  const pods = await until(() => podsOf(name), isPlain, { what: 'a plain pod', deadlineMs: GIVE_BACK_MS });
  await changePod(
    pods.find((pod) => !hasSidecar(pod)),
    [{ op: 'remove', path: '/spec/schedulingGates' }],
  );
  await readyPod(name, false);
  expect(await told(name, 'Uninjected')).toMatch(/ImagePull/);
});

test('a pod that started before the CA of its namespace is recorded once the kubelet brings it', async () => {
  const secret = () =>
    node.kubectl(['-n', LATE, 'get', 'secret', 'echoplane-ca', '-o', 'name']).catch(String);
  await until(secret, (seen) => seen.trim() === 'secret/echoplane-ca', { what: 'the CA of the namespace' });
  const { status } = await readyPod('moved', true, LATE);
  const look = async () => {
    const answer = await fetch(`http://${status.podIP}:8080/asked-late`);
    expect(await answer.text()).toBe('answered /asked-late');
    const { items } = await cloud.call('traffic', { query: { limit: 500 } });
    return items.some(({ path }) => path === '/asked-late');
  };
  await until(look, (seen) => seen, { what: 'a recording of /asked-late' });
});

test('a connection that is not understood is recorded under the name of its Service', async () => {
  const look = async () => {
    await ask('with-init', '/dial').catch(String);
    const { items } = await cloud.call('traffic', { query: { limit: 500 } });
    return items
      .filter(({ direction, method }) => direction === 'OUT' && method === '')
      .map(({ host }) => host);
  };
  await until(look, (hosts) => hosts.includes(`upstream.${OPEN}.svc`), { what: 'the name of upstream' });
});

test('a release that the control plane wishes is told by the operator', async () => {
  const words = ['release', 'stable', '99.0.0', `sha256:${'a'.repeat(64)}`];
  const program = ['/usr/local/bin/node', '/opt/echoplane/cloud/main.js', ...words];
  await node.kubectl(['-n', CLOUD, 'exec', 'deploy/echoplane-cloud', '--', ...program]);
  expect(await told('echoplane-operator', 'ReleaseAvailable', INSTALL)).toMatch(/^Version 99\.0\.0 is there/);
});

test('no right was missing', async () => {
  for (const component of ['operator', 'inspector', 'forwarder']) {
    const log = await node.kubectl([
      '-n',
      INSTALL,
      'logs',
      '--tail=-1',
      '-l',
      `app.kubernetes.io/component=${component}`,
    ]);
    expect(log.split('\n').filter((line) => /forbidden/i.test(line))).toEqual([]);
  }
});
