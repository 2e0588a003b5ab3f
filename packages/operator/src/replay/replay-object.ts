// A TrafficReplay as the lifecycle sees it: checked, with its defaults, and the names of what is made for it. Pure; it
// must not know how a replay is run.
import type { Meta, Obj } from '@echoplane/kube';
import {
  API_VERSION,
  type InventoryItem,
  parseDuration,
  type ReplayWorkload,
  TERMINAL_PHASES,
  TrafficReplaySpec,
  TrafficReplayStatus,
} from '@echoplane/resources';

export interface TrafficReplay {
  metadata: Meta & { namespace: string; uid: string };
  spec: TrafficReplaySpec;
  status: TrafficReplayStatus;
  /** What is wrong with a spec that got past admission; such a replay fails, and is cleaned up like any other. */
  invalid: string | null;
}

/** A workload of a replay that is named by reference. */
export interface TargetRef {
  apiVersion: string;
  kind: string;
  namespace: string;
  name: string;
}

/** Reads any stored object; never throws, because even a broken one must be cleaned up. */
export function readTrafficReplay(object: Obj): TrafficReplay {
  const spec = TrafficReplaySpec.safeParse(object.spec);
  const status = TrafficReplayStatus.safeParse(object.status ?? {});
  const issue = spec.error?.issues[0];
  return {
    metadata: object.metadata as TrafficReplay['metadata'],
    spec: spec.data ?? TrafficReplaySpec.parse({ snapshot: 'unreadable', workloads: [{}] }),
    status: status.data ?? TrafficReplayStatus.parse({ inventory: readableItems(object.status) }),
    invalid: issue ? `spec.${issue.path.join('.')} ${issue.message}` : null,
  };
}

/** Of a status that nobody understands the inventory is what matters. */
function readableItems(status: { inventory?: unknown } | undefined): unknown[] {
  if (!Array.isArray(status?.inventory)) return [];
  const one = TrafficReplayStatus.shape.inventory;
  return status.inventory.filter((item) => one.safeParse([item]).success);
}

export function isTerminal({ status }: TrafficReplay): boolean {
  return status.phase !== undefined && TERMINAL_PHASES.includes(status.phase);
}

export function targetOf(replay: TrafficReplay, { ref }: ReplayWorkload): TargetRef | null {
  if (!ref) return null;
  const { apiVersion, kind, name, namespace = replay.metadata.namespace } = ref;
  return { apiVersion, kind, namespace, name };
}

/** The workloads named by reference, each once. */
export function targetsOf(replay: TrafficReplay): TargetRef[] {
  const all = replay.spec.workloads.flatMap((one) => targetOf(replay, one) ?? []);
  return [...new Map(all.map((target) => [workloadKey(target), target])).values()];
}

/** `namespace/kind/name`, as in `status.wiring`. */
export function workloadKey({
  namespace,
  kind,
  name,
}: Pick<TargetRef, 'namespace' | 'kind' | 'name'>): string {
  return `${namespace}/${kind}/${name}`;
}

/** What is made for a replay begins with this; 24 characters, so that an index and the suffixes of pods fit. */
export function baseName(uid: string): string {
  return `echoplane-replay-${uid.slice(0, 8)}`;
}

export function referenceTo(replay: TrafficReplay) {
  return { apiVersion: API_VERSION, kind: 'TrafficReplay', metadata: replay.metadata };
}

/** Whether two inventory items are about the same object. */
export function isSameItem(
  one: Pick<InventoryItem, 'apiVersion' | 'kind' | 'namespace' | 'name'>,
  other: Pick<InventoryItem, 'apiVersion' | 'kind' | 'namespace' | 'name'>,
): boolean {
  return (
    one.kind === other.kind &&
    one.name === other.name &&
    one.namespace === other.namespace &&
    one.apiVersion.split('/')[0] === other.apiVersion.split('/')[0]
  );
}

/** `1h30m` in ms; what is no duration has been refused before. */
export function durationMs(text: string): number {
  return parseDuration(text) ?? 0;
}
