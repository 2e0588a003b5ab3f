// What every reconciler, webhook and route of the operator is given: one object made in app.ts. No module of the operator
// reaches for anything that is not here.
import type { ApiClient } from '@echoplane/api';
import type { Note } from '@echoplane/injection';
import type { Cache, KubeClient, Obj } from '@echoplane/kube';
import type { InstallConfig } from '@echoplane/resources';
import type { Clock, Logger } from '@echoplane/runtime';
import type { OperatorConfig } from './config.ts';
import type { ForwarderFace } from './forwarder-face.ts';
import type { NamespaceView, PodView, WorkloadView } from './views.ts';

export interface Caches {
  /** Pods with our injection label, anywhere we work. Indexes: `workload` (`namespace/kind/name`). */
  pods: Cache<PodView>;
  /** Every pod of the install namespace. Indexes: `replay` (uid of the TrafficReplay), `component`. */
  installPods: Cache<PodView>;
  namespaces: Cache<NamespaceView>;
  /** By kind: Deployment, StatefulSet, DaemonSet, Job, CronJob, and Rollout where it is known. */
  workloads: ReadonlyMap<string, Cache<WorkloadView>>;
  /** Whole objects. */
  trafficReplays: Cache<Obj>;
  captureConfigs: Cache<Obj>;
  clusterCaptureConfigs: Cache<Obj>;
  /** Our Secrets of the install namespace, whole. */
  secrets: Cache<Obj>;
  /** Resolves when every cache has its first list. */
  synced(signal: AbortSignal): Promise<void>;
  /** Null when all have; else which has not. */
  notSynced(): string | null;
}

/** What an Event is about: any object with its identity. */
export interface EventSubject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string | undefined; uid?: string | undefined };
}
export interface EventRecorder {
  /** Never rejects and never waits; the same Event within ten minutes is counted up instead of made anew. */
  record(about: EventSubject, note: Note): void;
}

export interface OperatorContext {
  client: KubeClient;
  caches: Caches;
  config: OperatorConfig;
  /** As install.json says now: it is read anew when it changes. */
  readonly install: InstallConfig;
  clock: Clock;
  log: Logger;
  events: EventRecorder;
  forwarder: ForwarderFace;
  cloud: ApiClient;
  /** How long the API server waits for webhooks that are applied whole; undefined: as the chart says. */
  webhookTimeoutS?: number | undefined;
  isLeader(): boolean;
}
