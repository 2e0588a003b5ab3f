// `operator uninstall`, the chart's pre-delete hook: no sidecar, webhook, finalizer or CA of ours is left behind. What could
// not be undone is said, by name and with how to do it; it may be run again at any time, and ends within its deadline.
//
//   replays cancelled, the operator ends them ─▶ operator stopped ─▶ webhooks ─▶ finalizers that are left ─▶ workloads
//            ─▶ Services ─▶ captured pods gone ─▶ CAs of namespaces ─▶ our namespace (uninstall-installation.ts)
import { jsonPatch } from '@echoplane/injection';
import {
  apiVersionOf,
  createKubeClient,
  findAccess,
  isNotFound,
  type Obj,
  RESOURCES,
  type Resource,
} from '@echoplane/kube';
import {
  COMPONENT_LABEL,
  FIELD_MANAGER,
  FINALIZER,
  INJECT_LABEL,
  INSTALL_NAMESPACE,
  MANAGED_LABEL,
  MANAGED_VALUE,
  NAMESPACE_CA_SECRET,
  RUN_ANNOTATION,
  TERMINAL_PHASES,
  WEBHOOK_CONFIGURATION,
  WORKLOADS,
} from '@echoplane/resources';
import {
  type Environment,
  field,
  type Logger,
  OperatingError,
  type ProgramContext,
  programFields,
  systemClock,
} from '@echoplane/runtime';
import { z } from 'zod';
import { TARGET_PORTS_ANNOTATION, withPorts } from './coverage/service-ports.ts';
import { untouched } from './coverage/template-change.ts';
import { InstallFile } from './install-file.ts';
import { readTrafficReplay } from './replay/replay-object.ts';
import { applyChange, closingConditions } from './replay/status.ts';
import { removeInstallation, type Uninstall } from './uninstall-installation.ts';
import { templateOf } from './views.ts';

export const uninstallConfig = z.object({
  namespace: field.text().default(INSTALL_NAMESPACE).describe('namespace of the installation'),
  installFile: field.text().optional().describe('install.json: in which namespaces we are; without it all'),
  kubeconfig: field.text().optional().describe('kubeconfig file, outside a cluster'),
  deadlineMs: field
    .integer(1_000, 3_600_000)
    .default(240_000)
    .describe('what is not undone by then is said and left (ms)'),
  replayMs: field
    .integer(0, 600_000)
    .default(60_000)
    .describe('how long the operator may take to end its replays (ms)'),
  ...programFields,
});
export type UninstallConfig = Readonly<z.output<typeof uninstallConfig>>;

export interface Surroundings {
  environment: Environment;
  log: Logger;
  program: ProgramContext;
}

const isForbidden = (err: unknown) => (err as { status?: number }).status === 403;

const KINDS: readonly Resource[] = [
  RESOURCES.deployments,
  RESOURCES.statefulSets,
  RESOURCES.daemonSets,
  RESOURCES.replicaSets,
  RESOURCES.cronJobs,
  RESOURCES.rollouts,
];
const POLL_MS = 1_000;
/** Its pods have half a minute. */
const STOP_MS = 40_000;
/** How long the rollouts that this begins may take while the forwarder still takes what the old pods have. */
const ROLL_MS = 60_000;
const MAX_NAMES = 10;

/** Throws OperatingError that names everything that could not be undone. */
export async function runUninstall(config: UninstallConfig, surroundings: Surroundings): Promise<void> {
  const { environment, log, program } = surroundings;
  const client = createKubeClient(await findAccess(environment, config), {
    fieldManager: FIELD_MANAGER,
  });
  program.stopper.add('API server', () => client.close());
  const signal = AbortSignal.any([program.signal, AbortSignal.timeout(config.deadlineMs)]);
  const { installFile, namespace, replayMs } = config;
  const namespaces =
    installFile === undefined ? [] : (await InstallFile.open(installFile)).current.namespaces;
  const left = await uninstall({
    ...{ client, clock: systemClock(), log, signal },
    config: { namespace, namespaces, replayMs },
  });
  if (left.length === 0)
    return log.info({ event: 'uninstalled' }, 'nothing of Echoplane is left in workloads');
  throw new OperatingError(
    'uninstall_incomplete',
    `Not undone; mend it and uninstall again, or with --no-hooks:\n${left.map((one) => `- ${one}`).join('\n')}`,
  );
}

/** Undoes everything it can and gives what it could not. */
export async function uninstall(options: Omit<Uninstall, 'left'>): Promise<string[]> {
  const undo: Uninstall = { ...options, left: [] };
  await step(undo, 'TrafficReplays', () => endReplays(undo));
  await step(undo, 'operator', () => stopOperator(undo));
  await step(undo, 'webhook configurations', () => removeWebhooks(undo));
  await step(undo, 'finalizers of TrafficReplays', () => removeFinalizers(undo));
  for (const resource of KINDS) await step(undo, resource.plural, () => restoreWorkloads(undo, resource));
  await step(undo, 'Services', () => restoreServices(undo));
  // Whoever mends that and comes again finds the rest as it was: sidecars that are left have their forwarder.
  if (undo.left.length > 0) return undo.left;
  await step(undo, 'captured pods', () => awaitRollouts(undo));
  await step(undo, 'interception CAs', () => removeAuthorities(undo));
  await step(undo, 'forwarder and inspector', () => removeInstallation(undo));
  return undo.left;
}

async function step({ left, signal }: Uninstall, what: string, work: () => Promise<void>): Promise<void> {
  if (signal.aborted) return void left.push(`${what}: the deadline was over; run the uninstallation again.`);
  try {
    await work();
  } catch (err) {
    // A kind that the cluster does not know has nothing of ours.
    if (!isNotFound(err)) left.push(`${what}: ${(err as Error).message}`);
  }
}

/** Else it would do again behind us what we undo; a pod that ends answers webhooks to its last second. */
async function stopOperator(undo: Uninstall): Promise<void> {
  const { client, config, clock, signal } = undo;
  const { namespace } = config;
  const deployment = { namespace, name: WORKLOADS.operator };
  if (!(await client.get(RESOURCES.deployments, deployment))) return;
  await client.patch(RESOURCES.deployments, deployment, { spec: { replicas: 0 } }, { type: 'merge' });
  const untilUs = clock.nowUs() + STOP_MS * 1_000;
  const labelSelector = `${MANAGED_LABEL}=${MANAGED_VALUE},${COMPONENT_LABEL}=operator`;
  const isRunning = async () => {
    for await (const _ of client.list(RESOURCES.pods, { namespace, labelSelector })) return true;
    return false;
  };
  while ((await isRunning()) && clock.nowUs() < untilUs && !signal.aborted)
    await clock.sleep(POLL_MS, signal);
}

/** Before a TrafficReplay is changed without the operator, which would be asked. */
async function removeWebhooks({ client }: Uninstall): Promise<void> {
  for (const resource of [RESOURCES.mutatingWebhooks, RESOURCES.validatingWebhooks]) {
    try {
      await client.delete(resource, { name: WEBHOOK_CONFIGURATION });
    } catch (err) {
      // They are the chart's, which removes them right after this; without the operator they let everything pass.
      if (!isForbidden(err)) throw err;
    }
  }
}

/** Cancels what runs and waits for the operator to put it back; without an operator that is done further down. */
async function endReplays(undo: Uninstall): Promise<void> {
  const { client, config, clock, log, signal } = undo;
  const running = async () => (await all(undo, RESOURCES.trafficReplays)).filter(isUnfinished);
  const operator = { namespace: config.namespace, name: WORKLOADS.operator };
  const present = await client.get(RESOURCES.deployments, operator);
  if (present && !present.status?.readyReplicas)
    return log.warn('no operator is ready to end TrafficReplays; their workloads are put back without it');
  for (const replay of await running())
    await client
      .patch(RESOURCES.trafficReplays, refOf(replay), { spec: { cancel: true } }, { type: 'merge' })
      .catch((err) =>
        log.warn({ err, replay: nameOf(replay) }, 'not cancelled; it is put back all the same'),
      );
  const untilUs = clock.nowUs() + config.replayMs * 1_000;
  while ((await running()).length > 0 && clock.nowUs() < untilUs && !signal.aborted)
    await clock.sleep(POLL_MS, signal);
}

/** Of replays that the operator could not end: what it had changed is put back with the workloads. */
async function removeFinalizers(undo: Uninstall): Promise<void> {
  for (const replay of await all(undo, RESOURCES.trafficReplays)) {
    const finalizers = replay.metadata.finalizers ?? [];
    if (!finalizers.includes(FINALIZER)) continue;
    if (isUnfinished(replay)) await close(undo, replay);
    const patch = { metadata: { finalizers: finalizers.filter((one) => one !== FINALIZER) } };
    await undo.client.patch(RESOURCES.trafficReplays, refOf(replay), patch, { type: 'merge' });
  }
}

/** Whoever waits for it is told that nobody works on it any more. */
async function close({ client, clock }: Uninstall, replay: Obj): Promise<void> {
  const { status, metadata } = readTrafficReplay(replay);
  const message = 'Echoplane was uninstalled while it ran.';
  const outcome = { phase: 'Cancelled' as const, reason: 'Uninstalled', message };
  const conditions = closingConditions({ ...status, outcome });
  const change = { phase: outcome.phase, message, outcome, conditions };
  const at = { nowMs: clock.nowUs() / 1_000, generation: metadata.generation ?? 0 };
  const patch = { status: applyChange(status, change, at) };
  await client.patch(RESOURCES.trafficReplays, refOf(replay), patch, {
    type: 'merge',
    subresource: 'status',
  });
}

function isUnfinished({ metadata, status }: Obj): boolean {
  return (metadata.finalizers ?? []).includes(FINALIZER) && !TERMINAL_PHASES.includes(status?.phase);
}

async function restoreWorkloads(undo: Uninstall, resource: Resource): Promise<void> {
  for (const object of await all(undo, resource)) {
    // Its controller does that, from a template of its own.
    if (object.metadata.ownerReferences?.some(({ controller }) => controller)) continue;
    const isChanged = await change(undo, resource, object, (now) => untouched(withoutRun(now)));
    if (isChanged) undo.log.info({ workload: nameOf(object) }, 'un-injected');
  }
}

/** A replay that could not be ended leaves its mark on the template. */
function withoutRun(object: Obj): Obj {
  const changed = structuredClone(object);
  delete templateOf(changed)?.metadata?.annotations?.[RUN_ANNOTATION];
  return changed;
}

async function restoreServices(undo: Uninstall): Promise<void> {
  for (const object of await all(undo, RESOURCES.services)) {
    if (object.metadata.annotations?.[TARGET_PORTS_ANNOTATION] === undefined) continue;
    await change(undo, RESOURCES.services, object, (now) => withPorts(now, []));
  }
}

/** Until the last captured pod has handed over what it has: the forwarder goes next. Pods of Jobs run to their end. */
async function awaitRollouts(undo: Uninstall): Promise<void> {
  const { clock, log, signal } = undo;
  const captured = async () => (await all(undo, RESOURCES.pods, CAPTURED)).filter(isRolled);
  const untilUs = clock.nowUs() + ROLL_MS * 1_000;
  let pods = await captured();
  for (; pods.length > 0 && clock.nowUs() < untilUs && !signal.aborted; pods = await captured())
    await clock.sleep(POLL_MS, signal);
  if (pods.length === 0) return;
  const names = pods.slice(0, MAX_NAMES).map(nameOf).join(', ');
  log.warn(
    { event: 'still_captured', pods: pods.length },
    `still with a sidecar, which passes everything through, until they are replaced: ${names}`,
  );
}

const CAPTURED = `${INJECT_LABEL}=true`;

function isRolled({ metadata, status }: Obj): boolean {
  const isOver = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  return !isOver && !metadata.ownerReferences?.some(({ kind }) => kind === 'Job');
}

const ATTEMPTS = 4;

/** Whether anything was to be changed; looks again after it, because somebody may have done it again meanwhile. */
async function change(
  undo: Uninstall,
  resource: Resource,
  object: Obj,
  undone: (object: Obj) => Obj,
): Promise<boolean> {
  const { client, clock, left, signal } = undo;
  let trouble = 'it is done again by somebody.';
  let now: Obj | null = object;
  for (let attempt = 0; now; attempt++) {
    const operations = jsonPatch(now, undone(now));
    if (operations.length === 0) return attempt > 0;
    if (attempt === ATTEMPTS) {
      left.push(`${nameOf(object)}: ${trouble}`);
      return false;
    }
    try {
      await client.patch(resource, refOf(object), operations, { type: 'json' });
    } catch (err) {
      if (isNotFound(err)) return false;
      trouble = (err as Error).message;
      await clock.sleep(POLL_MS, signal);
    }
    now = await client.get(resource, refOf(object));
  }
  return false;
}

async function removeAuthorities(undo: Uninstall): Promise<void> {
  const { client, config, left } = undo;
  const names =
    config.namespaces.length > 0
      ? config.namespaces
      : (await all(undo, RESOURCES.namespaces)).map(({ metadata }) => metadata.name);
  for (const namespace of names) {
    try {
      await client.delete(RESOURCES.secrets, { namespace, name: NAMESPACE_CA_SECRET });
    } catch (err) {
      left.push(`Secret ${namespace}/${NAMESPACE_CA_SECRET}: ${(err as Error).message}`);
    }
  }
}

async function all(
  { client, config }: Uninstall,
  resource: Resource,
  labelSelector?: string,
): Promise<Obj[]> {
  const selector = labelSelector === undefined ? {} : { labelSelector };
  const found: Obj[] = [];
  const namespaces = resource.namespaced && config.namespaces.length > 0 ? config.namespaces : [undefined];
  for (const namespace of namespaces)
    for await (const { apiVersion, kind, ...object } of client.list(resource, { namespace, ...selector }))
      found.push({
        apiVersion: apiVersion ?? apiVersionOf(resource),
        kind: kind ?? resource.kind,
        ...object,
      } as Obj);
  return found;
}

function refOf({ metadata }: Obj): { namespace: string; name: string } {
  return { namespace: metadata.namespace ?? '', name: metadata.name };
}

function nameOf({ kind, metadata }: Obj): string {
  return `${kind} ${metadata.namespace}/${metadata.name}`;
}
