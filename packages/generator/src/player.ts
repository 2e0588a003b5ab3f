// Plays one test: its request filled and sent, its answer compared and learned from, its result offered. A request that
// fails is a result, not an error. It must not know in which order tests are played or who else plays.
import type { Clock } from '@echoplane/runtime';
import { count, type HttpResponse, settleBody, type Test } from '@echoplane/traffic';
import type { TransformState } from '@echoplane/transforms';
import type { AskedAssertions } from './asked-assertions.ts';
import { type AwaitedChange, hasChanged } from './awaited-change.ts';
import type { Channel, Outgoing } from './channel.ts';
import type { Client } from './client.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { LatencyBook } from './latency-book.ts';
import type { UserValues } from './live-space.ts';
import { MESSAGE_TOO_LONG, type Outcome, unanswered } from './outcome.ts';
import { PreparedTest } from './prepared-test.ts';
import { ProvenAnswer } from './proven-answer.ts';
import type { Filled, RequestFiller } from './request-filler.ts';
import type { ResultKeeper } from './result-keeper.ts';
import type { ResultWriter } from './result-writer.ts';
import type { TestTransforms } from './test-transforms.ts';
import type { Verdict, Verdicts } from './verdicts.ts';

/** What all tests of a run share. */
export interface Stage {
  retries: number;
  filler: RequestFiller;
  transforms: TestTransforms;
  assertions: AskedAssertions;
  verdicts: Verdicts;
  latencies: LatencyBook;
  keeper: ResultKeeper;
  writer: ResultWriter;
  deadLetters: DeadLetters;
  clock: Clock;
  signal: AbortSignal;
}

/** One who sends tests: a recorded session, or a virtual user. */
export interface User {
  client: Client;
  values: UserValues;
  state: TransformState;
  /** What its sessions' names have behind them in results, `/u7/r12`, when they run more than once; else empty. */
  runName: string;
  /** Nothing that it learns from an answer is of use later: its session has one test. */
  isAlone: boolean;
}

export interface Timing {
  /** When the request should leave, µs since the epoch; null: as soon as its connection is up. */
  dueUs: number | null;
  /** What its answer must have come to; until then it is sent again. */
  awaited?: AwaitedChange | null;
  /** Called once, when it has left or failed to. */
  left?: () => void;
  /** Called at each step of a conversation. */
  stepped?: () => void;
}

/** Told when a test was over, µs; null: the run was cancelled before it left. */
export type Ended = (endUs: number | null) => void;

/** A test that was played, with what became of it. */
export type Played = Pick<
  Play,
  'prepared' | 'user' | 'filled' | 'outcome' | 'lateUs' | 'attempt' | 'findings'
>;

/** Between two requests for a change that is awaited; how many there are of a test, and of a run, whose service may be broken. */
const POLL_MS = 100;
const MAX_POLLS = 100;
const MAX_POLLS_OF_RUN = 300;
const NOT_CHANGED = 'not-changed-yet';

const NONE: readonly string[] = [];

export class Player {
  readonly stage: Stage;
  readonly retries: Record<string, number> = {};
  #sent = 0;
  #tooLong = 0;

  constructor(stage: Stage) {
    this.stage = stage;
  }

  /** Requests that were sent, or whose connection could not be opened; each once, however often it was tried. */
  get sent(): number {
    return this.#sent;
  }

  /** Conversations that were ended by a message that is longer than may be heard. */
  get tooLong(): number {
    return this.#tooLong;
  }

  prepare(test: Test, sizeBytes: number): PreparedTest {
    const { assertions, latencies } = this.stage;
    return new PreparedTest(test, {
      rules: assertions.rulesOf(test),
      latency: latencies.of(test),
      sizeBytes,
    });
  }

  /** Does with an answer what `end` does before it is recorded. */
  rehearse({ test, rules }: PreparedTest, answer: HttpResponse, values: UserValues): void {
    const requestUs = this.stage.clock.nowUs();
    const times = { requestUs, endUs: requestUs + test.durationUs };
    this.stage.verdicts.judge(test, { answer, isExpected: true }, { values, times, rules });
  }

  /**
   * Plays a test; `ended` is called once, and never before this has returned. There is no promise in it, because the few
   * that it takes would cost as much as all the rest that is not the kernel's.
   */
  play(prepared: PreparedTest, user: User, timing: Timing, ended: Ended): void {
    const { clock, signal, filler, deadLetters } = this.stage;
    const filled = filler.fill(prepared, user);
    if ('reason' in filled) {
      deadLetters.add(prepared.test, filled.reason, filled.detail);
      timing.left?.();
      setImmediate(() => ended(clock.nowUs()));
      return;
    }
    const play = new Play(this, { prepared, user, filled, timing, ended });
    if (filled.delayMs > 0) void clock.sleep(filled.delayMs, signal).then(() => play.leave());
    else play.leave();
  }

  /** Judges, counts and records a test that is over. */
  end(played: Play): void {
    const { prepared, outcome, lateUs } = played;
    const { raw } = outcome;
    const { latencies, keeper, writer } = this.stage;
    this.#sent++;
    const verdict = this.#judge(played);
    const latencyUs = raw.endUs - raw.startedUs;
    latencies.note(prepared.latency, latencyUs, lateUs);
    const status = outcome.response?.status ?? (outcome.isProven ? prepared.test.response.status : 0);
    if (keeper.keeps({ endpoint: prepared.latency, hasFailed: verdict === 'failed', status, latencyUs }))
      writer.write(played, verdict);
  }

  #judge(played: Play): Verdict {
    const { prepared, user, filled, outcome } = played;
    const { verdicts, transforms, assertions } = this.stage;
    const { test, rules } = prepared;
    const { raw, error, gapReason, isProven } = outcome;
    const times = { requestUs: raw.startedUs, endUs: raw.endUs };
    if (isProven) return verdicts.again(test, times, user.isAlone ? null : user.values);
    if (gapReason === MESSAGE_TOO_LONG) this.#tooLong++;
    if (!outcome.response || error || gapReason !== '') {
      verdicts.count(test, 'failed');
      return 'failed';
    }
    const { request } = filled;
    if (!transforms.hasNone || assertions.hasExpectations) settleBody(outcome.response.body);
    const answer = transforms.response(test, { request, response: outcome.response }, user);
    const exchange = { request, response: answer.message, startedUs: raw.startedUs, endUs: raw.endUs };
    const isExpected = assertions.isMet(test, exchange) && answer.findings.length === 0;
    played.findings = answer.findings;
    const live = { answer: answer.message, messages: outcome.messages, isExpected };
    const { verdict, isSame } = verdicts.judge(test, live, { values: user.values, times, rules });
    const isAlways = prepared.isSilent && answer.isUntouched && !assertions.hasExpectations;
    const isKnown = isSame && isAlways && test.request.method !== 'HEAD';
    prepared.proven = isKnown ? ProvenAnswer.of(raw) : null;
    return verdict;
  }
}

/** A test on its way: it leaves, perhaps more than once, and is over when its answer came or did not. */
class Play implements Outgoing {
  readonly prepared: PreparedTest;
  readonly user: User;
  readonly filled: Filled;
  /** Once it is over. */
  outcome!: Outcome;
  /** µs by which it left later than it was due. */
  lateUs = 0;
  /** How often it had been sent before. */
  attempt = 0;
  /** Strict chains that found nothing in its answer, and why. */
  findings: readonly string[] = NONE;
  readonly #player: Player;
  readonly #timing: Timing;
  #polls = 0;
  readonly #ended: Ended;
  #channel: Channel | null = null;

  constructor(
    player: Player,
    of: { prepared: PreparedTest; user: User; filled: Filled; timing: Timing; ended: Ended },
  ) {
    this.#player = player;
    this.prepared = of.prepared;
    this.user = of.user;
    this.filled = of.filled;
    this.#timing = of.timing;
    this.#ended = of.ended;
  }

  stepped(): void {
    this.#timing.stepped?.();
  }

  leave(): void {
    const channel = this.user.client.acquire(this.filled.protocol);
    if (channel instanceof Promise) void channel.then((opened) => this.#send(opened));
    else this.#send(channel);
  }

  settle(outcome: Outcome): void {
    const { retries, signal } = this.#player.stage;
    if (this.#channel) this.user.client.release(this.#channel);
    const again = this.attempt < retries && !signal.aborted ? retryReason(outcome) : null;
    if (again === null && this.#isEarly(outcome)) {
      count(this.#player.retries, NOT_CHANGED);
      this.#polls++;
      this.attempt++;
      void this.#player.stage.clock.sleep(POLL_MS, signal).then(() => this.leave());
      return;
    }
    if (again === null) {
      this.outcome = outcome;
      this.#player.end(this);
      this.#ended(outcome.raw.endUs);
      return;
    }
    count(this.#player.retries, again);
    this.attempt++;
    this.leave();
  }

  #isEarly({ response }: Outcome): boolean {
    const { awaited } = this.#timing;
    const { stage, retries } = this.#player;
    if (!awaited || !response || stage.signal.aborted) return false;
    if (this.#polls >= MAX_POLLS || (retries[NOT_CHANGED] ?? 0) >= MAX_POLLS_OF_RUN) return false;
    return !hasChanged(awaited, this.prepared.test.response, response);
  }

  /** `channel`: null when none could be had. */
  #send(channel: Channel | null): void {
    const { clock, signal } = this.#player.stage;
    if (signal.aborted) {
      this.#tellLeft();
      if (channel) this.user.client.release(channel);
      setImmediate(this.#ended, null);
      return;
    }
    const nowUs = clock.nowUs();
    const dueUs = this.#timing.dueUs ?? nowUs;
    this.lateUs = Math.max(0, nowUs - dueUs);
    this.#channel = channel;
    if (channel) channel.send(this, dueUs);
    this.#tellLeft();
    if (!channel) this.settle(refused(this.filled, dueUs, clock.nowUs()));
  }

  #tellLeft(): void {
    if (this.attempt === 0) this.#timing.left?.();
  }
}

function refused({ bytes }: Filled, dueUs: number, endUs: number): Outcome {
  const raw = unanswered(bytes, { dueUs, endUs, seq: 0 });
  return {
    ...{ raw, response: null, error: 'connect-failed', gapReason: '', connection: null, isProven: false },
  };
}

/** Why a request may be sent again: nothing of an answer came. Null when it may not. */
function retryReason({ error, raw, gapReason }: Outcome): string | null {
  const isUnanswered = raw.responseHead === null && gapReason === '';
  const isConnection = error === 'connect-failed' || error === 'reset' || error === 'server-closed';
  return isUnanswered && isConnection ? error : null;
}
