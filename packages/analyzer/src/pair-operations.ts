// Which operation each pair of a recording is an instance of: four bytes a pair, so that whoever reads the pairs again need not
// find it out again. Pure.
import { type RRPair, splitUrl } from '@echoplane/traffic';
import { operationIn } from './operations.ts';
import { type Operation, Places } from './places.ts';
import type { Templates } from './templates.ts';

/** What stands for the operation of a pair. */
const UNUSABLE = 0;
/** Beyond the bound of operations. */
const UNNUMBERED = 1;
const NUMBERED = 2;

export class PairOperations {
  readonly places = new Places();
  readonly #templates: Templates;
  #numbers = new Uint32Array(1024);

  constructor(templates: Templates) {
    this.#templates = templates;
  }

  of(pair: RRPair): Operation {
    const endpoint = this.#templates(splitUrl(pair.request!.url).path);
    return this.places.operation(pair.request!.method, endpoint, operationIn(pair));
  }

  /** `pair`: its number in the recording; null: it is neither test nor mock. */
  remember(pair: number, operation: Operation | null): void {
    if (pair >= this.#numbers.length) {
      const grown = new Uint32Array(2 * this.#numbers.length);
      grown.set(this.#numbers);
      this.#numbers = grown;
    }
    this.#numbers[pair] =
      operation === null ? UNUSABLE : operation.number === null ? UNNUMBERED : NUMBERED + operation.number;
  }

  /** The operation of a pair by its number, and JSON; null when it is neither test nor mock. */
  at(pair: number, json: string): Operation | null {
    const number = this.#numbers[pair]!;
    if (number === UNUSABLE) return null;
    return number === UNNUMBERED
      ? this.of(JSON.parse(json) as RRPair)
      : this.places.operationAt(number - NUMBERED);
  }
}
