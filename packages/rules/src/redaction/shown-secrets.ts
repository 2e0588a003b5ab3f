// Secrets that an answer showed under a name which says so, and that clients send under one which does not, in a url, a form or JSON:
// `{"secret": "e3cdb0d5…"}`, then `?key=e3cdb0d5…` or `{"variables": {"t": "e3cdb0d5…"}}`. One value has one token wherever it stands. Only what is long and mixed enough to be
// nothing else. Bounded: past the bound the oldest is forgotten.
import { ownCopy } from './own-copy.ts';

const MAX_SECRETS = 10_000;
const MIN_LENGTH = 16;
const MAX_LENGTH = 256;
const ONE_WORD = /^(?=.*\d)(?=.*[A-Za-z])[\w-]+$/;

export class ShownSecrets {
  readonly #values = new Set<string>();
  /** How many there were in all. */
  count = 0;

  add(value: string): void {
    if (value.length < MIN_LENGTH || value.length > MAX_LENGTH || !ONE_WORD.test(value)) return;
    if (this.#values.has(value)) return;
    if (this.#values.size >= MAX_SECRETS) this.#values.delete(this.#values.keys().next().value!);
    this.#values.add(ownCopy(value));
    this.count++;
  }

  /** Whether the part of a text is one. */
  isAt(text: string, start: number, end: number): boolean {
    const length = end - start;
    if (this.#values.size === 0 || length < MIN_LENGTH || length > MAX_LENGTH) return false;
    return this.#values.has(text.slice(start, end));
  }
}
