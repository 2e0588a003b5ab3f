// Load by an arrival rate: a request leaves whenever the schedule says so, whatever became of those before it. The one to
// send is the next test of a virtual user that has nothing under way, the one that waited longest; when there is none, there
// is one user more. So sessions stay strictly in order, and a service that grows slow does not slow the load.
import type { Clock } from '@echoplane/runtime';
import type { ArrivalSchedule } from './arrival-schedule.ts';
import { protocolOf } from './channel.ts';
import { Fifo } from './fifo.ts';
import { Metronome } from './metronome.ts';
import type { Player, Timing } from './player.ts';
import type { Step, VirtualUser } from './virtual-user.ts';

/** With so many users busy, arrivals wait for one, and are late. */
const MAX_USERS = 10_000;
/** Users made ready before the start, connected, as many as requests are due in this time. */
const READY_S = 0.05;
const MAX_READY = 256;
/** Users that join at the same time: a stall of our own must not end in a flood of new connections, which would prolong it. */
const MAX_JOINING = 64;

export interface OpenModelOptions {
  schedule: ArrivalSchedule;
  newUser: () => VirtualUser;
  /** Whether a new user would have anything to send. */
  hasSessions: () => boolean;
  player: Player;
  clock: Clock;
  signal: AbortSignal;
}

/** A user with nothing under way, and what it sends next. */
interface Ready {
  user: VirtualUser;
  step: Step;
}

/** Resolves when everything on the schedule was sent and answered, or, after the signal aborted, nothing is under way. */
export async function playArrivals(options: OpenModelOptions): Promise<void> {
  const model = new OpenModel(options);
  await model.warmUp();
  await model.run();
}

class OpenModel {
  readonly #options: OpenModelOptions;
  readonly #idle = new Fifo<Ready>();
  /** Nothing is left to send, or nobody to send it. */
  readonly #sentAll = Promise.withResolvers<void>();
  readonly #settled = Promise.withResolvers<void>();
  /** Requests under way, and users that look for their next one. */
  #busy = 0;
  #users = 0;
  /** Users that were added for a request which has not left yet. */
  #joining = 0;
  #isEnding = false;
  /** Before it beats, nothing is due. */
  #startUs = Number.POSITIVE_INFINITY;
  #sent = 0;

  constructor(options: OpenModelOptions) {
    this.#options = options;
  }

  async warmUp(): Promise<void> {
    const { schedule, newUser } = this.#options;
    const perSecond = schedule.count / Math.max(1, schedule.durationS);
    const wanted = Math.min(MAX_READY, schedule.count, Math.ceil(perSecond * READY_S) + 1);
    const users = Array.from({ length: wanted }, newUser);
    this.#users = wanted;
    const steps = await Promise.all(users.map((user) => user.next()));
    for (const [i, step] of steps.entries()) this.#takeOn(users[i]!, step);
    await Promise.all([...this.#idle].map(({ user, step }) => connect(user, step)));
  }

  async run(): Promise<void> {
    const { clock, schedule } = this.#options;
    const metronome = await Metronome.open(schedule, () => {
      this.#sendDue();
      if (this.#isOver) this.#sentAll.resolve();
    });
    this.#startUs = clock.nowUs();
    metronome.begin();
    await this.#sentAll.promise;
    await metronome.stop();
    this.#isEnding = true;
    if (this.#busy > 0) await this.#settled.promise;
    for (let ready = this.#idle.take(); ready; ready = this.#idle.take()) ready.user.close();
  }

  #sendDue(): void {
    const { schedule, clock } = this.#options;
    const nowUs = clock.nowUs() - this.#startUs;
    while (this.#sent < schedule.count && !this.#options.signal.aborted) {
      const dueUs = schedule.atUs(this.#sent);
      if (dueUs > nowUs || !this.#sendOne(this.#startUs + dueUs)) return;
      this.#sent++;
    }
  }

  /** Whether there was a user to send it. */
  #sendOne(dueUs: number): boolean {
    const ready = this.#idle.take();
    const isFull = this.#users >= MAX_USERS || this.#joining >= MAX_JOINING;
    if (!ready && (isFull || !this.#options.hasSessions())) return false;
    if (ready) this.#play(ready, { dueUs });
    else this.#playAnew(dueUs);
    return true;
  }

  get #isOver(): boolean {
    const isIdle = this.#idle.size === 0 && this.#busy === 0;
    const isAllSent = this.#sent === this.#options.schedule.count;
    return isAllSent || this.#options.signal.aborted || (isIdle && !this.#options.hasSessions());
  }

  #playAnew(dueUs: number): void {
    this.#users++;
    this.#joining++;
    const user = this.#options.newUser();
    const left = () => {
      this.#joining--;
    };
    this.#next(user, (step) => {
      if (step) this.#play({ user, step }, { dueUs, left });
      else left();
    });
  }

  #play({ user, step }: Ready, timing: Timing): void {
    this.#busy++;
    this.#options.player.play(step.prepared, user, timing, () => {
      this.#next(user, (next) => this.#takeOn(user, next));
      // Many answers at once take long to read: what is due meanwhile does not wait for the last of them.
      this.#sendDue();
      this.#done();
    });
  }

  /** `taken` is given what a user sends next: at once when it is at hand. */
  #next(user: VirtualUser, taken: (step: Step | null) => void): void {
    const next = user.next();
    if (next instanceof Promise) {
      this.#busy++;
      const fail = (error: unknown) => this.#sentAll.reject(error);
      void next
        .then(taken)
        .catch(fail)
        .then(() => this.#done());
    } else taken(next);
  }

  #takeOn(user: VirtualUser, step: Step | null): void {
    if (step) this.#idle.add({ user, step });
    else user.close();
  }

  #done(): void {
    this.#busy--;
    if (this.#isEnding && this.#busy === 0) this.#settled.resolve();
  }
}

async function connect({ client }: VirtualUser, { prepared }: Step): Promise<void> {
  const protocol = protocolOf(prepared.test);
  if (protocol) await client.connect(protocol);
}
