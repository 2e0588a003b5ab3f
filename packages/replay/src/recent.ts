// A bounded map of what was used lately, cheap to read: two generations, of which the older is dropped whole when the younger
// is full. What was used since the last drop survives it.

interface Entry<V> {
  value: V;
  weight: number;
}

export class Recent<K, V> {
  #young = new Map<K, Entry<V>>();
  #old = new Map<K, Entry<V>>();
  #weight = 0;
  readonly #maxWeight: number;

  /** `maxWeight`: what may be held in all. */
  constructor(maxWeight: number) {
    this.#maxWeight = maxWeight / 2;
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key);
    if (young) return young.value;
    const old = this.#old.get(key);
    if (!old) return undefined;
    this.#old.delete(key);
    this.#add(key, old);
    return old.value;
  }

  /** `weight`: what the entry costs, in the unit of the limit; what is too heavy is not held. */
  set(key: K, value: V, weight: number): void {
    if (weight <= this.#maxWeight) this.#add(key, { value, weight });
  }

  #add(key: K, entry: Entry<V>): void {
    if (this.#weight + entry.weight > this.#maxWeight) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#weight = 0;
    }
    this.#young.set(key, entry);
    this.#weight += entry.weight;
  }
}
