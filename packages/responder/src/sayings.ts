// Says what a recorded server said, one after the other: each as long after the client's message as then, none before the one
// that was recorded before it. It must not know what carries the messages.
import type { Clock } from '@echoplane/runtime';
import type { StreamMessage } from '@echoplane/traffic';
import type { Saying } from './conversation.ts';

export interface SayingsOptions {
  clock: Clock;
  /** Of recorded times; 0: at once. */
  factor: number;
  /** Aborting it ends everything. */
  signal: AbortSignal;
  /** Resolves when more can be said; false: nobody listens any more. */
  say(message: StreamMessage): Promise<boolean>;
  /** Says nothing more after so many messages; infinity without chaos. */
  limit: number;
}

/** Sayings that wait for a client that does not read; those beyond are not said. */
const MAX_WAITING = 100_000;

export class Sayings {
  readonly #options: SayingsOptions;
  #last: Promise<boolean> = Promise.resolve(true);
  #waiting = 0;
  #said = 0;

  constructor(options: SayingsOptions) {
    this.#options = options;
  }

  /** Says these after those before; `sinceUs`: when the message came that they follow, µs since the epoch. */
  follow(says: readonly Saying[], sinceUs: number): void {
    for (const { message, afterUs } of says) {
      if (this.#waiting >= MAX_WAITING) return;
      this.#waiting++;
      const dueUs = sinceUs + afterUs * this.#options.factor;
      this.#last = this.#last.then((isHeard) => isHeard && this.#say(message, dueUs));
    }
  }

  /** Whether it fell silent at its limit. */
  get isSilenced(): boolean {
    return this.#said >= this.#options.limit;
  }

  /** Whether all that was to be said was taken. */
  done(): Promise<boolean> {
    return this.#last;
  }

  async #say(message: StreamMessage, dueUs: number): Promise<boolean> {
    const { clock, signal, say } = this.#options;
    if (this.isSilenced) return false;
    const ms = (dueUs - clock.nowUs()) / 1000;
    if (ms > 0) await clock.sleep(ms, signal);
    this.#waiting--;
    this.#said++;
    return signal.aborted ? false : say(message);
  }
}
