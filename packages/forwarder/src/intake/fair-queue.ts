// Turns between streams: batches wait in a lane for each stream and are worked on a few pairs at a time, lane after lane,
// so that a sender with a large batch holds nobody up, and the process breathes between turns. Order within a lane is
// kept. It must not know what is done with a pair. Bounded by what the intake lets in.
import { setImmediate } from 'node:timers';

/** Something that is worked off in steps; `step` does at most `pairs` of it, none but the first after `untilMs` (of performance.now), and says whether all is done. */
export interface Task {
  readonly bytes: number;
  step(pairs: number, untilMs: number): boolean;
}

/** Pairs of one lane before the next has its turn. */
const PAIRS_PER_TURN = 16;
/** A pair may take a second, when it is made for that; then its lane has had its turn. */
const TURN_MS = 4;
const TICK_MS = 8;
/** Turns before sockets and timers are looked at again: a turn of plain pairs is about 1 ms. */
const TURNS_PER_TICK = 4;

export class FairQueue {
  readonly #lanes = new Map<string, Task[]>();
  readonly #done: () => void;
  #bytes = 0;
  #isRunning = false;

  /** `done` is called after every task that was finished. */
  constructor(done: () => void) {
    this.#done = done;
  }

  /** Bytes of the tasks that wait or are being worked on. */
  get bytes(): number {
    return this.#bytes;
  }

  add(lane: string, task: Task): void {
    const waiting = this.#lanes.get(lane);
    if (waiting) waiting.push(task);
    else this.#lanes.set(lane, [task]);
    this.#bytes += task.bytes;
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(() => this.#run());
  }

  /** Works off at once what can be done in that time: for the last moments of a process, which must not become long ones. */
  drain(maxMs: number): void {
    const untilMs = performance.now() + maxMs;
    while (performance.now() < untilMs && this.#turn());
  }

  #run(): void {
    const untilMs = performance.now() + TICK_MS;
    for (let turn = 0; turn < TURNS_PER_TICK && performance.now() < untilMs; turn++) {
      if (this.#turn()) continue;
      this.#isRunning = false;
      return;
    }
    setImmediate(() => this.#run());
  }

  /** One turn of the lane that has waited longest; false when there is none. */
  #turn(): boolean {
    const next = this.#lanes.entries().next().value;
    if (!next) return false;
    const [lane, tasks] = next;
    this.#lanes.delete(lane);
    const task = tasks[0]!;
    if (task.step(PAIRS_PER_TURN, performance.now() + TURN_MS)) {
      tasks.shift();
      this.#bytes -= task.bytes;
      this.#done();
    }
    if (tasks.length > 0) this.#lanes.set(lane, tasks);
    return true;
  }
}
