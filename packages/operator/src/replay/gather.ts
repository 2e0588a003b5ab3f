// Reads the facts a stage asked for, from API objects and the control plane, anew each time: nothing is remembered between
// two steps. It must not decide anything.
import { createHash } from 'node:crypto';
import type { Snapshot } from '@echoplane/api';
import { apiVersionOf, type Obj, RESOURCES, type Resource } from '@echoplane/kube';
import {
  COMPONENT_LABEL,
  type InventoryItem,
  REPLAY_LABEL,
  REPLAY_PREFIX,
  SECRET_NAMESPACES_ANNOTATION,
} from '@echoplane/resources';
import { ARTIFACTS } from '@echoplane/traffic';
import { openArtifact } from './artifact-source.ts';
import { type FactName, type FactSet, type LeaseFact, objectKey } from './facts.ts';
import { orNull } from './or-null.ts';
import type { ReplayContext } from './replay-context.ts';
import {
  isTerminal,
  readTrafficReplay,
  type TrafficReplay,
  targetsOf,
  workloadKey,
} from './replay-object.ts';
import { absentTarget, rolledResource, selectorOf, type TargetFact, targetFact } from './target-state.ts';
import { testConfigOf } from './test-config.ts';

const LIVE_US = 300_000_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** On a Lease: `namespace/name` of the TrafficReplay that holds it. */
export const HOLDER_ANNOTATION = `${REPLAY_PREFIX}holder`;

type Gatherer<N extends FactName> = (
  context: ReplayContext,
  replay: TrafficReplay,
  signal: AbortSignal,
) => Promise<FactSet[N]>;

const GATHERERS: { [N in FactName]: Gatherer<N> } = {
  targets: (context, replay) => Promise.all(targetsOf(replay).map((ref) => readTarget(context, replay, ref))),
  namespaces: readNamespaces,
  leases: (context, replay) =>
    Promise.all(targetsOf(replay).map((ref) => readLease(context, replay, workloadKey(ref)))),
  live: readLive,
  secretProblems: readSecretProblems,
  snapshot: readSnapshot,
  baseline: readBaseline,
  testConfig: readTestConfig,
  opened: async ({ cloud }, { status }, signal) =>
    status.replay === undefined
      ? null
      : orNull(cloud.call('replay', { params: { id: status.replay } }, signal)),
  objects: readObjects,
  generators: (context, replay) => readPods(context, replay, '=generator'),
  servers: (context, replay) => readPods(context, replay, ' in (responder,collector)'),
  services: async ({ client }, replay) => {
    const namespaces = [...new Set(targetsOf(replay).map(({ namespace }) => namespace))];
    const lists = namespaces.map((namespace) => allOf(client.list(RESOURCES.services, { namespace })));
    return (await Promise.all(lists)).flat();
  },
  sizes: readSizes,
};

export async function gather(
  context: ReplayContext,
  replay: TrafficReplay,
  needs: readonly FactName[],
  signal: AbortSignal,
): Promise<FactSet> {
  const facts: Partial<Record<FactName, unknown>> = {};
  for (const name of needs) facts[name] = await GATHERERS[name](context, replay, signal);
  return facts as unknown as FactSet;
}

/** Lists of one replay are short. */
export async function allOf(listing: AsyncIterable<Obj>): Promise<Obj[]> {
  const objects: Obj[] = [];
  for await (const object of listing) objects.push(object);
  return objects;
}

function readPods(
  { client, config }: ReplayContext,
  { metadata }: TrafficReplay,
  roles: string,
): Promise<Obj[]> {
  const labelSelector = `${REPLAY_LABEL}=${metadata.uid},${COMPONENT_LABEL}${roles}`;
  return allOf(client.list(RESOURCES.pods, { namespace: config.namespace, labelSelector }));
}

async function readTarget(
  { client }: ReplayContext,
  { metadata, status }: TrafficReplay,
  ref: ReturnType<typeof targetsOf>[number],
): Promise<TargetFact> {
  const resource = rolledResource(ref);
  const object = resource ? await client.get(resource, ref) : null;
  if (!object) return absentTarget(ref);
  const labelSelector = selectorOf(object);
  const { namespace } = ref;
  const pods =
    labelSelector === '' ? [] : await allOf(client.list(RESOURCES.pods, { namespace, labelSelector }));
  return targetFact(ref, object, pods, { run: metadata.uid, replayId: status.replay });
}

async function readNamespaces(
  { client }: ReplayContext,
  replay: TrafficReplay,
): Promise<FactSet['namespaces']> {
  // Its own too: whoever may create TrafficReplays in some namespace must not load others with it.
  const names = new Set([replay.metadata.namespace, ...targetsOf(replay).map(({ namespace }) => namespace)]);
  const found: FactSet['namespaces'] = {};
  for (const name of names) {
    const namespace = await client.get(RESOURCES.namespaces, { name });
    found[name] = namespace ? (namespace.metadata.labels ?? {}) : null;
  }
  return found;
}

export function leaseItem(namespace: string, workload: string): InventoryItem {
  const hash = createHash('sha256').update(workload).digest('hex').slice(0, 20);
  const name = `echoplane-replay-${hash}`;
  return {
    apiVersion: apiVersionOf(RESOURCES.leases),
    kind: 'Lease',
    namespace,
    name,
    action: 'created',
    restored: false,
  };
}

async function readLease(
  { client, config }: ReplayContext,
  { metadata }: TrafficReplay,
  workload: string,
): Promise<LeaseFact> {
  const item = leaseItem(config.namespace, workload);
  const lease = await client.get(RESOURCES.leases, item);
  const holder = lease?.spec?.holderIdentity as string | undefined;
  const resourceVersion = lease?.metadata.resourceVersion ?? null;
  if (!holder) return { workload, item, resourceVersion, holder: 'free' };
  if (holder === metadata.uid) return { workload, item, resourceVersion, holder: 'ours' };
  const [namespace, name] = (lease!.metadata.annotations?.[HOLDER_ANNOTATION] ?? '').split('/');
  const other = namespace && name ? await client.get(RESOURCES.trafficReplays, { namespace, name }) : null;
  // A replay that is over or gone holds nothing.
  const isHeld = other !== null && other.metadata.uid === holder && !isTerminal(readTrafficReplay(other));
  return { workload, item, resourceVersion, holder: isHeld ? { replay: `${namespace}/${name}` } : 'free' };
}

async function readLive(
  { cloud, clock, install }: ReplayContext,
  replay: TrafficReplay,
  signal: AbortSignal,
): Promise<FactSet['live']> {
  const live: FactSet['live'] = {};
  if (replay.spec.allowLiveTraffic) return live;
  const to = clock.nowUs();
  for (const target of targetsOf(replay)) {
    const service = `${install.clusterName}/${target.namespace}/${target.name}`;
    const query = { service, from: to - LIVE_US, to };
    const { series } = await cloud.call('trafficGraph', { query }, signal);
    const inbound = series.filter(({ direction }) => direction === 'IN').flatMap(({ points }) => points);
    live[workloadKey(target)] = inbound.reduce((sum, { count }) => sum + count, 0);
  }
  return live;
}

async function readSecretProblems(
  { client, config }: ReplayContext,
  { metadata, spec }: TrafficReplay,
): Promise<string[]> {
  const problems: string[] = [];
  for (const { name, key } of spec.secretRefs) {
    const secret = await client.get(RESOURCES.secrets, { namespace: config.namespace, name });
    const allowed = (secret?.metadata.annotations?.[SECRET_NAMESPACES_ANNOTATION] ?? '').split(',');
    // The same words whether it is missing or not allowed: nobody learns here which Secrets there are.
    if (!secret || !allowed.map((one) => one.trim()).includes(metadata.namespace))
      problems.push(`namespace ${metadata.namespace} may not use a Secret ${name}`);
    else if (secret.data?.[key] === undefined) problems.push(`Secret ${name} has no key ${key}`);
  }
  return problems;
}

async function readSnapshot(
  { cloud }: ReplayContext,
  { spec, status }: TrafficReplay,
  signal: AbortSignal,
): Promise<Snapshot | null> {
  const id = status.snapshot ?? (UUID.test(spec.snapshot) ? spec.snapshot : null);
  if (id !== null) return orNull(cloud.call('snapshot', { params: { id } }, signal));
  const { items } = await cloud.call('snapshots', {}, signal);
  // Newest first; one that can be replayed wins over a newer one that cannot.
  const named = items.filter(({ name }) => name === spec.snapshot);
  return named.find(({ state }) => state === 'succeeded') ?? named[0] ?? null;
}

async function readBaseline(
  { client, cloud }: ReplayContext,
  { metadata: { namespace }, spec: { baseline } }: TrafficReplay,
  signal: AbortSignal,
): Promise<FactSet['baseline']> {
  if (baseline === undefined) return null;
  const earlier = await client.get(RESOURCES.trafficReplays, { namespace, name: baseline });
  const id: string | undefined = earlier?.status?.replay ?? (UUID.test(baseline) ? baseline : undefined);
  const known = id === undefined ? null : await orNull(cloud.call('replay', { params: { id } }, signal));
  if (known?.phase === 'succeeded') return { id: known.id };
  const state = known ? `is ${known.phase}` : 'is not known';
  return {
    problem: `The baseline ${baseline} ${state}; name a TrafficReplay of ${namespace} that has a report.`,
  };
}

/** As the replay was opened with, once it is: a config that is kept under a name may be replaced meanwhile, and what is refused in a new one may not have been then. */
async function readTestConfig(
  { cloud }: ReplayContext,
  { spec, status }: TrafficReplay,
  signal: AbortSignal,
): Promise<FactSet['testConfig']> {
  const written = testConfigOf(spec.testConfig);
  if ('config' in written) return written;
  if (status.replay !== undefined) {
    const { testConfig } = await cloud.call('replay', { params: { id: status.replay } }, signal);
    return { config: testConfig ?? {} };
  }
  if ('problem' in written) return written;
  const { name } = written;
  const kept = await orNull(cloud.call('testConfig', { params: { name } }, signal));
  if (kept) return { config: kept.config };
  return {
    problem: `The control plane keeps no test config ${name}; PUT it to /v1/test-configs/${name}, or write it inline.`,
  };
}

/** The resource of an inventory item; null for a kind that no replay makes or changes. */
export function resourceOf({
  kind,
  apiVersion,
}: Pick<InventoryItem, 'kind' | 'apiVersion'>): Resource | null {
  const known = Object.values(RESOURCES) as Resource[];
  return (
    known.find((one) => one.kind === kind && apiVersionOf(one).split('/')[0] === apiVersion.split('/')[0]) ??
    null
  );
}

async function readObjects(
  { client }: ReplayContext,
  { status }: TrafficReplay,
): Promise<FactSet['objects']> {
  const found: FactSet['objects'] = {};
  for (const item of status.inventory) {
    const resource = resourceOf(item);
    found[objectKey(item)] = resource ? await client.get(resource, item) : null;
  }
  return found;
}

async function readSizes(
  context: ReplayContext,
  replay: TrafficReplay,
  signal: AbortSignal,
): Promise<FactSet['sizes']> {
  const sizeOf = async (...names: string[]) => {
    let sum: number | null = 0;
    for (const name of names) {
      const artifact = await openArtifact(context, replay.status.snapshot!, name, signal);
      await artifact?.bytes.cancel();
      sum = artifact?.sizeBytes == null || sum === null ? null : sum + artifact.sizeBytes;
    }
    return sum;
  };
  return { tests: await sizeOf(ARTIFACTS.tests, ARTIFACTS.tokens), mocks: await sizeOf(ARTIFACTS.mocks) };
}
