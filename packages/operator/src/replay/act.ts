// Does one step. Every action can be done twice: what exists is not made again, a replay is opened by its key, and writes
// are bound to what was read. It must not decide; it throws, and is then asked again.
import { ApiError } from '@echoplane/api';
import { apiVersionOf, isConflict, type Obj, RESOURCES } from '@echoplane/kube';
import {
  FINALIZER,
  FORWARDER_CA_KEY,
  type InventoryItem,
  NAMESPACE_CA_SECRET,
  RUN_ANNOTATION,
  SECRETS,
  type TrafficReplayStatus,
} from '@echoplane/resources';
import { OperatingError } from '@echoplane/runtime';
import type { Step } from './facts.ts';
import { finishRun, statusOfReport } from './finish-run.ts';
import { HOLDER_ANNOTATION, resourceOf } from './gather.ts';
import type { ReplayContext } from './replay-context.ts';
import { type TrafficReplay, workloadKey } from './replay-object.ts';
import { replayLabels } from './replay-pods.ts';
import { rolledResource, type TargetFact } from './target-state.ts';

const MAX_NAME_CHARS = 120;
const CANCEL_MS = 5_000;

/** What a step says about the status, beside what it did; null: nothing. */
export type Told = Partial<TrafficReplayStatus> | null;
type Of<D extends Step['do']> = Step & { do: D };
type Action<D extends Step['do']> = (
  context: ReplayContext,
  replay: TrafficReplay,
  step: Of<D>,
  signal: AbortSignal,
) => Promise<Told>;

/** Steps that are more than a write of the status. */
export type ActiveStep = Exclude<Step, { do: 'wait' | 'status' | 'end' | 'stage-done' }>;

const ACTIONS: { [D in ActiveStep['do']]: Action<D> } = {
  finalizer: setFinalizer,
  make: makeObjects,
  trust: makeTrust,
  lease: takeLease,
  wire: wireTarget,
  undo: undoItem,
  open: openReplay,
  finish: async (context, replay, { run }, signal) => {
    await finishRun(context, replay, run, signal);
    return null;
  },
  'fetch-report': (context, replay, _, signal) => statusOfReport(context, replay, signal),
  close: async (context, replay, _, signal) => {
    await tellControlPlane(context, replay, signal);
    return null;
  },
  delete: async ({ client }, { metadata }) => {
    await client.delete(RESOURCES.trafficReplays, metadata, { uid: metadata.uid });
    return null;
  },
};

export async function act(
  context: ReplayContext,
  replay: TrafficReplay,
  step: ActiveStep,
  signal: AbortSignal,
): Promise<Told> {
  const action = ACTIONS[step.do] as Action<ActiveStep['do']>;
  return action(context, replay, step as Of<ActiveStep['do']>, signal);
}

async function setFinalizer(
  { client }: ReplayContext,
  { metadata }: TrafficReplay,
  { present }: Of<'finalizer'>,
): Promise<Told> {
  const others = (metadata.finalizers ?? []).filter((one) => one !== FINALIZER);
  const finalizers = present ? [...others, FINALIZER] : others;
  const patch = { metadata: { finalizers, resourceVersion: metadata.resourceVersion } };
  await client.patch(RESOURCES.trafficReplays, metadata, patch, { type: 'merge' });
  return null;
}

async function makeObjects(
  { client }: ReplayContext,
  _: TrafficReplay,
  { objects }: Of<'make'>,
): Promise<Told> {
  for (const object of objects) {
    const resource = resourceOf(object)!;
    await client.create(resource, object).catch((err) => {
      if (!isConflict(err)) throw err;
    });
  }
  return null;
}

/** Roots of the installation, and the authorities of namespaces whose hosts are stood in for without a sidecar. */
async function makeTrust(
  { client, config }: ReplayContext,
  { metadata }: TrafficReplay,
  { item, namespaces }: Of<'trust'>,
): Promise<Told> {
  const internal = await client.get(RESOURCES.secrets, {
    namespace: config.namespace,
    name: SECRETS.internalCa,
  });
  if (!internal?.data?.['tls.crt']) throw missingSecret(SECRETS.internalCa, config.namespace);
  const decoded = (of: Obj, key: string) => Buffer.from(of.data?.[key] ?? '', 'base64').toString();
  const roots = ['tls.crt', 'previous.crt']
    .map((key) => decoded(internal, key).trim())
    .filter((text) => text !== '');
  const data: Record<string, string> = {
    [FORWARDER_CA_KEY]: Buffer.from(`${roots.join('\n')}\n`).toString('base64'),
  };
  for (const namespace of namespaces) {
    const own = await client.get(RESOURCES.secrets, { namespace, name: NAMESPACE_CA_SECRET });
    if (!own?.data?.['tls.key']) throw missingSecret(NAMESPACE_CA_SECRET, namespace);
    Object.assign(data, {
      [`${namespace}.crt`]: own.data['tls.crt'],
      [`${namespace}.key`]: own.data['tls.key'],
    });
  }
  const { name, namespace } = item;
  const secret = {
    ...{ apiVersion: 'v1', kind: 'Secret', type: 'Opaque', data },
    metadata: { name, namespace, labels: replayLabels(metadata.uid, null) },
  };
  await client.create(RESOURCES.secrets, secret).catch((err) => {
    if (!isConflict(err)) throw err;
  });
  return null;
}

function missingSecret(name: string, namespace: string): OperatingError {
  const sentence = `The Secret ${name} of namespace ${namespace} is not there yet; the operator makes it. Is its certificate reconciler in trouble?`;
  return new OperatingError('trust_missing', sentence);
}

async function takeLease(
  { client, clock }: ReplayContext,
  { metadata }: TrafficReplay,
  { lease }: Of<'lease'>,
): Promise<Told> {
  const { item, resourceVersion } = lease;
  const object: Obj = {
    apiVersion: apiVersionOf(RESOURCES.leases),
    kind: 'Lease',
    metadata: {
      ...{ name: item.name, namespace: item.namespace, labels: replayLabels(metadata.uid, null) },
      annotations: { [HOLDER_ANNOTATION]: `${metadata.namespace}/${metadata.name}` },
      ...(resourceVersion === null ? {} : { resourceVersion }),
    },
    spec: {
      holderIdentity: metadata.uid,
      acquireTime: new Date(clock.nowUs() / 1_000).toISOString().replace('Z', '000Z'),
    },
  };
  // Whoever was faster has it: the write is bound to the Lease as it was judged, and then judged anew.
  if (resourceVersion === null) await client.create(RESOURCES.leases, object);
  else await client.replace(RESOURCES.leases, object);
  return null;
}

async function wireTarget(
  { client }: ReplayContext,
  { metadata }: TrafficReplay,
  { target }: Of<'wire'>,
): Promise<Told> {
  const patch = {
    // Bound to what its digest was taken of.
    metadata: { resourceVersion: target.resourceVersion },
    spec: { template: { metadata: { annotations: { [RUN_ANNOTATION]: metadata.uid } } } },
  };
  await client.patch(resourceOfTarget(target), target, patch, { type: 'merge' });
  return null;
}

function resourceOfTarget(target: TargetFact) {
  const resource = rolledResource(target);
  if (!resource) throw new Error(`${workloadKey(target)} was accepted although it cannot be rolled`);
  return resource;
}

async function undoItem(
  { client }: ReplayContext,
  { metadata }: TrafficReplay,
  { item, uid }: Of<'undo'>,
): Promise<Told> {
  const resource = resourceOf(item);
  if (!resource) return null;
  if (item.action === 'created') {
    await client.delete(resource, item, { propagation: 'Background', uid });
    return null;
  }
  const path = `/spec/template/metadata/annotations/${RUN_ANNOTATION.replace('~', '~0').replace('/', '~1')}`;
  const patch = [
    { op: 'test', path, value: metadata.uid },
    { op: 'remove', path },
  ];
  await client.patch(resource, item as InventoryItem & { name: string }, patch, { type: 'json' });
  return null;
}

async function openReplay(
  { cloud }: ReplayContext,
  { metadata, spec }: TrafficReplay,
  { snapshot, baseline, testConfig }: Of<'open'>,
  signal: AbortSignal,
): Promise<Told> {
  const body = {
    ...{ name: `${metadata.namespace}/${metadata.name}`.slice(0, MAX_NAME_CHARS), snapshot, mode: spec.mode },
    // Asking again with the same key gives the same replay: the answer may have been lost.
    key: metadata.uid,
    ...(spec.buildTag === undefined ? {} : { buildTag: spec.buildTag }),
    ...(baseline === undefined ? {} : { baseline }),
    ...(testConfig === undefined ? {} : { testConfig }),
  };
  const { id } = await cloud.call('createReplay', { body }, signal);
  return { replay: id };
}

/** A replay that ends without a report is cancelled there; when that cannot be told, nothing here waits for it. */
async function tellControlPlane(
  context: ReplayContext,
  replay: TrafficReplay,
  signal: AbortSignal,
): Promise<void> {
  const { cloud, log } = context;
  const { snapshot, outcome } = replay.status;
  if (snapshot === undefined || outcome?.phase === 'Succeeded') return;
  const until = AbortSignal.any([signal, AbortSignal.timeout(CANCEL_MS)]);
  try {
    // Perhaps it was opened and we died before we knew its id: asking by its key again tells.
    const id =
      replay.status.replay ?? (await openReplay(context, replay, { do: 'open', snapshot }, until))?.replay;
    await cloud.call('cancelReplay', { params: { id: id! }, body: {} }, until);
  } catch (err) {
    // 409: it has ended there already.
    if (err instanceof ApiError && (err.status === 409 || err.status === 404)) return;
    const sentence = 'the control plane could not be told that a replay ended';
    log.warn({ event: 'replay-not-cancelled', replay: replay.metadata.uid, err }, sentence);
  }
}
