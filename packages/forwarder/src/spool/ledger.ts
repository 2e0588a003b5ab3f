// The forwarder's books: for every capture stream the last batch accepted and the last one durable, the counters its
// sender reported, and the forwarder's own counters. Pure state; the spool makes it durable.
//
// The forwarder keeps its incarnation over restarts, and its counters are restored so that they balance exactly:
//   captured, undecodable, withheld   the last frame header (they become durable together with the pairs they count)
//   delivered, refused, lost          those of segments that are gone from the spool (`retired`, in the state file);
//                                     what is still in the spool is sent again, which changes nothing there
// so  captured = undecodable + withheld + retired + lines in the spool  holds at any moment the process may be killed.
import { count, emptyCounters, type HopReport, StoredReports, type StreamCursor } from '@echoplane/traffic';
import type { Hello } from '@echoplane/wire';
import { z } from 'zod';
import { crashReport, isLater } from '../intake/sender-reports.ts';

const Counts = z.record(z.string(), z.int());

/** A segment that will never be shipped, until the control plane knows. */
export const LostSegment = z.object({
  segment: z.uuid(),
  openedAt: z.int(),
  pairs: z.int(),
  reason: z.string(),
});
export type LostSegment = z.infer<typeof LostSegment>;

/** What must outlive the last segment; written when a segment is closed and before one is removed. */
export const SpoolState = z.object({
  v: z.literal(1),
  incarnation: z.string(),
  captured: z.int(),
  undecodable: z.int(),
  withheld: Counts.default({}),
  recalled: z.int().default(0),
  retired: z.object({
    delivered: z.int(),
    refused: z.int(),
    /** Pairs of segments given up, by reason. */
    lost: Counts.default({}),
    lastSegment: z.string().nullable(),
  }),
  cursors: z.array(z.object({ incarnation: z.string(), batch: z.int(), taken: z.int().optional() })),
  reports: StoredReports,
  lost: z.array(LostSegment).default([]),
});
export type SpoolState = z.infer<typeof SpoolState>;

/** One capture stream: one life of one sender. */
export interface Stream {
  readonly incarnation: string;
  /** Last batch taken into memory, last batch on disk; null until a first one is known. */
  accepted: number | null;
  durable: number;
  /** Pairs of it on disk, or held back or dropped for a reason; infinite where an older release did not count them. */
  taken: number;
  report: HopReport | null;
  seenUs: number;
  connected: boolean;
  /** Who its last connection was by its certificate; null when it was plain. */
  identity: string | null;
  /** What became of its pairs here since this process started: `ship`, why they were held back, or `undecodable`. */
  outcomes: Record<string, number>;
}

/** What one frame adds to the books once it is durable. */
export interface FrameDelta {
  cursors: StreamCursor[];
  reports: HopReport[];
  captured: number;
  undecodable: number;
  withheld: Record<string, number>;
  /** Pairs of the ring among those captured. */
  recalled: number;
}

/** How the pairs of a segment ended that leaves the spool. */
export interface SegmentEnd {
  delivered: number;
  refused: number;
  lost?: { reason: string; pairs: number };
}

/** Streams remembered at once; each costs a report in every index batch, which takes at most 1,000. */
const MAX_STREAMS = 900;
const FORGET_US = 24 * 3_600_000_000;
/** Lost segments the control plane has not heard of; older ones are then found missing there. */
const MAX_LOST = 10_000;

export class Ledger {
  readonly #service: string;
  readonly #streams = new Map<string, Stream>();
  #incarnation: string;
  #captured = 0;
  #undecodable = 0;
  #withheld: Record<string, number> = {};
  #recalled = 0;
  #retired: SpoolState['retired'] = { delivered: 0, refused: 0, lost: {}, lastSegment: null };
  #lost: LostSegment[] = [];
  #version = 0;

  constructor(service: string, incarnation: string) {
    this.#service = service;
    this.#incarnation = incarnation;
  }

  /** Grows with every change of a counter. */
  get version(): number {
    return this.#version;
  }
  get streams(): readonly Stream[] {
    return [...this.#streams.values()];
  }
  /** Segments whose loss the control plane has not been told. */
  get lost(): readonly LostSegment[] {
    return this.#lost;
  }

  /** The stream a Hello belongs to; null when there are too many live ones. */
  open(hello: Hello, nowUs: number): Stream | null {
    this.#forget(nowUs);
    const known = this.#streams.get(hello.incarnation);
    if (!known && this.#streams.size >= MAX_STREAMS) return null;
    const stream = known ?? freshStream(hello.incarnation, nowUs);
    this.#streams.set(hello.incarnation, stream);
    return stream;
  }

  /** The forwarder's own report; with `next`, as it will stand when that frame is durable. */
  own(next?: FrameDelta): HopReport {
    const counters = emptyCounters();
    counters.captured = this.#captured + (next?.captured ?? 0);
    counters.delivered = this.#retired.delivered;
    counters.withheld = sumOf(this.#withheld, next?.withheld ?? {});
    const undecodable = this.#undecodable + (next?.undecodable ?? 0);
    if (undecodable > 0) count(counters.dropped, 'undecodable', undecodable);
    if (this.#retired.refused > 0) count(counters.dropped, 'index-refused', this.#retired.refused);
    for (const [reason, pairs] of Object.entries(this.#retired.lost)) count(counters.dropped, reason, pairs);
    return { hop: 'forwarder', incarnation: this.#incarnation, service: this.#service, counters };
  }

  /** The forwarder's report, its ring's, and the last of every sender. */
  reports(next?: FrameDelta): HopReport[] {
    const recalled = this.#recalled + (next?.recalled ?? 0);
    const counters = { ...emptyCounters(), captured: recalled, delivered: recalled };
    const incarnation = `${this.#incarnation}.ring`;
    const ring: HopReport = { hop: 'ring', incarnation, service: this.#service, counters };
    const own = recalled > 0 ? [this.own(next), ring] : [this.own(next)];
    return [...own, ...this.streams.flatMap((stream) => stream.report ?? [])];
  }

  /** The two of `reports` that are the forwarder's own, as they will stand when a frame is durable. */
  ownReports(next: FrameDelta): HopReport[] {
    return this.reports(next).filter(({ hop }) => hop === 'forwarder' || hop === 'ring');
  }

  /** A frame is on disk. */
  commit(frame: FrameDelta, nowUs: number): void {
    this.#captured += frame.captured;
    this.#undecodable += frame.undecodable;
    this.#withheld = sumOf(this.#withheld, frame.withheld);
    this.#recalled += frame.recalled;
    this.#note(frame.cursors, frame.reports, nowUs);
  }

  /** A segment leaves the spool: shipped and indexed, or given up. */
  retire(segment: { id: string; openedAt: number; pairs: number }, end: SegmentEnd): void {
    const { delivered, refused, lost } = this.#retired;
    this.#retired = {
      delivered: delivered + end.delivered,
      refused: refused + end.refused,
      lost: end.lost ? sumOf(lost, { [end.lost.reason]: end.lost.pairs }) : lost,
      lastSegment: segment.id,
    };
    if (end.lost) {
      const { reason, pairs } = end.lost;
      this.#lost = [...this.#lost, { segment: segment.id, openedAt: segment.openedAt, pairs, reason }].slice(
        -MAX_LOST,
      );
    }
    this.#version++;
  }

  /** The control plane knows of these losses. */
  forgetLost(segments: ReadonlySet<string>): void {
    this.#lost = this.#lost.filter(({ segment }) => !segments.has(segment));
  }

  /** Closes the books of senders that are gone: what they had not handed over by their last report is lost. */
  settleGone(goneBeforeUs: number): void {
    for (const stream of this.#streams.values()) {
      if (stream.connected || stream.seenUs > goneBeforeUs || !stream.report) continue;
      const settled = crashReport(stream.report, stream.taken);
      if (!settled) continue;
      stream.report = settled;
      this.#version++;
    }
  }

  state(): SpoolState {
    return {
      v: 1,
      incarnation: this.#incarnation,
      captured: this.#captured,
      undecodable: this.#undecodable,
      withheld: this.#withheld,
      recalled: this.#recalled,
      retired: this.#retired,
      cursors: this.streams.map(({ incarnation, durable, taken }) => ({
        incarnation,
        batch: durable,
        ...(Number.isFinite(taken) ? { taken } : {}),
      })),
      reports: this.reports(),
      lost: [...this.#lost],
    };
  }

  /** Takes the books up where a former life of the process left them. */
  restore(state: SpoolState, nowUs: number): void {
    this.#incarnation = state.incarnation;
    this.#captured = state.captured;
    this.#undecodable = state.undecodable;
    this.#withheld = state.withheld;
    this.#recalled = state.recalled;
    this.#retired = state.retired;
    this.#lost = state.lost;
    this.#note(state.cursors, state.reports, nowUs);
  }

  /** Takes up what the header of a recovered frame says, on top of `restore`. */
  replay(cursors: readonly StreamCursor[], reports: readonly HopReport[], nowUs: number): void {
    const own = reports.find((report) => report.hop === 'forwarder');
    if (own && own.counters.captured >= this.#captured) {
      this.#incarnation = own.incarnation;
      this.#captured = own.counters.captured;
      this.#undecodable = own.counters.dropped.undecodable ?? 0;
      this.#withheld = own.counters.withheld;
    }
    const ring = reports.find((report) => report.hop === 'ring');
    if (ring) this.#recalled = Math.max(this.#recalled, ring.counters.captured);
    this.#note(cursors, reports, nowUs);
  }

  #note(cursors: readonly StreamCursor[], reports: readonly HopReport[], nowUs: number): void {
    for (const { incarnation, batch, taken } of cursors) {
      const stream = this.#streams.get(incarnation) ?? freshStream(incarnation, nowUs);
      stream.durable = Math.max(stream.durable, batch);
      stream.accepted = Math.max(stream.accepted ?? 0, batch);
      stream.taken = Math.max(stream.taken, taken ?? Number.POSITIVE_INFINITY);
      stream.seenUs = nowUs;
      this.#streams.set(incarnation, stream);
    }
    for (const report of reports) {
      const stream = this.#streams.get(report.incarnation);
      if (stream && (!stream.report || isLater(report.counters, stream.report.counters)))
        stream.report = report;
    }
    this.#version++;
  }

  /** Streams silent for a day are forgotten; when the table is full, the one longest away. */
  #forget(nowUs: number): void {
    const away = this.streams.filter((stream) => !stream.connected).sort((a, b) => a.seenUs - b.seenUs);
    for (const stream of away) {
      if (nowUs - stream.seenUs <= FORGET_US && this.#streams.size < MAX_STREAMS) return;
      this.#streams.delete(stream.incarnation);
    }
  }
}

function freshStream(incarnation: string, nowUs: number): Stream {
  const unknown = { accepted: null, durable: 0, taken: 0, report: null, connected: false, identity: null };
  return { incarnation, seenUs: nowUs, outcomes: {}, ...unknown };
}

/** The sums by reason. */
export function sumOf(a: Record<string, number>, b: Record<string, number>): Record<string, number> {
  const sums = { ...a };
  for (const [reason, pairs] of Object.entries(b)) if (pairs > 0) count(sums, reason, pairs);
  return sums;
}
