// Matching in the space of the recording: a live request is redacted as the recorded ones were, and the tokens of an
// answer become the values again that this service sent. Remembers values, in memory only and bounded; it must not know
// how a mock is found.
import {
  compileExpression,
  exprViewOf,
  Redactor,
  type RulesDocument,
  redactRequest,
  restoreResponse,
} from '@echoplane/rules';
import type { HttpResponse, OutboundRequest } from '@echoplane/traffic';

/** Values that can be given back; past that the one not seen for longest goes, and its token stays a token. */
const MAX_VALUES = 10_000;
/** Longer values are not kept. */
const MAX_VALUE_CHARS = 16_384;

export interface RedactedSpaceOptions {
  rules: RulesDocument;
  /** The recording's key, 32 bytes. */
  key: Uint8Array;
}

export class RedactedSpace {
  readonly #redactor: Redactor;
  readonly #values = new Map<string, string>();
  #minted: [token: string, value: string][] = [];

  /** Throws RuleError when the rules cannot be used. */
  constructor({ rules, key }: RedactedSpaceOptions) {
    this.#redactor = new Redactor({
      ...{ rules: rules.redaction, version: rules.version, key },
      minted: (token, value) => this.#remember(token, value),
      compile: (expression) => {
        const compiled = compileExpression(expression);
        return (pair) => compiled.test(exprViewOf(pair));
      },
    });
  }

  /** How many values are remembered. */
  get size(): number {
    return this.#values.size;
  }

  /** The values of the request that entered last, for `again`. */
  get minted(): [token: string, value: string][] {
    return this.#minted;
  }

  /** The request as a recording would hold it; its values are remembered. */
  enter(request: OutboundRequest): OutboundRequest {
    this.#minted = [];
    return redactRequest(this.#redactor, request);
  }

  /** The same request came again. */
  again(minted: readonly (readonly [token: string, value: string])[]): void {
    this.#minted = [];
    for (const [token, value] of minted) this.#remember(token, value);
  }

  /** The answer with the values that this service sent; what it never sent stays a token. */
  leave(response: HttpResponse): HttpResponse {
    return restoreResponse(response, (token) => this.#values.get(token));
  }

  #remember(token: string, value: string): void {
    if (value.length > MAX_VALUE_CHARS) return;
    this.#minted.push([token, value]);
    this.#values.delete(token);
    if (this.#values.size >= MAX_VALUES) this.#values.delete(this.#values.keys().next().value!);
    this.#values.set(token, value);
  }
}
