// The work behind each command of the whitelist. Each may run again after a crash and then does nothing further; what is
// changed carries the id of the command.
import type { ClusterCommandBody, ClusterCommandKind, ClusterCommandResults } from '@echoplane/api';
import { runChecks } from '@echoplane/diagnosis';
import { isConflict, type KubeClient, type Obj, RESOURCES, recordEvent } from '@echoplane/kube';
import { API_VERSION, GROUP, WORKLOADS } from '@echoplane/resources';
import { type Clock, type Logger, OperatingError } from '@echoplane/runtime';
import type { z } from 'zod';
import { listWorkloads } from './list-workloads.ts';
import {
  allowedWorkload,
  checkNamespace,
  checkOurs,
  injectAnnotations,
  settingsOf,
  WORKLOAD_KINDS,
  type WorkloadRef,
} from './whitelist.ts';

/** On whatever a command changed: its id. */
export const COMMAND_ANNOTATION = `operator.${GROUP}/command`;
const MAX_LOG_BYTES = 512 << 10;
/** A kubelet that does not answer. */
const LOG_MS = 30_000;

export interface CommandContext {
  client: KubeClient;
  clock: Clock;
  log: Logger;
  /** What the forwarder says of itself. */
  forwarderStatus(): Promise<unknown>;
  /** Namespace of the installation. */
  namespace: string;
  /** Id of the command. */
  id: string;
  signal: AbortSignal;
}

type Handlers = {
  [K in ClusterCommandKind]: (
    body: Extract<ClusterCommandBody, { kind: K }>,
    context: CommandContext,
  ) => Promise<z.input<(typeof ClusterCommandResults)[K]>>;
};

const HANDLERS: Handlers = {
  'list-workloads': ({ namespace }, context) =>
    listWorkloads(context.client, { install: context.namespace, asked: namespace }),
  async inject({ workload, settings }, context) {
    await annotate(workload, () => injectAnnotations(settings), context);
    return {};
  },
  async remove({ workload }, context) {
    const gone = ({ metadata }: Obj) =>
      Object.fromEntries(settingsOf(metadata.annotations).map(([name]) => [name, null]));
    await annotate(workload, gone, context);
    return {};
  },
  'start-replay': startReplay,
  'cancel-replay': cancelReplay,
  logs: readLogs,
  async diagnose(_, { client, clock, namespace, forwarderStatus }) {
    const nowMs = () => clock.nowUs() / 1_000;
    return { findings: await runChecks({ client, namespace, nowMs, forwarderStatus }) };
  },
};

/** Does a command. Throws OperatingError, or KubeError, with a sentence for whoever asked. */
export function runCommand(body: ClusterCommandBody, context: CommandContext): Promise<unknown> {
  const handle = HANDLERS[body.kind] as (
    body: ClusterCommandBody,
    context: CommandContext,
  ) => Promise<unknown>;
  return handle(body, context);
}

async function annotate(
  workload: WorkloadRef,
  wanted: (found: Obj) => Record<string, string | null>,
  context: CommandContext,
): Promise<void> {
  const { client, namespace, id } = context;
  const found = await allowedWorkload(client, workload, namespace);
  const annotations = wanted(found);
  const patch = { metadata: { annotations: { ...annotations, [COMMAND_ANNOTATION]: id } } };
  await client.patch(WORKLOAD_KINDS[workload.kind], workload, patch, { type: 'merge' });
  const changed = Object.entries(annotations).map(([key, value]) =>
    value === null ? `${key}-` : `${key}=${value}`,
  );
  await tell({ ...found, kind: workload.kind }, changed.join(' '), context);
}

/** What was done, as an Event on whatever it was done to. */
async function tell(regarding: Obj, what: string, { client, log, id }: CommandContext): Promise<void> {
  const message = `The control plane asked (command ${id}): ${what}`;
  const event = { type: 'Normal', reason: 'RemoteCommand', message, component: WORKLOADS.inspector } as const;
  await recordEvent(client, { ...event, regarding }, (err) =>
    log.warn({ err, command: id }, 'the Event of a command could not be written'),
  );
}

async function startReplay(
  { namespace, name, spec }: Extract<ClusterCommandBody, { kind: 'start-replay' }>,
  context: CommandContext,
): Promise<{ uid: string }> {
  const { client, namespace: install, id } = context;
  await checkNamespace(client, namespace, install);
  const metadata = { name, namespace, annotations: { [COMMAND_ANNOTATION]: id } };
  const wanted = { apiVersion: API_VERSION, kind: 'TrafficReplay', metadata, spec };
  const made = await client.create<Obj>(RESOURCES.trafficReplays, wanted).catch(async (err) => {
    if (!isConflict(err)) throw err;
    const known = await client.get(RESOURCES.trafficReplays, { namespace, name });
    if (known?.metadata.annotations?.[COMMAND_ANNOTATION] === id) return known;
    const sentence = `There is a TrafficReplay ${namespace}/${name} already; choose another name.`;
    throw new OperatingError('name_taken', sentence, { cause: err });
  });
  await tell(made, 'this replay', context);
  return { uid: made.metadata.uid! };
}

async function cancelReplay(
  { namespace, name }: Extract<ClusterCommandBody, { kind: 'cancel-replay' }>,
  context: CommandContext,
): Promise<Record<string, never>> {
  const { client, namespace: install, id } = context;
  await checkNamespace(client, namespace, install);
  const patch = { metadata: { annotations: { [COMMAND_ANNOTATION]: id } }, spec: { cancel: true } };
  const replay = await client.patch(RESOURCES.trafficReplays, { namespace, name }, patch, { type: 'merge' });
  await tell(replay, 'cancel', context);
  return {};
}

async function readLogs(
  { namespace, pod, container, lines }: Extract<ClusterCommandBody, { kind: 'logs' }>,
  { client, namespace: install, signal }: CommandContext,
): Promise<{ text: string; truncated: boolean }> {
  const found = await client.get(RESOURCES.pods, { namespace, name: pod });
  if (!found) throw new OperatingError('not_found', `There is no pod ${namespace}/${pod}.`);
  checkOurs(found, container, install);
  const query = { container, tailLines: String(lines), limitBytes: String(MAX_LOG_BYTES) };
  const limited = AbortSignal.any([signal, AbortSignal.timeout(LOG_MS)]);
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/log`;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of await client.stream(path, { query, signal: limited })) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size >= MAX_LOG_BYTES) break;
  }
  const text = Buffer.concat(chunks).subarray(0, MAX_LOG_BYTES).toString();
  return { text: text.slice(0, MAX_LOG_BYTES), truncated: size >= MAX_LOG_BYTES };
}
