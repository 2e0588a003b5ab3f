// Counters that all workers of a run count on together, by name, so that no two of them get the same number: of a virtual user,
// of a row of a data set. Generators that share a replay take turns: with three of them the first gets 0, 3, 6, ….
import { crc32 } from 'node:zlib';
import type { Shard } from './shards.ts';

/** Names of different counters; past them names share the last. */
const MAX_COUNTERS = 4_096;
/** A slot: the name's hash, never 0, and how often it was counted. */
const SLOT_BYTES = 8;

export class JointCounters {
  /** What another thread makes the same counters of. */
  readonly memory: SharedArrayBuffer;
  readonly #slots: Int32Array;
  readonly #shard: Shard;

  constructor(
    shard: Shard = { index: 0, count: 1 },
    memory = new SharedArrayBuffer(MAX_COUNTERS * SLOT_BYTES),
  ) {
    this.#shard = shard;
    this.memory = memory;
    this.#slots = new Int32Array(memory);
  }

  /** The next number of a counter, from 0. Names of one hash (one in four thousand millions) share a counter, which skips. */
  nextOf(name: string): number {
    const counted = Atomics.add(this.#slots, this.#slotOf(crc32(name) | 0 || 1) + 1, 1);
    return counted * this.#shard.count + this.#shard.index;
  }

  #slotOf(hash: number): number {
    const first = (hash >>> 0) % MAX_COUNTERS;
    for (let probed = 0; probed < MAX_COUNTERS; probed++) {
      const slot = ((first + probed) % MAX_COUNTERS) * 2;
      const holder = Atomics.compareExchange(this.#slots, slot, 0, hash);
      if (holder === 0 || holder === hash) return slot;
    }
    return (MAX_COUNTERS - 1) * 2;
  }
}
