// When a replay with several generators begins: each is ready first, then asks until it is told a time, and waits for it by
// the clock. It must not know what is begun.
import {
  answerText,
  type Clock,
  type Logger,
  OperatingError,
  type PodAccess,
  podRequest,
} from '@echoplane/runtime';
import { z } from 'zod';

const POLL_MS = 500;
const ANSWER_MS = 10_000;
/** A clock that is told a start further off is not ours. */
const FAR_MS = 3_600_000;

const Start = z.object({ startAt: z.iso.datetime({ offset: true }) });

export interface StartOptions {
  url: string;
  access: PodAccess;
  deadlineMs: number;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
}

/**
 * Resolves at the common start with that time (µs since the epoch), or null when the signal aborts. 204 and 404 mean: not
 * decided yet; other answers are asked again too. Throws OperatingError when no time was told before the deadline.
 */
export async function awaitStart(options: StartOptions): Promise<number | null> {
  const { clock, signal, deadlineMs } = options;
  const giveUpUs = clock.nowUs() + deadlineMs * 1000;
  let trouble = 'it was not decided yet';
  while (!signal.aborted) {
    const told = await ask(options).catch((err: Error) => err);
    if (typeof told === 'number') return waitUntil(told, options);
    if (told) trouble = told.message;
    if (clock.nowUs() >= giveUpUs) throw neverCame(options, trouble);
    await clock.sleep(POLL_MS, signal);
  }
  return null;
}

/** Null: not decided. */
async function ask({ url, access, signal }: StartOptions): Promise<number | null> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
  const answer = await podRequest(url, { ...access, signal: until });
  const text = await answerText(answer);
  if (answer.statusCode === 204 || answer.statusCode === 404) return null;
  if (answer.statusCode !== 200) throw new Error(`the answer was ${answer.statusCode}`);
  const told = Start.safeParse(JSON.parse(text));
  if (!told.success) throw new Error('the answer held no startAt in RFC 3339');
  return microseconds(told.data.startAt);
}

async function waitUntil(startUs: number, { clock, log, signal }: StartOptions): Promise<number | null> {
  const waitMs = (startUs - clock.nowUs()) / 1000;
  if (waitMs > FAR_MS)
    throw new OperatingError(
      'start_far_off',
      `The common start is ${Math.round(waitMs / 1000)} s away; the clocks of operator and generator disagree, set them.`,
    );
  log.info({ event: 'start-told', inMs: Math.round(waitMs) }, 'the common start is known');
  // A timer may fire up to 1 ms early, and nobody begins before the others.
  for (let leftUs = waitMs * 1000; leftUs > 0 && !signal.aborted; leftUs = startUs - clock.nowUs())
    await clock.sleep(leftUs / 1000, signal);
  return signal.aborted ? null : startUs;
}

/** `2026-01-02T03:04:05.123456Z` in µs; Date knows no more than ms. */
function microseconds(text: string): number {
  const micros = /\.\d{3}(\d{1,3})/.exec(text)?.[1] ?? '';
  return Date.parse(text) * 1000 + Number(micros.padEnd(3, '0'));
}

function neverCame({ url, deadlineMs }: StartOptions, trouble: string): OperatingError {
  const sentence = `No common start was told by ${url} in ${deadlineMs} ms; the last time: ${trouble}. Is the operator up?`;
  return new OperatingError('start_never_came', sentence);
}
