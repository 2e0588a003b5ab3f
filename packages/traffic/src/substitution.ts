// Recorded values and what they are this time: replaces every occurrence of a recorded token by the live one, in urls,
// headers and bodies. Texts are read once, whatever the number of values. Bounded; pure.
import { bodyText } from './http-view.ts';
import { atomsIn } from './kinds.ts';
import type { RequestParts } from './leaves.ts';
import type { Body, HeaderList, HttpResponse } from './rrpair.ts';

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
    const encoded = encodeURIComponent(recorded);
    if (encoded !== recorded) this.#encoded.set(encoded, encodeURIComponent(live));
  }

  get(recorded: string): string | undefined {
    return this.#live.get(recorded);
  }

  /** `text` with every recorded value replaced. */
  apply(text: string): string {
    if (this.#live.size === 0) return text;
    let replaced = this.#applyAtoms(text);
    for (const [recorded, live] of this.#plain) replaced = replaced.replaceAll(recorded, () => live);
    return replaced;
  }

  /** In one pass: a live value is never replaced again. */
  #applyAtoms(text: string): string {
    let replaced = '';
    let at = 0;
    for (const { value, index } of atomsIn(text, this.#live)) {
      const live = this.#live.get(value);
      if (live === undefined) continue;
      replaced += text.slice(at, index) + live;
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
      body: this.#body(body),
    };
  }

  applyResponse(response: HttpResponse): HttpResponse {
    return { ...response, headers: this.#headers(response.headers), body: this.#body(response.body) };
  }

  #target(target: string): string {
    let text = this.apply(target);
    if (text.includes('%'))
      for (const [recorded, live] of this.#encoded) text = text.replaceAll(recorded, () => live);
    return text;
  }

  #headers(headers: HeaderList): HeaderList {
    return headers.map(([name, value]) => [name, this.apply(value)]);
  }

  /** Text and JSON bodies; compressed and binary ones are left as they are. */
  #body(body: Body): Body {
    if (body.encoding !== 'identity' || body.base64 !== undefined) return body;
    const text = bodyText(body);
    if (!text) return body;
    const replaced = this.apply(text);
    return replaced === text
      ? body
      : { size: Buffer.byteLength(replaced), encoding: 'identity', text: replaced };
  }

  #forget(recorded: string): void {
    this.#live.delete(recorded);
    this.#plain.delete(recorded);
    this.#encoded.delete(encodeURIComponent(recorded));
  }
}

function isAtom(value: string): boolean {
  return atomsIn(value, { has: (word) => word === value })[0]?.value === value;
}
