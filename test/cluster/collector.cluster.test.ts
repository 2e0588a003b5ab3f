// The collector against a real API server. A node is played by small HTTPS servers in the kubelet's place: logs take their
// way through the API server's own proxy, /metrics/resource is asked for directly.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { Observation } from '@echoplane/api';
import { createKubeClient, findAccess, type KubeClient, RESOURCES } from '@echoplane/kube';
import { createAuthority, loadAuthority } from '@echoplane/runtime';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Program, ProgramStage, until } from '../program-stage.ts';
import { type ApiServer, startApiServer } from './api-server.ts';

const REPLAY = '019c0000-0000-7000-8000-00000000000f';
const NAMESPACE = 'shop';
/** What the collector's service account may do, and nothing else. */
const RULES = [
  { apiGroups: [''], resources: ['pods', 'events'], verbs: ['list', 'watch'] },
  { apiGroups: [''], resources: ['pods/log', 'nodes/metrics'], verbs: ['get'] },
  { apiGroups: ['metrics.k8s.io'], resources: ['pods'], verbs: ['list'] },
];

let cluster: ApiServer;
let client: KubeClient;
let kubeconfig: string;
let stage: ProgramStage;
let forwarder: Forwarder;
const servers: Server[] = [];

beforeAll(async () => {
  cluster = await startApiServer();
  client = createKubeClient(await findAccess({}, { kubeconfig: cluster.adminKubeconfig }));
  kubeconfig = await cluster.userKubeconfig('collector');
  const rbac = 'rbac.authorization.k8s.io';
  const roleRef = { apiGroup: rbac, kind: 'ClusterRole', name: 'collector' };
  const subjects = [{ apiGroup: rbac, kind: 'User', name: 'collector' }];
  for (const object of [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name: 'collector' }, rules: RULES },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'collector' },
      roleRef,
      subjects,
    },
  ])
    await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(object) });
});
afterAll(async () => {
  client?.close();
  await cluster?.stop();
});
beforeEach(async () => {
  stage = await ProgramStage.open();
  forwarder = await startForwarder();
});
afterEach(async () => {
  await stage.close();
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
  await cluster.kubectl([
    'delete',
    'pods,nodes,events',
    '--all',
    '-n',
    NAMESPACE,
    '--force',
    '--ignore-not-found',
  ]);
});

test('Events of pods and workloads arrive once for each count, others do not, and those before the pod was seen do', async () => {
  await makeEvent('a', { kind: 'Pod', name: 'cart-1' }, 'Scheduled');
  await makeEvent('z', { kind: 'Deployment', name: 'cart' }, 'LongAgo', Date.now() - 3_600_000);
  const program = await start({
    ECHOPLANE_WORKLOADS: `${NAMESPACE}/Deployment/cart`,
    ECHOPLANE_SINCE: new Date(Date.now() - 60_000).toISOString(),
  });
  await makePod('cart-1', 'cart');
  await makePod('other-1', 'other');
  const repeated = await makeEvent('b', { kind: 'ReplicaSet', name: 'cart-7d' }, 'FailedCreate');
  await makeEvent('c', { kind: 'Pod', name: 'other-1' }, 'Scheduled');
  await client.replace(RESOURCES.events, { ...repeated, count: 4, lastTimestamp: new Date().toISOString() });
  await makeEvent('d', { kind: 'Deployment', name: 'cart' }, 'ScalingReplicaSet');
  await until(() => events().length >= 4);
  expect(await end(program)).toBe(0);
  const told = events().map(
    ({ object, reason, count }) => `${object.kind} ${object.name} ${reason} ${count}`,
  );
  expect(told.sort()).toEqual([
    'Deployment cart ScalingReplicaSet 1',
    'Pod cart-1 Scheduled 1',
    'ReplicaSet cart-7d FailedCreate 1',
    'ReplicaSet cart-7d FailedCreate 4',
  ]);
  expect(forwarder.tokens).toEqual(new Set(['Bearer the-token']));
});

test('logs come line by line, go on after the stream ends, repeat nothing, and say what was left out', async () => {
  const now = () => new Date().toISOString();
  let streams = 0;
  const first = `${now()} hello\n`;
  await makeNode((request, response) => {
    if (!request.url!.startsWith(`/containerLogs/${NAMESPACE}/cart-1/app?`))
      return void response.writeHead(404).end();
    streams++;
    expect(new URL(request.url!, 'http://x').searchParams.get('timestamps')).toBe('true');
    // As after a rotation: the stream ends, and the next one begins with what was said in that second.
    if (streams === 1) return void response.end(first);
    // It is asked for when all of the one before was read.
    if (streams > 2) return void response.flushHeaders();
    response.write(`${first}${now()} again\n`);
    for (let i = 0; i < 200; i++) response.write(`${now()} ${'x'.repeat(20_000)}\n`);
    response.end();
  });
  await makePod('cart-1', 'cart');
  const program = await start();
  await until(() => streams > 2 && logs().length > 100);
  expect(await end(program)).toBe(0);
  const lines = logs().map(({ line }) => line);
  expect(lines.slice(0, 2)).toEqual(['hello', 'again']);
  const long = logs().slice(2);
  expect(long[0]).toMatchObject({ cutBytes: expect.any(Number), pod: 'cart-1', container: 'app' });
  expect(long[0]!.line.length + long[0]!.cutBytes!).toBe(20_000);
  const kept = lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
  expect(kept).toBeLessThanOrEqual(2 << 20);
  const notes = seenOf('note').map(({ code, message }) => `${code} ${message}`);
  expect(notes).toContainEqual(expect.stringMatching(/^log-full /));
  expect(notes).toContainEqual(expect.stringContaining(`log-left-out ${200 - long.length} more lines`));
});

test('without a metrics API CPU and memory come from the kubelet; CPU from the second reading on', async () => {
  let seconds = 100;
  const port = await startKubelet(await cluster.issue('kubelet', ['n1']), (request, response) => {
    if (request.url !== '/metrics/resource') return void response.writeHead(404).end();
    const labels = `{container="app",namespace="${NAMESPACE}",pod="cart-1"}`;
    const samples = [
      `container_cpu_usage_seconds_total${labels} ${seconds++}`,
      `container_memory_working_set_bytes${labels} 4096`,
    ];
    response.end(`${samples.map((sample) => `${sample} ${Date.now()}`).join('\n')}\n`);
  });
  await makePod('cart-1', 'cart');
  const program = await start({ ...kubeletAt(port), ECHOPLANE_METRICS_INTERVAL_MS: '1000' });
  await until(() => seenOf('metric').length >= 2);
  expect(await end(program)).toBe(0);
  const [first, second] = seenOf('metric');
  expect(first).toMatchObject({ pod: 'cart-1', container: 'app', memoryBytes: 4_096, cpuMillicores: null });
  expect(second!.cpuMillicores).toBeGreaterThan(0);
  expect(seenOf('note')).toEqual([]);
});

test('a kubelet with a certificate of another authority, or of another node, is shown nothing; one note says what to do', async () => {
  const { certPem, keyPem } = await createAuthority({ commonName: 'Its own authority', days: 1 });
  const own = await (await loadAuthority(certPem, keyPem)).leaf('n1');
  const answers = [{ cert: own.certPem, key: own.keyPem }, await cluster.issue('other-node', ['n2'])];
  await makePod('cart-1', 'cart');
  for (const certificate of answers) {
    forwarder.observations.splice(0);
    let requests = 0;
    const port = await startKubelet(certificate, (_, response) => {
      requests++;
      response.end();
    });
    const program = await start({ ...kubeletAt(port), ECHOPLANE_METRICS_INTERVAL_MS: '1000' });
    await until(() => seenOf('note').length > 0);
    expect(await end(program)).toBe(0);
    expect(seenOf('note')).toMatchObject([
      {
        code: 'no-resource-metrics',
        message: expect.stringMatching(
          /^no resource metrics: .*404.*no token was sent.*Install metrics-server, or give kubelets certificates/,
        ),
      },
    ]);
    expect([requests, seenOf('metric')]).toEqual([0, []]);
  }
});

test('a kubelet that refuses, or that nobody reaches, is told with what to do', async () => {
  const refusing = await startKubelet(await cluster.issue('kubelet', ['n1']), (_, response) => {
    response.writeHead(403).end('Forbidden (user=collector)');
  });
  await makePod('cart-1', 'cart');
  for (const [port, words] of [
    [refusing, /403 Forbidden.*get nodes\/metrics\.$/],
    [1, /ECONNREFUSED.*reach port 1 of the nodes\.$/],
  ] as const) {
    forwarder.observations.splice(0);
    const program = await start({ ...kubeletAt(port), ECHOPLANE_METRICS_INTERVAL_MS: '1000' });
    await until(() => seenOf('note').length > 0);
    expect(await end(program)).toBe(0);
    expect(seenOf('note')[0]!.message).toMatch(words);
  }
});

test('while the forwarder refuses, observations wait; SIGTERM sends what is held', async () => {
  forwarder.status = 503;
  const program = await start({ ECHOPLANE_WORKLOADS: `${NAMESPACE}/Deployment/cart` });
  await makeEvent('e', { kind: 'Deployment', name: 'cart' }, 'ScalingReplicaSet');
  await until(() => forwarder.refused > 0);
  expect(forwarder.observations).toEqual([]);
  forwarder.status = 202;
  expect(await end(program)).toBe(0);
  expect(events()).toHaveLength(1);
});

interface Forwarder {
  url: string;
  caFile: string;
  observations: Observation[];
  tokens: Set<string | undefined>;
  status: number;
  refused: number;
}

type Of<K extends Observation['kind']> = Extract<Observation, { kind: K }>;
const seenOf = <K extends Observation['kind']>(kind: K) =>
  forwarder.observations.filter((seen): seen is Of<K> => seen.kind === kind);
const events = () => seenOf('event');
const logs = () => seenOf('log');

async function start(env: Record<string, string> = {}): Promise<Program> {
  const program = stage.start('collector', {
    ...{
      ECHOPLANE_REPLAY_ID: REPLAY,
      ECHOPLANE_TARGETS: `${NAMESPACE}/app=cart`,
      ECHOPLANE_KUBECONFIG: kubeconfig,
    },
    ...{ ECHOPLANE_FORWARDER_URL: forwarder.url, ECHOPLANE_FORWARDER_CA_FILE: forwarder.caFile },
    ECHOPLANE_FORWARDER_TOKEN_FILE: await stage.file('token', 'the-token\n'),
    ...env,
  });
  const { adminPort } = await program.event('ready');
  await until(async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).ok);
  return program;
}

async function end(program: Program): Promise<number | null> {
  program.child.kill('SIGTERM');
  const { code, stderr } = await program.ended;
  expect(stderr).toBe('');
  return code;
}

/** The forwarder's face, as far as observations go. */
async function startForwarder(): Promise<Forwarder> {
  const { server, caPem } = await tlsServer('localhost');
  const told: Forwarder = {
    ...{ url: '', caFile: await stage.file('forwarder-ca.crt', caPem), observations: [], tokens: new Set() },
    ...{ status: 202, refused: 0 },
  };
  server.on('request', async (request: IncomingMessage, response: ServerResponse) => {
    const text = Buffer.concat(await request.toArray()).toString();
    const isMeant = request.method === 'POST' && request.url === '/observations';
    if (!isMeant || told.status !== 202) {
      told.refused++;
      return response.writeHead(isMeant ? told.status : 405).end();
    }
    told.tokens.add(request.headers.authorization);
    const lines = text.trimEnd().split('\n');
    told.observations.push(...lines.map((line) => Observation.parse(JSON.parse(line))));
    return response.writeHead(202).end(JSON.stringify({ accepted: lines.length }));
  });
  return Object.assign(told, { url: `https://localhost:${await portOf(server, '127.0.0.1')}` });
}

/** A node whose kubelet is `answer`. The API server proxies to no loopback address. */
async function makeNode(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<void> {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const address = addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address;
  if (!address) throw new Error('this test needs an IPv4 address beside the loopback');
  const { server } = await tlsServer(address);
  server.on('request', answer);
  const port = await portOf(server, address);
  const metadata = { name: 'n1' };
  const node = await client.create(RESOURCES.nodes, { apiVersion: 'v1', kind: 'Node', metadata });
  const status = {
    addresses: [{ type: 'InternalIP', address }],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
  };
  await client.replace(RESOURCES.nodes, { ...node, status }, { subresource: 'status' });
}

/** A kubelet of this machine, for metrics alone. */
async function startKubelet(
  certificate: { cert: string; key: string },
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<number> {
  const server = createServer(certificate, answer);
  servers.push(server);
  return portOf(server, '127.0.0.1');
}

const kubeletAt = (port: number) => ({ ECHOPLANE_KUBELET_PORT: String(port) });

async function tlsServer(name: string): Promise<{ server: Server; caPem: string }> {
  const { certPem, keyPem } = await createAuthority({ commonName: 'Test authority', days: 1 });
  const leaf = await (await loadAuthority(certPem, keyPem)).leaf(name);
  const server = createServer({ cert: leaf.certPem, key: leaf.keyPem });
  servers.push(server);
  return { server, caPem: certPem };
}

async function portOf(server: Server, host: string): Promise<number> {
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function makePod(name: string, app: string) {
  const pod = await client.create(RESOURCES.pods, {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: NAMESPACE, name, labels: { app } } },
    spec: { nodeName: 'n1', containers: [{ name: 'app', image: 'none' }] },
  });
  const status = { hostIP: '127.0.0.1' };
  await client.patch(
    RESOURCES.pods,
    { namespace: NAMESPACE, name },
    { status },
    { type: 'merge', subresource: 'status' },
  );
  return pod;
}

function makeEvent(name: string, object: { kind: string; name: string }, reason: string, atMs = Date.now()) {
  const at = new Date(atMs).toISOString();
  return client.create(RESOURCES.events, {
    ...{ apiVersion: 'v1', kind: 'Event', metadata: { namespace: NAMESPACE, name } },
    ...{
      involvedObject: { ...object, namespace: NAMESPACE },
      reason,
      message: `${reason} it is`,
      type: 'Normal',
    },
    ...{ count: 1, firstTimestamp: at, lastTimestamp: at, source: { component: 'test' } },
  });
}
