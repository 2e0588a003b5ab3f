// Segments record by record through a delivery stream that throttles, takes half of a call, does it twice, or says nothing
// of what it did; killed in the middle and sent again; delivered by moto into its bucket, and indexed from there. Every
// frame is known once, and every line can be read.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateDeliveryStreamCommand, FirehoseClient } from '@aws-sdk/client-firehose';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { createClient } from '@echoplane/api';
import { openStore } from '@echoplane/archive';
import { type ObjectStore, readObject, systemClock } from '@echoplane/runtime';
import { LandingWalker, type RRPair } from '@echoplane/traffic';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { buildApp } from '../packages/cloud/src/app.ts';
import {
  type ControlPlane,
  clock,
  log,
  startControlPlane,
  type TestTenant,
} from '../packages/cloud/src/control-plane.fixture.ts';
import { landingPass } from '../packages/cloud/src/landing.ts';
import { type MadeSegment, makePair, makeSegment } from '../packages/cloud/src/traffic.fixture.ts';
import { MAX_RECORD_BYTES } from '../packages/forwarder/src/sinks/firehose-records.ts';
import { firehoseSink } from '../packages/forwarder/src/sinks/firehose-sink.ts';
import { type Fault, FaultyProxy, seeded } from './faulty-proxy.ts';
import { ACCESS_KEY, type Emulator, REGION, SECRET_KEY, startMoto } from './object-stores.ts';

const BUCKET = 'landing-bucket';
const STREAM = 'segments';
const PREFIX = 'landing/';
const SHARES: Partial<Record<Fault, number>> = {
  ...{ 'partial-batch': 0.3, throttled: 0.15, twice: 0.1, 'drop-answer': 0.1, 'cut-request': 0.05 },
};
const never = new AbortController().signal;
/** Backoff is not what is tested. */
const hasty = { ...systemClock(), sleep: async () => {} };

let plane: ControlPlane;
let app: ControlPlane['app'];
let baseUrl: string;
let moto: Emulator;
let store: ObjectStore;
let folder: string;
let proxy: FaultyProxy;

beforeAll(async () => {
  Object.assign(process.env, {
    ...{ AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY, AWS_REGION: REGION },
  });
  folder = await mkdtemp(join(tmpdir(), 'firehose-'));
  [moto, plane] = await Promise.all([startMoto(), startControlPlane()]);
  const { url: endpoint } = moto;
  const s3 = new S3Client({ endpoint, region: REGION, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const destination = {
    ...{ BucketARN: `arn:aws:s3:::${BUCKET}`, RoleARN: 'arn:aws:iam::123456789012:role/delivery' },
    Prefix: PREFIX,
  };
  await new FirehoseClient({ endpoint, region: REGION }).send(
    new CreateDeliveryStreamCommand({
      ...{ DeliveryStreamName: STREAM, ExtendedS3DestinationConfiguration: destination },
    }),
  );
  store = (await openStore({ s3Endpoint: endpoint, s3Bucket: BUCKET, s3PathStyle: true }))!;
  app = await buildApp({ services: { ...plane.services, store }, metrics: async () => [] });
  baseUrl = await app.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(async () => {
  await app?.close();
  await Promise.all([moto?.stop(), plane?.stop()]);
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  proxy = await FaultyProxy.start({ upstreamPort: moto.port, seed: 11, shares: SHARES });
});
afterEach(() => proxy.close());

const clientOf = (tenant: TestTenant, role: 'agent' | 'viewer') =>
  createClient({ baseUrl, fetch, headers: () => ({ authorization: `Bearer ${tenant.keys[role]}` }) });

const sinkAt = (endpoint: string, stream = STREAM) =>
  firehoseSink({ stream, region: REGION, endpoint, clock: hasty, log });

interface Recorded {
  tenant: TestTenant;
  pairs: RRPair[];
  segment: MadeSegment;
  path: string;
}

/** A segment of one pair a frame, indexed; `bodyBytes` of what no compression makes smaller. */
async function record(tenant: TestTenant, bodyBytes: readonly number[]): Promise<Recorded> {
  const random = seeded(bodyBytes.length);
  const from = clock.nowUs();
  const pairs = bodyBytes.map((size, n) => {
    const bytes = Buffer.alloc(size);
    for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE((random() * 2 ** 32) >>> 0, at);
    return makePair({ ts: from + n, responseBody: { text: bytes.toString('base64') } });
  });
  const segment = makeSegment(tenant.id, pairs, { perFrame: 1 });
  const path = join(folder, `${segment.id}.closed`);
  await writeFile(path, segment.bytes);
  for (const body of segment.batches) await clientOf(tenant, 'agent').call('ingestIndex', { body });
  return { tenant, pairs, segment, path };
}

async function ship({ tenant, segment, path }: Recorded, endpoint: string, signal = never) {
  const { manifest, sizeBytes } = segment.shipped;
  const shipment = await sinkAt(endpoint).ship({ path, manifest, sizeBytes }, signal);
  const body = { key: manifest.key, via: 'firehose' as const };
  const sent = { ...body, sizeBytes: shipment.sizeBytes, manifest: shipment.manifest };
  await clientOf(tenant, 'agent').call('ingestSegment', { body: sent });
  return shipment;
}

const land = () => {
  const { platform, withTenant } = plane;
  return landingPass({ platform, withTenant, store, prefix: PREFIX, clock, log }, never);
};

async function isShipped({ tenant, segment }: Recorded): Promise<boolean> {
  const found = await plane.withTenant(tenant.id, (db) =>
    db.query<{ shipped: boolean }>('SELECT shipped FROM segments WHERE id = $1', [segment.id]),
  );
  return found.rows[0]!.shipped;
}

/** Reads every pair through the API; the ids of those that cannot be. */
async function unreadable({ tenant, pairs }: Recorded): Promise<string[]> {
  const client = clientOf(tenant, 'viewer');
  const missing: string[] = [];
  for (const pair of pairs) {
    const found = await client.call('trafficPair', { params: { id: pair.id } }).catch(() => null);
    if (found) expect(found.pair).toEqual(pair);
    else missing.push(pair.id);
  }
  return missing;
}

/** How often each frame of a segment is in the bucket. */
async function copies({ segment }: Recorded): Promise<number[]> {
  const counts = segment.batches.map(() => 0);
  for (const key of await store.list(PREFIX)) {
    const walker = new LandingWalker();
    for (const block of walker.push(await readObject(store, key))) {
      if (block.kind === 'frame' && block.header.segment === segment.id) counts[block.header.frame]!++;
    }
    expect([...walker.end()]).toEqual([]);
    expect(walker.skippedBytes).toBe(0);
  }
  return counts;
}

const SIZES = [
  Array.from({ length: 16 }, () => 300_000),
  [...Array.from({ length: 30 }, () => 100_000), 700_000, 1_000],
  Array.from({ length: 700 }, () => 100),
];

describe('segments through a delivery stream on a bad line', () => {
  test('arrive: every frame is known once, every line can be read', async () => {
    const tenants = [plane.ann, plane.bob, plane.ann];
    const recorded: Recorded[] = [];
    for (const [n, sizes] of SIZES.entries()) recorded.push(await record(tenants[n]!, sizes));
    for (const one of recorded) {
      const { sizeBytes, oversizeFrames } = await ship(one, proxy.url);
      expect({ sizeBytes, oversizeFrames }).toEqual({
        sizeBytes: one.segment.bytes.length,
        oversizeFrames: [],
      });
    }
    const counts = (await land())!;
    const frames = SIZES.flat().length;
    expect(counts).toMatchObject({ frames, strangers: 0, skippedBytes: 0 });
    for (const one of recorded) {
      expect(Math.min(...(await copies(one)))).toBeGreaterThanOrEqual(1);
      expect(await isShipped(one)).toBe(true);
      expect(await unreadable(one)).toEqual([]);
    }
    const met = Object.fromEntries(proxy.counts);
    expect(met['partial-batch'], JSON.stringify(met)).toBeGreaterThan(0);
    expect(Object.keys(met).length, JSON.stringify(met)).toBeGreaterThanOrEqual(3);
  });

  test('that are killed in the middle and sent again are the same segment', async () => {
    const one = await record(
      plane.ann,
      Array.from({ length: 40 }, () => 250_000),
    );
    const calm = await FaultyProxy.start({ upstreamPort: moto.port, seed: 1, shares: {} });
    try {
      const kill = new AbortController();
      calm.onRequest = (number) => number === 2 && kill.abort();
      await expect(ship(one, calm.url, kill.signal)).rejects.toThrow();
      await land();
      expect(await isShipped(one)).toBe(false);
      const before = await unreadable(one);
      expect(before.length).toBeGreaterThan(0);
      expect(before.length).toBeLessThan(40);
      calm.onRequest = () => {};
      await ship(one, calm.url);
    } finally {
      calm.close();
    }
    expect(await land()).toMatchObject({ duplicates: expect.any(Number) });
    expect(Math.max(...(await copies(one)))).toBeGreaterThan(1);
    expect(await isShipped(one)).toBe(true);
    expect(await unreadable(one)).toEqual([]);
  });

  test('leave out frames that no record can hold, and say which', async () => {
    const one = await record(plane.bob, [1_000, MAX_RECORD_BYTES, 2_000]);
    const shipment = await ship(one, moto.url);
    expect(shipment.oversizeFrames).toEqual([1]);
    expect(shipment.manifest.pairs).toBe(2);
    await land();
    expect(await isShipped(one)).toBe(true);
    expect(await unreadable(one)).toEqual([one.pairs[1]!.id]);
  });

  test('throw, after a number of attempts, when nothing is taken', async () => {
    const one = await record(plane.ann, [1_000]);
    const busy = await FaultyProxy.start({ upstreamPort: moto.port, seed: 1, shares: { throttled: 1 } });
    await expect(ship(one, busy.url)).rejects.toThrow();
    expect(busy.counts.get('throttled')).toBe(10);
    busy.close();
  });

  test('say so when there is no such stream', async () => {
    const { path, segment } = await record(plane.ann, [1_000]);
    const { manifest, sizeBytes } = segment.shipped;
    const refused = sinkAt(moto.url, 'none').ship({ path, manifest, sizeBytes }, never);
    await expect(refused).rejects.toThrow('There is no delivery stream none; make it or name another.');
  });
});
