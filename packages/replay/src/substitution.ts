// Recorded values and what they are this time: replaces every occurrence of a recorded token by the live one, in urls,
// headers and bodies. Texts are read once, whatever the number of values. Bounded; pure.

import type { Body, HeaderList, HttpResponse, RequestParts } from '@echoplane/traffic';
import { bodyJson, bodyText, header } from '@echoplane/traffic';
import { atomsIn, isRedacted } from './kinds.ts';
import { percentEncoded, urlEncoded } from './replace-values.ts';

export const MAX_SUBSTITUTIONS = 10_000;

/**
 * A map from recorded to live values. Generated pieces, as `atomsIn` finds them, cost nothing more the more there are;
 * values of another form (a token that a user named, `order-17`) are looked for one by one. When full, the oldest goes.
 */
export class Substitution {
  readonly #live = new Map<string, string>();
  /** Values that `atomsIn` does not see. */
  readonly #plain = new Map<string, string>();
  /** Values that look different in a url (timestamps), in their percent-encoded form. */
  readonly #encoded = new Map<string, string>();

  get size(): number {
    return this.#live.size;
  }

  set(recorded: string, live: string): void {
    this.#forget(recorded);
    if (recorded === live) return;
    if (this.#live.size >= MAX_SUBSTITUTIONS) this.#forget(this.#live.keys().next().value!);
    this.#live.set(recorded, live);
    if (!isAtom(recorded)) this.#plain.set(recorded, live);
    const encoded = percentEncoded(recorded);
    if (encoded !== recorded) this.#encoded.set(encoded, percentEncoded(live));
  }

  get(recorded: string): string | undefined {
    return this.#live.get(recorded);
  }

  /** `text` with every recorded value replaced; `written`: how a value that was redacted is written in this text. */
  apply(text: string, written: Written = asItIs): string {
    if (this.#live.size === 0) return text;
    let replaced = this.#applyAtoms(text, written);
    for (const [recorded, live] of this.#plain) replaced = replaced.replaceAll(recorded, () => live);
    return replaced;
  }

  /** In one pass: a live value is never replaced again. */
  #applyAtoms(text: string, written: Written): string {
    let replaced = '';
    let at = 0;
    for (const { value, index } of atomsIn(text, this.#live)) {
      const live = this.#live.get(value);
      if (live === undefined) continue;
      // The others look like what they replace; behind a redacted value may be anything.
      replaced += text.slice(at, index) + (isRedacted(value) ? written(live) : live);
      at = index + value.length;
    }
    return at === 0 ? text : replaced + text.slice(at);
  }

  applyRequest<R extends RequestParts>(request: R): R {
    const { headers, body } = request;
    return {
      ...request,
      target: this.#target(request.target),
      headers: this.#headers(headers),
      body: this.#body(body, headers),
    };
  }

  applyResponse(response: HttpResponse): HttpResponse {
    return {
      ...response,
      headers: this.#headers(response.headers),
      body: this.#body(response.body, response.headers),
    };
  }

  #target(target: string): string {
    let text = this.apply(target, urlEncoded);
    if (text.includes('%'))
      for (const [recorded, live] of this.#encoded) text = text.replaceAll(recorded, () => live);
    return text;
  }

  #headers(headers: HeaderList): HeaderList {
    return headers.map(([name, value]) => [name, this.apply(value)]);
  }

  /** Text and JSON bodies; compressed and binary ones are left as they are. */
  #body(body: Body, headers: HeaderList): Body {
    if (body.encoding !== 'identity' || body.base64 !== undefined) return body;
    const text = bodyText(body);
    if (!text) return body;
    const isForm = header(headers, 'content-type')?.startsWith('application/x-www-form-urlencoded');
    const replaced = isForm
      ? this.#target(text)
      : this.apply(text, bodyJson(body) === undefined ? asItIs : insideJson);
    return replaced === text
      ? body
      : { size: Buffer.byteLength(replaced), encoding: 'identity', text: replaced };
  }

  #forget(recorded: string): void {
    this.#live.delete(recorded);
    this.#plain.delete(recorded);
    this.#encoded.delete(percentEncoded(recorded));
  }
}

type Written = (value: string) => string;
const asItIs: Written = (value) => value;
const insideJson: Written = (value) => JSON.stringify(value).slice(1, -1);

function isAtom(value: string): boolean {
  return atomsIn(value, { has: (word) => word === value })[0]?.value === value;
}
