// Tells the event loop when the next request is due, more finely than its timers can: a thread follows the same schedule,
// sleeps in the kernel until a request is due and posts a tick, unless the last one was not yet taken. Timers of Node.js are
// 1 ms apart and late by 3 ms at p99; this costs a wake-up for each request that is due and nothing between them.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ArrivalPlan, ArrivalSchedule } from './arrival-schedule.ts';
import { threadScript } from './thread-script.ts';

/** What both threads see. */
export interface MetronomeData {
  /** Int32 [PHASE, WAITING], then one Float64: when the schedule began, by `monotonicUs`. */
  state: SharedArrayBuffer;
  plan: ArrivalPlan;
}
export const PHASE = 0;
/** A tick was posted and is not yet taken. */
export const WAITING = 1;
export const START_BYTE = 8;
const STATE_BYTES = 16;

/** Of `PHASE`. */
export const READY = 0;
export const RUNNING = 1;
export const STOPPED = 2;

/** The same in all threads of a process, µs. */
export function monotonicUs(): number {
  return Number(process.hrtime.bigint()) / 1000;
}

export class Metronome {
  readonly #thread: Worker;
  readonly #shared: SharedArrayBuffer;
  readonly #state: Int32Array;

  private constructor(thread: Worker, shared: SharedArrayBuffer) {
    this.#thread = thread;
    this.#shared = shared;
    this.#state = new Int32Array(shared, 0, 2);
  }

  /** Resolves when it is ready to `begin`. `tick` is called when requests are due, and ten times a second at least. */
  static async open({ plan }: ArrivalSchedule, tick: () => void): Promise<Metronome> {
    const data: MetronomeData = { state: new SharedArrayBuffer(STATE_BYTES), plan };
    const thread = new Worker(threadScript('metronome-thread'), { workerData: data });
    const metronome = new Metronome(thread, data.state);
    thread.on('message', () => {
      Atomics.store(metronome.#state, WAITING, 0);
      tick();
    });
    await once(thread, 'online');
    return metronome;
  }

  /** The schedule begins now. */
  begin(): void {
    new Float64Array(this.#shared, START_BYTE)[0] = monotonicUs();
    this.#enter(RUNNING);
  }

  /** No tick comes after this was called. */
  async stop(): Promise<void> {
    this.#thread.removeAllListeners('message');
    this.#enter(STOPPED);
    await this.#thread.terminate();
  }

  #enter(phase: number): void {
    Atomics.store(this.#state, PHASE, phase);
    Atomics.notify(this.#state, PHASE);
  }
}
