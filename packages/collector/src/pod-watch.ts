// The pods that are watched, as they come and go: which there are and on which nodes, and a log followed for each container. It
// must not know what becomes of the lines.
import { type Cache, createCache, type Obj, RESOURCES } from '@echoplane/kube';
import type { Clock } from '@echoplane/runtime';
import { type ContainerName, type FollowOptions, followLog } from './log-follower.ts';
import type { Seen } from './observation-queue.ts';
import type { Target } from './targets.ts';

/** Logs followed at once; the API server holds a connection for each. */
const MAX_FOLLOWED = 200;
/** Names of pods that were seen. */
const MAX_SEEN = 10_000;

/** What is kept of a pod. */
export interface WatchedPod {
  namespace: string;
  name: string;
  uid: string;
  node: string | null;
  /** Address of its node. */
  host: string | null;
  containers: string[];
  /** It will write no more. */
  isOver: boolean;
}

export interface PodWatchOptions extends Pick<FollowOptions, 'client' | 'since' | 'put'> {
  clock: Clock;
  targets: readonly Target[];
}

export class PodWatch {
  readonly name = 'pod watch';
  readonly #options: PodWatchOptions;
  readonly #caches: Cache<WatchedPod>[];
  readonly #seen = new Set<string>();
  readonly #followed = new Map<string, AbortController>();
  readonly #running = new Set<Promise<void>>();
  readonly #newPod: ((namespace: string, name: string) => void)[] = [];
  #leftOut = 0;

  constructor(options: PodWatchOptions) {
    this.#options = options;
    this.#caches = options.targets.map(({ namespace, selector: labelSelector }) =>
      createCache<WatchedPod>({
        ...{ client: options.client, clock: options.clock, resource: RESOURCES.pods },
        ...{ namespace, labelSelector, project: podOf },
      }),
    );
  }

  /** Called once for each pod, when it is first seen. */
  onNewPod(listener: (namespace: string, name: string) => void): void {
    this.#newPod.push(listener);
  }

  /** Whether a pod of this name is or was watched. */
  has(namespace: string, name: string): boolean {
    return this.#seen.has(`${namespace}/${name}`);
  }

  /** The pods there are, each once. */
  pods(): WatchedPod[] {
    const byUid = new Map(this.#caches.flatMap((cache) => [...cache.all()]).map((pod) => [pod.uid, pod]));
    return [...byUid.values()];
  }

  get followed(): number {
    return this.#followed.size;
  }
  get isSynced(): boolean {
    return this.#caches.every((cache) => cache.isSynced);
  }
  /** Why pods cannot be seen; null when they can. */
  get trouble(): string | null {
    return this.#caches.find((cache) => cache.trouble !== null)?.trouble ?? null;
  }

  /** Watches and follows until the signal aborts; resolves when every log has told what it left out. */
  async run(signal: AbortSignal): Promise<void> {
    for (const cache of this.#caches)
      cache.onChange(({ before, after }) => {
        if (after) this.#meet(after, signal);
        else if (before) this.#lose(before);
      });
    await Promise.all(this.#caches.map((cache) => cache.run(signal)));
    for (const controller of this.#followed.values()) controller.abort();
    await Promise.all(this.#running);
  }

  #meet(pod: WatchedPod, signal: AbortSignal): void {
    const key = `${pod.namespace}/${pod.name}`;
    if (!this.#seen.has(key)) {
      if (this.#seen.size >= MAX_SEEN) this.#seen.delete(this.#seen.values().next().value!);
      this.#seen.add(key);
      for (const listener of this.#newPod) listener(pod.namespace, pod.name);
    }
    for (const container of pod.containers) this.#follow(pod, container, signal);
  }

  #follow({ uid, namespace, name: pod }: WatchedPod, container: string, signal: AbortSignal): void {
    const key = `${uid}/${container}`;
    if (this.#followed.has(key) || signal.aborted) return;
    const of = { namespace, pod, container };
    if (this.#running.size >= MAX_FOLLOWED) {
      this.#tellTooMany(of);
      return;
    }
    const controller = new AbortController();
    this.#followed.set(key, controller);
    const over = AbortSignal.any([signal, controller.signal]);
    const isOver = () => this.#current(uid)?.isOver ?? true;
    const following = followLog(of, this.#options, { signal: over, isOver });
    this.#running.add(following);
    void following.finally(() => this.#running.delete(following));
  }

  /** A log ends by itself when its pod is gone; only the name of it is freed. */
  #lose({ uid, containers }: WatchedPod): void {
    if (this.#current(uid)) return;
    for (const container of containers) this.#followed.delete(`${uid}/${container}`);
  }

  #current(uid: string): WatchedPod | undefined {
    for (const cache of this.#caches) for (const pod of cache.all()) if (pod.uid === uid) return pod;
    return undefined;
  }

  #tellTooMany(of: ContainerName): void {
    if (this.#leftOut++ > 0) return;
    const message = `more than ${MAX_FOLLOWED} containers: the logs of the others are not followed`;
    const note: Seen = {
      kind: 'note',
      ts: this.#options.clock.nowUs(),
      code: 'too-many-logs',
      message,
      ...of,
    };
    this.#options.put(note);
  }
}

function podOf({ metadata, spec, status }: Obj): WatchedPod {
  const names = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map(({ name }) =>
    String(name),
  );
  return {
    ...{ namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid ?? '' },
    ...{ node: spec?.nodeName ?? null, host: status?.hostIP ?? null },
    containers: names,
    isOver: status?.phase === 'Succeeded' || status?.phase === 'Failed',
  };
}
