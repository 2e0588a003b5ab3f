// What a segment's manifest will say, gathered frame by frame: counts, times, frame positions, rollups; and the index
// rows of one frame. Pure; the same code sums up a segment as it is written and after a crash.
import { DETECTOR_VERSION } from '@echoplane/rules';
import {
  count,
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
export function frameRows(
  pairs: readonly RRPair[],
  place: FramePlace,
  ruleVersion: string | null,
): IndexRow[] {
  const rows = pairs.map((pair) =>
    indexRow(pair, positionAt(place, 0), endpointOf(requestLine(pair).path), ruleVersion),
  );
  return placed(rows, place);
}

/** The same rows, told where their lines are. */
export function placed(rows: IndexRow[], place: FramePlace): IndexRow[] {
  for (const [line, row] of rows.entries()) Object.assign(row, positionAt(place, line));
  return rows;
}

function positionAt({ segment, number, offset, length }: FramePlace, line: number) {
  return { segment, frame: number, frameOffset: offset, frameLength: length, line };
}

/** When a segment was opened, µs since the epoch: the millisecond in its id, so that its key can always be told. */
export function openedAtOf(segment: string): number {
  return Number.parseInt(segment.replace('-', '').slice(0, 12), 16) * 1000;
}

/** What a frame brings: rows of its lines, rollups of what was folded into it, pairs held back meanwhile. */
export interface FrameContent {
  rows: IndexRow[];
  folded: readonly RollupPartial[];
  withheld?: Readonly<Record<string, number>>;
}

export class SegmentSummary {
  readonly #frames: FrameEntry[] = [];
  readonly #rollups = new Map<string, RollupPartial>();
  #pairs = 0;
  #rawBytes = 0;
  readonly #ruleVersions = new Set<string>();
  readonly #withheld: Record<string, number> = {};
  #firstTs: number | null = null;
  #lastTs: number | null = null;

  get frames(): readonly FrameEntry[] {
    return this.#frames;
  }
  get pairs(): number {
    return this.#pairs;
  }

  /** Takes up the next frame, tells its rows where they are, and gives the rollups of the frame. */
  add(
    content: FrameContent,
    place: FramePlace,
    about: { rawBytes: number; ruleVersion: string | null },
  ): RollupPartial[] {
    const { folded, withheld = {} } = content;
    const rows = placed(content.rows, place);
    const entry = { offset: place.offset, length: place.length, lines: rows.length };
    this.#frames.push(folded.length > 0 ? { ...entry, folded: true } : entry);
    this.#pairs += rows.length;
    this.#rawBytes += about.rawBytes;
    if (about.ruleVersion !== null) this.#ruleVersions.add(about.ruleVersion);
    for (const [reason, pairs] of Object.entries(withheld))
      if (pairs > 0) count(this.#withheld, reason, pairs);
    for (const { ts } of rows) {
      this.#firstTs = Math.min(this.#firstTs ?? ts, ts);
      this.#lastTs = Math.max(this.#lastTs ?? ts, ts);
    }
    const rollups = [...rollupPartials(rows), ...folded];
    for (const partial of rollups) this.#merge(partial);
    return rollups;
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
      ruleVersion: [...this.#ruleVersions].at(-1) ?? null,
      ruleVersions: [...this.#ruleVersions],
      detectorVersion: DETECTOR_VERSION,
      withheld: { ...this.#withheld },
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
