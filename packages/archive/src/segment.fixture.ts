// Segments of made-up traffic in a folder store, for the tests of what is done with them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderStore, newId, type ObjectStore } from '@echoplane/runtime';
import {
  encodeFrame,
  encodeManifest,
  type RRPair,
  SEGMENT_VERSION,
  type SegmentManifest,
  segmentKey,
} from '@echoplane/traffic';
import type { StoredPosition } from './selection.ts';

export const TENANT = '0198a5c0-0000-7000-8000-000000000001';
export const START = Date.parse('2026-01-05T10:00:00Z') * 1000;

export interface TestStore extends AsyncDisposable {
  folder: string;
  store: ObjectStore;
}

export async function testStore(): Promise<TestStore> {
  const folder = await mkdtemp(join(tmpdir(), 'archive-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  return { folder, store: await folderStore(folder), [Symbol.asyncDispose]: remove };
}

const json = (value: unknown) => ({
  ...{ size: Buffer.byteLength(JSON.stringify(value)), encoding: 'identity', json: value as null },
});

/** A whole request and response; `change` replaces what it names. */
export function makePair(ts: number, change: Partial<RRPair> = {}): RRPair {
  const headers: [string, string][] = [['content-type', 'application/json']];
  return {
    ...{ v: 1, id: newId(ts), ts, durationUs: 5_000, ttfbUs: 1_000, direction: 'IN', protocol: 'http/1.1' },
    ...{ tls: null, session: null, error: null, redactions: [], tags: {} },
    source: {
      ...{ cluster: 'local', namespace: 'default', pod: 'shop-1', container: 'shop' },
      workload: { kind: 'Process', name: 'shop' },
    },
    client: { ip: '127.0.0.1', port: 40_000, host: null },
    server: { ip: '127.0.0.1', port: 8_080, host: null },
    connection: { id: 'c1', seq: 0 },
    request: { method: 'POST', url: 'http://shop.localhost/orders', headers, body: json({ sku: 'a' }) },
    response: { status: 201, headers, body: json({ ok: true }) },
    ...change,
  };
}

export interface StoredSegment {
  id: string;
  key: string;
  manifest: SegmentManifest;
  positions: StoredPosition[];
}

/** Puts a segment of the pairs into the store, `perFrame` to a frame. */
export async function putSegment(
  store: ObjectStore,
  pairs: readonly RRPair[],
  perFrame = 10,
): Promise<StoredSegment> {
  const openedAt = pairs[0]!.ts;
  const id = newId(openedAt);
  const key = segmentKey(TENANT, id, openedAt);
  const parts: Buffer[] = [];
  const frames: SegmentManifest['frames'] = [];
  const positions: StoredPosition[] = [];
  let length = 0;
  for (let at = 0; at < pairs.length; at += perFrame) {
    const chunk = pairs.slice(at, at + perFrame);
    const ndjson = Buffer.from(chunk.map((pair) => `${JSON.stringify(pair)}\n`).join(''));
    const about = { tenant: TENANT, segment: id, frame: frames.length, lines: chunk.length };
    const made = encodeFrame(ndjson, { ...about, cursors: [], reports: [] });
    const place = { frameOffset: length + made.dataOffset, frameLength: made.dataLength };
    for (const [line, pair] of chunk.entries())
      positions.push({ id: pair.id, key, segment: id, frame: frames.length, line, ...place });
    frames.push({ offset: place.frameOffset, length: place.frameLength, lines: chunk.length });
    parts.push(made.bytes);
    length += made.bytes.length;
  }
  const manifest: SegmentManifest = {
    ...{ v: SEGMENT_VERSION, tenant: TENANT, segment: id, key, openedAt, closedAt: openedAt + 1_000_000 },
    ...{ firstTs: openedAt, lastTs: pairs.at(-1)!.ts, pairs: pairs.length, rawBytes: 0, frames },
    ...{ rollups: [], reports: [], templateVersion: 1, ruleVersion: null },
  };
  await store.put(key, Buffer.concat([...parts, encodeManifest(manifest)]));
  return { id, key, manifest, positions };
}

export async function* pagesOf(...pages: StoredPosition[][]): AsyncGenerator<StoredPosition[]> {
  yield* pages;
}

export const noProgress = async () => {};
