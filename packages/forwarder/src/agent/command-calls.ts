// What a command says to the control plane while it runs and when it ends: patient where the answer may come yet, and
// clear about what it means when it will not.
import { type ApiClient, ApiError, type CommandOutcome } from '@echoplane/api';
import { backoffMs, type Clock, type Logger, OperatingError } from '@echoplane/runtime';
import { isFinalRefusal } from '../control-plane.ts';
import type { CommandContext } from './command-handlers.ts';
import { within } from './deadline.ts';

const CALL_MS = 30_000;
const RETRY = { firstMs: 500, maxMs: 30_000 };
const PROGRESS_INTERVAL_MS = 1_000;
const MAX_MESSAGE = 500;
/** The control plane does not wait for this command any more. */
const GONE: readonly string[] = ['not_found', 'conflict'];

export interface CallOptions {
  client: ApiClient;
  clock: Clock;
  log: Logger;
  random: () => number;
}

export class CommandCalls {
  readonly #options: CallOptions;

  constructor(options: CallOptions) {
    this.#options = options;
  }

  /** Until it is taken or nobody waits for it; a result that is refused for good is told as a failure. */
  async report(id: string, outcome: CommandOutcome, signal: AbortSignal): Promise<void> {
    const send = (body: CommandOutcome) =>
      this.#patiently(signal, (limited) =>
        this.#options.client.call('commandOutcome', { params: { id }, body }, limited),
      );
    const { log } = this.#options;
    try {
      await send(outcome);
    } catch (err) {
      if (signal.aborted) throw err;
      log.warn({ err, command: id }, 'the control plane did not take the outcome of a command');
      if (isGone(err) || outcome.state === 'failed') return;
      const message = `The control plane refused the result: ${(err as Error).message}`.slice(0, 2_000);
      await this.report(id, { state: 'failed', message }, signal);
    }
  }

  /** Tells the last word of every second; `stop` waits until nothing of it is under way. */
  progress(id: string, signal: AbortSignal): { say: CommandContext['progress']; stop(): Promise<void> } {
    const { client, clock } = this.#options;
    const stopping = new AbortController();
    const either = AbortSignal.any([signal, stopping.signal]);
    let last: { share: number; message: string } | null = null;
    let telling: Promise<void> | null = null;
    const tell = async () => {
      while (last && !either.aborted) {
        const body = last;
        last = null;
        const call = (limited: AbortSignal) =>
          client.call('commandProgress', { params: { id }, body }, limited);
        await this.#once(either, call).catch(() => {});
        await clock.sleep(PROGRESS_INTERVAL_MS, either);
      }
      telling = null;
    };
    return {
      say(share, message) {
        last = { share: Math.min(1, Math.max(0, share || 0)), message: message.slice(0, MAX_MESSAGE) };
        telling ??= tell();
      },
      async stop() {
        stopping.abort();
        await telling;
      },
    };
  }

  /** Pages of the rows a command works on. Throws OperatingError when the control plane will not give them. */
  async *positions(id: string, signal: AbortSignal) {
    const { client } = this.#options;
    for (let after: string | null | undefined; after !== null; ) {
      const query = after === undefined ? {} : { after };
      const page = await this.#patiently(signal, (limited) =>
        client.call('commandPositions', { params: { id }, query }, limited),
      ).catch((cause) => {
        if (signal.aborted) throw cause;
        const sentence = `The control plane does not say which rows the command works on: ${cause.message}`;
        throw new OperatingError('positions_refused', sentence, { cause });
      });
      yield page.items;
      if (page.after === after)
        throw new OperatingError('positions_refused', 'The control plane gave the same page of rows twice.');
      after = page.after;
    }
  }

  async #patiently<T>(signal: AbortSignal, call: (limited: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, random } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(signal, call);
      } catch (err) {
        if (signal.aborted || isGone(err) || isFinalRefusal(err)) throw err;
        await clock.sleep(backoffMs(attempt, RETRY, random()), signal);
        signal.throwIfAborted();
      }
    }
  }

  #once<T>(signal: AbortSignal, call: (limited: AbortSignal) => Promise<T>): Promise<T> {
    return within(
      { clock: this.#options.clock, ms: CALL_MS, what: 'a call of the control plane' },
      signal,
      call,
    );
  }
}

function isGone(err: unknown): boolean {
  return err instanceof ApiError && err.problem !== null && GONE.includes(err.problem.code);
}
