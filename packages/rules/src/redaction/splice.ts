// A text of which some stretches are replaced, from left to right: what is not replaced stays byte for byte, and a text
// of which nothing is replaced is the same string.

export class Splice {
  readonly #text: string;
  #out = '';
  /** Everything before is in `#out`. */
  #copied = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Replaces [start, end); a stretch never begins before the end of the last one. */
  put(start: number, end: number, replacement: string): void {
    this.#out += this.#text.slice(this.#copied, start) + replacement;
    this.#copied = end;
  }

  /** The end of the last replaced stretch. */
  get end(): number {
    return this.#copied;
  }

  done(): string {
    return this.#copied === 0 ? this.#text : this.#out + this.#text.slice(this.#copied);
  }
}
