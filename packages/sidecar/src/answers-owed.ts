// What an upstream still owes the client: the requests it was sent less the answers it has given in full, from the
// framing of its bytes alone. Pure; it knows nothing of the capture, so forwarding never depends on that.
//
//   idle ◀─ request, answer ─▶ owing      101 to a request that asked for it ─▶ upgraded (for good)
//   what cannot be framed, or was not asked for ─▶ unknown (for good)
import { Http1Framer, type Http1Sink } from '@echoplane/wire';

/** `unknown`: nobody can tell where an answer ends, so the connection must not be taken for answered. */
export type AnswerState = 'idle' | 'owing' | 'upgraded' | 'unknown';

/** Answers owed at once; a client that asks for more without reading answers waits. */
const MAX_OWED = 1_000;

interface Asked {
  method: string;
  upgrade: boolean;
}

/** The answers of one upstream connection. */
export class AnswersOwed {
  /** Oldest first. */
  readonly #asked: Asked[] = [];
  readonly #framer = new Http1Framer('response', { requestMethod: () => this.#asked[0]?.method });
  #end: 'upgraded' | 'unknown' | null = null;
  #isInterim = false;
  readonly #sink: Http1Sink = {
    head: ({ status }) => this.#onHead(status),
    body() {},
    trailers() {},
    complete: () => {
      if (!this.#isInterim) this.#asked.shift();
    },
    opaque: () => this.#stop('unknown'),
  };

  get state(): AnswerState {
    return this.#end ?? (this.#asked.length > 0 ? 'owing' : 'idle');
  }

  /** Whether the next request has to wait: the answer says whether it is HTTP/1.1 at all, or too many are owed. */
  get comesFirst(): boolean {
    if (this.state !== 'owing') return false;
    return this.#asked.at(-1)!.upgrade || this.#asked.length >= MAX_OWED;
  }

  /** A request is sent. */
  add({ method, upgrade }: Asked): void {
    if (!this.#end) this.#asked.push({ method, upgrade });
  }

  /** The upstream's next bytes. */
  take(chunk: Buffer): void {
    this.#framer.feed(chunk, this.#sink);
    if (this.state === 'idle' && this.#framer.inHead) this.#stop('unknown');
  }

  /** The upstream sends no more: nothing may follow on this client connection. */
  end(): void {
    this.#stop('unknown');
  }

  #onHead(status: number): void {
    const first = this.#asked[0];
    this.#isInterim = status < 200;
    if (!first || (status === 101 && !first.upgrade)) this.#stop('unknown');
    else if (status === 101) this.#stop('upgraded');
  }

  #stop(end: 'upgraded' | 'unknown'): void {
    this.#end ??= end;
    this.#framer.abandon();
  }
}
