// Keys waiting for their reconciler. A key is at most once waiting and at most once at work; added while at work, it comes
// again after. Its bound is the number of keys there are. It knows nothing of what a key stands for.
//
//   add ─▶ ready ─▶ at work ─┬─ done ──────────▶ forgotten
//            ▲               ├─ again after ───▶ due, planned by its outcome
//            │               └─ error ─────────▶ due, after the back-off of this key
//            └──── due ◀── addAfter
import { backoffMs, type Clock, type Logger, systemClock } from '@echoplane/runtime';
import type { Key, Outcome, Reconciler, WorkQueue } from './contract.ts';

export interface WorkQueueOptions {
  clock?: Clock;
  random?: () => number;
  log?: Logger;
  /** Reconciles that start per second over all keys, and how many may start at once after a quiet time. */
  perSecond?: number;
  burst?: number;
}

const BACKOFF = { firstMs: 5, maxMs: 300_000 };
const PER_SECOND = 100;
const BURST = 500;

/** An empty queue. */
export function createWorkQueue(options: WorkQueueOptions = {}): WorkQueue {
  return new KeyedQueue(options);
}

class KeyedQueue implements WorkQueue {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #log: Logger | undefined;
  readonly #starts: StartRate;
  readonly #ready = new Set<Key>();
  readonly #working = new Set<Key>();
  /** Added while at work. */
  readonly #dirty = new Set<Key>();
  /** When keys are due, in µs: as asked from outside, and as planned by their last outcome, which a new run replaces. */
  readonly #asked = new Map<Key, number>();
  readonly #planned = new Map<Key, number>();
  readonly #failures = new Map<Key, { count: number; message: string }>();
  #changed = Promise.withResolvers<void>();

  constructor({ clock, random, log, perSecond, burst }: WorkQueueOptions) {
    this.#clock = clock ?? systemClock();
    this.#random = random ?? Math.random;
    this.#log = log;
    this.#starts = new StartRate(this.#clock, perSecond ?? PER_SECOND, burst ?? BURST);
  }

  get length(): number {
    return this.#ready.size;
  }

  failing(): ReadonlyMap<string, string> {
    return new Map([...this.#failures].map(([key, { message }]) => [key, message]));
  }

  add(key: Key): void {
    if (this.#working.has(key)) this.#dirty.add(key);
    else this.#ready.add(key);
    this.#wake();
  }

  addAfter(key: Key, ms: number): void {
    if (ms <= 0) this.add(key);
    else this.#plan(this.#asked, key, ms);
  }

  async run(reconciler: Reconciler, signal: AbortSignal, workers = 1): Promise<void> {
    const wake = () => this.#wake();
    signal.addEventListener('abort', wake, { once: true });
    const work = Array.from({ length: workers }, () => this.#work(reconciler, signal));
    await Promise.all([this.#watchDue(signal), ...work]);
    signal.removeEventListener('abort', wake);
  }

  async #work(reconciler: Reconciler, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#ready.size === 0) {
        await this.#changed.promise;
        continue;
      }
      const waitMs = this.#starts.take();
      if (waitMs > 0) {
        await this.#clock.sleep(waitMs, signal);
        continue;
      }
      const [key] = this.#ready as Iterable<Key> as [Key];
      await this.#reconcile(reconciler, key, signal);
    }
  }

  async #reconcile(reconciler: Reconciler, key: Key, signal: AbortSignal): Promise<void> {
    this.#ready.delete(key);
    this.#planned.delete(key);
    this.#working.add(key);
    try {
      this.#succeeded(key, await reconciler.reconcile(key, signal));
    } catch (err) {
      // A run that was cut short says nothing about its key; who runs the queue next takes it up.
      if (signal.aborted) this.#dirty.add(key);
      else this.#failed(reconciler, key, err);
    }
    this.#working.delete(key);
    if (this.#dirty.delete(key)) this.add(key);
  }

  #succeeded(key: Key, outcome: Outcome): void {
    this.#failures.delete(key);
    if (outcome.again === 'after') this.#plan(this.#planned, key, outcome.ms);
  }

  #failed({ name }: Reconciler, key: Key, err: unknown): void {
    const count = (this.#failures.get(key)?.count ?? 0) + 1;
    this.#failures.set(key, { count, message: err instanceof Error ? err.message : String(err) });
    const waitMs = backoffMs(count, BACKOFF, this.#random());
    this.#plan(this.#planned, key, waitMs);
    this.#log?.warn({ err, reconciler: name, key, failures: count, waitMs }, 'a reconcile failed');
  }

  #plan(due: Map<Key, number>, key: Key, ms: number): void {
    const atUs = this.#clock.nowUs() + ms * 1000;
    due.set(key, Math.min(atUs, due.get(key) ?? Number.POSITIVE_INFINITY));
    this.#wake();
  }

  /** Makes keys ready when they are due. A look at all of them costs less than keeping them in order. */
  async #watchDue(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const changed = this.#changed.promise;
      const next = this.#release();
      if (next === Number.POSITIVE_INFINITY) {
        await changed;
        continue;
      }
      const asleep = new AbortController();
      const waitMs = Math.max(1, Math.ceil((next - this.#clock.nowUs()) / 1000));
      await Promise.race([changed, this.#clock.sleep(waitMs, asleep.signal)]);
      asleep.abort();
    }
  }

  /** Adds what is due, and says when the next is. */
  #release(): number {
    const nowUs = this.#clock.nowUs();
    let next = Number.POSITIVE_INFINITY;
    for (const due of [this.#asked, this.#planned]) {
      for (const [key, atUs] of due) {
        if (atUs > nowUs) next = Math.min(next, atUs);
        else {
          due.delete(key);
          this.add(key);
        }
      }
    }
    return next;
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** Starts at `perSecond` on average, `burst` at most at once: a bucket that fills with time. */
class StartRate {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #filledUs: number;

  constructor(clock: Clock, perSecond: number, burst: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledUs = clock.nowUs();
  }

  /** Takes a start and gives 0, or gives the ms until there is one. */
  take(): number {
    const nowUs = this.#clock.nowUs();
    const filled = this.#tokens + ((nowUs - this.#filledUs) / 1e6) * this.#perSecond;
    this.#tokens = Math.min(this.#burst, filled);
    this.#filledUs = nowUs;
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) / this.#perSecond) * 1000);
    this.#tokens -= 1;
    return 0;
  }
}
