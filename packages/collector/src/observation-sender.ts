// Sends what the queue holds to the forwarder, a batch at a time, until it is taken: with back-off while the forwarder cannot
// be reached. It must not know what is in a batch.
import { NDJSON } from '@echoplane/api';
import {
  answerText,
  backoffMs,
  type Clock,
  type Logger,
  type PodAccess,
  podRequest,
} from '@echoplane/runtime';
import type { ObservationQueue } from './observation-queue.ts';

const BACKOFF = { firstMs: 250, maxMs: 15_000 };
const IDLE_MS = 500;
const ANSWER_MS = 15_000;
/** Answers that another attempt may change: no identity yet, too much at once, trouble of the server's. */
const MAY_CHANGE = new Set([401, 403, 404, 408, 425, 429]);

export interface SenderOptions {
  url: string;
  access: PodAccess;
  queue: ObservationQueue;
  clock: Clock;
  log: Logger;
}

export class ObservationSender {
  readonly name = 'observation sender';
  readonly #options: SenderOptions;
  #held: { body: Buffer; count: number } | null = null;
  #attempts = 0;
  #delivered = 0;
  #refused = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Observations that the forwarder took. */
  get delivered(): number {
    return this.#delivered;
  }
  /** Observations that it would not have. */
  get refused(): number {
    return this.#refused;
  }
  /** Observations of the batch that is being sent. */
  get pending(): number {
    return this.#held?.count ?? 0;
  }

  /** Sends until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, queue } = this.#options;
    while (!signal.aborted) {
      this.#held ??= queue.take();
      if (!this.#held) await clock.sleep(IDLE_MS, signal);
      else if (await this.#sendHeld(signal)) this.#attempts = 0;
      else await clock.sleep(backoffMs(++this.#attempts, BACKOFF, Math.random()), signal);
    }
  }

  /** Sends what is left, without waiting longer than `deadlineMs`; how many observations stayed behind. */
  async flush(deadlineMs: number): Promise<number> {
    const { clock, queue } = this.#options;
    const signal = AbortSignal.timeout(deadlineMs);
    for (this.#held ??= queue.take(); this.#held && !signal.aborted; this.#held ??= queue.take())
      if (!(await this.#sendHeld(signal))) await clock.sleep(BACKOFF.firstMs, signal);
    return this.pending + queue.length;
  }

  /** Whether the batch is done with: taken, or refused for good. */
  async #sendHeld(signal: AbortSignal): Promise<boolean> {
    const { url, access, log } = this.#options;
    const { body, count } = this.#held!;
    try {
      const until = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
      const answer = await podRequest(url, {
        ...{ ...access, method: 'POST', body, contentType: NDJSON, signal: until },
      });
      const text = await answerText(answer);
      const status = answer.statusCode ?? 0;
      if (status >= 500 || MAY_CHANGE.has(status)) throw new Error(`${status} ${text.slice(0, 200)}`);
      if (status >= 300) {
        log.warn(
          { status, answer: text.slice(0, 200), count },
          'the forwarder refused a batch of observations',
        );
        this.#refused += count;
      } else this.#delivered += count;
      this.#held = null;
      return true;
    } catch (err) {
      if (this.#attempts === 0 && !signal.aborted)
        log.warn({ err, url }, 'observations cannot be sent, they wait');
      return false;
    }
  }
}
