// Waiting for "something changed": a loop looks at its state, finds nothing to do, and waits for the next ring. Look
// and wait must happen in one turn of the event loop, then no ring is missed. It carries no value.

/** Every `wait` that began before a `ring` resolves with it. */
export class Bell {
  #wake: () => void = () => {};
  #next = this.#renew();

  ring(): void {
    const wake = this.#wake;
    this.#next = this.#renew();
    wake();
  }

  wait(): Promise<void> {
    return this.#next;
  }

  #renew(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }
}
