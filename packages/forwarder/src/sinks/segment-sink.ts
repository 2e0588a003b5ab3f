// The way out for closed segments, as the ship line sees it: one attempt at one segment, however it travels. Who calls
// decides how often; a segment that was sent twice is in the store once.
import type { SegmentManifest } from '@echoplane/traffic';

/** A segment whose file is whole. */
export interface ClosedSegment {
  path: string;
  manifest: SegmentManifest;
  sizeBytes: number;
}

export interface Shipment {
  /** Bytes that left. */
  sizeBytes: number;
  /** The manifest that is true of what left: without the frames that no record could hold. */
  manifest: SegmentManifest;
  /** Numbers of those frames; their pairs are lost and must be counted. */
  oversizeFrames: readonly number[];
}

export interface SegmentSink {
  /** `store`: whole under its key when `ship` resolves; `firehose`: taken by the stream, lands later in other objects. */
  readonly via: 'store' | 'firehose';
  /** Throws when not all of it left, or `signal` aborts; then nothing of it counts as sent. */
  ship(segment: ClosedSegment, signal: AbortSignal): Promise<Shipment>;
}

/** The outcome of a segment that left as it is. */
export function whole({ manifest, sizeBytes }: ClosedSegment): Shipment {
  return { sizeBytes, manifest, oversizeFrames: [] };
}
