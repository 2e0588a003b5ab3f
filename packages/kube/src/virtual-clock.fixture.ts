// A clock that moves only when a test moves it; whoever sleeps wakes in the right order.
import type { Clock } from '@echoplane/runtime';

const TURNS = 4;

export class VirtualClock implements Clock {
  #nowMs = 1_800_000_000_000;
  readonly #sleepers = new Set<{ atMs: number; wake: () => void }>();

  nowUs(): number {
    return this.#nowMs * 1000;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#sleepers.delete(sleeper);
        resolve();
      };
      const sleeper = { atMs: this.#nowMs + ms, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }

  /** Lets `ms` pass, and everybody who wakes do what there is to do. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      const [due] = [...this.#sleepers].sort((a, b) => a.atMs - b.atMs);
      if (!due || due.atMs > untilMs) break;
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.wake();
      await settle();
    }
    this.#nowMs = untilMs;
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
}
