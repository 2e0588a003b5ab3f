// A clock that stands still until a test moves it, so that silences of minutes and clocks that are apart cost nothing.
import type { Clock } from '@echoplane/runtime';

const START_US = 1_800_000_000_000_000;

export class SteppedClock implements Clock {
  readonly #sleepers = new Set<{ atUs: number; wake: () => void }>();
  #us = START_US;

  nowUs(): number {
    return ++this.#us;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const sleeper = { atUs: this.#us + ms * 1000, wake: () => this.#end(sleeper, resolve) };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', sleeper.wake, { once: true });
    });
  }

  advance(ms: number): void {
    this.#us += ms * 1000;
    for (const sleeper of [...this.#sleepers]) if (sleeper.atUs <= this.#us) sleeper.wake();
  }

  #end(sleeper: { atUs: number; wake: () => void }, resolve: () => void): void {
    this.#sleepers.delete(sleeper);
    resolve();
  }
}
