// What an admission waits for us, and what the operator takes of memory, with 5,000 injected pods in a real API server.
//
//   fill: pods made as fast as it goes ─▶ 50 reviews/s asked by us, while 50 pods/s change ─▶ 50 pods/s made through the
//   API server, with its own figures ─▶ rest ─▶ a second replica, which lists all of them
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createKubeClient, type KubeClient, type Obj, RESOURCES } from '@echoplane/kube';
import { INJECT_LABEL, INSTALL_NAMESPACE, WEBHOOK_CONFIGURATION } from '@echoplane/resources';
import { type ApiServer, startApiServer } from '../../test/cluster/api-server.ts';
import { adminAccess, namespaceObject, until } from '../../test/cluster/kube-access.fixture.ts';
import { freePort } from '../../test/ports.ts';
import { quantileOf } from '../forwarder/figures.ts';
import { cpuUs, memoryOf, watchMemory } from '../sidecar/process-usage.ts';
import { stopAll } from '../sidecar/processes.ts';
import { isInjected, makePods, makeWorkloads, podOf, refOf, setStatus } from './crowd.ts';
import { type Latencies, openLoad } from './open-load.ts';
import { type OperatorPlace, type OperatorProcess, preparePod, startOperator } from './operator-process.ts';
import { createReviewer } from './reviews.ts';
import { webhookTimes } from './webhook-times.ts';

const PODS = 5_000;
const PER_SECOND = 50;
const WARM_UP_REVIEWS_S = 5;

export interface Admission {
  pods: number;
  injected: number;
  /** Of reviews, from when each was sent. */
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  /** From when each was due: with how late we were ourselves. */
  p99SinceDueMs: number;
  /** Processor time of the operator for each review, with what the pod that changed meanwhile costs it. */
  cpuMs: number;
  errors: number;
  /** As the API server counts it, over pods made through it at the same rate: a quantile is below this bound. */
  apiServer: { calls: number; meanMs: number; p50AtMostMs: number; p99AtMostMs: number };
  /** Whole creation of a pod, webhook included. */
  createP99Ms: number;
  createErrors: number;
  rss: { emptyMib: number; peakMib: number; settledMib: number; secondReplicaPeakMib: number };
}

export async function measureAdmission(options: {
  isQuick: boolean;
  seconds: number;
  bundle: string | undefined;
  profileFolder: string | undefined;
}): Promise<Admission> {
  const folder = await mkdtemp(join(tmpdir(), 'echoplane-bench-'));
  const server = await startApiServer();
  const client = createKubeClient(await adminAccess(server));
  try {
    for (const name of await readdir('crds')) await server.kubectl(['apply', '-f', `crds/${name}`]);
    await client.create(RESOURCES.namespaces, namespaceObject(INSTALL_NAMESPACE));
    await preparePod(server, folder);
    return await measured({ server, client, folder, ...options });
  } finally {
    client.close();
    await stopAll();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Stage {
  server: ApiServer;
  client: KubeClient;
  folder: string;
  isQuick: boolean;
  seconds: number;
  bundle: string | undefined;
  profileFolder: string | undefined;
}

async function measured({
  server,
  client,
  folder,
  isQuick,
  seconds,
  bundle,
  profileFolder,
}: Stage): Promise<Admission> {
  const pods = isQuick ? PODS / 10 : PODS;
  const place = { folder, bundle, profileFolder, webhookPort: await freePort() };
  const operator = await startOperator(server, { ...place, name: 'operator-0' });
  await untilAsked(operator, client);
  const emptyMib = memoryOf([operator.pid]).rssMib;
  const memory = watchMemory([operator.pid]);
  const workloads = await makeWorkloads(client, pods);
  let injected = await makePods(client, workloads, 0, pods);
  console.log(`${injected} of ${pods} pods injected`);

  const reviewer = createReviewer(place.webhookPort, await rootsOf(client));
  const review = (i: number) => reviewer.review(podOf(workloads, i));
  await openLoad({ perSecond: PER_SECOND, seconds: isQuick ? 1 : WARM_UP_REVIEWS_S }, review);
  const span = { perSecond: PER_SECOND, seconds };
  const cpuBeforeUs = cpuUs([operator.pid]);
  const [asked] = await Promise.all([
    openLoad(span, review),
    // Pods of the crowd become ready, restart and get addresses meanwhile: the cache hears of each.
    openLoad(span, (i) => touch(client, podOf(workloads, i), i)),
  ]);
  reviewer.close();
  const cpuMs = (cpuUs([operator.pid]) - cpuBeforeUs) / 1_000 / asked.calls;

  const before = await webhookTimes(client);
  const created = await openLoad(span, async (i) => {
    const made = await client.create(RESOURCES.pods, podOf(workloads, pods + i));
    if (isInjected(made)) injected++;
    await setStatus(client, made, pods + i);
  });
  const apiServer = (await webhookTimes(client)).since(before);
  const { rssMib: peakMib } = memory();
  await sleep(isQuick ? 2_000 : 30_000);
  const settledMib = memoryOf([operator.pid]).rssMib;
  const second = await secondReplica(server, { ...place, webhookPort: await freePort() }, isQuick);
  const rss = { emptyMib, peakMib, settledMib, secondReplicaPeakMib: second };
  return {
    ...{
      pods: pods + created.calls,
      injected,
      ...figures(asked),
      cpuMs: round(cpuMs),
      errors: asked.errors,
      apiServer,
    },
    ...{ createP99Ms: round(quantileOf(created.sinceDueMs, 0.99)), createErrors: created.errors },
    rss: Object.fromEntries(Object.entries(rss).map(([name, mib]) => [name, round(mib)])) as Admission['rss'],
  };
}

const round = (value: number) => Math.round(value * 100) / 100;

function figures({ sinceDueMs, sinceSentMs }: Latencies) {
  const at = (share: number) => round(quantileOf(sinceSentMs, share));
  const p99SinceDueMs = round(quantileOf(sinceDueMs, 0.99));
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), p99SinceDueMs };
}

/** The caches are filled, it leads, and the API server asks it with the roots of now. */
async function untilAsked(operator: OperatorProcess, client: KubeClient): Promise<void> {
  await client.create(RESOURCES.namespaces, namespaceObject('probe'));
  const annotations = { 'sidecar.echoplane.dev/inject': 'true' };
  const labels = { app: 'probe' };
  const containers = [{ name: 'app', image: 'app:1' }];
  const probe: Obj = {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment' },
    metadata: { name: 'probe', namespace: 'probe', annotations },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  };
  const isAsked = async () => {
    const made = await client.create(RESOURCES.deployments, probe, { dryRun: true });
    return made.spec.template.metadata.labels[INJECT_LABEL] === 'true';
  };
  await until(isAsked, () => 'the API server does not ask the webhooks');
  await until(
    async () => (await operator.page('/metrics')).includes('echoplane_operator_leader 1'),
    () => 'nobody leads',
  );
}

async function rootsOf(client: KubeClient): Promise<string> {
  const { webhooks } = (await client.get(RESOURCES.mutatingWebhooks, { name: WEBHOOK_CONFIGURATION }))!;
  return Buffer.from(webhooks[0].clientConfig.caBundle, 'base64').toString();
}

/** A container of a pod has restarted. */
async function touch(client: KubeClient, pod: Obj, i: number): Promise<void> {
  const conditions = [{ type: 'Ready', status: i % 2 === 0 ? 'False' : 'True' }];
  const patch = { status: { conditions } };
  await client.patch(RESOURCES.pods, refOf(pod), patch, { type: 'strategic', subresource: 'status' });
}

/** Peak of a replica that starts when everything is there: it lists all of it. */
async function secondReplica(
  server: ApiServer,
  place: Omit<OperatorPlace, 'name'>,
  isQuick: boolean,
): Promise<number> {
  const operator = await startOperator(server, { ...place, name: 'operator-1' });
  const memory = watchMemory([operator.pid]);
  await until(
    async () => (await operator.page('/readyz')) !== '',
    () => 'the second replica is not ready',
  );
  await sleep(isQuick ? 1_000 : 15_000);
  const { rssMib } = memory();
  await operator.program.stop();
  return rssMib;
}
