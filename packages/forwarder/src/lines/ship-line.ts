// Ships closed segments, newest first, one at a time: every frame indexed, the bytes where they belong, the control plane
// told, then out of the spool. One that fails steps back and lets the others go. Segments that were given up are told
// to the control plane too. It must not know streams, frames, or which kind of store it is.
import { backoffMs } from '@echoplane/runtime';
import { CALL_TIMEOUT_MS, isFinalRefusal, isUnknownRoute } from '../control-plane.ts';
import type { SegmentSink } from '../sinks/segment-sink.ts';
import { openedAtOf } from '../spool/segment-summary.ts';
import type { Spool } from '../spool/spool.ts';
import { readManifest, type SpoolSegment } from '../spool/spool-files.ts';
import { type IndexLine, type LineOptions, RETRY } from './index-line.ts';

export interface ShipLineOptions extends LineOptions {
  sink: SegmentSink;
  indexLine: IndexLine;
  spool: Spool;
}

interface Due {
  segment: SpoolSegment;
  failures: number;
  /** Not to be tried before, µs. */
  notBeforeUs: number;
}

/** A segment closed longer ago than this was left behind by an outage: it is shipped within the bound for catching up. */
const FRESH_US = 300_000_000;
const MAX_TOMBSTONES = 1_000;

export class ShipLine {
  readonly #options: ShipLineOptions;
  /** Oldest first. */
  #due: Due[] = [];
  #current: Due | null = null;
  #shipped = 0;
  #failing = 0;

  constructor(options: ShipLineOptions) {
    this.#options = options;
  }

  push(segment: SpoolSegment): void {
    this.#due.push({ segment, failures: 0, notBeforeUs: 0 });
    this.#due.sort((a, b) => (a.segment.id < b.segment.id ? -1 : 1));
    this.#options.bell.ring();
  }

  get isIdle(): boolean {
    return this.#due.length === 0 && this.#options.ledger.lost.length === 0;
  }
  get lagSegments(): number {
    return this.#due.length;
  }
  get shipped(): number {
    return this.#shipped;
  }
  /** Segments whose last attempt failed. */
  get failing(): number {
    return this.#failing;
  }

  /** Whether a segment waits here, by its id. */
  find(segment: string): SpoolSegment | null {
    return this.#due.find((due) => due.segment.id === segment)?.segment ?? null;
  }

  /** Segments that wait, oldest first. */
  segments(): readonly SpoolSegment[] {
    return this.#due.map((due) => due.segment);
  }

  /** The oldest segment that is not being shipped just now, taken out of the line; null when there is none. */
  surrender(): SpoolSegment | null {
    const at = this.#due.findIndex((due) => due !== this.#current);
    return at < 0 ? null : this.#due.splice(at, 1)[0]!.segment;
  }

  /** Works until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { bell, clock, gate } = this.#options;
    while (!signal.aborted) {
      await gate.passed(signal);
      if (signal.aborted) return;
      if (this.#options.ledger.lost.length > 0 && !(await this.#tellLost(signal))) continue;
      const { due, waitMs } = this.#next();
      if (due) await this.#work(due, signal);
      else if (waitMs === null) await bell.wait();
      else await clock.sleep(waitMs, signal);
    }
  }

  /** What can be shipped now, else in how many ms there may be something; null: when the bell rings. */
  #next(): { due: Due | null; waitMs: number | null } {
    const { clock, catchUp } = this.#options;
    const nowUs = clock.nowUs();
    let waitMs: number | null = null;
    for (const due of this.#due.toReversed()) {
      if (due.segment.unsettled > 0) continue;
      const isFresh = nowUs - openedAtOf(due.segment.id) < FRESH_US || due.failures > 0;
      const pauseMs = Math.ceil((due.notBeforeUs - nowUs) / 1000);
      const wait = pauseMs > 0 ? pauseMs : isFresh ? 0 : catchUp.take(due.segment.sizeBytes);
      if (wait === 0) return { due, waitMs: null };
      waitMs = Math.min(waitMs ?? wait, wait, 1_000);
    }
    return { due: null, waitMs };
  }

  async #work(due: Due, signal: AbortSignal): Promise<void> {
    const { log, clock, spool, bell } = this.#options;
    const { segment } = due;
    this.#current = due;
    try {
      const dropped = segment.pairs > 0 ? await this.#ship(segment, signal) : 0;
      const refused = Math.min(segment.pairs, segment.refused + dropped);
      // Who looks for a pair finds its segment here until the ring has it; and once in the books, it is never shipped again.
      await spool
        .retire(segment, { delivered: segment.pairs - refused, refused })
        .finally(() => this.#due.splice(this.#due.indexOf(due), 1));
    } catch (err) {
      if (signal.aborted) return;
      due.failures++;
      due.notBeforeUs = clock.nowUs() + backoffMs(due.failures, RETRY, Math.random()) * 1000;
      if (due.failures === 1)
        log.warn({ err, segment: segment.id }, 'a segment cannot be shipped; trying again');
    } finally {
      this.#current = null;
      this.#failing = this.#due.filter(({ failures }) => failures > 0).length;
      bell.ring();
    }
  }

  /** Pairs that could not be shipped for good. */
  async #ship(segment: SpoolSegment, signal: AbortSignal): Promise<number> {
    const { sink, client, log, agent } = this.#options;
    const manifest = await readManifest(segment.path);
    const closed = { path: segment.path, sizeBytes: segment.sizeBytes, manifest };
    const { sizeBytes, manifest: shipped, oversizeFrames } = await sink.ship(closed, signal);
    const limited = AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]);
    const body = { key: manifest.key, sizeBytes, manifest: shipped, via: sink.via, agent };
    try {
      await client.call('ingestSegment', { body }, limited);
    } catch (err) {
      if (!isFinalRefusal(err)) throw err;
      log.error({ err, segment: segment.id }, 'the control plane refused a segment that is in the store');
    }
    this.#shipped++;
    log.info({ segment: segment.id, pairs: segment.pairs, sizeBytes }, 'a segment was shipped');
    return oversizeFrames.reduce((sum, number) => sum + segment.frames[number]!.lines, 0);
  }

  /** Tells of segments that will never arrive; false when it did not work. */
  async #tellLost(signal: AbortSignal): Promise<boolean> {
    const { client, ledger, spool, clock, log } = this.#options;
    const segments = ledger.lost.slice(0, MAX_TOMBSTONES);
    const limited = AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]);
    try {
      await client.call('ingestTombstones', { body: { segments } }, limited);
    } catch (err) {
      if (signal.aborted) return false;
      // An older control plane finds them missing by itself, in time.
      if (!isFinalRefusal(err) && !isUnknownRoute(err)) {
        await clock.sleep(RETRY.maxMs / 10, signal);
        return true;
      }
      log.error({ err }, 'the control plane does not want to know of lost segments');
    }
    ledger.forgetLost(new Set(segments.map(({ segment }) => segment)));
    await spool.saveBooks();
    return true;
  }
}
