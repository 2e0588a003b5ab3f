// The order in which the JVM's hash tables give out their keys. It comes from the keys alone: where these are generated, the order
// is another one in each life of a service. Pure.
import type { Scalar } from './kinds.ts';

/** Slots of a table, at least, and the share of them that is filled before it grows. */
const MIN_SLOTS = 16;
const MAX_FILLED = 0.75;

/** Sizes of the tables that would give out the keys in this order. */
export function hashOrders(keys: readonly Scalar[]): number[] {
  const least = Math.max(MIN_SLOTS, 2 ** Math.ceil(Math.log2(keys.length / MAX_FILLED)));
  return [least, least * 2].filter((slots) => {
    const at = keys.map((key) => slotOf(String(key), slots));
    return at.every((slot, i) => i === 0 || at[i - 1]! <= slot);
  });
}

/** Where a table holds a text: `HashMap` by `String.hashCode`. */
function slotOf(text: string, slots: number): number {
  let hash = 0;
  for (const char of text) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) | 0;
  return (hash ^ (hash >>> 16)) & (slots - 1);
}
