// A hash of texts for deciding and for bounded memory, not for secrets: fast, spread evenly, the same in every process.

/** Bits of a hash: as many as a number holds exactly. */
export const HASH_RANGE = 2 ** 53;

/** The hash of a text, 0 to HASH_RANGE: two multiplicative lanes, mixed as MurmurHash3 finishes. */
export function hashText(text: string, seed = 0): number {
  let a = 0xdeadbeef ^ seed;
  let b = 0x41c6ce57 ^ seed;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = mix(a) ^ mix(b ^ (a >>> 15));
  b = mix(b) ^ mix(a ^ (b >>> 13));
  return 2 ** 32 * (b & 0x1fffff) + (a >>> 0);
}

/** Spreads the bits of a 32-bit number over all of them. */
export function mix(bits: number): number {
  let h = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
