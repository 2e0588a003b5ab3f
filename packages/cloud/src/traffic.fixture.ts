// Made-up traffic for integration tests: RRPairs, and whole segments of them with their index batches and manifest, as a
// forwarder would write them.
import type { IndexBatch, SegmentShipped } from '@echoplane/api';
import { newId } from '@echoplane/runtime';
import {
  ENDPOINT_TEMPLATE_VERSION,
  encodeFrame,
  encodeManifest,
  endpointOf,
  type HopReport,
  INDEX_ROW_VERSION,
  indexRow,
  type RRPair,
  requestLine,
  rollupPartials,
  SEGMENT_VERSION,
  type SegmentManifest,
  segmentKey,
} from '@echoplane/traffic';

export interface PairOptions {
  ts: number;
  direction?: 'IN' | 'OUT';
  url?: string;
  method?: string;
  status?: number;
  durationUs?: number;
  workload?: string;
  requestBody?: unknown;
  responseBody?: unknown;
  tags?: Record<string, string>;
  connection?: string;
  seq?: number;
  id?: string;
}

const body = (json: unknown) =>
  json === undefined
    ? { size: 0, encoding: 'identity', text: '' }
    : { size: Buffer.byteLength(JSON.stringify(json)), encoding: 'identity', json: json as null };

export function makePair(options: PairOptions): RRPair {
  const {
    ts,
    direction = 'IN',
    url = 'http://shop.localhost/orders',
    method = 'GET',
    status = 200,
  } = options;
  const json: [string, string][] = [['content-type', 'application/json']];
  return {
    ...{ v: 1, id: options.id ?? newId(ts), ts, durationUs: options.durationUs ?? 5_000, ttfbUs: 1_000 },
    ...{ direction, protocol: 'http/1.1', tls: null, session: null, error: null, redactions: [] },
    source: {
      ...{ cluster: 'local', namespace: 'default', pod: 'shop-1', container: 'shop' },
      workload: { kind: 'Process', name: options.workload ?? 'shop' },
    },
    client: { ip: '127.0.0.1', port: 40_000, host: null },
    server: { ip: '127.0.0.1', port: 8_080, host: null },
    connection: { id: options.connection ?? 'c1', seq: options.seq ?? 0 },
    request: { method, url, headers: json, body: body(options.requestBody) },
    response: { status, headers: json, body: body(options.responseBody ?? { ok: true }) },
    tags: options.tags ?? {},
  };
}

export interface MadeSegment {
  id: string;
  bytes: Buffer;
  batches: IndexBatch[];
  shipped: SegmentShipped;
}

/** A segment of the pairs, `perFrame` to a frame. */
export function makeSegment(
  tenant: string,
  pairs: readonly RRPair[],
  options: { perFrame?: number; reports?: HopReport[] } = {},
): MadeSegment {
  const openedAt = Math.min(...pairs.map((pair) => pair.ts));
  const segment = newId(openedAt);
  const perFrame = options.perFrame ?? 100;
  const parts: Buffer[] = [];
  const batches: IndexBatch[] = [];
  const frames: SegmentManifest['frames'] = [];
  let length = 0;
  for (let at = 0; at < pairs.length; at += perFrame) {
    const chunk = pairs.slice(at, at + perFrame);
    const frame = frames.length;
    const ndjson = Buffer.from(chunk.map((pair) => `${JSON.stringify(pair)}\n`).join(''));
    const made = encodeFrame(ndjson, {
      tenant,
      segment,
      frame,
      lines: chunk.length,
      cursors: [],
      reports: [],
    });
    const position = { segment, frame, frameOffset: length + made.dataOffset, frameLength: made.dataLength };
    const rows = chunk.map((pair, line) =>
      indexRow(pair, { ...position, line }, endpointOf(requestLine(pair).path)),
    );
    batches.push({
      v: INDEX_ROW_VERSION,
      segment,
      frame,
      openedAt,
      rows,
      rollups: rollupPartials(rows),
      reports: options.reports ?? [],
    });
    frames.push({ offset: position.frameOffset, length: made.dataLength, lines: chunk.length });
    parts.push(made.bytes);
    length += made.bytes.length;
  }
  const key = segmentKey(tenant, segment, openedAt);
  const manifest: SegmentManifest = {
    ...{ v: SEGMENT_VERSION, tenant, segment, key, openedAt, closedAt: openedAt + 1_000_000 },
    ...{ firstTs: openedAt, lastTs: pairs.at(-1)!.ts, pairs: pairs.length, rawBytes: 0, frames },
    ...{
      rollups: batches.flatMap((batch) => batch.rollups),
      reports: [],
      templateVersion: ENDPOINT_TEMPLATE_VERSION,
    },
    ruleVersion: null,
  };
  const bytes = Buffer.concat([...parts, encodeManifest(manifest)]);
  return { id: segment, bytes, batches, shipped: { key, sizeBytes: bytes.length, manifest, via: 'store' } };
}
