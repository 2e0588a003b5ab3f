// The state of a replay that several responders share. Each step asks the store; while that is away, steps go on from what
// this responder knows, which is counted and told, and what was done meanwhile is handed over when the store is back.
//
//   together ─ a call fails or takes too long ─▶ alone ─ the backlog was taken ─▶ together
import type { Position, ReplayState, Step } from '@echoplane/replay';
import type { Clock, Logger, Sample } from '@echoplane/runtime';
import { cursorCounter, STATE_TIMEOUT_MS, type StateStore, writesCounter } from './state-store.ts';

const RETRY_MS = 1_000;
/** How long what another responder learned may be unknown here. */
const NEWS_MS = 50;
/** Counters mirrored, and kept for the store; the one that was not used for longest goes. */
const MAX_COUNTERS = 200_000;
const MAX_CALLERS = 100_000;
const MAX_BACKLOG_LEARNED = 10_000;

type Learned = readonly (readonly [recorded: string, live: string])[];

export interface JointStateOptions {
  store: StateStore;
  /** How long a call of the store may take; then it is away. */
  timeoutMs?: number;
  clock: Clock;
  log: Logger;
  /** Aborting it ends the waits and the attempts. */
  signal: AbortSignal;
  /** Takes what this and other responders learned. */
  tell(recorded: string, live: string): void;
}

export class JointState implements ReplayState {
  readonly #options: JointStateOptions;
  /** All counters, as far as this responder knows. */
  readonly #mirror = new Map<string, number>();
  /** Recorded sessions by callers, and those that are taken. */
  readonly #sessions = new Map<string, string>();
  readonly #taken = new Set<string>();
  #backlog = emptyBacklog();
  #newsUntil = 0;
  #isAlone = false;
  #aloneSteps = 0;
  #losses = 0;

  constructor(options: JointStateOptions) {
    this.#options = options;
  }

  /** Whether steps are counted here only, at this moment. */
  get isAlone(): boolean {
    return this.#isAlone;
  }

  /** Keeps up with what others learn, until the signal aborts. */
  async run(): Promise<void> {
    const { store, clock, signal, tell } = this.#options;
    while (!signal.aborted) {
      const news = this.#isAlone ? null : await this.#timed(store.news(this.#newsUntil));
      for (const [recorded, live] of news?.learned ?? []) tell(recorded, live);
      this.#newsUntil = news?.until ?? this.#newsUntil;
      await clock.sleep(NEWS_MS, signal);
    }
    await store.close();
  }

  async advance(step: Step): Promise<Position> {
    const session = await this.#sessionOf(step);
    const { resource, isWrite } = step;
    const cursor = `${step.cursor} ${session ?? ''}`;
    const found = this.#isAlone
      ? null
      : await this.#timed(this.#options.store.advance({ cursor, resource, isWrite }));
    if (!found) return { ...this.#alone(cursor, step), session };
    this.#see(cursorCounter(cursor, sinceOf(step, found.writes)), found.nth + 1);
    if (resource !== null) this.#see(writesCounter(resource), found.writes + (isWrite ? 1 : 0));
    return { ...found, session };
  }

  learn(learned: Learned): void {
    if (learned.length === 0) return;
    for (const [recorded, live] of learned) this.#options.tell(recorded, live);
    void this.#hand(learned);
  }

  samples(): Sample[] {
    const sample = (type: Sample['type'], name: string, help: string, value: number): Sample => {
      return { name: `echoplane_responder_state_${name}`, help, type, values: [{ value }] };
    };
    return [
      sample('gauge', 'shared', 'Whether the shared state is reached.', this.#isAlone ? 0 : 1),
      sample('counter', 'losses_total', 'Times the shared state was lost.', this.#losses),
      sample('counter', 'alone_steps_total', 'Steps taken without the shared state.', this.#aloneSteps),
    ];
  }

  async #hand(learned: Learned): Promise<void> {
    const added = this.#isAlone
      ? null
      : await this.#timed(this.#options.store.add({ counters: new Map(), learned }).then(() => true));
    if (!added) this.#backlog.learned.push(...learned.slice(0, roomIn(this.#backlog)));
  }

  async #sessionOf({ session, recordedSessions }: Step): Promise<string | null> {
    if (session === null || recordedSessions.length === 0) return null;
    const known = this.#sessions.get(session);
    if (known !== undefined) return recordedSessions.includes(known) ? known : null;
    const claimed = this.#isAlone
      ? undefined
      : await this.#timed(this.#options.store.claim(session, recordedSessions).then((name) => ({ name })));
    const found = claimed ? claimed.name : recordedSessions.find((one) => !this.#taken.has(one));
    if (!found) return null;
    if (this.#sessions.size < MAX_CALLERS) this.#sessions.set(session, found);
    if (this.#taken.size < MAX_CALLERS) this.#taken.add(found);
    return recordedSessions.includes(found) ? found : null;
  }

  #alone(cursor: string, step: Step): { nth: number; writes: number } {
    this.#aloneSteps++;
    const { resource, isWrite } = step;
    const writes = resource === null ? 0 : (this.#mirror.get(writesCounter(resource)) ?? 0);
    if (resource !== null && isWrite) this.#add(writesCounter(resource), writes);
    const counter = cursorCounter(cursor, sinceOf(step, writes));
    const nth = this.#mirror.get(counter) ?? 0;
    this.#add(counter, nth);
    return { nth, writes };
  }

  #add(counter: string, before: number): void {
    put(this.#mirror, counter, before + 1);
    put(this.#backlog.counters, counter, (this.#backlog.counters.get(counter) ?? 0) + 1);
  }

  /** Calls beside each other may be answered in any order. */
  #see(counter: string, value: number): void {
    put(this.#mirror, counter, Math.max(value, this.#mirror.get(counter) ?? 0));
  }

  /** What the store answers, or null when it does not in time: then it is away. */
  async #timed<T>(call: Promise<T>): Promise<T | null> {
    const { timeoutMs = STATE_TIMEOUT_MS } = this.#options;
    const { promise: late, resolve } = Promise.withResolvers<null>();
    const timer = setTimeout(resolve, timeoutMs, null);
    let reason: unknown = `it did not answer within ${timeoutMs} ms`;
    const failed = (err: unknown) => {
      reason = err;
      return null;
    };
    const found = await Promise.race([call.catch(failed), late]);
    clearTimeout(timer);
    if (found === null && !this.#options.signal.aborted) this.#lose(reason);
    return found;
  }

  #lose(err: unknown): void {
    if (this.#isAlone) return;
    this.#isAlone = true;
    this.#losses++;
    this.#options.log.warn({ err }, 'the shared state is away: answers go on from the local one');
    void this.#comeBack();
  }

  async #comeBack(): Promise<void> {
    const { store, clock, log, signal } = this.#options;
    for (;;) {
      await clock.sleep(RETRY_MS, signal);
      if (signal.aborted) return;
      const handed = this.#backlog;
      this.#backlog = emptyBacklog();
      try {
        await store.add(handed);
        this.#isAlone = false;
        log.info({ steps: this.#aloneSteps }, 'the shared state is back');
        return;
      } catch {
        this.#backlog = merged(handed, this.#backlog);
      }
    }
  }
}

interface OwnBacklog {
  counters: Map<string, number>;
  learned: (readonly [recorded: string, live: string])[];
}

/** Writes after which a cursor counts; null: it does not begin anew with them. */
function sinceOf({ resource, isWrite }: Step, writes: number): number | null {
  return resource === null || isWrite ? null : writes;
}

function emptyBacklog(): OwnBacklog {
  return { counters: new Map(), learned: [] };
}

function roomIn({ learned }: OwnBacklog): number {
  return Math.max(0, MAX_BACKLOG_LEARNED - learned.length);
}

function merged(older: OwnBacklog, newer: OwnBacklog): OwnBacklog {
  for (const [name, by] of newer.counters) put(older.counters, name, (older.counters.get(name) ?? 0) + by);
  older.learned.push(...newer.learned.slice(0, roomIn(older)));
  return older;
}

function put(counters: Map<string, number>, name: string, value: number): void {
  counters.delete(name);
  if (counters.size >= MAX_COUNTERS) counters.delete(counters.keys().next().value!);
  counters.set(name, value);
}
