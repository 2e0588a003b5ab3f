// An answer in the making, for protocols that Node.js frames itself: what is kept of its body, when it came, and the raw pair
// it becomes. Pure.
import type { BodyCapture, RawHttpPair } from '@echoplane/wire';
import { unanswered } from './outcome.ts';
import type { RequestBytes } from './request-bytes.ts';

/** Arrivals that are timed; as many as the exchange of a sidecar times. */
const MAX_ARRIVALS = 1_024;

export class AnswerCollector {
  readonly #raw: RawHttpPair;
  readonly #limitBytes: number;
  readonly #body: BodyCapture = { size: 0, kept: [], truncated: 0, chunks: [] };

  constructor(
    request: RequestBytes,
    {
      dueUs,
      seq,
      limitBytes,
      protocol,
    }: { dueUs: number; seq: number; limitBytes: number; protocol: RawHttpPair['protocol'] },
  ) {
    this.#raw = unanswered(request, { dueUs, endUs: dueUs, seq });
    this.#raw.requestEndUs = dueUs;
    if (protocol) this.#raw.protocol = protocol;
    this.#limitBytes = limitBytes;
  }

  head(bytes: Buffer, nowUs: number): void {
    this.#raw.responseHead = bytes;
    this.#raw.firstByteUs = nowUs;
  }

  /** `data` is kept as it is. */
  body(data: Buffer, nowUs: number): void {
    const body = this.#body;
    const room = this.#limitBytes - (body.size - body.truncated);
    body.size += data.length;
    body.truncated += Math.max(0, data.length - room);
    if (room > 0) body.kept.push(data.subarray(0, room));
    if (body.chunks!.length < MAX_ARRIVALS)
      body.chunks!.push([data.length, nowUs - (this.#raw.firstByteUs ?? nowUs)]);
  }

  trailers(bytes: Buffer): void {
    if (bytes.length > 0) this.#raw.responseTrailers = bytes;
  }

  /** The raw pair, over at `endUs`. */
  end(endUs: number): RawHttpPair {
    this.#raw.endUs = endUs;
    const { chunks = [], ...whole } = this.#body;
    // One arrival is no stream.
    this.#raw.responseBody = chunks.length > 1 ? this.#body : whole;
    return this.#raw;
  }
}
