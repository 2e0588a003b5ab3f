// Load by virtual users: each sends its next test when the one before was answered and the recorded pause, times the think
// factor, is over. How many there are may change with the time.
import type { Clock } from '@echoplane/runtime';
import type { Ended, Player } from './player.ts';
import type { UserSchedule } from './user-schedule.ts';
import type { Step, VirtualUser } from './virtual-user.ts';

export interface ClosedModelOptions {
  schedule: UserSchedule;
  newUser: () => VirtualUser;
  player: Player;
  /** Where the schedule says nothing. */
  thinkFactor: number;
  clock: Clock;
  signal: AbortSignal;
}

const AT_ONCE = { dueUs: null };

/** Resolves when the schedule or the sessions are over, or, after the signal aborted, when nothing is under way. */
export async function playUsers(options: ClosedModelOptions): Promise<void> {
  const startUs = options.clock.nowUs();
  const users = Array.from({ length: options.schedule.most }, (_, i) => new Turns(i, startUs, options));
  await Promise.all(users.map((turns) => turns.toEnd()));
}

/** The turns of the `i`-th user, one after the other: of what need not be waited for, each is taken by the end of the one before. */
class Turns {
  readonly #i: number;
  readonly #startUs: number;
  readonly #options: ClosedModelOptions;
  readonly #over = Promise.withResolvers<void>();
  #user: VirtualUser | null = null;
  /** When the answer before was there. */
  #endUs: number;
  #nowUs: number;

  constructor(i: number, startUs: number, options: ClosedModelOptions) {
    this.#i = i;
    this.#options = options;
    this.#startUs = startUs;
    this.#endUs = startUs;
    this.#nowUs = startUs;
  }

  toEnd(): Promise<void> {
    this.#goOn();
    return this.#over.promise;
  }

  #goOn(): void {
    const { schedule, clock, signal, newUser } = this.#options;
    const atS = (this.#nowUs - this.#startUs) / 1_000_000;
    const activeS = signal.aborted ? null : schedule.activeFrom(this.#i, atS);
    if (activeS === null) this.#leave();
    else if (activeS > atS) {
      this.#user?.close();
      this.#user = null;
      this.#wait(Math.max(1, (activeS - atS) * 1000), () => {
        this.#nowUs = clock.nowUs();
        this.#goOn();
      });
    } else {
      this.#user ??= newUser();
      const next = this.#user.next();
      if (next instanceof Promise) next.then((step) => this.#think(step)).catch(this.#over.reject);
      else this.#think(next);
    }
  }

  #think(step: Step | null): void {
    if (!step) {
      this.#leave();
      return;
    }
    const { schedule, clock, thinkFactor } = this.#options;
    const atS = (this.#nowUs - this.#startUs) / 1_000_000;
    const thinkUs = step.pauseUs * (schedule.thinkFactorAt(atS) ?? thinkFactor);
    if (thinkUs <= 0) {
      this.#send(step);
      return;
    }
    const dueUs = this.#endUs + thinkUs;
    const overUs = this.#startUs + schedule.durationS * 1_000_000;
    this.#wait(Math.max(0, (Math.min(dueUs, overUs) - clock.nowUs()) / 1000), () => {
      if (overUs < dueUs) this.#leave();
      else this.#send(step);
    });
  }

  #send(step: Step): void {
    const { player, signal } = this.#options;
    if (signal.aborted || !this.#user) this.#leave();
    else player.play(step.prepared, this.#user, AT_ONCE, this.#ended);
  }

  readonly #ended: Ended = (endUs) => {
    this.#endUs = endUs ?? this.#endUs;
    this.#nowUs = Math.max(this.#nowUs, this.#endUs);
    this.#goOn();
  };

  #wait(ms: number, then: () => void): void {
    const { clock, signal } = this.#options;
    clock.sleep(ms, signal).then(then).catch(this.#over.reject);
  }

  #leave(): void {
    this.#user?.close();
    this.#over.resolve();
  }
}
