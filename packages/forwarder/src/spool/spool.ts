// The spool's writer. Pairs gather in memory for a moment, then one write makes them, the cursors of their streams
// and the counters durable together: the open segment is its own write-ahead log. One writer, frames strictly in order.
// What cannot be written is not acknowledged; it is tried again until it can. At the limit, or on a full disk, the ring
// gives way first, then the oldest segment that was not shipped: it is counted, and the control plane is told.
//
//   add ─▶ frame gathering ─(bytes or delay)─▶ write + fdatasync ─▶ ledger, acks, index line
//                                                     └─(size, age or rotate)─▶ manifest, .closed ─▶ ship line
import type { FileHandle } from 'node:fs/promises';
import { backoffMs, type Clock, type Logger, newId, OperatingError } from '@echoplane/runtime';
import { encodeFrame, type IndexRow, MAX_HEADER_BYTES, type RollupPartial } from '@echoplane/traffic';
import { FrameBuffer, type SpoolBatch } from './frame-buffer.ts';
import type { FrameDelta, Ledger, SegmentEnd } from './ledger.ts';
import { openedAtOf, SegmentSummary } from './segment-summary.ts';
import {
  closeSegmentFile,
  leaveSpool,
  openPath,
  openSegmentFile,
  releaseReserve,
  replaceFile,
  type SpoolFiles,
  type SpoolSegment,
  takeReserve,
  writeDurably,
} from './spool-files.ts';

export const STATE_FILE = 'state.json';

export interface SpoolLimits {
  segmentMaxBytes: number;
  segmentMaxAgeMs: number;
  frameMaxDelayMs: number;
  frameMaxBytes: number;
  spoolMaxBytes: number;
}

/** A frame that was just written, with what the index needs of it. */
export interface FreshFrame {
  rows: IndexRow[];
  rollups: RollupPartial[];
  /** Overwritten by the next frame. */
  ndjson: Buffer;
}

export interface SpoolEvents {
  /** The batches of these streams are on disk, up to their ledger's `durable`. */
  durable(incarnations: string[]): void;
  frame(segment: SpoolSegment, number: number, fresh: FreshFrame): void;
  closed(segment: SpoolSegment): void;
  /** Frees what the ring keeps; false when it keeps nothing. */
  yieldRing(): Promise<boolean>;
  /** The oldest closed segment that nobody is shipping just now, taken out of the lines; null when there is none. */
  surrender(): SpoolSegment | null;
  /** A segment that left was shipped and now is the ring's, or nobody's. */
  left(segment: SpoolSegment): Promise<void>;
}

export interface SpoolOptions {
  files: SpoolFiles;
  tenant: string;
  ledger: Ledger;
  limits: SpoolLimits;
  events: SpoolEvents;
  clock: Clock;
  log: Logger;
}

interface OpenSegment {
  info: SpoolSegment;
  file: FileHandle;
  summary: SegmentSummary;
}

/** A frame whose header comes to this is written: the other half is room for the batch that went beyond. */
const FULL_HEADER_BYTES = MAX_HEADER_BYTES / 2;
const RETRY = { firstMs: 100, maxMs: 5_000 };
/** Attempts on a full disk, about a second, in which segments that can be shipped make room by that. */
const SHIPPING_ATTEMPTS = 4;
const MAX_SCRATCH_BYTES = 4 << 20;

/** What a write is for: a `frame` never takes the room set aside for the `books` and the `end` of a segment. */
type Purpose = 'frame' | 'end' | 'books';

export class Spool {
  readonly #options: SpoolOptions;
  readonly #halt = new AbortController();
  #gathering: FrameBuffer | null = null;
  #open: OpenSegment | null = null;
  /** Frames are written and segments closed one after the other. */
  #tail: Promise<unknown> = Promise.resolve();
  /** Segments leave one after the other: the state file names the last that did. */
  #leaving: Promise<unknown> = Promise.resolve();
  #stateTail: Promise<unknown> = Promise.resolve();
  #pendingBytes = 0;
  #spoolBytes = 0;
  #trouble: string | null = null;
  #scratch = Buffer.alloc(0);

  constructor(options: SpoolOptions, recovered: readonly SpoolSegment[]) {
    this.#options = options;
    for (const segment of recovered) this.#spoolBytes += segment.sizeBytes;
  }

  /** NDJSON held in memory. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }
  get spoolBytes(): number {
    return this.#spoolBytes;
  }
  /** At this size the oldest segment that was not shipped is given up. */
  get maxBytes(): number {
    return this.#options.limits.spoolMaxBytes;
  }
  /** Why nothing can be written at the moment, or null. */
  get trouble(): string | null {
    return this.#trouble;
  }
  get openSegment(): SpoolSegment | null {
    return this.#open?.info ?? null;
  }

  /** Takes a batch on; it is durable when `events.durable` says so. */
  add(batch: SpoolBatch): void {
    const { limits } = this.#options;
    const frame = this.#gathering ?? this.#startFrame();
    const before = frame.chars;
    frame.add(batch);
    this.#pendingBytes += frame.chars - before;
    if (frame.chars >= limits.frameMaxBytes || frame.headerBytes >= FULL_HEADER_BYTES) void this.flush();
  }

  /** Writes what has gathered; resolves when everything taken on before is durable. */
  flush(): Promise<unknown> {
    const frame = this.#gathering;
    this.#gathering = null;
    if (frame) this.#tail = this.#tail.then(() => this.#write(frame));
    return this.#tail;
  }

  /** Flushes and closes the open segment, if there is one. */
  rotate(): Promise<unknown> {
    void this.flush();
    this.#tail = this.#tail.then(() => this.#close());
    return this.#tail;
  }

  /** Closes a segment that has come of age; to be called every now and then. */
  async rotateByAge(): Promise<void> {
    const { clock, limits } = this.#options;
    const open = this.#open?.info;
    // A clock set back must not keep a segment open for ever.
    const ageUs = open ? Math.abs(clock.nowUs() - openedAtOf(open.id)) : 0;
    if (ageUs >= limits.segmentMaxAgeMs * 1000) await this.rotate();
  }

  /** Lets a segment go: its share of the counters is made durable before its file is gone. */
  retire(segment: SpoolSegment, end: SegmentEnd): Promise<void> {
    const { ledger, events, files } = this.#options;
    const left = this.#leaving.then(async () => {
      ledger.retire({ id: segment.id, openedAt: openedAtOf(segment.id), pairs: segment.pairs }, end);
      await this.saveBooks();
      const keep = end.lost === undefined;
      await this.#persist('a segment cannot be taken out of the spool', () =>
        leaveSpool(files, segment, keep),
      );
      this.#spoolBytes -= segment.sizeBytes;
      if (keep) await events.left(segment);
    });
    this.#leaving = left.catch(() => {});
    return left;
  }

  /** Makes the books durable as they stand. */
  async saveBooks(): Promise<void> {
    await this.#persist('the state of the spool cannot be written', () => this.#saveState());
  }

  /** Gives up waiting for a disk that does not take what is pending; resolves when nothing is written any more. */
  async halt(): Promise<void> {
    this.#halt.abort();
    await Promise.allSettled([this.#tail, this.#leaving, this.#stateTail]);
  }

  #startFrame(): FrameBuffer {
    const frame = new FrameBuffer();
    this.#gathering = frame;
    setTimeout(() => {
      if (this.#gathering === frame) void this.flush();
    }, this.#options.limits.frameMaxDelayMs);
    return frame;
  }

  async #write(frame: FrameBuffer): Promise<void> {
    const { ledger, events, clock, limits } = this.#options;
    const delta = frame.delta();
    let fresh: FreshFrame | null = null;
    const write = async () => {
      fresh = await this.#append(frame, delta);
    };
    const isWritten = await this.#persist('the spool cannot be written', write, 'frame');
    if (!isWritten || !fresh) return;
    ledger.commit(delta, clock.nowUs());
    this.#pendingBytes -= frame.chars;
    events.durable(frame.incarnations);
    const { info } = this.#open!;
    if (frame.lines.length + frame.folded.length > 0) {
      info.unsettled++;
      events.frame(info, info.frames.length - 1, fresh);
    }
    if (info.sizeBytes >= limits.segmentMaxBytes) await this.#close();
  }

  /** One try to put a frame behind the last one. */
  async #append(frame: FrameBuffer, delta: FrameDelta): Promise<FreshFrame> {
    const { files, tenant, ledger } = this.#options;
    await this.#makeRoom();
    await takeReserve(files);
    this.#open ??= await this.#openSegment();
    const { info, file, summary } = this.#open;
    const number = summary.frames.length;
    const ndjson = this.#encode(frame.lines);
    const folded = frame.foldedRollups;
    const header = {
      ...{ tenant, segment: info.id, frame: number, lines: frame.lines.length, cursors: delta.cursors },
      reports: [...ledger.ownReports(delta), ...delta.reports],
      ...{ ruleVersion: frame.ruleVersion, withheld: delta.withheld },
      ...(folded.length > 0 ? { folded } : {}),
    };
    const { bytes, dataOffset, dataLength } = encodeFrame(ndjson, header);
    try {
      await writeDurably(files, file, bytes, info.sizeBytes);
    } catch (err) {
      // A full disk gets back what the try took, so that there is room to retire what is shipped.
      await file.truncate(info.sizeBytes).catch(() => {});
      throw err;
    }
    const place = { segment: info.id, number, offset: info.sizeBytes + dataOffset, length: dataLength };
    const rollups = summary.add({ rows: frame.rows, folded, withheld: delta.withheld }, place, {
      ...{ rawBytes: ndjson.length, ruleVersion: frame.ruleVersion },
    });
    info.pairs = summary.pairs;
    info.sizeBytes += bytes.length;
    this.#spoolBytes += bytes.length;
    return { rows: frame.rows, rollups, ndjson };
  }

  /** The lines in a buffer that is used again for the next frame: half a megabyte, 65 times a second, is a lot of garbage. */
  #encode(lines: readonly string[]): Buffer {
    const text = lines.length > 0 ? `${lines.join('\n')}\n` : '';
    // Latin letters and the rest of the basic plane take at most three bytes.
    if (this.#scratch.length < text.length * 3) this.#scratch = Buffer.allocUnsafeSlow(text.length * 3);
    const bytes = this.#scratch.subarray(0, this.#scratch.write(text));
    // A single huge frame must not hold its memory for good.
    if (this.#scratch.length > MAX_SCRATCH_BYTES) this.#scratch = Buffer.alloc(0);
    return bytes;
  }

  /** At the limit the oldest segment that went nowhere makes room. */
  async #makeRoom(): Promise<void> {
    const { limits } = this.#options;
    while (this.#spoolBytes >= limits.spoolMaxBytes) {
      if (await this.#giveUpOldest('spool-full')) continue;
      // Closed, it can be shipped or given up.
      if (!this.#open || this.#open.info.sizeBytes === 0) {
        throw new OperatingError(
          'spool_full',
          'The spool has reached its limit; segments must be shipped first.',
        );
      }
      await this.#close();
    }
  }

  async #giveUpOldest(reason: string): Promise<boolean> {
    const { events, log } = this.#options;
    const segment = events.surrender();
    if (!segment) return false;
    log.error(
      { segment: segment.id, pairs: segment.pairs, reason },
      'the oldest segment not shipped was given up',
    );
    await this.retire(segment, { delivered: 0, refused: 0, lost: { reason, pairs: segment.pairs } });
    return true;
  }

  async #openSegment(): Promise<OpenSegment> {
    const { files, clock } = this.#options;
    const id = newId(clock.nowUs());
    const path = openPath(files, id);
    const file = await openSegmentFile(files, path, true);
    const summary = new SegmentSummary();
    const counts = { sizeBytes: 0, pairs: 0, unsettled: 0, refused: 0 };
    return { info: { id, path, closed: false, frames: summary.frames, ...counts }, file, summary };
  }

  async #close(): Promise<void> {
    const open = this.#open;
    if (!open) return;
    const { files, tenant, ledger, clock, events } = this.#options;
    const { info, summary, file } = open;
    const dataBytes = info.sizeBytes;
    const manifest = summary.manifest(tenant, info.id, clock.nowUs(), ledger.reports());
    const end = async () => {
      // A closed segment's frame headers are not read again, so the state must cover them first.
      await this.#saveState();
      await closeSegmentFile(files, info, dataBytes, manifest);
    };
    const isClosed = await this.#persist('a segment cannot be closed', end, 'end');
    if (!isClosed) return;
    this.#open = null;
    this.#spoolBytes += info.sizeBytes - dataBytes;
    await file.close();
    events.closed(info);
  }

  #saveState(): Promise<void> {
    const save = () =>
      replaceFile(this.#options.files, STATE_FILE, JSON.stringify(this.#options.ledger.state()));
    const saved = this.#stateTail.then(save);
    this.#stateTail = saved.catch(() => {});
    return saved;
  }

  /** Tries until it works; false when the spool was halted before. A full disk is made room on. */
  async #persist(failure: string, action: () => Promise<void>, purpose: Purpose = 'books'): Promise<boolean> {
    const { clock, log, files } = this.#options;
    for (let attempt = 1; !this.#halt.signal.aborted; attempt++) {
      try {
        await action();
        if (this.#trouble !== null) await takeReserve(files).catch(() => {});
        this.#trouble = null;
        return true;
      } catch (err) {
        this.#trouble = failure;
        log.error({ err, failure, attempt }, 'the spool has to try again');
        const isFull = (err as NodeJS.ErrnoException).code === 'ENOSPC';
        if (isFull && (await this.#freeDisk(purpose, attempt > SHIPPING_ATTEMPTS))) continue;
        await clock.sleep(backoffMs(attempt, RETRY, Math.random()), this.#halt.signal);
      }
    }
    return false;
  }

  /**
   * In this order: the ring; for books and ends the reserve; then, when segments have had a moment to be shipped, the oldest
   * that went nowhere, which is not for books: they are part of giving one up. When all there is is the open segment it is
   * closed, so that it can be shipped.
   */
  async #freeDisk(purpose: Purpose, mayGiveUp: boolean): Promise<boolean> {
    const { events, files } = this.#options;
    if (await events.yieldRing()) return true;
    if (purpose !== 'frame' && (await releaseReserve(files))) return true;
    if (purpose === 'books') return false;
    if (mayGiveUp && (await this.#giveUpOldest('disk-full'))) return true;
    if (purpose === 'frame' && this.#open && this.#open.info.sizeBytes > 0) await this.#close();
    return false;
  }
}
