// Recorded values and what they are this time: replaces every occurrence of a recorded token by the live one, in urls
// (also percent-encoded), headers and bodies. Bounded; pure.
import { bodyText } from './http-view.ts';
import type { RequestParts } from './leaves.ts';
import type { Body, HeaderList, HttpResponse } from './rrpair.ts';

export const MAX_SUBSTITUTIONS = 10_000;

/** A map from recorded to live values. When full, the oldest entry goes. */
export class Substitution {
  readonly #live = new Map<string, string>();

  get size(): number {
    return this.#live.size;
  }

  set(recorded: string, live: string): void {
    this.#live.delete(recorded);
    if (recorded === live) return;
    if (this.#live.size >= MAX_SUBSTITUTIONS) this.#live.delete(this.#live.keys().next().value!);
    this.#live.set(recorded, live);
  }

  get(recorded: string): string | undefined {
    return this.#live.get(recorded);
  }

  /** `text` with every recorded value replaced, in one pass: a live value is never replaced again. */
  apply(text: string): string {
    return this.#replace(text, (value) => value);
  }

  applyRequest<R extends RequestParts>(request: R): R {
    return {
      ...request,
      target: this.#replace(this.apply(request.target), encodeURIComponent),
      headers: this.#headers(request.headers),
      body: this.#body(request.body),
    };
  }

  applyResponse(response: HttpResponse): HttpResponse {
    return { ...response, headers: this.#headers(response.headers), body: this.#body(response.body) };
  }

  #headers(headers: HeaderList): HeaderList {
    return headers.map(([name, value]) => [name, this.apply(value)]);
  }

  /** Text and JSON bodies; compressed and binary ones are left as they are. */
  #body(body: Body): Body {
    if (body.encoding !== 'identity') return body;
    const text = body.base64 === undefined ? bodyText(body) : undefined;
    if (text === undefined || text === '') return body;
    const replaced = this.#replace(text, jsonEscape);
    if (replaced === text) return body;
    return { size: Buffer.byteLength(replaced), encoding: 'identity', text: replaced };
  }

  #replace(text: string, form: (value: string) => string): string {
    let changed = text;
    const pieces: string[] = [];
    for (const [recorded, live] of this.#live) {
      const wanted = form(recorded);
      if (!changed.includes(wanted)) continue;
      // The live value is parked behind a private-use mark, so that a later entry cannot match inside it.
      changed = changed.replaceAll(wanted, () => `\uE000${pieces.length}\uE001`);
      pieces.push(form(live));
    }
    return pieces.length === 0 ? text : changed.replace(/\uE000(\d+)\uE001/g, (_, n) => pieces[Number(n)]!);
  }
}

function jsonEscape(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}
