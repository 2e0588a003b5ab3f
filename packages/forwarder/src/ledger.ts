// The forwarder's books: for every capture stream the last batch accepted and the last one durable, the counters its
// sender reported, and the forwarder's own counters. Pure state; the spool makes it durable.
//
// The forwarder keeps its incarnation over restarts, and its counters are restored so that they balance exactly:
//   captured, undecodable   the last frame header (they become durable together with the pairs they count)
//   delivered, refused      only those of segments that are gone from the spool (`retired`, in the state file);
//                           what is still in the spool is sent to the index again, which changes nothing there, and
//                           is counted then
// so  captured = undecodable + retired + lines in the spool  holds at any moment the process may be killed.
import {
  count,
  emptyCounters,
  type HopCounters,
  HopReport,
  StoredReports,
  type StreamCursor,
  total,
} from '@echoplane/traffic';
import type { Hello } from '@echoplane/wire';
import { z } from 'zod';

/** What must outlive the last segment; written when a segment is closed and before one is removed. */
export const SpoolState = z.object({
  v: z.literal(1),
  incarnation: z.string(),
  captured: z.int(),
  undecodable: z.int(),
  retired: z.object({ delivered: z.int(), refused: z.int(), lastSegment: z.string().nullable() }),
  cursors: z.array(z.object({ incarnation: z.string(), batch: z.int() })),
  reports: StoredReports,
});
export type SpoolState = z.infer<typeof SpoolState>;

/** One capture stream: one life of one sender. */
export interface Stream {
  readonly incarnation: string;
  /** Last batch taken into memory, last batch on disk; null until a first one is known. */
  accepted: number | null;
  durable: number;
  report: HopReport | null;
  seenUs: number;
  connected: boolean;
  /** Who its last connection was by its certificate; null when it was plain. */
  identity: string | null;
}

/** What one frame adds to the books once it is durable. */
export interface FrameDelta {
  cursors: StreamCursor[];
  reports: HopReport[];
  captured: number;
  undecodable: number;
}

/** Streams remembered at once; each costs a report in every index batch, which takes at most 1,000. */
const MAX_STREAMS = 900;
const FORGET_US = 24 * 3_600_000_000;

export class Ledger {
  readonly #service: string;
  readonly #streams = new Map<string, Stream>();
  #incarnation: string;
  #captured = 0;
  #undecodable = 0;
  #delivered = 0;
  #refused = 0;
  #retired: SpoolState['retired'] = { delivered: 0, refused: 0, lastSegment: null };
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
    counters.delivered = this.#delivered;
    const undecodable = this.#undecodable + (next?.undecodable ?? 0);
    if (undecodable > 0) count(counters.dropped, 'undecodable', undecodable);
    if (this.#refused > 0) count(counters.dropped, 'index-refused', this.#refused);
    return { hop: 'forwarder', incarnation: this.#incarnation, service: this.#service, counters };
  }

  /** The forwarder's report and the last of every sender. */
  reports(): HopReport[] {
    return [this.own(), ...this.streams.flatMap((stream) => stream.report ?? [])];
  }

  /** A frame is on disk. */
  commit(frame: FrameDelta, nowUs: number): void {
    this.#captured += frame.captured;
    this.#undecodable += frame.undecodable;
    this.#note(frame.cursors, frame.reports, nowUs);
  }

  /** The index took, or for good refused, the pairs of a frame. */
  indexed(fate: 'delivered' | 'refused', pairs: number): void {
    if (fate === 'delivered') this.#delivered += pairs;
    else this.#refused += pairs;
    this.#version++;
  }

  /** A segment leaves the spool with its pairs delivered and refused as given. */
  retire(segment: string, delivered: number, refused: number): void {
    this.#retired = {
      delivered: this.#retired.delivered + delivered,
      refused: this.#retired.refused + refused,
      lastSegment: segment,
    };
  }

  state(): SpoolState {
    return {
      v: 1,
      incarnation: this.#incarnation,
      captured: this.#captured,
      undecodable: this.#undecodable,
      retired: this.#retired,
      cursors: this.streams.map(({ incarnation, durable }) => ({ incarnation, batch: durable })),
      reports: this.reports(),
    };
  }

  /** Takes the books up where a former life of the process left them. */
  restore(state: SpoolState, nowUs: number): void {
    this.#incarnation = state.incarnation;
    this.#captured = state.captured;
    this.#undecodable = state.undecodable;
    this.#retired = state.retired;
    this.#delivered = state.retired.delivered;
    this.#refused = state.retired.refused;
    this.#note(state.cursors, state.reports, nowUs);
  }

  /** Takes up what the header of a recovered frame says, on top of `restore`. */
  replay(cursors: readonly StreamCursor[], reports: readonly HopReport[], nowUs: number): void {
    const own = reports.find((report) => report.hop === 'forwarder');
    if (own) {
      this.#incarnation = own.incarnation;
      this.#captured = Math.max(this.#captured, own.counters.captured);
      this.#undecodable = Math.max(this.#undecodable, own.counters.dropped.undecodable ?? 0);
    }
    this.#note(cursors, reports, nowUs);
  }

  #note(cursors: readonly StreamCursor[], reports: readonly HopReport[], nowUs: number): void {
    for (const { incarnation, batch } of cursors) {
      const stream = this.#streams.get(incarnation) ?? freshStream(incarnation, nowUs);
      stream.durable = Math.max(stream.durable, batch);
      stream.accepted = Math.max(stream.accepted ?? 0, batch);
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

/** A sender's report from what a batch says of it, or null when it is not sound: it goes into files and to the control plane. */
export function senderReport(hello: Hello, counters: unknown): HopReport | null {
  const { hop, incarnation, cluster, namespace, workload } = hello;
  const service = `${cluster}/${namespace}/${workload}`;
  return HopReport.safeParse({ hop, incarnation, service, counters }).data ?? null;
}

function freshStream(incarnation: string, nowUs: number): Stream {
  const unknown = { accepted: null, durable: 0, report: null, connected: false, identity: null };
  return { incarnation, seenUs: nowUs, ...unknown };
}

/** Counters only grow. */
function isLater(a: HopCounters, b: HopCounters): boolean {
  const sum = (c: HopCounters) => c.captured + c.delivered + total(c.withheld) + total(c.dropped);
  return sum(a) >= sum(b);
}
