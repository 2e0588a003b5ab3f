// A clock that moves only when a test moves it: hours pass in a moment, and whoever sleeps wakes in the right order.
import type { Clock } from '@echoplane/runtime';

interface Sleeper {
  atUs: number;
  wake: () => void;
}

/** Turns of the event loop in which what was woken may do what it has to, files and sockets included. */
const TURNS = 8;

export class VirtualClock implements Clock {
  #nowUs: number;
  readonly #sleepers = new Set<Sleeper>();

  constructor(startUs: number) {
    this.#nowUs = startUs;
  }

  nowUs(): number {
    return this.#nowUs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#sleepers.delete(sleeper);
        resolve();
      };
      const sleeper = { atUs: this.#nowUs + Math.max(0, ms) * 1000, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }

  /** Lets `ms` pass. */
  async pass(ms: number): Promise<void> {
    const untilUs = this.#nowUs + ms * 1000;
    for (;;) {
      const due = [...this.#sleepers]
        .filter(({ atUs }) => atUs <= untilUs)
        .sort((a, b) => a.atUs - b.atUs)[0];
      if (!due) break;
      this.#nowUs = Math.max(this.#nowUs, due.atUs);
      due.wake();
      await settle();
    }
    this.#nowUs = untilUs;
    await settle();
  }

  /** As when somebody sets the clock, forward or back: nobody wakes. */
  jump(ms: number): void {
    this.#nowUs += ms * 1000;
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
}
