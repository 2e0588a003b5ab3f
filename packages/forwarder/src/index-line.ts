// Sends the index batch of every frame, in order, until the control plane has taken it or refused it for good. It
// keeps positions only and reads each frame again from the spool. When no frame is due it sends counters that changed.
import type { ApiClient } from '@echoplane/api';
import { backoffMs, type Clock, type Logger } from '@echoplane/runtime';
import {
  decodeFrame,
  type FrameEntry,
  INDEX_ROW_VERSION,
  type RRPair,
  rollupPartials,
} from '@echoplane/traffic';
import type { Bell } from './bell.ts';
import { CALL_TIMEOUT_MS, isFinalRefusal } from './control-plane.ts';
import type { Ledger } from './ledger.ts';
import { frameRows, openedAtOf } from './segment-summary.ts';
import { readFrameData, type SpoolSegment } from './spool-files.ts';

export interface LineOptions {
  client: ApiClient;
  ledger: Ledger;
  clock: Clock;
  log: Logger;
  /** Rung when there may be something to do, here or for who waits. */
  bell: Bell;
}

export const RETRY = { firstMs: 200, maxMs: 10_000 };
/** Counters alone are sent when the line has had nothing to do for so long. */
const QUIET_MS = 100;

interface Due {
  segment: SpoolSegment;
  number: number;
}

export class IndexLine {
  readonly #options: LineOptions;
  readonly #due: Due[] = [];
  #sentVersion = -1;
  #failures = 0;

  constructor(options: LineOptions) {
    this.#options = options;
  }

  push(segment: SpoolSegment, number: number): void {
    this.#due.push({ segment, number });
    this.#options.bell.ring();
  }

  /** Nothing is due, and the control plane knows the counters as they are. */
  get isIdle(): boolean {
    return this.#due.length === 0 && this.#sentVersion === this.#options.ledger.version;
  }
  /** Whether a frame of the segment is still to be sent. */
  awaits(segment: SpoolSegment): boolean {
    return this.#due.some((due) => due.segment === segment);
  }
  get lagFrames(): number {
    return this.#due.length;
  }
  /** Failed attempts in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** Works until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { bell, clock } = this.#options;
    while (!signal.aborted) {
      const due = this.#due[0];
      if (this.isIdle) {
        await bell.wait();
        if (this.#due.length === 0) await clock.sleep(QUIET_MS, signal);
      } else if (await this.#attempt(due, signal)) {
        if (due) this.#due.shift();
        bell.ring();
      }
    }
  }

  async #attempt(due: Due | undefined, signal: AbortSignal): Promise<boolean> {
    const { ledger, log, clock } = this.#options;
    try {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]);
      const version = ledger.version;
      if (due) await this.#sendFrame(due, limited);
      else await this.#options.client.call('ingestReports', { body: { reports: ledger.reports() } }, limited);
      this.#sentVersion = version;
    } catch (err) {
      if (signal.aborted) return false;
      if (!isFinalRefusal(err)) {
        this.#failures++;
        if (this.#failures === 1)
          log.warn({ err }, 'the control plane does not take the index; trying again');
        await clock.sleep(backoffMs(this.#failures, RETRY, Math.random()), signal);
        return false;
      }
      log.error(
        { err, segment: due?.segment.id, frame: due?.number },
        'the control plane refused an index batch',
      );
      if (due) this.#settle(due, 'refused');
      else this.#sentVersion = ledger.version;
    }
    this.#failures = 0;
    return true;
  }

  async #sendFrame(due: Due, signal: AbortSignal): Promise<void> {
    const { client, ledger } = this.#options;
    const { segment, number } = due;
    const frame = segment.frames[number]!;
    const rows = frameRows(await readPairs(segment, frame), { segment: segment.id, number, ...frame });
    const position = {
      v: INDEX_ROW_VERSION,
      segment: segment.id,
      frame: number,
      openedAt: openedAtOf(segment.id),
    };
    const body = { ...position, rows, rollups: rollupPartials(rows), reports: ledger.reports() };
    await client.call('ingestIndex', { body }, signal);
    this.#settle(due, 'delivered');
  }

  #settle({ segment, number }: Due, fate: 'delivered' | 'refused'): void {
    const { lines } = segment.frames[number]!;
    segment[fate] += lines;
    this.#options.ledger.indexed(fate, lines);
  }
}

async function readPairs(segment: SpoolSegment, frame: FrameEntry): Promise<RRPair[]> {
  return decodeFrame(await readFrameData(segment, frame)).map((line) => JSON.parse(line) as RRPair);
}
