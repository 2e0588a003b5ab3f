// Kubernetes Events of the namespaces that are watched: those about our pods and workloads become observations, each count
// once. It must not know where they go.
import { type Cache, createCache, type KubeClient, type Obj, RESOURCES } from '@echoplane/kube';
import type { Clock } from '@echoplane/runtime';
import type { Seen } from './observation-queue.ts';
import { isOfWorkload, type WorkloadName } from './targets.ts';

/** Events whose count is remembered. */
const MAX_TOLD = 10_000;
const MAX_MESSAGE_CHARS = 4_096;

/** What is kept of an Event. */
export interface KubeEvent {
  uid: string;
  namespace: string;
  object: { kind: string; name: string };
  type: string;
  reason: string;
  message: string;
  count: number;
  /** When it happened last, µs since the epoch. */
  ts: number;
}

export interface EventWatchOptions {
  client: KubeClient;
  clock: Clock;
  namespaces: readonly string[];
  workloads: readonly WorkloadName[];
  /** Whether a pod of this name is or was watched. */
  isPod(namespace: string, name: string): boolean;
  /** µs; what happened before is left out. */
  sinceUs: number;
  put(seen: Seen): void;
}

export class EventWatch {
  readonly name = 'event watch';
  readonly #options: EventWatchOptions;
  readonly #caches: Cache<KubeEvent>[];
  /** Count that was told, by uid. */
  readonly #told = new Map<string, number>();

  constructor(options: EventWatchOptions) {
    this.#options = options;
    this.#caches = options.namespaces.map((namespace) =>
      createCache<KubeEvent>({
        ...{ client: options.client, clock: options.clock, resource: RESOURCES.events, namespace },
        project: eventOf,
        indexes: { object: ({ object }) => [`${object.kind}/${object.name}`] },
      }),
    );
  }

  get isSynced(): boolean {
    return this.#caches.every((cache) => cache.isSynced);
  }
  /** Why Events cannot be seen; null when they can. */
  get trouble(): string | null {
    return this.#caches.find((cache) => cache.trouble !== null)?.trouble ?? null;
  }

  /** A pod is watched from now on: what was said of it before is told too. */
  podIsNew(namespace: string, name: string): void {
    for (const cache of this.#caches)
      for (const event of cache.by('object', `Pod/${name}`))
        if (event.namespace === namespace) this.#consider(event);
  }

  async run(signal: AbortSignal): Promise<void> {
    for (const cache of this.#caches) cache.onChange(({ after }) => after && this.#consider(after));
    await Promise.all(this.#caches.map((cache) => cache.run(signal)));
  }

  #consider(event: KubeEvent): void {
    const { isPod, workloads, sinceUs, put } = this.#options;
    const { uid, namespace, object, ts, ...said } = event;
    const isOurs =
      (object.kind === 'Pod' && isPod(namespace, object.name)) || isOfWorkload(namespace, object, workloads);
    if (!isOurs || ts < sinceUs || (this.#told.get(uid) ?? 0) >= said.count) return;
    this.#told.delete(uid);
    if (this.#told.size >= MAX_TOLD) this.#told.delete(this.#told.keys().next().value!);
    this.#told.set(uid, said.count);
    put({ kind: 'event', ts, namespace, object, ...said });
  }
}

/** An Event of `v1`, however its reporter counts and dates it. */
function eventOf(object: Obj): KubeEvent {
  const { metadata, involvedObject, series } = object;
  const seconds = (when: unknown) => (typeof when === 'string' ? Date.parse(when) * 1000 : Number.NaN);
  const times = [
    series?.lastObservedTime,
    object.lastTimestamp,
    object.eventTime,
    metadata.creationTimestamp,
  ];
  return {
    ...{ uid: metadata.uid ?? '', namespace: metadata.namespace ?? '' },
    object: { kind: String(involvedObject?.kind ?? ''), name: String(involvedObject?.name ?? '') },
    type: String(object.type || 'Normal').slice(0, 64),
    reason: String(object.reason ?? '').slice(0, 253),
    message: String(object.message ?? '').slice(0, MAX_MESSAGE_CHARS),
    count: Math.max(1, Number(series?.count ?? object.count ?? 1) || 1),
    ts: times.map(seconds).find((us) => !Number.isNaN(us)) ?? 0,
  };
}
