// Whether this life of the process captures. A marker in a folder that outlives the process says that a life is going on;
// one that is found at the start says that the last life ended abnormally, perhaps by our own fault, so this one only
// splices until nothing has happened for a while:
//
//   marker found ─▶ splice-only, 60 s (doubled for each abnormal end in a row, up to 1 h) ─▶ capturing
//   no marker ─▶ capturing        as long again without an incident ─▶ the abnormal ends are forgotten
//
// A folder that cannot be used changes nothing else: the app comes first.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { aborted, type Clock, ensureFolder, type Logger } from '@echoplane/runtime';

export interface LifeState {
  /** Whether new connections are captured. */
  isCapturing(): boolean;
  /** What it is based on, for diagnosis. */
  describe(): { isCapturing: boolean; abnormalExits: number; spliceOnlySeconds: number };
  /** Marks this life as begun, ends splice-only in time, and removes the marker when `signal` aborts: an orderly end. */
  run(signal: AbortSignal): Promise<void>;
}

const MARKER = 'sidecar-running.json';
const FIRST_PAUSE_S = 60;
const LONGEST_PAUSE_S = 3_600;

/** Seconds of splice-only after so many abnormal ends in a row. */
export function pauseAfter(abnormalExits: number): number {
  return abnormalExits === 0 ? 0 : Math.min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (abnormalExits - 1));
}

/** The state at the start of a life; without a folder every life captures from its start. */
export async function readLifeState(
  folder: string | undefined,
  clock: Pick<Clock, 'sleep'>,
  log: Pick<Logger, 'info' | 'warn'>,
): Promise<LifeState> {
  const marker = folder === undefined ? null : join(folder, MARKER);
  const abnormalExits = marker === null ? 0 : await abnormalExitsBefore(marker);
  const pauseS = pauseAfter(abnormalExits);
  let isCapturing = abnormalExits === 0;
  if (!isCapturing) log.warn({ abnormalExits, pauseS }, 'splice-only after an abnormal exit');

  const mark = async (exits: number) => {
    try {
      await ensureFolder(folder!);
      await writeFile(marker!, `${JSON.stringify({ abnormalExits: exits })}\n`);
    } catch (err) {
      log.warn({ err, folder }, 'the state folder cannot be written: an abnormal exit will not be noticed');
    }
  };
  return {
    isCapturing: () => isCapturing,
    describe: () => ({ isCapturing, abnormalExits, spliceOnlySeconds: pauseS }),
    async run(signal) {
      if (marker === null) return;
      await mark(abnormalExits);
      if (abnormalExits > 0) {
        await clock.sleep(pauseS * 1000, signal);
        isCapturing = true;
        if (!signal.aborted) log.info({}, 'capture resumed');
        await clock.sleep(pauseS * 1000, signal);
        if (!signal.aborted) await mark(0);
      }
      await aborted(signal);
      await rm(marker, { force: true }).catch((err) => log.warn({ err }, 'the marker of this life stays'));
    },
  };
}

/** How many lives in a row have ended abnormally: 0 without a marker; a marker nobody can read is one. */
async function abnormalExitsBefore(marker: string): Promise<number> {
  let text: string;
  try {
    text = await readFile(marker, 'utf8');
  } catch {
    return 0;
  }
  const before = Number(/"abnormalExits":(\d{1,6})/.exec(text)?.[1] ?? 0);
  return before + 1;
}
