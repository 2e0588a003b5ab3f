// The operator killed in the middle of a replay, in each of its phases: both replicas by SIGKILL at the same instant and
// their pods away, so that nobody hands the lease over. Measured from when a new replica runs to the replay's end with the
// workload as it was. The replay's own work that was left counts too.
import { createCache, type Obj, RESOURCES } from '@echoplane/kube';
import { ALLOWED_LABEL, TERMINAL_PHASES } from '@echoplane/resources';
import { type ClusterStage, DEMO, INSTALL, secondsSince, soon, TARGET } from './cluster-stage.ts';

/** Phases of a replay in which it is killed; `cleanup`: how it ends is written, and nothing is put back yet. */
export const KILLED_IN = ['Preparing', 'Waiting', 'Running', 'Analyzing', 'cleanup'] as const;
export type KilledIn = (typeof KILLED_IN)[number];

export interface Recovery {
  killedIn: KilledIn;
  /** What the replay had reached when both were dead. */
  phaseAtDeath: string;
  /** From both dead to a new one running: the node's time, not ours. */
  restartS: number;
  /** From there to the first change of the replay's status: mostly what is left of the dead leader's lease. */
  takenUpS: number;
  /** From there to terminal, and the template as before. */
  recoverS: number;
  ended: string;
  verdict: string | null;
}

const ATTEMPTS = 3;
const SNAPSHOT = 'bench';
const PAIRS = 150;
const REPLAY_DEADLINE_MS = 300_000;

/** Records something to replay, then leaves the workload to us. */
export async function recordSnapshot({ cloud, shell, client }: ClusterStage): Promise<void> {
  const from = Date.now() * 1_000;
  await soon('there are too few RRPairs', async () => {
    const { items } = await cloud.call('traffic', { query: { from, limit: PAIRS } });
    return items.length === PAIRS;
  });
  await shell('kubectl', ['-n', DEMO, 'scale', 'deployment/client', '--replicas=0']);
  await soon('the client is still there', async () => {
    for await (const pod of client.list(RESOURCES.pods, { namespace: DEMO }))
      if (pod.metadata.name.startsWith('client-')) return false;
    return true;
  });
  const to = Date.now() * 1_000;
  const { id } = await cloud.call('createSnapshot', { body: { name: SNAPSHOT, query: { from, to } } });
  await soon('the snapshot is not ready', async () => {
    const { state, message } = await cloud.call('snapshot', { params: { id } });
    if (state === 'failed') throw new Error(`the snapshot failed: ${message}`);
    return state === 'succeeded';
  });
  await shell('kubectl', ['label', 'namespace', DEMO, `${ALLOWED_LABEL}=true`]);
}

/** The namespace without the label that it got here. */
export async function disallowReplays({ shell }: ClusterStage): Promise<void> {
  await shell('kubectl', ['label', 'namespace', DEMO, `${ALLOWED_LABEL}-`]);
}

export async function createReplay({ client }: ClusterStage, name: string, more: object = {}): Promise<void> {
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: TARGET.name };
  const testConfig = { load: { users: 8, thinkFactor: 0.5 } };
  await client.create(RESOURCES.trafficReplays, {
    ...{ apiVersion: 'echoplane.dev/v1', kind: 'TrafficReplay', metadata: { name, namespace: DEMO } },
    spec: { snapshot: SNAPSHOT, allowLiveTraffic: true, testConfig, workloads: [{ ref }], ...more },
  });
}

export async function readReplay({ client }: ClusterStage, name: string): Promise<Obj> {
  return (await client.get(RESOURCES.trafficReplays, { namespace: DEMO, name }))!;
}

/** The replay as it is when that is so first: watched, because a phase can be short. */
async function whenReplay(
  { client }: ClusterStage,
  name: string,
  isSo: (replay: Obj) => boolean,
): Promise<Obj> {
  const found = Promise.withResolvers<Obj>();
  const stop = new AbortController();
  const fieldSelector = `metadata.name=${name}`;
  const cache = createCache<Obj>({
    client,
    resource: RESOURCES.trafficReplays,
    namespace: DEMO,
    fieldSelector,
  });
  cache.onChange(({ after }) => {
    if (after && isSo(after)) found.resolve(after);
  });
  const watching = cache.run(stop.signal);
  const late = setTimeout(
    () => found.reject(new Error(`the replay ${name} got no further`)),
    REPLAY_DEADLINE_MS,
  );
  try {
    return await found.promise;
  } finally {
    clearTimeout(late);
    stop.abort();
    await watching;
  }
}

export const isTerminal = ({ status }: Obj) => TERMINAL_PHASES.includes(status?.phase);

function isAt({ status }: Obj, at: KilledIn): boolean {
  const isEnding = status?.outcome !== undefined;
  return at === 'cleanup' ? isEnding : status?.phase === at && !isEnding;
}

/** One replay with one death in it. A phase that was over before we looked is tried again. */
export async function measureRecovery(stage: ClusterStage, killedIn: KilledIn): Promise<Recovery> {
  const before = JSON.stringify((await stage.target()).spec.template);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const name = `killed-in-${killedIn.toLowerCase()}-${attempt}`;
    await createReplay(stage, name);
    const seen = await whenReplay(stage, name, (replay) => isAt(replay, killedIn) || isTerminal(replay));
    if (isTerminal(seen)) continue;
    const dead = await killOperators(stage);
    const asLeft = await readReplay(stage, name);
    if (isTerminal(asLeft)) continue;
    return { killedIn, ...(await restored(stage, { name, before, asLeft, dead })) };
  }
  throw new Error(`${killedIn} was over before the operator was killed, ${ATTEMPTS} times`);
}

interface Death {
  name: string;
  before: string;
  asLeft: Obj;
  dead: Dead;
}

async function restored(
  stage: ClusterStage,
  { name, before, asLeft, dead }: Death,
): Promise<Omit<Recovery, 'killedIn'>> {
  await soon('no operator runs', async () =>
    (await operatorPods(stage)).some((pod) => runs(pod) && !dead.uids.has(pod.metadata.uid!)),
  );
  const restartS = secondsSince(dead.at);
  const restarted = performance.now();
  let takenUpS: number | null = null;
  let last = asLeft;
  await soon(
    () => `the replay is ${last.status?.phase}: ${last.status?.message}`,
    async () => {
      last = await readReplay(stage, name);
      if (last.metadata.resourceVersion !== asLeft.metadata.resourceVersion)
        takenUpS ??= secondsSince(restarted);
      return isTerminal(last) && JSON.stringify((await stage.target()).spec.template) === before;
    },
    REPLAY_DEADLINE_MS,
  );
  return {
    ...{ phaseAtDeath: asLeft.status!.phase, restartS, takenUpS: takenUpS ?? 0 },
    ...{
      recoverS: secondsSince(restarted),
      ended: last.status!.phase,
      verdict: last.status!.verdict ?? null,
    },
  };
}

interface Dead {
  uids: ReadonlySet<string>;
  at: number;
}

/** kill -9 of every replica, then their pods without grace, so that their place is taken without the kubelet's back-off. */
async function killOperators(stage: ClusterStage): Promise<Dead> {
  const pods = await operatorPods(stage);
  const containers = pods.flatMap(
    ({ status }) => (status?.containerStatuses ?? []) as { containerID?: string }[],
  );
  const ids = containers.flatMap(({ containerID }) =>
    containerID ? [containerID.replace('containerd://', '')] : [],
  );
  const kill = (id: string) =>
    stage.node.nodeExec(['ctr', '-n', 'k8s.io', 'tasks', 'kill', '-s', 'SIGKILL', id]);
  await Promise.all(ids.map(kill));
  const at = performance.now();
  for (const { metadata } of pods)
    await stage.client.call('DELETE', `/api/v1/namespaces/${INSTALL}/pods/${metadata.name}`, {
      body: { gracePeriodSeconds: 0 },
    });
  return { uids: new Set(pods.map(({ metadata }) => metadata.uid!)), at };
}

async function operatorPods({ client }: ClusterStage): Promise<Obj[]> {
  const labelSelector = 'app.kubernetes.io/component=operator';
  const found: Obj[] = [];
  for await (const pod of client.list(RESOURCES.pods, { namespace: INSTALL, labelSelector })) found.push(pod);
  return found;
}

function runs({ status }: Obj): boolean {
  return (status?.containerStatuses ?? []).some(
    (one: { state?: { running?: object } }) => one.state?.running !== undefined,
  );
}

/** Both replicas ready: the next death meets a whole installation. */
export async function operatorsReady({ shell }: ClusterStage): Promise<void> {
  await shell('kubectl', [
    '-n',
    INSTALL,
    'rollout',
    'status',
    'deployment/echoplane-operator',
    '--timeout=120s',
  ]);
}
