// Which of so many latest texts were seen, in a few bytes each, whatever their length: digests in tables outside of the heap,
// where nothing has to be copied or collected. Two texts of one digest (64 bits) are taken for one. Pure.

const SLOTS_PER_TEXT = 2;

/** Remembers at least the latest half of `capacity` texts, and `capacity` at the most: the older half is forgotten at once. */
export class RecentTexts {
  readonly #half: number;
  readonly #mask: number;
  #now: Uint32Array;
  #before: Uint32Array;
  #count = 0;
  /** Digest of the text asked about. */
  #high = 0;
  #low = 0;

  constructor(capacity: number) {
    this.#half = Math.ceil(capacity / 2);
    const slots = 1 << Math.ceil(Math.log2(this.#half * SLOTS_PER_TEXT));
    this.#mask = slots - 1;
    this.#now = new Uint32Array(2 * slots);
    this.#before = new Uint32Array(2 * slots);
  }

  add(text: string): void {
    this.#digest(text);
    const slot = this.#slotIn(this.#now);
    if (this.#now[slot + 1] !== 0) return;
    this.#now[slot] = this.#high;
    this.#now[slot + 1] = this.#low;
    if (++this.#count < this.#half) return;
    [this.#now, this.#before] = [this.#before.fill(0), this.#now];
    this.#count = 0;
  }

  has(text: string): boolean {
    this.#digest(text);
    return [this.#now, this.#before].some((table) => table[this.#slotIn(table) + 1] !== 0);
  }

  /** Where the digest stands, or the free slot where it belongs. */
  #slotIn(table: Uint32Array): number {
    let at = this.#high & this.#mask;
    while (table[2 * at + 1] !== 0 && (table[2 * at] !== this.#high || table[2 * at + 1] !== this.#low))
      at = (at + 1) & this.#mask;
    return 2 * at;
  }

  /** Two multiplicative digests of 32 bits; the lower is never 0, which marks a free slot. */
  #digest(text: string): void {
    let [a, b] = [0xdeadbeef ^ text.length, 0x41c6ce57];
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      a = Math.imul(a ^ code, 0x9e3779b1);
      b = Math.imul(b ^ code, 0x5f356495);
    }
    a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35);
    b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
    this.#high = a >>> 0;
    this.#low = b >>> 0 || 1;
  }
}
