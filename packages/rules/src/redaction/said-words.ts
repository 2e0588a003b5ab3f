// Words that answers showed in the clear, where nothing told what they are: a field of protobuf has no name. When a later request
// carries one as its credential, it is noted who showed it. Bounded: past the bound the oldest is forgotten.
import { shownMark } from '@echoplane/traffic';
import { ownCopy } from './own-copy.ts';

const MAX_WORDS = 10_000;
/** No session has a shorter token. */
const WORD = /^[\w.~+/=:-]{12,512}$/;

export class SaidWords {
  /** Ids of pairs. */
  readonly #pairs = new Map<string, string>();

  add(text: string, pairId: string): void {
    if (pairId === '' || !WORD.test(text) || this.#pairs.has(text)) return;
    if (this.#pairs.size >= MAX_WORDS) this.#pairs.delete(this.#pairs.keys().next().value!);
    this.#pairs.set(ownCopy(text), pairId);
  }

  /** Where a value was shown; undefined when it was not. */
  markOf(value: string): string | undefined {
    const pairId = this.#pairs.get(value);
    return pairId === undefined ? undefined : shownMark(pairId, value);
  }
}
