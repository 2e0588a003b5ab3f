// A cache of one resource, kept current: list, then watch from there, and again.
//
//   list ──▶ watch ──server ends it──▶ watch from the last version
//    ▲         ├──any trouble──▶ back-off ──▶ watch from the last version
//    └── 410 or an error event ◀─┘           (what the new list differs in is told as changes)
//
// Trouble of the API server, of listeners and of the projection never ends it; only its signal does.
import { backoffMs, type Clock, systemClock } from '@echoplane/runtime';
import { CacheStore } from './cache-store.ts';
import type { Cache, CacheOptions, Key, Obj, Ref, Resource } from './contract.ts';
import { KubeError } from './kube-error.ts';
import { pagesOf, selectorsOf } from './listing.ts';
import { collectionPathOf, keyOf, refOf } from './objects.ts';
import { type WatchEvent, watchEvents } from './watch-stream.ts';

const BACKOFF = { firstMs: 200, maxMs: 30_000 };
/** What a server may be late with the end of a watch that it was asked to end. */
const LATE_MS = 30_000;
const WATCH_MS = 480_000;
const PATIENCE = 5;

type Change<T> = { key: Key; before: T | undefined; after: T | undefined };

/** A cache that fills and stays current while its `run` runs. */
export function createCache<T = Obj>(options: CacheOptions<T>): Cache<T> {
  return new WatchedCache(options);
}

class WatchedCache<T> implements Cache<T> {
  readonly resource: Resource;
  readonly #options: CacheOptions<T>;
  readonly #clock: Clock;
  readonly #store: CacheStore<T>;
  readonly #listeners = new Set<(change: Change<T>) => void>();
  readonly #firstList = Promise.withResolvers<void>();
  #isSynced = false;
  #trouble: string | null;
  /** Up to where we know everything; null when only a list can tell. */
  #version: string | null = null;
  #failures = 0;

  constructor(options: CacheOptions<T>) {
    this.#options = options;
    this.resource = options.resource;
    this.#clock = options.clock ?? systemClock();
    this.#store = new CacheStore(options.indexes ?? {});
    this.#trouble = `The first list of ${this.resource.plural} is not in yet.`;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }
  get trouble(): string | null {
    return this.#trouble;
  }
  get size(): number {
    return this.#store.size;
  }
  get(ref: Ref): T | undefined {
    return this.#store.get(ref);
  }
  all(): Iterable<T> {
    return this.#store.all();
  }
  byNamespace(namespace: string): Iterable<T> {
    return this.#store.byNamespace(namespace);
  }
  by(index: string, value: string): Iterable<T> {
    return this.#store.by(index, value);
  }

  onChange(listener: (change: Change<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async synced(signal?: AbortSignal): Promise<void> {
    if (!signal) return this.#firstList.promise;
    signal.throwIfAborted();
    const gaveUp = Promise.withResolvers<never>();
    const giveUp = () => gaveUp.reject(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      await Promise.race([this.#firstList.promise, gaveUp.promise]);
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#version === null) await this.#list(signal);
        const heard = await this.#watch(signal);
        if (heard) continue;
        // A server that ends every watch at once, such as one that is stopping, is not hurried.
        this.#failures++;
      } catch (err) {
        if (signal.aborted) return;
        this.#fail(err);
      }
      await this.#clock.sleep(backoffMs(this.#failures, BACKOFF, Math.random()), signal);
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, namespace } = this.#options;
    const gone = new Set(this.#store.keys());
    let version: string | null = null;
    const selection = { ...selectorsOf(this.#options), namespace, signal, consistent: true };
    for await (const page of pagesOf(client, this.resource, selection)) {
      version ??= page.resourceVersion;
      for (const object of page.items) {
        gone.delete(keyOf(object));
        this.#put(object);
      }
    }
    for (const key of gone) this.#remove(refOf(key));
    this.#version = version;
    this.#recovered();
    this.#isSynced = true;
    this.#firstList.resolve();
  }

  /** Until the server ends it; whether anything was heard. */
  async #watch(signal: AbortSignal): Promise<boolean> {
    const { client, namespace, watchMs = WATCH_MS } = this.#options;
    const path = collectionPathOf(this.resource, namespace);
    const seconds = Math.ceil((watchMs * (1 + Math.random())) / 2000);
    // A quiet resource may have no bookmarks: only past the end of the watch is silence a sign.
    const silenceMs = this.#options.silenceMs ?? seconds * 1_000 + LATE_MS;
    const query = {
      ...selectorsOf(this.#options),
      watch: 'true',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(seconds),
      resourceVersion: this.#version ?? '',
    };
    const stream = await client.stream(path, { query, signal });
    this.#recovered();
    let heard = false;
    try {
      for await (const event of watchEvents(stream, `watching ${this.resource.plural}`, silenceMs)) {
        heard = true;
        this.#failures = 0;
        this.#take(event);
      }
    } catch (err) {
      // An event that the server cannot give: whatever it was, we missed it.
      if (err instanceof KubeError) this.#version = null;
      throw err;
    }
    return heard;
  }

  #take({ type, object }: WatchEvent): void {
    if (type === 'DELETED') this.#remove(object.metadata);
    else if (type !== 'BOOKMARK') this.#put(object);
    this.#version = object.metadata.resourceVersion ?? this.#version;
  }

  #put(object: Obj): void {
    const { namespace, name, resourceVersion } = object.metadata;
    const key = keyOf(object);
    if (this.#store.holds(key, resourceVersion)) return;
    let change: Change<T>;
    try {
      const after = (this.#options.project ?? asItIs<T>)(withoutManagedFields(object));
      change = { key, before: this.#store.put({ namespace, name }, after, resourceVersion), after };
    } catch (err) {
      this.#options.log?.error({ err, key, kind: this.resource.kind }, 'an object does not fit the cache');
      return;
    }
    this.#tell(change);
  }

  #remove({ namespace, name }: Ref): void {
    const before = this.#store.remove({ namespace, name });
    if (before !== undefined)
      this.#tell({
        key: keyOf({ metadata: { name, ...(namespace ? { namespace } : {}) } }),
        before,
        after: undefined,
      });
  }

  #tell(change: Change<T>): void {
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (err) {
        const { key } = change;
        this.#options.log?.error({ err, key, kind: this.resource.kind }, 'a listener of the cache failed');
      }
    }
  }

  #fail(err: unknown): void {
    this.#failures++;
    // The server forgot the version we stand at, or will not have it: only a list tells what we missed. One that is busy or
    // starting is given some time first, because all caches would list at once.
    const passing = err instanceof KubeError && (err.status === 429 || err.status >= 500);
    if (err instanceof KubeError && (!passing || this.#failures > PATIENCE)) this.#version = null;
    const message = err instanceof Error ? err.message : String(err);
    if (this.#trouble === null || this.#failures === 1)
      this.#options.log?.warn({ err, plural: this.resource.plural }, 'the cache is behind');
    this.#trouble = `Watching ${this.resource.plural}: ${message}`;
  }

  #recovered(): void {
    this.#trouble = null;
  }
}

function asItIs<T>(object: Obj): T {
  return object as unknown as T;
}

/** A new object rather than a deleted property, which would make a slow and larger one of it. */
function withoutManagedFields(object: Obj): Obj {
  if (object.metadata.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  object.metadata = metadata;
  return object;
}
