// Lines held outside of the heap until they are sorted: their bytes one behind the other, and where each begins. However
// many there are, the garbage collector has nothing to copy. Ordered by their UTF-8 bytes. Knows no files.
const FIRST_BYTES = 64 << 10;
const FIRST_LINES = 1 << 10;
const LINE_END = 0x0a;
/** Up to here the bytes of a text are not counted: it is given the room for the most they can be. */
const SHORT_CHARS = 64 << 10;
const MAX_BYTES_PER_CHAR = 3;

/** Lines, each ended by a line end, in the order in which they came until they are sorted. */
export class HeldLines {
  readonly #limit: number;
  #bytes: Buffer = Buffer.alloc(0);
  /** Where each line begins. */
  #starts = new Uint32Array(0);
  #order: Uint32Array | null = null;
  #isInOrder = true;
  count = 0;
  sizeBytes = 0;

  /** `limit`: bytes after which lines should be taken away; a little more than it is allocated at the most. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get isFull(): boolean {
    return this.sizeBytes >= this.#limit;
  }

  push(line: string): void {
    const room = 1 + (line.length > SHORT_CHARS ? Buffer.byteLength(line) : line.length * MAX_BYTES_PER_CHAR);
    if (this.sizeBytes + room > this.#bytes.length) this.#growBytes(room);
    if (this.count >= this.#starts.length) this.#growLines();
    const from = this.sizeBytes;
    this.#starts[this.count++] = from;
    this.sizeBytes = from + this.#bytes.write(line, from, 'utf8');
    this.#bytes[this.sizeBytes++] = LINE_END;
    this.#order = null;
    if (this.#isInOrder && this.count > 1)
      this.#isInOrder = compareLines(this.#bytes, this.#starts[this.count - 2]!, this.#bytes, from) <= 0;
  }

  /** The bytes of all lines, and where each begins, in order. */
  sorted(): { bytes: Buffer; starts: Uint32Array; isInOrder: boolean } {
    const starts = this.#starts.subarray(0, this.count);
    const [bytes, isInOrder] = [this.#bytes, this.#isInOrder];
    if (!isInOrder) this.#order ??= starts.slice().sort((a, b) => compareLines(bytes, a, bytes, b));
    return { bytes, starts: this.#order ?? starts, isInOrder };
  }

  /** Forgets the lines, and lets go of what one long line had taken. */
  clear(): void {
    if (this.#bytes.length > 2 * this.#limit) this.#bytes = Buffer.alloc(0);
    this.count = 0;
    this.sizeBytes = 0;
    this.#order = null;
    this.#isInOrder = true;
  }

  /** Lets go of everything. */
  release(): void {
    this.clear();
    this.#bytes = Buffer.alloc(0);
    this.#starts = new Uint32Array(0);
  }

  #growBytes(room: number): void {
    const doubled = Math.max(FIRST_BYTES, 2 * this.#bytes.length);
    const usual = Math.min(doubled, Math.ceil(this.#limit * 1.1));
    const grown = Buffer.allocUnsafeSlow(Math.max(this.sizeBytes + room, usual));
    this.#bytes.copy(grown, 0, 0, this.sizeBytes);
    this.#bytes = grown;
  }

  #growLines(): void {
    const grown = new Uint32Array(Math.max(FIRST_LINES, 2 * this.#starts.length));
    grown.set(this.#starts);
    this.#starts = grown;
  }
}

/** Compares two lines that end with a line end, which is less than any byte of a line but a tab. */
export function compareLines(a: Uint8Array, aFrom: number, b: Uint8Array, bFrom: number): number {
  for (let i = aFrom, j = bFrom; ; i++, j++) {
    const [x, y] = [a[i]!, b[j]!];
    if (x === y && x !== LINE_END) continue;
    if (x === y) return 0;
    return x === LINE_END ? -1 : y === LINE_END ? 1 : x - y;
  }
}
