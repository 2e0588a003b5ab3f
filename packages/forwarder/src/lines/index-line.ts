// Sends the index batch of every frame until the control plane has taken it or refused it for good, a few at a time,
// newest first: after an outage what happens now is seen at once, and what waited follows with a bound. Rows of fresh
// frames are kept in memory; those of older ones are read again from the spool, by one worker, so that they never hold
// up what is fresh. When no frame is due it sends counters that changed.
import type { ApiClient } from '@echoplane/api';
import { backoffMs, type Clock, type Logger } from '@echoplane/runtime';
import {
  decodeFrame,
  INDEX_ROW_VERSION,
  type IndexRow,
  type RollupPartial,
  type RRPair,
  rollupPartials,
} from '@echoplane/traffic';
import { CALL_TIMEOUT_MS, isFinalRefusal } from '../control-plane.ts';
import type { Ledger } from '../spool/ledger.ts';
import { frameRows, openedAtOf } from '../spool/segment-summary.ts';
import { readFrame, type SpoolSegment } from '../spool/spool-files.ts';
import type { Bell } from './bell.ts';
import type { CatchUp } from './catch-up.ts';
import type { Gate } from './gate.ts';

export interface LineOptions {
  client: ApiClient;
  ledger: Ledger;
  clock: Clock;
  log: Logger;
  /** Rung when there may be something to do, here or for who waits. */
  bell: Bell;
  catchUp: CatchUp;
  gate: Gate;
  /** Id under which the control plane finds us. */
  agent: string;
}

export interface FrameIndex {
  rows: IndexRow[];
  rollups: RollupPartial[];
}

export const RETRY = { firstMs: 200, maxMs: 10_000 };
/** Counters alone are sent when the line has had nothing to do for so long. */
const QUIET_MS = 100;
/** When what is due may not be tried yet. */
const LOOK_AGAIN_MS = 200;
/** Batches on their way at once. */
const CONCURRENCY = 4;
/** Rows kept in memory for frames that wait; about 1 KB each. */
const MAX_FRESH_ROWS = 16_384;

interface Due {
  readonly segment: SpoolSegment;
  readonly number: number;
  fresh: FrameIndex | null;
  failures: number;
  /** Not to be tried before, µs. */
  notBeforeUs: number;
  /** Its segment was given up while it was being sent. */
  isForgotten: boolean;
}

export class IndexLine {
  readonly #options: LineOptions;
  /** With rows in memory, and without; both oldest first and taken from the end. */
  #fresh: Due[] = [];
  #old: Due[] = [];
  #freshRows = 0;
  readonly #sending = new Set<Due>();
  #sentVersion = -1;
  #failures = 0;
  #sinceUs: number | null = null;

  constructor(options: LineOptions) {
    this.#options = options;
  }

  /** A frame to be sent; `fresh`: what it holds, when that is still in memory. */
  push(segment: SpoolSegment, number: number, fresh: FrameIndex | null = null): void {
    const due = { segment, number, fresh, failures: 0, notBeforeUs: 0, isForgotten: false };
    (fresh ? this.#fresh : this.#old).push(due);
    this.#freshRows += fresh?.rows.length ?? 0;
    while (this.#freshRows > MAX_FRESH_ROWS && this.#fresh.length > 1) this.#age(this.#fresh.shift()!);
    this.#options.bell.ring();
  }

  /** Frees the rows of a frame that has waited longest; they are read from the spool when its turn comes. */
  #age(due: Due): void {
    this.#freshRows -= due.fresh?.rows.length ?? 0;
    due.fresh = null;
    putInOrder(this.#old, due);
  }

  /** Nothing is due, and the control plane knows the counters as they are. */
  get isIdle(): boolean {
    return this.lagFrames === 0 && this.#sentVersion === this.#options.ledger.version;
  }
  get lagFrames(): number {
    return this.#fresh.length + this.#old.length + this.#sending.size;
  }
  /** Failed attempts in a row. */
  get failures(): number {
    return this.#failures;
  }
  /** Since when nothing was taken, µs; null while all goes well. */
  get failingSinceUs(): number | null {
    return this.#sinceUs;
  }

  /** Frames of a segment that was given up are not sent any more. */
  forget(segment: SpoolSegment): void {
    for (const due of [...this.#fresh, ...this.#old]) if (due.segment === segment) this.#drop(due);
    // Its file is about to go: what is on its way now is not tried again.
    for (const due of this.#sending) due.isForgotten ||= due.segment === segment;
    this.#fresh = this.#fresh.filter((due) => due.segment !== segment);
    this.#old = this.#old.filter((due) => due.segment !== segment);
  }

  /** Works until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const workers = Array.from({ length: CONCURRENCY }, (_, i) => this.#work(i === 0, signal));
    await Promise.all([...workers, this.#report(signal)]);
  }

  async #work(alsoOld: boolean, signal: AbortSignal): Promise<void> {
    const { bell, gate, clock } = this.#options;
    while (!signal.aborted) {
      await gate.passed(signal);
      if (signal.aborted) return;
      const nowUs = clock.nowUs();
      const due = takeNewest(this.#fresh, nowUs) ?? (alsoOld ? takeNewest(this.#old, nowUs) : null);
      if (!due) {
        await (this.lagFrames > 0 ? clock.sleep(LOOK_AGAIN_MS, signal) : bell.wait());
        continue;
      }
      this.#sending.add(due);
      const isDone = (await this.#attempt(due, signal)) || due.isForgotten;
      this.#sending.delete(due);
      if (isDone) this.#drop(due);
      else putInOrder(due.fresh ? this.#fresh : this.#old, due);
      if (isDone) bell.ring();
    }
  }

  /** Counters on their own, when no frame carries them. */
  async #report(signal: AbortSignal): Promise<void> {
    const { bell, clock, ledger, client, gate } = this.#options;
    while (!signal.aborted) {
      if (this.isIdle || this.lagFrames > 0 || !gate.isOpen) {
        await bell.wait();
        continue;
      }
      await clock.sleep(QUIET_MS, signal);
      if (signal.aborted || this.lagFrames > 0) continue;
      await this.#call(signal, async (limited) => {
        const version = ledger.version;
        await client.call('ingestReports', { body: { reports: ledger.reports() } }, limited);
        this.#sentVersion = Math.max(this.#sentVersion, version);
      }).catch(() => {
        this.#sentVersion = ledger.version;
      });
      bell.ring();
    }
  }

  async #attempt(due: Due, signal: AbortSignal): Promise<boolean> {
    const { log, clock, catchUp } = this.#options;
    const waitMs = due.fresh ? 0 : catchUp.take(due.segment.frames[due.number]!.length);
    if (waitMs > 0) {
      await clock.sleep(waitMs, signal);
      return false;
    }
    try {
      const isTaken = await this.#call(signal, (limited) => this.#sendFrame(due, limited));
      // Others have their turn first: one that only fails must not be all that is tried.
      if (!isTaken) due.notBeforeUs = clock.nowUs() + backoffMs(++due.failures, RETRY, Math.random()) * 1000;
      return isTaken;
    } catch (err) {
      const about = { err, segment: due.segment.id, frame: due.number };
      log.error(about, 'the control plane refused an index batch');
      due.segment.refused += due.segment.frames[due.number]!.lines;
      return true;
    }
  }

  /** True when it worked, false when it is to be tried again, after a pause; throws a final refusal. */
  async #call(signal: AbortSignal, send: (limited: AbortSignal) => Promise<void>): Promise<boolean> {
    const { log, clock } = this.#options;
    try {
      await send(AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]));
      this.#failures = 0;
      this.#sinceUs = null;
      return true;
    } catch (err) {
      if (signal.aborted) return false;
      if (isFinalRefusal(err)) throw err;
      this.#failures++;
      this.#sinceUs ??= clock.nowUs();
      if (this.#failures === 1) log.warn({ err }, 'the control plane does not take the index; trying again');
      await clock.sleep(backoffMs(this.#failures, RETRY, Math.random()), signal);
      return false;
    }
  }

  async #sendFrame({ segment, number, fresh }: Due, signal: AbortSignal): Promise<void> {
    const { client, ledger, agent } = this.#options;
    const { rows, rollups } = fresh ?? (await readFrameIndex(segment, number));
    const openedAt = openedAtOf(segment.id);
    const version = ledger.version;
    const place = { v: INDEX_ROW_VERSION, segment: segment.id, frame: number, openedAt, agent };
    const body = { ...place, rows, rollups, reports: ledger.reports() };
    await client.call('ingestIndex', { body }, signal);
    this.#sentVersion = Math.max(this.#sentVersion, version);
  }

  #drop({ segment, fresh }: Due): void {
    segment.unsettled--;
    if (fresh) this.#freshRows -= fresh.rows.length;
  }
}

/** The newest that may be tried now, taken out; null when there is none. */
function takeNewest(dues: Due[], nowUs: number): Due | null {
  const at = dues.findLastIndex((due) => due.notBeforeUs <= nowUs);
  return at < 0 ? null : dues.splice(at, 1)[0]!;
}

/** Puts one back where it belongs, oldest first. */
function putInOrder(dues: Due[], due: Due): void {
  const isOlder = (other: Due) =>
    other.segment.id < due.segment.id || (other.segment.id === due.segment.id && other.number < due.number);
  dues.splice(dues.findLastIndex(isOlder) + 1, 0, due);
}

async function readFrameIndex(segment: SpoolSegment, number: number): Promise<FrameIndex> {
  const { header, data } = await readFrame(segment, number);
  const { offset, length } = segment.frames[number]!;
  const pairs = decodeFrame(data).map((line) => JSON.parse(line) as RRPair);
  const rows = frameRows(pairs, { segment: segment.id, number, offset, length }, header.ruleVersion ?? null);
  return { rows, rollups: [...rollupPartials(rows), ...(header.folded ?? [])] };
}
