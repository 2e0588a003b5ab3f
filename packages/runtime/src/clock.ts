// Time as an argument: µs since the epoch that never run backwards within a process, and a sleep that can be aborted.
import { randomFillSync } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { uuidV7, writeUuidV7 } from '@echoplane/traffic';

export interface Clock {
  /** µs since the epoch, strictly monotonic within a process. */
  nowUs(): number;
  /** Resolves after `ms`, or at once (without rejecting) when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A monotonic clock this far from the wall's has slept (a suspended laptop) or the wall clock was set. */
const MAX_DRIFT_US = 1_000_000;

/**
 * The real clock: wall time carried on by the monotonic clock, and set anew when the two have come apart. A wall clock that
 * was set back is waited for at half speed: standing still instead would suspend every deadline until it had caught up.
 */
export function systemClock(
  wallMs: () => number = Date.now,
  monotonicMs: () => number = () => performance.now(),
): Clock {
  let originUs = (wallMs() - monotonicMs()) * 1000;
  let last = 0;
  let lastMonotonicUs = monotonicMs() * 1000;
  return {
    nowUs() {
      const wallUs = wallMs() * 1000;
      const monotonicUs = monotonicMs() * 1000;
      if (Math.abs(originUs + monotonicUs - wallUs) > MAX_DRIFT_US) originUs = wallUs - monotonicUs;
      const halfUs = Math.floor((monotonicUs - lastMonotonicUs) / 2);
      lastMonotonicUs = monotonicUs;
      last = Math.max(last + Math.max(1, halfUs), Math.round(originUs + monotonicUs));
      return last;
    },
    async sleep(ms, signal) {
      await delay(ms, undefined, signal ? { signal } : {}).catch(() => {});
    },
  };
}

const POOL_BYTES = 4096;
const ID_BYTES = 10;
const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

/** A UUIDv7 for `tsUs` with fresh randomness, drawn from a pool because ids are made for every pair. */
export function newId(tsUs: number): string {
  const from = drawRandom();
  return uuidV7(tsUs, pool.subarray(from, from + ID_BYTES));
}

/** The 36 characters of a new id, written at `at`. */
export function writeNewId(into: Buffer, at: number, tsUs: number): void {
  writeUuidV7(into, at, tsUs, pool, drawRandom());
}

function drawRandom(): number {
  if (used + ID_BYTES > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  used += ID_BYTES;
  return used - ID_BYTES;
}
