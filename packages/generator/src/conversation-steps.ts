// How far a conversation has come on a WebSocket: its service may do otherwise what it is asked elsewhere once a client has called and
// said what it wants, and tells the client what others did meanwhile. Pure.
import type { StreamMessage, Test } from '@echoplane/traffic';

/** What a service says so soon (µs) after it was called is its greeting; later on it speaks when it has something to tell. */
const GREETING_US = 1_000_000;

/** µs from the start of the recording. */
export class ConversationSteps {
  readonly #timesUs: readonly number[];
  #reached = 0;

  private constructor(timesUs: readonly number[]) {
    this.#timesUs = timesUs;
  }

  /** Those of a test: its answer, its service's greeting, and what its client said; null when it is no conversation. */
  static of({ messages, protocol, offsetUs, durationUs }: Test): ConversationSteps | null {
    if (!messages || protocol === 'grpc') return null;
    return new ConversationSteps(
      [durationUs, ...messages.filter(isStep).map((message) => message.offsetUs)].map((us) => offsetUs + us),
    );
  }

  /** When the next step was taken in the recording; Infinity after the last. */
  get nextUs(): number {
    return this.#timesUs[this.#reached] ?? Number.POSITIVE_INFINITY;
  }

  /** Another one was taken. */
  take(): void {
    this.#reached++;
  }
}

/** Whether a message takes its conversation a step on. */
export function isStep({ from, kind, offsetUs }: StreamMessage): boolean {
  return from === 'client' || ((kind === 'text' || kind === 'binary') && offsetUs < GREETING_US);
}

/** How long a test lasted in the recording, µs: a conversation until its last message. */
export function lengthUs({ messages, durationUs }: Test): number {
  return Math.max(durationUs, messages?.at(-1)?.offsetUs ?? 0);
}
