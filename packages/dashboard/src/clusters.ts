// What the clusters page says of data planes and workloads, worked out from what the control plane lists. Pure.
import type { AgentState } from '@echoplane/api';
import type { Workload } from './cluster-queries.ts';
import { formatCount, NONE, plural } from './format.ts';

export interface Cluster {
  name: string;
  /** Connected ones first. */
  agents: AgentState[];
  /** What can be asked to change workloads; null when none is connected. */
  inspector: AgentState | null;
}

/** Data planes by cluster, in the order of the clusters' names. */
export function clustersOf(agents: readonly AgentState[]): Cluster[] {
  const byName = Map.groupBy(agents, ({ cluster }) => cluster);
  return [...byName]
    .map(([name, own]) => ({
      name,
      agents: own.toSorted((a, b) => Number(b.connected) - Number(a.connected)),
      inspector: own.find(({ kind, connected }) => kind === 'inspector' && connected) ?? null,
    }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

export interface Said {
  words: string;
  /** Why it matters and what to do; null when there is nothing to do. */
  trouble: string | null;
}

/** Whether a data plane runs the rules it should; `wanted` is null when the tenant has none of its own. */
export function describeConfig(agent: AgentState, wanted: string | null): Said {
  if (agent.kind !== 'forwarder' || agent.configVersion === null) return { words: NONE, trouble: null };
  const { configVersion, configError } = agent;
  if (configError !== null)
    return { words: configVersion, trouble: `Newer rules were refused: ${configError}` };
  if (wanted !== null && configVersion !== wanted)
    return { words: configVersion, trouble: `Not yet the current rules, ${wanted}.` };
  return { words: configVersion, trouble: null };
}

/** What a forwarder has taken in and not yet handed on. */
export function describeLag({ kind, lagFrames, lagSegments }: AgentState): string {
  if (kind !== 'forwarder') return NONE;
  const parts = [
    ...(lagFrames > 0 ? [plural(lagFrames, 'frame')] : []),
    ...(lagSegments > 0 ? [plural(lagSegments, 'segment')] : []),
  ];
  return parts.length > 0 ? parts.join(', ') : 'nothing';
}

/** How far the pods of a workload are what its annotation asks for. */
export function describeCoverage({ injected, pods, injectedPods }: Workload): Said {
  const words = `${formatCount(injectedPods)} of ${formatCount(pods)}`;
  if (injected && injectedPods < pods)
    return { words, trouble: `${plural(pods - injectedPods, 'pod')} without the sidecar` };
  if (!injected && injectedPods > 0)
    return { words, trouble: `${plural(injectedPods, 'pod')} still with the sidecar` };
  return { words, trouble: null };
}

/** What a change of a workload's annotations does to its pods. */
export function describeRoll({ kind, pods }: Pick<Workload, 'kind' | 'pods'>): string {
  if (kind === 'CronJob') return 'It counts from its next run; pods that run now are left alone.';
  if (pods === 0) return 'It has no pods now; those to come are made so.';
  return `Its ${plural(pods, 'pod')} ${pods === 1 ? 'is' : 'are'} replaced as its update strategy says.`;
}

/** `Deployment shop/cart`. */
export function nameOf({ kind, namespace, name }: Pick<Workload, 'kind' | 'namespace' | 'name'>): string {
  return `${kind} ${namespace}/${name}`;
}

/** Workloads with all of the words somewhere in their name. */
export function matching(workloads: readonly Workload[], text: string): Workload[] {
  const words = text.toLowerCase().split(/\s+/);
  return workloads.filter((workload) => {
    const name = nameOf(workload).toLowerCase();
    return words.every((word) => name.includes(word));
  });
}
