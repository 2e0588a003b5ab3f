// A frame while it gathers: lines, index rows without their place, cursors of the streams and the counters that become
// durable with it. Memory only.
import { randomBytes } from 'node:crypto';
import {
  endpointOf,
  type HopReport,
  type IndexRow,
  indexRow,
  pairLine,
  type RollupPartial,
  type RRPair,
  requestLine,
  rollupPartials,
} from '@echoplane/traffic';
import type { Fate, Refined } from '../intake/refinery.ts';
import type { FrameDelta, Stream } from './ledger.ts';

/** A batch after the refinery, on its way into the spool. */
export interface SpoolBatch {
  /** Null: not from a stream, but taken back out of the ring. */
  stream: Stream | null;
  seq: number;
  report: HopReport | null;
  refined: Refined[];
  undecodable: number;
  ruleVersion: string;
}

/** An index row whose place in its segment is not known yet. */
const NOWHERE = { segment: '', frame: 0, frameOffset: 0, frameLength: 1, line: 0 };

const MARK = randomBytes(12).toString('hex');

/** A pair as it is stored, in the spool and in the ring. */
export const lineOf = (pair: RRPair) => pairLine(pair, MARK);

/** A cursor as JSON, with the longest incarnation and number. */
const CURSOR_BYTES = 150;

export class FrameBuffer {
  readonly lines: string[] = [];
  readonly rows: IndexRow[] = [];
  /** Rows of pairs that are counted in the graphs and not kept. */
  readonly folded: IndexRow[] = [];
  readonly #cursors = new Map<string, { stream: Stream; batch: number; pairs: number }>();
  readonly #reports = new Map<string, HopReport>();
  readonly #held: Record<Exclude<Fate, 'ship'>, number> = { filtered: 0, sampled: 0, folded: 0 };
  ruleVersion = '';
  /** UTF-16 units of the lines: what it takes of memory, and about its bytes. */
  chars = 0;
  /** At most what cursors and reports take in the frame's header. */
  headerBytes = 0;
  #undecodable = 0;
  #recalled = 0;

  get incarnations(): string[] {
    return [...this.#cursors.keys()];
  }
  /** Rollups of the folded pairs. */
  get foldedRollups(): RollupPartial[] {
    return this.folded.length > 0 ? rollupPartials(this.folded) : [];
  }

  add(batch: SpoolBatch): void {
    const { stream, seq, report, refined, undecodable, ruleVersion } = batch;
    for (const { pair, fate } of refined) {
      if (fate === 'ship') this.#keep(pair, ruleVersion);
      else this.#hold(pair, fate, ruleVersion);
    }
    this.#undecodable += undecodable;
    this.ruleVersion = ruleVersion;
    if (!stream) {
      this.#recalled += refined.length;
      return;
    }
    const pairs = (this.#cursors.get(stream.incarnation)?.pairs ?? 0) + refined.length + undecodable;
    this.#cursors.set(stream.incarnation, { stream, batch: seq, pairs });
    if (report) this.#reports.set(stream.incarnation, report);
    this.headerBytes += CURSOR_BYTES + Buffer.byteLength(JSON.stringify(report));
  }

  /** What this frame adds to the books. */
  delta(): FrameDelta {
    const { filtered, sampled, folded } = this.#held;
    return {
      cursors: [...this.#cursors.values()].map(({ stream, batch, pairs }) => ({
        ...{ incarnation: stream.incarnation, batch },
        ...(Number.isFinite(stream.taken) ? { taken: stream.taken + pairs } : {}),
      })),
      reports: [...this.#reports.values()],
      captured: this.lines.length + this.#undecodable + filtered + sampled + folded,
      undecodable: this.#undecodable,
      withheld: { filtered, sampled, folded },
      recalled: this.#recalled,
    };
  }

  #keep(pair: RRPair, ruleVersion: string): void {
    const line = lineOf(pair);
    this.lines.push(line);
    this.chars += line.length + 1;
    this.rows.push(indexRow(pair, NOWHERE, endpointOf(requestLine(pair).path), ruleVersion));
  }

  #hold(pair: RRPair, fate: Exclude<Fate, 'ship'>, ruleVersion: string): void {
    this.#held[fate]++;
    if (fate === 'folded')
      this.folded.push(indexRow(pair, NOWHERE, endpointOf(requestLine(pair).path), ruleVersion));
  }
}
