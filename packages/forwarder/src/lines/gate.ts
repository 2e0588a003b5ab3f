// Whether anything may leave: shut while the control plane has suspended the organisation. Capture goes on into the spool,
// which is bounded; nothing is lost by a short suspension. It must not know who opens and shuts it.
import type { Bell } from './bell.ts';

export class Gate {
  readonly #bell: Bell;
  #isOpen = true;

  constructor(bell: Bell) {
    this.#bell = bell;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  set(isOpen: boolean): void {
    this.#isOpen = isOpen;
    this.#bell.ring();
  }

  /** Resolves when it is open or `signal` aborted; who aborts rings the bell. */
  async passed(signal: AbortSignal): Promise<void> {
    while (!this.#isOpen && !signal.aborted) await this.#bell.wait();
  }
}
