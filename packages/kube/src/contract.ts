// What the kit offers, as types: the client, the watched cache, the work queue, leadership and the reconciler. Objects are
// raw JSON throughout; no field is lost between a read and a write.
import type { Readable } from 'node:stream';
import type { Clock, Logger } from '@echoplane/runtime';

/** A resource of the API, as its path needs it. */
export interface Resource {
  /** Empty for the core group. */
  group: string;
  version: string;
  plural: string;
  kind: string;
  namespaced: boolean;
}

export interface Meta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: { apiVersion: string; kind: string; name: string; uid: string; controller?: boolean }[];
  [key: string]: unknown;
}
export interface Obj {
  apiVersion: string;
  kind: string;
  metadata: Meta;
  // biome-ignore lint/suspicious/noExplicitAny: raw JSON of any kind
  [key: string]: any;
}

export interface Ref {
  namespace?: string | undefined;
  name: string;
}
export interface ListOptions {
  namespace?: string | undefined;
  labelSelector?: string;
  fieldSelector?: string;
  signal?: AbortSignal;
}
export interface WriteOptions {
  dryRun?: boolean;
  fieldManager?: string;
  signal?: AbortSignal;
  /** `status` or `scale`. */
  subresource?: string;
}

/** An answer of the API that is not 2xx: `status` is the HTTP status, `reason` the API's (`NotFound`, `Conflict`, …). */
export interface KubeErrorShape {
  status: number;
  reason: string;
  message: string;
}

/** One pooled client. Calls reject with KubeError for answers that are no success, and with OperatingError when the API server cannot be reached. */
export interface KubeClient {
  /** Null when it is not there. */
  get<T extends Obj = Obj>(resource: Resource, ref: Ref): Promise<T | null>;
  /** Page by page; every object once. */
  list<T extends Obj = Obj>(resource: Resource, options?: ListOptions): AsyncIterable<T>;
  create<T extends Obj = Obj>(resource: Resource, object: T, options?: WriteOptions): Promise<T>;
  /** PUT; `metadata.resourceVersion` makes it conditional. */
  replace<T extends Obj = Obj>(resource: Resource, object: T, options?: WriteOptions): Promise<T>;
  /** Server-side apply with force; the field manager is the operator's unless given. */
  apply<T extends Obj = Obj>(
    resource: Resource,
    object: Obj,
    options?: WriteOptions & { force?: boolean },
  ): Promise<T>;
  patch<T extends Obj = Obj>(
    resource: Resource,
    ref: Ref,
    patch: unknown,
    options: WriteOptions & { type: 'merge' | 'json' | 'strategic' },
  ): Promise<T>;
  /** Whether there was something to delete. */
  delete(
    resource: Resource,
    ref: Ref,
    options?: { propagation?: 'Background' | 'Foreground' | 'Orphan'; uid?: string },
  ): Promise<boolean>;
  /** Any path below the server: JSON in, JSON out. */
  call<T>(
    method: string,
    path: string,
    options?: { query?: Record<string, string>; body?: unknown; contentType?: string; signal?: AbortSignal },
  ): Promise<T>;
  /** The bytes of an answer, such as a pod's log. The caller destroys it. */
  stream(path: string, options?: { query?: Record<string, string>; signal?: AbortSignal }): Promise<Readable>;
  /** Address of the server, for messages. */
  readonly server: string;
  close(): void;
}

/** A cache of one resource, kept current by list and watch. */
export interface Cache<T> {
  readonly resource: Resource;
  /** Resolves when the first list is in. */
  synced(signal?: AbortSignal): Promise<void>;
  readonly isSynced: boolean;
  get(ref: Ref): T | undefined;
  all(): Iterable<T>;
  byNamespace(namespace: string): Iterable<T>;
  /** By a named index that was given at construction. */
  by(index: string, value: string): Iterable<T>;
  readonly size: number;
  /** Told of each change after the cache has it; `before` is undefined for a new object, `after` for a deleted one. */
  onChange(
    listener: (change: { key: string; before: T | undefined; after: T | undefined }) => void,
  ): () => void;
  /** Lists and watches until aborted; never rejects for trouble of the API server, which it backs off from. */
  run(signal: AbortSignal): Promise<void>;
  /** Why it is behind; null when it is not. */
  readonly trouble: string | null;
}

export interface CacheOptions<T> {
  client: KubeClient;
  resource: Resource;
  namespace?: string | undefined;
  labelSelector?: string;
  fieldSelector?: string;
  /** What is kept of an object (`managedFields` never is); runs on the decoded object, which may be changed in place. */
  project?: (object: Obj) => T;
  indexes?: Record<string, (object: T) => readonly string[]>;
  /** Told when it falls behind, and when a listener or the projection throws. */
  log?: Logger;
  clock?: Clock;
  /** A connection that says nothing for this long (bookmarks come each minute) is given up. */
  silenceMs?: number;
  /** How long one watch lasts at most, in ms; the server ends it after half of this to the whole. */
  watchMs?: number;
}

/** Ends a reconcile: done, again after a time, or with an error thrown: again after the queue's back-off. */
export type Outcome = { again: 'no' } | { again: 'after'; ms: number };

/** Level-based: called with a key when anything about it may have changed. Idempotent, safe to kill at any line. */
export interface Reconciler {
  readonly name: string;
  reconcile(key: string, signal: AbortSignal): Promise<Outcome>;
}

/** Keys waiting for their reconciler: one at a time per key, rate-limited, with back-off after errors. */
export interface WorkQueue {
  add(key: string): void;
  addAfter(key: string, ms: number): void;
  /** Takes keys until aborted, at most `workers` at once. */
  run(reconciler: Reconciler, signal: AbortSignal, workers?: number): Promise<void>;
  readonly length: number;
  /** Keys that failed last time, with why. */
  failing(): ReadonlyMap<string, string>;
}

export interface ElectorOptions {
  client: KubeClient;
  namespace: string;
  /** Name of the Lease. */
  name: string;
  /** Who we are: the pod's name and something of this life. */
  identity: string;
  leaseMs?: number;
  retryMs?: number;
  log?: Logger;
}

/**
 * Runs `lead` while we hold the Lease; its signal aborts before the lease could be another's. When `lead` ends or
 * leadership is lost, tries again, until `signal` aborts; then the Lease is released.
 */
export type Elect = (
  options: ElectorOptions,
  lead: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
) => Promise<void>;

/** `namespace/name`, or `name` for cluster-scoped objects. */
export type Key = string;
