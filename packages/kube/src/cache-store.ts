// What a cache holds, in memory: objects by key, by namespace and by the values of named indexes. Its bound is the number of
// objects the API server has of the selection. Knows nothing of the API server.
import type { Key, Ref } from './contract.ts';
import { keyOfRef } from './objects.ts';

export type Indexes<T> = Record<string, (object: T) => readonly string[]>;

interface Entry<T> {
  object: T;
  version: string | undefined;
  /** Where the indexes have it, remembered: the object may since have been changed by who was handed it. */
  values: readonly (readonly string[])[];
}
type Index = Map<string, Set<Key>>;

export class CacheStore<T> {
  readonly #entries = new Map<Key, Entry<T>>();
  readonly #namespaces: Index = new Map();
  readonly #indexers: ((object: T) => readonly string[])[];
  readonly #indexes: Index[];
  readonly #names: string[];

  constructor(indexes: Indexes<T>) {
    this.#names = Object.keys(indexes);
    this.#indexers = Object.values(indexes);
    this.#indexes = this.#names.map(() => new Map());
  }

  get size(): number {
    return this.#entries.size;
  }

  get(ref: Ref): T | undefined {
    return this.#entries.get(keyOfRef(ref))?.object;
  }

  *all(): Generator<T> {
    for (const { object } of this.#entries.values()) yield object;
  }

  keys(): Iterable<Key> {
    return this.#entries.keys();
  }

  byNamespace(namespace: string): Iterable<T> {
    return this.#objectsAt(this.#namespaces, namespace);
  }

  by(index: string, value: string): Iterable<T> {
    const at = this.#names.indexOf(index);
    if (at < 0) throw new Error(`the cache has no index ${index}`);
    return this.#objectsAt(this.#indexes[at]!, value);
  }

  /** Whether exactly this version is held. */
  holds(key: Key, version: string | undefined): boolean {
    return version !== undefined && this.#entries.get(key)?.version === version;
  }

  /** Puts an object in and gives the one it replaces. Throws, with nothing changed, when an indexer does. */
  put(ref: Ref, object: T, version: string | undefined): T | undefined {
    const key = keyOfRef(ref);
    const values = this.#indexers.map((indexer) => indexer(object));
    const before = this.remove(ref);
    this.#entries.set(key, { object, version, values });
    if (ref.namespace) insert(this.#namespaces, ref.namespace, key);
    for (const [at, each] of values.entries())
      for (const value of each) insert(this.#indexes[at]!, value, key);
    return before;
  }

  /** Takes an object out and gives it. */
  remove(ref: Ref): T | undefined {
    const key = keyOfRef(ref);
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    if (ref.namespace) take(this.#namespaces, ref.namespace, key);
    for (const [at, each] of entry.values.entries())
      for (const value of each) take(this.#indexes[at]!, value, key);
    return entry.object;
  }

  *#objectsAt(index: Index, value: string): Generator<T> {
    for (const key of index.get(value) ?? []) {
      const entry = this.#entries.get(key);
      if (entry) yield entry.object;
    }
  }
}

function insert(index: Index, value: string, key: Key): void {
  const keys = index.get(value);
  if (keys) keys.add(key);
  else index.set(value, new Set([key]));
}

function take(index: Index, value: string, key: Key): void {
  const keys = index.get(value);
  if (keys?.delete(key) && keys.size === 0) index.delete(value);
}
