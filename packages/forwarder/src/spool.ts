// The spool's writer. Pairs gather in memory for a moment, then one write makes them, the cursors of their streams
// and the counters durable together: the open segment is its own write-ahead log. One writer, frames strictly in order.
// What cannot be written is not acknowledged; it is tried again until it can.
//
//   add ─▶ frame gathering ─(bytes or delay)─▶ write + fdatasync ─▶ ledger, acks, index line
//                                                     └─(size, age or rotate)─▶ manifest, .closed ─▶ ship line
import type { FileHandle } from 'node:fs/promises';
import { rm } from 'node:fs/promises';
import { backoffMs, type Clock, type Logger, newId, OperatingError } from '@echoplane/runtime';
import { encodeFrame, type HopReport, MAX_HEADER_BYTES, type RRPair } from '@echoplane/traffic';
import type { FrameDelta, Ledger, Stream } from './ledger.ts';
import { openedAtOf, SegmentSummary } from './segment-summary.ts';
import {
  closeSegmentFile,
  openPath,
  openSegmentFile,
  replaceFile,
  type SpoolFiles,
  type SpoolSegment,
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

export interface SpoolEvents {
  /** The batches of these streams are on disk, up to their ledger's `durable`. */
  durable(incarnations: string[]): void;
  frame(segment: SpoolSegment, number: number): void;
  closed(segment: SpoolSegment): void;
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

/** A decoded batch on its way into the spool. */
export interface SpoolBatch {
  stream: Stream;
  seq: number;
  report: HopReport | null;
  pairs: RRPair[];
  undecodable: number;
}

interface Frame {
  pairs: RRPair[];
  lines: string[];
  rawBytes: number;
  /** At most what cursors and reports take in the frame's header. */
  headerBytes: number;
  cursors: Map<string, number>;
  reports: Map<string, HopReport>;
  undecodable: number;
}

interface OpenSegment {
  info: SpoolSegment;
  file: FileHandle;
  summary: SegmentSummary;
}

/** A cursor as JSON, with the longest incarnation and number. */
const CURSOR_BYTES = 120;
/** A frame whose header comes to this is written: the other half is room for the batch that went beyond. */
const FULL_HEADER_BYTES = MAX_HEADER_BYTES / 2;
const RETRY = { firstMs: 100, maxMs: 5_000 };

export class Spool {
  readonly #options: SpoolOptions;
  readonly #halt = new AbortController();
  #gathering: Frame | null = null;
  #open: OpenSegment | null = null;
  /** Frames are written and segments closed one after the other. */
  #tail: Promise<unknown> = Promise.resolve();
  #stateTail: Promise<unknown> = Promise.resolve();
  #pendingBytes = 0;
  #spoolBytes = 0;
  #trouble: string | null = null;

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
  /** Why nothing can be written at the moment, or null. */
  get trouble(): string | null {
    return this.#trouble;
  }
  get openSegment(): SpoolSegment | null {
    return this.#open?.info ?? null;
  }

  /** Takes a batch on; it is durable when `events.durable` says so. */
  add(batch: SpoolBatch): void {
    const frame = this.#gathering ?? this.#startFrame();
    for (const pair of batch.pairs) {
      const line = JSON.stringify(pair);
      frame.pairs.push(pair);
      frame.lines.push(line);
      const bytes = Buffer.byteLength(line) + 1;
      frame.rawBytes += bytes;
      this.#pendingBytes += bytes;
    }
    frame.undecodable += batch.undecodable;
    batch.stream.accepted = batch.seq;
    frame.cursors.set(batch.stream.incarnation, batch.seq);
    if (batch.report) frame.reports.set(batch.stream.incarnation, batch.report);
    frame.headerBytes += CURSOR_BYTES + Buffer.byteLength(JSON.stringify(batch.report));
    const isFull =
      frame.rawBytes >= this.#options.limits.frameMaxBytes || frame.headerBytes >= FULL_HEADER_BYTES;
    if (isFull) void this.flush();
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
    if (open && clock.nowUs() - openedAtOf(open.id) >= limits.segmentMaxAgeMs * 1000) await this.rotate();
  }

  /** Removes a segment that is shipped and indexed; its share of the counters is made durable before. */
  async retire(segment: SpoolSegment): Promise<void> {
    this.#options.ledger.retire(segment.id, segment.delivered, segment.refused);
    await this.#persist('the state of the spool cannot be written', () => this.#saveState());
    await this.#persist('a shipped segment cannot be removed', () => rm(segment.path, { force: true }));
    this.#spoolBytes -= segment.sizeBytes;
  }

  /** Gives up waiting for a disk that does not take what is pending. */
  halt(): void {
    this.#halt.abort();
  }

  #startFrame(): Frame {
    const frame: Frame = {
      pairs: [],
      lines: [],
      rawBytes: 0,
      headerBytes: 0,
      cursors: new Map(),
      reports: new Map(),
      undecodable: 0,
    };
    this.#gathering = frame;
    setTimeout(() => {
      if (this.#gathering === frame) void this.flush();
    }, this.#options.limits.frameMaxDelayMs);
    return frame;
  }

  async #write(frame: Frame): Promise<void> {
    const { ledger, events, clock, limits } = this.#options;
    const delta: FrameDelta = {
      cursors: [...frame.cursors].map(([incarnation, batch]) => ({ incarnation, batch })),
      reports: [...frame.reports.values()],
      captured: frame.pairs.length + frame.undecodable,
      undecodable: frame.undecodable,
    };
    const isWritten = await this.#persist('the spool cannot be written', () => this.#append(frame, delta));
    if (!isWritten) return;
    ledger.commit(delta, clock.nowUs());
    this.#pendingBytes -= frame.rawBytes;
    events.durable([...frame.cursors.keys()]);
    const { info } = this.#open!;
    if (frame.pairs.length > 0) events.frame(info, info.frames.length - 1);
    if (info.sizeBytes >= limits.segmentMaxBytes) await this.#close();
  }

  /** One try to put a frame behind the last one. */
  async #append(frame: Frame, delta: FrameDelta): Promise<void> {
    const { files, tenant, ledger, limits } = this.#options;
    if (this.#spoolBytes >= limits.spoolMaxBytes) {
      // Closed, it can be shipped, which makes room.
      await this.#close();
      throw new OperatingError(
        'spool_full',
        'The spool has reached its limit; segments must be shipped first.',
      );
    }
    this.#open ??= await this.#openSegment();
    const { info, file, summary } = this.#open;
    const number = summary.frames.length;
    const ndjson = Buffer.from(frame.lines.map((line) => `${line}\n`).join(''));
    const reports = [ledger.own(delta), ...delta.reports];
    const header = {
      tenant,
      segment: info.id,
      frame: number,
      lines: frame.lines.length,
      cursors: delta.cursors,
      reports,
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
    summary.add(frame.pairs, place, frame.rawBytes);
    info.pairs = summary.pairs;
    info.sizeBytes += bytes.length;
    this.#spoolBytes += bytes.length;
  }

  async #openSegment(): Promise<OpenSegment> {
    const { files, clock } = this.#options;
    const id = newId(clock.nowUs());
    const path = openPath(files, id);
    const file = await openSegmentFile(files, path, true);
    const summary = new SegmentSummary();
    const counts = { sizeBytes: 0, pairs: 0, delivered: 0, refused: 0 };
    return { info: { id, path, closed: false, frames: summary.frames, ...counts }, file, summary };
  }

  async #close(): Promise<void> {
    const open = this.#open;
    if (!open) return;
    const { files, tenant, ledger, clock, events } = this.#options;
    const { info, summary, file } = open;
    const dataBytes = info.sizeBytes;
    const manifest = summary.manifest(tenant, info.id, clock.nowUs(), ledger.reports());
    const isClosed = await this.#persist('a segment cannot be closed', async () => {
      // A closed segment's frame headers are not read again, so the state must cover them first.
      await this.#saveState();
      await closeSegmentFile(files, info, dataBytes, manifest);
    });
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

  /** Tries until it works; false when the spool was halted before. */
  async #persist(failure: string, action: () => Promise<void>): Promise<boolean> {
    const { clock, log } = this.#options;
    for (let attempt = 1; !this.#halt.signal.aborted; attempt++) {
      try {
        await action();
        this.#trouble = null;
        return true;
      } catch (err) {
        this.#trouble = failure;
        log.error({ err, failure, attempt }, 'the spool has to try again');
        await clock.sleep(backoffMs(attempt, RETRY, Math.random()), this.#halt.signal);
      }
    }
    return false;
  }
}
