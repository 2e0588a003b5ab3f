// One session of a replay: its tests strictly in order, one at a time, on one keep-alive connection; each ends in a
// result that looks like a sidecar's recording. It must not know how many sessions there are or where results go.
import { type Clock, newId } from '@echoplane/runtime';
import { TAG, type Test } from '@echoplane/traffic';
import { type CapturedPair, capturedHttpPair } from '@echoplane/wire';
import type { SessionTests } from './artifacts.ts';
import type { Target } from './config.ts';
import type { Credentials } from './credentials.ts';
import { liveResponse } from './live-response.ts';
import { LiveTokens } from './live-tokens.ts';
import { type RequestBytes, requestBytes } from './request-bytes.ts';
import { type Outcome, openConnection, type SessionConnection, unanswered } from './session-connection.ts';

/** What every session of a run shares. */
export interface Stage {
  target: Target;
  replayId: string;
  /** Recorded values of the tokens that are switched on. */
  tokens: ReadonlyMap<string, string>;
  credentials: Credentials;
  thinkFactor: number;
  timeoutMs: number;
  bodyLimitBytes: number;
  clock: Clock;
  signal: AbortSignal;
  /** Called once for each request that was sent, or whose connection could not be opened. */
  result(pair: CapturedPair): void;
}

/** Runs a session to its end or until the signal aborts. A request that fails is a result, not an error. */
export async function runSession(tests: SessionTests, stage: Stage): Promise<void> {
  const session = new Session(stage);
  try {
    for await (const test of tests) {
      await session.think(test);
      if (stage.signal.aborted) return;
      await session.run(test);
    }
  } finally {
    session.close();
  }
}

class Session {
  readonly #stage: Stage;
  readonly #tokens: LiveTokens;
  #connection: SessionConnection | null = null;
  #previous: { test: Test; endUs: number } | null = null;
  /** When the next request should leave: a closed model, so this depends on the response before it. */
  #dueUs = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#tokens = new LiveTokens(stage.tokens);
  }

  /** Waits until `test` is due: the recorded pause times the factor after the response before it. */
  async think(test: Test): Promise<void> {
    const { clock, thinkFactor, signal } = this.#stage;
    if (!this.#previous) {
      // The first request is due when its connection is up: what a client sees before it is not the service's latency.
      if (!signal.aborted) await this.#connect();
      this.#dueUs = clock.nowUs();
      return;
    }
    const { test: before, endUs } = this.#previous;
    const pauseUs = Math.max(0, test.offsetUs - before.offsetUs - before.durationUs) * thinkFactor;
    this.#dueUs = Math.round(endUs + pauseUs);
    const waitMs = (this.#dueUs - clock.nowUs()) / 1000;
    if (waitMs > 0) await clock.sleep(waitMs, signal);
  }

  async run(test: Test): Promise<void> {
    const { target, clock, signal, credentials } = this.#stage;
    const { request, unresolved } = this.#tokens.fill(test);
    const bytes = requestBytes(credentials.fill(request), target.host);
    // The first request's dial was made by think(); when it failed, that was this request's one attempt.
    if (this.#previous && !this.#connection?.isOpen) await this.#connect();
    if (signal.aborted) return;
    const lateUs = Math.max(0, clock.nowUs() - this.#dueUs);
    const outcome = await this.#send(bytes);
    this.#previous = { test, endUs: outcome.raw.endUs };
    this.#stage.result(this.#captured(outcome, { test, unresolved, lateUs }));
    const live = liveResponse(outcome.raw);
    if (live) this.#tokens.learn(test, live.response);
  }

  close(): void {
    this.#connection?.close();
  }

  async #connect(): Promise<void> {
    const { target, clock, timeoutMs, bodyLimitBytes, signal } = this.#stage;
    const options = { id: newId(clock.nowUs()), clock, timeoutMs, bodyLimitBytes, signal };
    this.#connection = await openConnection(target, options).catch(() => null);
  }

  async #send(bytes: RequestBytes): Promise<Outcome> {
    if (this.#connection) return this.#connection.send(bytes, this.#dueUs);
    const raw = unanswered(bytes, { dueUs: this.#dueUs, endUs: this.#stage.clock.nowUs(), seq: 0 });
    return { raw, error: 'connect-failed', gapReason: '' };
  }

  #captured(outcome: Outcome, about: { test: Test; unresolved: string[]; lateUs: number }): CapturedPair {
    const { target, replayId } = this.#stage;
    const { test, unresolved, lateUs } = about;
    const id = newId(outcome.raw.startedUs);
    const pair = capturedHttpPair(outcome.raw, {
      id,
      direction: 'IN',
      scheme: 'http',
      client: this.#connection?.client ?? { ip: '', port: 0, host: '' },
      server: { ip: '', port: target.port, host: target.hostname },
      tls: null,
      connection: this.#connection?.id ?? id,
      tags: {
        [TAG.replay]: replayId,
        [TAG.test]: test.id,
        [TAG.session]: test.session,
        [TAG.lateUs]: String(lateUs),
        ...(unresolved.length > 0 ? { [TAG.unresolved]: unresolved.join(',') } : {}),
      },
    });
    return { ...pair, error: outcome.error ?? '', gapReason: outcome.gapReason };
  }
}
