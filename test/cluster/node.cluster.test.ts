// The node itself: everything a test of the product takes for granted there.
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import { createAuthority, loadAuthority } from '@echoplane/runtime';
import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { postgresImage, probeImage } from './images.ts';
import { type ClusterNode, startNode } from './node.ts';
import { type Manifest, podSpec, webDeployment, webhookObjects } from './node-manifests.fixture.ts';

const DEADLINE_MS = 240_000;
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });
let node: ClusterNode;

beforeAll(async () => {
  node = await startNode();
  await node.importImage(await probeImage(node.folder));
  await apply(...webDeployment('web'));
  await waitFor('deployment/web', 'Available');
});
afterAll(() => node?.stop());

it('a Service balances over the pods of a Deployment, for pods and for the test', async () => {
  const address = await node.kubectl(['get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}']);
  await expect.poll(() => answersOf(() => read(`http://${address}/`)), { timeout: DEADLINE_MS }).toBe(2);
  const fromPod =
    "fetch('http://web.default.svc').then((r) => r.text()).then((t) => process.stdout.write(t))";
  const answer = () => node.kubectl(['exec', 'deployment/web', '--', 'node', '-e', fromPod]);
  await expect.poll(() => answersOf(answer), { timeout: DEADLINE_MS }).toBe(2);
});

it('a pod resolves Services and added names, and other names do not exist', async () => {
  await node.addHost('api.partner.example', '192.0.2.10');
  const lookup = (name: string) =>
    inWeb(`require('dns').lookup('${name}', (err, address) => process.stdout.write(err?.code ?? address))`);
  const address = await node.kubectl(['get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}']);
  for (const name of ['web', 'web.default.svc', 'web.default.svc.cluster.local'])
    await expect.poll(() => lookup(name), { timeout: DEADLINE_MS, interval: 500 }).toBe(address);
  expect(await lookup('nobody.example')).toBe('ENOTFOUND');
  await expect
    .poll(() => lookup('api.partner.example'), { timeout: DEADLINE_MS, interval: 500 })
    .toBe('192.0.2.10');
});

it('a pod reaches a server of the test', async () => {
  const server = createServer((_, answer) => answer.end('from the test')).listen(0, node.machineAddress);
  await once(server, 'listening');
  try {
    const { port } = server.address() as { port: number };
    const script = `fetch('http://${node.machineAddress}:${port}').then((r) => r.text()).then((t) => process.stdout.write(t))`;
    expect(await inWeb(script)).toBe('from the test');
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

it('the API server calls a mutating webhook over TLS that is a pod behind a Service', async () => {
  const authority = await createAuthority({ commonName: 'Webhook authority', days: 1 });
  const names = ['labeller.default.svc'];
  const pair = await (await loadAuthority(authority.certPem, authority.keyPem)).issue({ names, days: 1 });
  await apply(...webhookObjects(pair, authority.certPem));
  await waitFor('deployment/labeller', 'Available');
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'seen', labels: { hook: 'yes' } } };
  await expect
    .poll(
      async () => {
        await node.kubectl(['delete', 'configmap', 'seen', '--ignore-not-found']);
        await apply(map);
        return node.kubectl(['get', 'configmap', 'seen', '-o', 'jsonpath={.data.by}']);
      },
      { timeout: DEADLINE_MS },
    )
    .toBe('webhook');
});

it('a Job completes, and one that takes more memory than its limit is killed for that', async () => {
  await apply(job('done', 'console.log("printed by a Job")', '128Mi'));
  await apply(job('hungry', 'const kept = []; for (;;) kept.push(Buffer.alloc(1e7, 1))', '64Mi'));
  await waitFor('job/done', 'Complete');
  expect(await node.kubectl(['logs', 'job/done'])).toBe('printed by a Job\n');
  await waitFor('job/hungry', 'Failed');
  const reason = '{.items[0].status.containerStatuses[0].state.terminated.reason}';
  const pods = await node.kubectl(['get', 'pods', '-l', 'job-name=hungry', '-o', `jsonpath=${reason}`]);
  expect(pods).toBe('OOMKilled');
});

it('a claim is bound, and a Postgres on it takes connections with its password', async () => {
  await node.importImage(await postgresImage(node.folder));
  const env = [
    { name: 'POSTGRES_PASSWORD', value: 'secret' },
    { name: 'POSTGRES_DB', value: 'orders' },
    { name: 'PGDATA', value: '/data/postgres' },
  ];
  const spec = podSpec('postgres:17', '256Mi');
  Object.assign(spec.containers[0]!, { env, volumeMounts: [{ name: 'data', mountPath: '/data' }] });
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
  await apply(
    {
      ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data' } },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    },
    { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'postgres' }, spec: { ...spec, volumes } },
  );
  await waitFor('pod/postgres', 'Ready');
  expect(await node.kubectl(['get', 'pvc', 'data', '-o', 'jsonpath={.status.phase}'])).toBe('Bound');
  const address = await node.kubectl(['get', 'pod', 'postgres', '-o', 'jsonpath={.status.podIP}']);
  const database = () => postgresSays(`postgres://postgres:secret@${address}/orders`);
  await expect.poll(database, { timeout: DEADLINE_MS }).toBe('orders');
  await expect(postgresSays(`postgres://postgres:wrong@${address}/orders`)).rejects.toThrow(
    'password authentication failed',
  );
});

it('the kubelet tells the processor time and memory of a container', async () => {
  const metrics = () =>
    node.kubectl(['get', '--raw', `/api/v1/nodes/${node.nodeName}/proxy/metrics/resource`]);
  const both =
    /container_cpu_usage_seconds_total\{container="web"[\s\S]*container_memory_working_set_bytes\{container="web"/;
  await expect.poll(metrics, { timeout: DEADLINE_MS, interval: 500 }).toMatch(both);
});

async function apply(...items: Manifest[]): Promise<void> {
  await node.kubectl(['apply', '-f', '-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  });
}

async function waitFor(what: string, condition: string): Promise<void> {
  await node.kubectl(['wait', `--for=condition=${condition}`, what, `--timeout=${DEADLINE_MS}ms`]);
}

function inWeb(script: string): Promise<string> {
  return node.kubectl(['exec', 'deployment/web', '--', 'node', '-e', script]);
}

/** How many different answers eight calls get. */
async function answersOf(call: () => Promise<string>): Promise<number> {
  return new Set(await Promise.all(Array.from({ length: 8 }, call))).size;
}

/** One request on a connection of its own. */
async function read(url: string): Promise<string> {
  const [answer] = await once(get(url, { agent: false }), 'response');
  return (await answer.toArray()).join('');
}

async function postgresSays(connectionString: string): Promise<string> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query('SELECT current_database() AS name')).rows[0].name;
  } finally {
    await client.end();
  }
}

function job(name: string, script: string, memory: string): Manifest {
  const spec = { ...podSpec('docker.io/local/probe:test', memory, script), restartPolicy: 'Never' };
  return {
    ...{ apiVersion: 'batch/v1', kind: 'Job', metadata: { name } },
    spec: { backoffLimit: 0, template: { spec } },
  };
}
