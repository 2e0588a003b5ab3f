import { createClient } from '@echoplane/api';
import { encodeFrame, encodeManifest, type RRPair, segmentBlocks } from '@echoplane/traffic';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type ControlPlane,
  clock,
  log,
  startControlPlane,
  type TestTenant,
} from './control-plane.fixture.ts';
import { type LandingCounts, landingPass } from './landing.ts';
import { type MadeSegment, makePair, makeSegment } from './traffic.fixture.ts';

const never = new AbortController().signal;
const HOUR_US = 3_600_000_000;
let plane: ControlPlane;
let baseUrl: string;
let prefix: string;
let objects = 0;

beforeAll(async () => {
  plane = await startControlPlane();
  baseUrl = await plane.app.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(() => plane?.stop());
beforeEach(() => {
  prefix = `landing-${objects++}/`;
});

const clientOf = (tenant: TestTenant, role: 'agent' | 'viewer') =>
  createClient({ baseUrl, fetch, headers: () => ({ authorization: `Bearer ${tenant.keys[role]}` }) });

const pass = (store = plane.store): Promise<LandingCounts | null> =>
  landingPass({ platform: plane.platform, withTenant: plane.withTenant, store, prefix, clock, log }, never);

/** The records a forwarder makes of a segment: each frame with its header, then the manifest. */
function recordsOf({ bytes }: MadeSegment): Buffer[] {
  let start = 0;
  return [...segmentBlocks(bytes)].map(({ end }) => {
    const record = bytes.subarray(start, end);
    start = end;
    return record;
  });
}

/** Puts an object as a delivery stream would, into the folder of this hour or of an hour ago. */
async function land(records: readonly Buffer[], hoursAgo = 0): Promise<string> {
  const hour = new Date(clock.nowUs() / 1000 - hoursAgo * 3_600_000).toISOString().slice(0, 13);
  const key = `${prefix}${hour.replaceAll('-', '/').replace('T', '/')}/stream-1-${objects++}`;
  await plane.store.put(key, Buffer.concat(records));
  return key;
}

interface Recorded {
  tenant: TestTenant;
  pairs: RRPair[];
  segment: MadeSegment;
}

function record(tenant: TestTenant, count = 6, agoUs = 0): Recorded {
  const from = clock.nowUs() - agoUs;
  const pairs = Array.from({ length: count }, (_, n) =>
    makePair({ ts: from + n, responseBody: { n, from } }),
  );
  return { tenant, pairs, segment: makeSegment(tenant.id, pairs, { perFrame: 2 }) };
}

async function index({ tenant, segment }: Recorded): Promise<void> {
  for (const body of segment.batches) await clientOf(tenant, 'agent').call('ingestIndex', { body });
}

function announce({ tenant, segment }: Recorded): Promise<{ rows: number; duplicate: boolean }> {
  return clientOf(tenant, 'agent').call('ingestSegment', { body: { ...segment.shipped, via: 'firehose' } });
}

/** Whether each pair can be read, and is the one that was recorded. */
async function readable({ tenant, pairs }: Recorded): Promise<boolean[]> {
  const client = clientOf(tenant, 'viewer');
  return Promise.all(
    pairs.map(async (pair) => {
      const found = await client.call('trafficPair', { params: { id: pair.id } }).catch(() => null);
      if (found) expect(found.pair).toEqual(pair);
      return found !== null;
    }),
  );
}

async function isShipped({ tenant, segment }: Recorded): Promise<boolean> {
  const { rows } = await plane.withTenant(tenant.id, (db) =>
    db.query<{ shipped: boolean }>('SELECT shipped FROM segments WHERE id = $1', [segment.id]),
  );
  return rows[0]?.shipped ?? false;
}

const all = (recorded: Recorded) => recorded.pairs.map(() => true);
const none = (recorded: Recorded) => recorded.pairs.map(() => false);

describe('segments that come through a delivery stream', () => {
  test('can be read wherever their frames landed: mixed, in any order, more than once, of several tenants', async () => {
    const [a, b] = [record(plane.ann), record(plane.bob)];
    await index(a);
    await index(b);
    const [ours, theirs] = [recordsOf(a.segment), recordsOf(b.segment)];
    expect(await readable(a)).toEqual(none(a));
    await land([theirs[2]!, ours[1]!, ours[1]!, theirs[0]!]);
    await land([ours[2]!, theirs[1]!, ours[0]!, ours[3]!, theirs[3]!, ours[1]!]);
    expect(await pass()).toEqual({ objects: 2, frames: 6, duplicates: 2, strangers: 0, skippedBytes: 0 });
    expect(await readable(a)).toEqual(all(a));
    expect(await readable(b)).toEqual(all(b));
    expect(await isShipped(a)).toBe(true);
    expect(await pass()).toMatchObject({ objects: 0, frames: 0 });
  });

  test.each(['before', 'after'])('are shipped when all of it landed %s it was announced', async (when) => {
    const recorded = record(plane.ann);
    await index(recorded);
    const [first, second, third] = recordsOf(recorded.segment) as [Buffer, Buffer, Buffer];
    if (when === 'after') expect(await announce(recorded)).toMatchObject({ duplicate: false });
    await land([first, third]);
    await pass();
    expect(await isShipped(recorded)).toBe(false);
    expect(await readable(recorded)).toEqual([true, true, false, false, true, true]);
    await land([second]);
    await pass();
    if (when === 'before') expect(await announce(recorded)).toMatchObject({ duplicate: false });
    expect(await isShipped(recorded)).toBe(true);
    expect(await announce(recorded)).toMatchObject({ duplicate: true });
  });

  test('may land before their index batches', async () => {
    const recorded = record(plane.ann);
    await land(recordsOf(recorded.segment));
    expect(await pass()).toMatchObject({ frames: 3 });
    await index(recorded);
    expect(await readable(recorded)).toEqual(all(recorded));
  });

  test('are whole without the frames that no record could hold', async () => {
    const recorded = record(plane.ann);
    await index(recorded);
    const { manifest } = recorded.segment.shipped;
    const frames = manifest.frames.map((entry, n) => (n === 1 ? { ...entry, length: 0, lines: 0 } : entry));
    const [first, , third] = recordsOf(recorded.segment) as [Buffer, Buffer, Buffer];
    await land([first, third, encodeManifest({ ...manifest, frames, pairs: 4 })]);
    await pass();
    expect(await isShipped(recorded)).toBe(true);
    expect(await readable(recorded)).toEqual([true, true, false, false, true, true]);
  });

  test('are found in a selection, frames of one number in one object too', async () => {
    const [one, two] = [record(plane.bob, 2, HOUR_US), record(plane.bob, 2, HOUR_US)];
    await index(one);
    await index(two);
    await land([...recordsOf(one.segment), ...recordsOf(two.segment)]);
    await pass();
    const snapshot = await plane.app.inject({
      ...{ method: 'POST', url: '/v1/snapshots' },
      headers: { authorization: `Bearer ${plane.bob.keys.editor}` },
      payload: { name: 's', query: { from: one.pairs[0]!.ts, to: two.pairs.at(-1)!.ts + 1 } },
    });
    expect(snapshot.statusCode).toBe(202);
    const { claimJob, doJob } = await import('./worker.ts');
    const options = { ...plane, clock, log };
    const job = await claimJob(plane.platform, clock);
    await doJob(options, job!, never);
    const { rows } = await plane.withTenant(plane.bob.id, (db) =>
      db.query<{ state: string; message: string | null }>('SELECT state, message FROM jobs WHERE id = $1', [
        job!.id,
      ]),
    );
    expect(rows[0]).toEqual({ state: 'succeeded', message: null });
  });
});

describe('the landing indexer', () => {
  test('steps over what is not ours and tenants that are not known, and says how much', async () => {
    const recorded = record(plane.ann);
    const stranger = makeSegment('0190a0a0-0000-7000-8000-0000000000ff', recorded.pairs);
    await land([Buffer.from('rubbish'), ...recordsOf(recorded.segment), ...recordsOf(stranger)]);
    expect(await pass()).toMatchObject({ objects: 1, frames: 3, strangers: 2, skippedBytes: 7 });
  });

  test('what says what cannot be does not hold up what lies beside it', async () => {
    const [ours, theirs] = [record(plane.ann), record(plane.bob)];
    const about = { tenant: plane.bob.id, segment: theirs.segment.id, lines: 1, cursors: [], reports: [] };
    const frame = encodeFrame(Buffer.from('{}\n'), { ...about, frame: 2 ** 40 });
    const { manifest } = theirs.segment.shipped;
    const negative = {
      ...manifest,
      pairs: -1,
      openedAt: -1,
      frames: [{ offset: -1, length: 1e15, lines: -1 }],
    };
    await land([frame.bytes, ...recordsOf(ours.segment)]);
    await land([encodeManifest(negative), ...recordsOf(record(plane.ann).segment)]);
    expect(await pass()).toMatchObject({ objects: 2, frames: 6 });
    expect(await pass()).toMatchObject({ objects: 0 });
    await index(ours);
    expect(await readable(ours)).toEqual(all(ours));
  });

  test('walks an object again, to the same rows, when it ended before it had noted it', async () => {
    const recorded = record(plane.ann);
    const key = await land(recordsOf(recorded.segment));
    await pass();
    await plane.postgres.asSuperuser(plane.database, 'DELETE FROM echoplane.landed_objects WHERE key = $1', [
      key,
    ]);
    expect(await pass()).toMatchObject({ objects: 1, frames: 0, duplicates: 3 });
  });

  test('is one at a time', async () => {
    await land(recordsOf(record(plane.ann).segment));
    const [looking, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const list: typeof plane.store.list = async (...from) => {
      looking.resolve();
      await goOn.promise;
      return plane.store.list(...from);
    };
    const first = pass({ ...plane.store, list });
    await looking.promise;
    expect(await pass()).toBeNull();
    goOn.resolve();
    expect(await first).toMatchObject({ objects: 1, frames: 3 });
  });

  test('forgets the names of old objects, and does not look at them again; late ones of two days it finds', async () => {
    const old = await land(recordsOf(record(plane.ann).segment), 72);
    const late = await land(recordsOf(record(plane.ann).segment), 40);
    expect(await pass()).toMatchObject({ objects: 2 });
    const names = await plane.postgres.asSuperuser(
      plane.database,
      'SELECT key FROM echoplane.landed_objects WHERE starts_with(key, $1)',
      [prefix],
    );
    expect(names.rows).toEqual([{ key: late }]);
    await plane.store.put(`${old}-earlier`.replace('stream-1', 'stream-0'), Buffer.from('x'));
    await land(recordsOf(record(plane.ann).segment), 41);
    expect(await pass()).toMatchObject({ objects: 1, skippedBytes: 0 });
  });

  test('goes on with the others when one object cannot be read, and comes back to it', async () => {
    const [bad, good] = [record(plane.ann), record(plane.ann)];
    const key = await land(recordsOf(bad.segment));
    await land(recordsOf(good.segment));
    const failing = {
      ...plane.store,
      stream: (k: string) => (k === key ? Promise.reject(new Error('away')) : plane.store.stream(k)),
    };
    const options = { ...plane, prefix, clock, log };
    expect(await landingPass({ ...options, store: failing }, never)).toMatchObject({ objects: 1, frames: 3 });
    expect(await landingPass(options, never)).toMatchObject({ objects: 1, frames: 3 });
  });
});
