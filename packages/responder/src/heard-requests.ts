// Whole requests by their very bytes: what they are and what answers them, so that a client that says the same again is not even
// read. Only what is the same request whatever came before it on its connection is kept. Bounded; it must not know connections.

import { Recent } from '@echoplane/replay';
import type { KnownMessages } from '@echoplane/wire';
import type { Http1Asked } from './http1-connection.ts';
import type { KnownRequest } from './known-request.ts';

/** A request that may come again. */
export interface Heard {
  asked: Pick<Http1Asked, 'head' | 'raw' | 'body' | 'sizeBytes'>;
  known: KnownRequest;
  /** Who asks, where recordings differ by that; else null. */
  credential: string | null;
  /** Null where the answer depends on what came before. */
  ready: Ready | null;
}

/** An answer that is always the same, and its pair. */
export interface Ready {
  whole: Buffer;
  messages: KnownMessages;
  /** Recorded time to the first byte, µs. */
  ttfbUs: number;
  /** `known` of the learned values when it was made. */
  learned: number;
}

/** Longer requests are read each time. */
export const MAX_HEARD_BYTES = 16 << 10;
const KEPT_BYTES = 64 << 20;
const OVERHEAD_BYTES = 1_000;
/** Requests kept although none came again: heads with something new in each are soon not worth their keeping. */
const TRUST = 50_000;
/** Without trust one in so many is kept, to see whether that is still so. */
const TRIED = 64;

export class HeardRequests {
  readonly #requests = new Recent<string, Heard>(KEPT_BYTES);
  #trust = TRUST;
  #untried = 0;

  /** `text`: all that was read of a connection, latin1, where a request may begin. */
  find(scheme: 'http' | 'https', text: string): Heard | undefined {
    const heard = this.#requests.get(keyOf(scheme, text));
    if (heard !== undefined && this.#trust < TRUST) this.#trust++;
    return heard;
  }

  /** `ready` makes the answer of the request, which is then kept with it. */
  keep(
    scheme: 'http' | 'https',
    asked: Http1Asked,
    who: Pick<Heard, 'known' | 'credential'>,
    ready: (asked: Heard['asked']) => Ready | null,
  ): void {
    const { raw, body, sizeBytes } = asked;
    if (!isAlone(asked) || raw.length + sizeBytes > MAX_HEARD_BYTES || !this.#isWorthKeeping()) return;
    const bytes = Buffer.concat([raw, body]);
    const [head, own] = [bytes.subarray(0, raw.length), bytes.subarray(raw.length)];
    const kept = { head: { ...asked.head, raw: head }, raw: head, body: own, sizeBytes };
    const heard: Heard = { asked: kept, ...who, ready: ready(kept) };
    const weight = bytes.length * 2 + (heard.ready?.messages.encoded.length ?? 0) + OVERHEAD_BYTES;
    this.#requests.set(keyOf(scheme, bytes.toString('latin1')), heard, weight);
  }

  #isWorthKeeping(): boolean {
    if (this.#trust > 0) {
      this.#trust--;
      return true;
    }
    this.#untried = (this.#untried + 1) % TRIED;
    return this.#untried === 0;
  }
}

/** No request begins with a blank. */
function keyOf(scheme: 'http' | 'https', text: string): string {
  return scheme === 'http' ? text : ` ${text}`;
}

/** Whether head and body are all there is to it: nothing was said between them, and the connection goes on as it was. */
function isAlone({ head, body, sizeBytes }: Http1Asked): boolean {
  const { version, keepAlive, upgrade, expectContinue, framing } = head;
  if (version === '1.0' || !keepAlive || upgrade || expectContinue || body.length !== sizeBytes) return false;
  return framing.kind === 'length' || (framing.kind === 'none' && !framing.becomes);
}
