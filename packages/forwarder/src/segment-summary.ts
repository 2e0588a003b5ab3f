// What a segment's manifest will say, gathered frame by frame: counts, times, frame positions, rollups; and the index
// rows of one frame. Pure; the same code sums up a segment as it is written and after a crash.
import {
  ENDPOINT_TEMPLATE_VERSION,
  endpointOf,
  type FrameEntry,
  type HopReport,
  type IndexRow,
  indexRow,
  mergeBuckets,
  type RollupPartial,
  type RRPair,
  requestLine,
  rollupPartials,
  SEGMENT_VERSION,
  type SegmentManifest,
  segmentKey,
} from '@echoplane/traffic';

/** Rollup keys a manifest may hold; endpoints beyond are counted together as `{other}`. */
const MAX_ROLLUPS = 5_000;
const OTHER_ENDPOINT = '{other}';

/** Where a frame is: `number` counts from 0, the zstd data is at [offset, +length). */
export interface FramePlace {
  segment: string;
  number: number;
  offset: number;
  length: number;
}

/** The index rows of a frame's pairs, in the order of its lines. */
export function frameRows(pairs: readonly RRPair[], place: FramePlace): IndexRow[] {
  return pairs.map((pair, line) => {
    const position = {
      segment: place.segment,
      frame: place.number,
      frameOffset: place.offset,
      frameLength: place.length,
      line,
    };
    return indexRow(pair, position, endpointOf(requestLine(pair).path));
  });
}

/** When a segment was opened, µs since the epoch: the millisecond in its id, so that its key can always be told. */
export function openedAtOf(segment: string): number {
  return Number.parseInt(segment.replace('-', '').slice(0, 12), 16) * 1000;
}

export class SegmentSummary {
  readonly #frames: FrameEntry[] = [];
  readonly #rollups = new Map<string, RollupPartial>();
  #pairs = 0;
  #rawBytes = 0;
  #firstTs: number | null = null;
  #lastTs: number | null = null;

  get frames(): readonly FrameEntry[] {
    return this.#frames;
  }
  get pairs(): number {
    return this.#pairs;
  }

  /** Takes up the next frame. */
  add(pairs: readonly RRPair[], place: FramePlace, rawBytes: number): void {
    this.#frames.push({ offset: place.offset, length: place.length, lines: pairs.length });
    this.#pairs += pairs.length;
    this.#rawBytes += rawBytes;
    for (const { ts } of pairs) {
      this.#firstTs = Math.min(this.#firstTs ?? ts, ts);
      this.#lastTs = Math.max(this.#lastTs ?? ts, ts);
    }
    for (const partial of rollupPartials(frameRows(pairs, place))) this.#merge(partial);
  }

  manifest(tenant: string, segment: string, closedAt: number, reports: HopReport[]): SegmentManifest {
    const openedAt = openedAtOf(segment);
    return {
      v: SEGMENT_VERSION,
      ...{ tenant, segment, key: segmentKey(tenant, segment, openedAt), openedAt, closedAt },
      ...{ firstTs: this.#firstTs, lastTs: this.#lastTs, pairs: this.#pairs, rawBytes: this.#rawBytes },
      frames: [...this.#frames],
      rollups: [...this.#rollups.values()],
      reports,
      templateVersion: ENDPOINT_TEMPLATE_VERSION,
      ruleVersion: null,
    };
  }

  #merge(partial: RollupPartial): void {
    const key = keyOf(partial);
    const known = this.#rollups.get(key);
    if (known) this.#rollups.set(key, sumOf(known, partial));
    else if (this.#rollups.size < MAX_ROLLUPS || partial.endpoint === OTHER_ENDPOINT)
      this.#rollups.set(key, partial);
    else this.#merge({ ...partial, endpoint: OTHER_ENDPOINT });
  }
}

function keyOf(p: RollupPartial): string {
  return JSON.stringify([p.minute, p.service, p.direction, p.peer, p.endpoint, p.statusClass, p.replay]);
}

function sumOf(a: RollupPartial, b: RollupPartial): RollupPartial {
  return {
    ...a,
    count: a.count + b.count,
    requestBytes: a.requestBytes + b.requestBytes,
    responseBytes: a.responseBytes + b.responseBytes,
    latencySumUs: a.latencySumUs + b.latencySumUs,
    latencyBuckets: mergeBuckets(a.latencyBuckets, b.latencyBuckets),
  };
}
