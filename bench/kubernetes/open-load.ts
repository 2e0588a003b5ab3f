// Load of an open model: one call is due every so often, whatever became of those before, so that a slow server is not
// spared. How long a call took from when it was due tells how late the client itself was.
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';

export interface Latencies {
  calls: number;
  errors: number;
  /** From when each was due, in ms. */
  sinceDueMs: number[];
  /** From when each was sent. */
  sinceSentMs: number[];
}

/** A timer may be this late; what is left is waited for by turns of the event loop. */
const TIMER_SLACK_MS = 2;

/** Calls `each` at `perSecond` for so long; ends when all have answered. Calls that reject count as errors. */
export async function openLoad(
  { perSecond, seconds }: { perSecond: number; seconds: number },
  each: (i: number) => Promise<unknown>,
): Promise<Latencies> {
  const count = Math.round(perSecond * seconds);
  const result: Latencies = { calls: count, errors: 0, sinceDueMs: [], sinceSentMs: [] };
  const began = performance.now();
  const running: Promise<void>[] = [];
  for (let i = 0; i < count; i++) {
    const due = began + (i * 1_000) / perSecond;
    await waitUntil(due);
    running.push(call(due, () => each(i), result));
  }
  await Promise.all(running);
  return result;
}

async function waitUntil(due: number): Promise<void> {
  const ahead = due - performance.now();
  if (ahead > TIMER_SLACK_MS) await sleep(ahead - TIMER_SLACK_MS);
  while (performance.now() < due) await turn();
}

async function call(due: number, each: () => Promise<unknown>, result: Latencies): Promise<void> {
  const sent = performance.now();
  try {
    await each();
    result.sinceDueMs.push(performance.now() - due);
    result.sinceSentMs.push(performance.now() - sent);
  } catch {
    result.errors++;
  }
}
