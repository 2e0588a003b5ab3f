// What the lifecycle of a replay may know, as types: facts are read from API objects anew each time, decisions are made of
// them alone, and a step is one thing to do. It must not know how facts are read or steps are done.
import type { Replay, Snapshot } from '@echoplane/api';
import type { Note } from '@echoplane/injection';
import type { Obj } from '@echoplane/kube';
import type { ConditionType, InstallConfig, InventoryItem, TrafficReplayStatus } from '@echoplane/resources';
import type { GeneratorRun, TestConfig } from '@echoplane/traffic';
import type { TargetRef } from './replay-object.ts';
import type { TargetFact } from './target-state.ts';

/** Who has the Lease of a workload: `ours`, `free` (nobody, or a replay that is over), or the name of a replay. */
export interface LeaseFact {
  workload: string;
  item: InventoryItem;
  /** Null: there is no Lease yet. */
  resourceVersion: string | null;
  holder: 'ours' | 'free' | { replay: string };
}

/** Facts by name; a stage says which it needs, and no others are read for it. */
export interface FactSet {
  targets: TargetFact[];
  /** Labels by namespace; null for one that is not there. */
  namespaces: Record<string, Record<string, string> | null>;
  leases: LeaseFact[];
  /** Requests that each workload had in the last five minutes, by `namespace/kind/name`; replays do not count. */
  live: Record<string, number>;
  /** What is wrong with a Secret that is referred to; empty when all may be used. */
  secretProblems: string[];
  /** Null: the control plane has none by this id or name. */
  snapshot: Snapshot | null;
  /** The replay that latency is judged against, or why it cannot be; null when none is named. */
  baseline: { id: string } | { problem: string } | null;
  /** What is asked of the replay, or why that cannot be read. */
  testConfig: { config: TestConfig } | { problem: string };
  /** The replay in the control plane; null before it is opened. */
  opened: Replay | null;
  /** Everything in the inventory that exists, by `kind/namespace/name`. */
  objects: Record<string, Obj | null>;
  /** Pods of the generator Jobs. */
  generators: Obj[];
  /** Pods of responders and collector. */
  servers: Obj[];
  /** Bytes of the artifacts that pods fetch; null where nobody says. */
  sizes: { tests: number | null; mocks: number | null };
  /** Services in the namespaces of the workloads. */
  services: Obj[];
}
export type FactName = keyof FactSet;

/** Where it runs: nothing of it changes during a replay. */
export interface Setting {
  install: InstallConfig;
  /** Namespace of the installation. */
  namespace: string;
  nowMs: number;
}

/** A condition as a stage wants it; when it last changed is found by comparing. */
export interface WantedCondition {
  type: ConditionType;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
}

export interface StatusChange extends Partial<Omit<TrafficReplayStatus, 'conditions'>> {
  conditions?: WantedCondition[];
}

export interface Ending {
  phase: 'Succeeded' | 'Failed' | 'Cancelled';
  reason: string;
  message: string;
  verdict?: TrafficReplayStatus['verdict'];
}

/** The one thing to do next. Each can be done twice, and each change is in the inventory before it is made. */
export type Step =
  /** Nothing, until something changes or `ms` have passed; `why` becomes the condition of the stage. */
  | { do: 'wait'; ms: number; why?: { reason: string; message: string } }
  | { do: 'status'; change: StatusChange; notes?: Note[] }
  | { do: 'stage-done'; message: string }
  | { do: 'end'; ending: Ending }
  | { do: 'finalizer'; present: boolean }
  | { do: 'make'; objects: Obj[] }
  /** The Secret with what the replay's pods trust and the responders sign with. */
  | { do: 'trust'; item: InventoryItem; namespaces: string[] }
  | { do: 'lease'; lease: LeaseFact }
  | { do: 'wire'; target: TargetFact }
  | { do: 'undo'; item: InventoryItem; uid: string }
  | { do: 'open'; snapshot: string; baseline?: string; testConfig?: TestConfig }
  | { do: 'finish'; run: GeneratorRun }
  | { do: 'fetch-report' }
  /** Everything is put back: the terminal phase. */
  | { do: 'close'; change: StatusChange }
  | { do: 'delete' };

export function objectKey(item: Pick<InventoryItem, 'kind' | 'namespace' | 'name'>): string {
  return `${item.kind}/${item.namespace}/${item.name}`;
}

export function itemOf(object: Obj): InventoryItem {
  const { apiVersion, kind, metadata } = object;
  return {
    apiVersion,
    kind,
    namespace: metadata.namespace!,
    name: metadata.name,
    action: 'created',
    restored: false,
  };
}

export function changedItem(target: TargetFact): InventoryItem {
  const { apiVersion, kind, namespace, name, uid, digest } = target;
  const reference: TargetRef = { apiVersion, kind, namespace, name };
  return { ...reference, ...(uid ? { uid } : {}), action: 'changed', before: digest, restored: false };
}
