// A cluster for replays without controllers or kubelet: an API server with our kinds, a workload that may be replayed, and
// `play`, which does what controllers and kubelet would do to it. For tests only.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createKubeClient, type KubeClient, type Obj, RESOURCES, type Resource } from '@echoplane/kube';
import {
  ALLOWED_LABEL,
  COMPONENT_LABEL,
  INJECT_LABEL,
  InstallConfig,
  REPLAY_LABEL,
  RUN_ANNOTATION,
  SECRETS,
  STATUS_ANNOTATION,
} from '@echoplane/resources';
import { type ApiServer, startApiServer } from './api-server.ts';
import { adminAccess, installKinds, namespaceObject } from './kube-access.fixture.ts';

export const INSTALL = 'echoplane';
export const SHOP = 'shop';
const READY = [{ type: 'Ready', status: 'True' }];
export const install = InstallConfig.parse({
  ...{ clusterName: 'test', cloudUrl: 'http://cloud.example.org', image: 'registry.example.org/echoplane:1' },
});

export interface ReplayWorld {
  cluster: ApiServer;
  client: KubeClient;
  /** One round of what controllers and kubelet would do. */
  play(): Promise<void>;
  /** Whether generators end well, or are lost. */
  generators: 'succeed' | 'fail' | 'hang';
  /** What `play` does to new pods of the workload. */
  webhook: 'wires' | 'is down';
  stop(): Promise<void>;
}

export async function startReplayWorld(): Promise<ReplayWorld> {
  const cluster = await startApiServer();
  const client = createKubeClient(await adminAccess(cluster));
  const responder = createServer((request, response) => {
    request.resume();
    response.end(JSON.stringify({ delivered: 2, undelivered: 0 }));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => responder.once('listening', resolve));
  const adminPort = (responder.address() as AddressInfo).port;
  await installKinds(cluster);
  await client.create(RESOURCES.namespaces, namespaceObject(INSTALL));
  const shop = namespaceObject(SHOP);
  await client.create(RESOURCES.namespaces, {
    ...shop,
    metadata: { ...shop.metadata, labels: { [ALLOWED_LABEL]: 'true' } },
  });
  await client.create(RESOURCES.secrets, {
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: INSTALL, name: SECRETS.internalCa } },
    data: { 'tls.crt': Buffer.from('a certificate').toString('base64') },
  });
  const world: ReplayWorld = {
    ...{ cluster, client, generators: 'succeed', webhook: 'wires' },
    play: () => playOnce(world, adminPort),
    async stop() {
      responder.close();
      responder.closeAllConnections();
      client.close();
      await cluster.stop();
    },
  };
  return world;
}

/** A workload with a sidecar and its Service. */
export async function makeWorkload(client: KubeClient, name: string): Promise<Obj> {
  const labels = { app: name, [INJECT_LABEL]: 'true' };
  await client.create(RESOURCES.services, {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { namespace: SHOP, name } },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  });
  return client.create(RESOURCES.deployments, {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace: SHOP, name } },
    spec: {
      ...{ replicas: 1, selector: { matchLabels: { app: name } } },
      template: {
        metadata: { labels, annotations: { 'example.org/kept': 'yes' } },
        spec: { containers: [{ name: 'app', image: 'app:1', ports: [{ containerPort: 8080 }] }] },
      },
    },
  });
}

const listed = async (client: KubeClient, resource: Resource, namespace: string, labelSelector?: string) => {
  const objects: Obj[] = [];
  for await (const one of client.list(resource, { namespace, ...(labelSelector ? { labelSelector } : {}) }))
    objects.push(one);
  return objects;
};

async function playOnce(world: ReplayWorld, adminPort: number): Promise<void> {
  const { client } = world;
  const replays = await listed(client, RESOURCES.trafficReplays, SHOP);
  for (const one of await listed(client, RESOURCES.deployments, SHOP)) await rollOut(world, one, replays);
  const deployments = await listed(client, RESOURCES.deployments, INSTALL, REPLAY_LABEL);
  for (const one of deployments) await runDeployment(client, one, adminPort);
  const jobs = await listed(client, RESOURCES.jobs, INSTALL, REPLAY_LABEL);
  for (const one of jobs) await runJob(world, one, replays);
  // The garbage collector.
  const alive = new Set([...deployments, ...jobs].map(({ metadata }) => metadata.name));
  for (const pod of await listed(client, RESOURCES.pods, INSTALL, REPLAY_LABEL))
    if (!alive.has(pod.metadata.annotations!.owner!)) await remove(client, pod);
}

async function remove(client: KubeClient, { metadata }: Obj): Promise<void> {
  const path = `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`;
  await client.call('DELETE', path, { body: { gracePeriodSeconds: 0 } }).catch(() => {});
}

/** Writes that lose against the operator are done in the next round. */
async function setStatus(client: KubeClient, resource: Resource, object: Obj, status: object): Promise<void> {
  await client
    .patch(
      resource,
      { namespace: object.metadata.namespace, name: object.metadata.name },
      { status },
      { type: 'merge', subresource: 'status' },
    )
    .catch(() => {});
}

async function rollOut(world: ReplayWorld, deployment: Obj, replays: Obj[]): Promise<void> {
  const { client } = world;
  const { name, generation } = deployment.metadata;
  if (deployment.status?.observedGeneration === generation) return;
  const { metadata, spec } = deployment.spec.template;
  for (const old of await listed(client, RESOURCES.pods, SHOP, `app=${name}`)) await remove(client, old);
  const run = metadata.annotations?.[RUN_ANNOTATION];
  const replay = replays.find((one) => one.metadata.uid === run)?.status?.replay;
  const injected =
    run && world.webhook === 'wires' ? { [STATUS_ANNOTATION]: JSON.stringify({ replay }) } : {};
  const annotations = { ...metadata.annotations, ...injected };
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: SHOP, name: `${name}-${generation}`, labels: metadata.labels, annotations },
    spec,
  };
  const made = await client.create(RESOURCES.pods, pod).catch(() => null);
  if (!made) return;
  await setStatus(client, RESOURCES.pods, made, { phase: 'Running', podIP: '10.0.0.1', conditions: READY });
  await setStatus(client, RESOURCES.deployments, deployment, {
    ...{
      observedGeneration: generation,
      replicas: 1,
      updatedReplicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
    },
  });
}

async function podOf(
  client: KubeClient,
  owner: Obj,
  name: string,
  labels: object,
  ports: object[],
): Promise<Obj | null> {
  const pod: Obj = {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: {
      ...{ namespace: INSTALL, name, annotations: { owner: owner.metadata.name } },
      labels: { ...owner.spec.template.metadata.labels, ...labels },
    },
    spec: { containers: [{ name: 'main', image: 'image', ports }] },
  };
  return client.create(RESOURCES.pods, pod).catch(() => null);
}

async function runDeployment(client: KubeClient, deployment: Obj, adminPort: number): Promise<void> {
  if (deployment.status?.observedGeneration === deployment.metadata.generation) return;
  const ports = [{ name: 'admin', containerPort: adminPort }];
  const pod = await podOf(client, deployment, `${deployment.metadata.name}-0`, {}, ports);
  if (pod)
    await setStatus(client, RESOURCES.pods, pod, { phase: 'Running', podIP: '127.0.0.1', conditions: READY });
  const { generation } = deployment.metadata;
  await setStatus(client, RESOURCES.deployments, deployment, {
    ...{
      observedGeneration: generation,
      replicas: 1,
      updatedReplicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
    },
  });
}

const run = (index: number) => ({
  ...{
    startedAt: 1_000 + index,
    finishedAt: 2_000,
    testsPlanned: 1,
    sent: 1,
    resultsDelivered: 1,
    notSent: {},
  },
  ...{ maxEventLoopLagMs: 1, voidReasons: [] },
});

async function runJob({ client, generators }: ReplayWorld, job: Obj, replays: Obj[]): Promise<void> {
  const uid = job.metadata.labels![REPLAY_LABEL];
  const started = replays.find((one) => one.metadata.uid === uid)?.status?.startAt;
  const { name } = job.metadata;
  const pods = await listed(client, RESOURCES.pods, INSTALL, `batch.kubernetes.io/job-name=${name}`);
  for (let index = 0; index < job.spec.completions; index++) {
    const label = {
      'batch.kubernetes.io/job-name': name,
      'batch.kubernetes.io/job-completion-index': String(index),
    };
    const known = pods.find(
      ({ metadata }) => metadata.labels!['batch.kubernetes.io/job-completion-index'] === String(index),
    );
    const pod = known ?? (await podOf(client, job, `${name}-${index}`, label, []));
    if (!pod) continue;
    if (!known) {
      await setStatus(client, RESOURCES.pods, pod, {
        phase: 'Running',
        containerStatuses: [container({ running: {} })],
      });
      // What the artifact endpoint writes when the generator asks for the start.
      const ready = { metadata: { annotations: { 'replay.echoplane.dev/ready': 'true' } } };
      await client
        .patch(RESOURCES.pods, { namespace: INSTALL, name: pod.metadata.name }, ready, { type: 'merge' })
        .catch(() => {});
    } else if (started && pod.status?.phase === 'Running' && generators !== 'hang') {
      const isLost = generators === 'fail' && index === 0;
      const message = isLost ? 'out of memory' : JSON.stringify(run(index));
      const terminated = { exitCode: isLost ? 137 : 0, reason: isLost ? 'OOMKilled' : 'Completed', message };
      await setStatus(client, RESOURCES.pods, pod, {
        phase: isLost ? 'Failed' : 'Succeeded',
        containerStatuses: [container({ terminated })],
      });
    }
  }
}

const container = (state: object) => ({
  name: 'main',
  image: '',
  imageID: '',
  ready: false,
  restartCount: 0,
  state,
});

/** Everything in the cluster that belongs to a replay. */
export async function leftovers(client: KubeClient, uid: string): Promise<string[]> {
  const { deployments, services, secrets, jobs, leases } = RESOURCES;
  const found: string[] = [];
  for (const resource of [deployments, services, secrets, jobs, leases])
    for (const { metadata } of await listed(client, resource, INSTALL, `${REPLAY_LABEL}=${uid}`))
      found.push(`${resource.kind} ${metadata.name} ${metadata.labels?.[COMPONENT_LABEL] ?? ''}`.trim());
  return found;
}
