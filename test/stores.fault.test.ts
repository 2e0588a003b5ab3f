// Every promise of an object store, kept by a folder, by moto and by MinIO alike; and segments on their way into them
// through a proxy that breaks connections, refuses, repeats and lies about what was done.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { type ApiClient, createClient } from '@echoplane/api';
import { openStore, type Presigner, presigner, type StoreConfig } from '@echoplane/archive';
import { folderStore, ObjectMissing, type ObjectStore, OperatingError, readObject } from '@echoplane/runtime';
import { segmentKey } from '@echoplane/traffic';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startControlPlane } from '../packages/cloud/src/control-plane.fixture.ts';
import { makePair, makeSegment } from '../packages/cloud/src/traffic.fixture.ts';
import { presignedSink } from '../packages/forwarder/src/sinks/presigned-sink.ts';
import type { ClosedSegment, SegmentSink } from '../packages/forwarder/src/sinks/segment-sink.ts';
import { storeSink } from '../packages/forwarder/src/sinks/store-sink.ts';
import { uploadSink } from '../packages/forwarder/src/sinks/upload-sink.ts';
import { type Fault, FaultyProxy, seeded } from './faulty-proxy.ts';
import { ACCESS_KEY, type Emulator, REGION, SECRET_KEY, startMinio, startMoto } from './object-stores.ts';

const TENANT = '0190a0a0-0000-7000-8000-00000000aaaa';
const BUCKET = 'segments';
const MIB = 1 << 20;
const ATTEMPTS = 60;
const never = new AbortController().signal;

let folder: string;
const emulators: Record<string, Emulator> = {};

beforeAll(async () => {
  Object.assign(process.env, {
    ...{ AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY, AWS_REGION: REGION },
  });
  folder = await mkdtemp(join(tmpdir(), 'stores-'));
  [emulators.moto, emulators.minio] = await Promise.all([startMoto(), startMinio()]);
  for (const { url } of Object.values(emulators)) {
    await clientOf(url).send(new CreateBucketCommand({ Bucket: BUCKET }));
  }
});
afterAll(async () => {
  await Promise.all(Object.values(emulators).map((emulator) => emulator.stop()));
  await rm(folder, { recursive: true, force: true });
});

function clientOf(endpoint: string): S3Client {
  return new S3Client({ endpoint, region: REGION, forcePathStyle: true });
}

function bucketAt(s3Endpoint: string, s3Prefix = ''): StoreConfig {
  return { s3Endpoint, s3Bucket: BUCKET, s3Prefix, s3PathStyle: true };
}

async function uploadsIn(endpoint: string): Promise<number> {
  const found = await clientOf(endpoint).send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
  return found.Uploads?.length ?? 0;
}

let stores = 0;
/** A new, empty store of each kind: a folder of its own, or a prefix of its own. */
const KINDS: [name: string, open: () => Promise<ObjectStore>][] = [
  ['a folder', () => folderStore(join(folder, `store-${stores++}`))],
  ...['moto', 'minio'].map((name): [string, () => Promise<ObjectStore>] => [
    name,
    async () => (await openStore(bucketAt(emulators[name]!.url, `store-${stores++}/`)))!,
  ]),
];

async function* chunks(sizeBytes: number, seed: number): AsyncGenerator<Buffer> {
  for (let left = sizeBytes; left > 0; left -= 64 << 10) yield noise(Math.min(left, 64 << 10), seed + left);
}

async function gathered(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

/** Bytes that no compression makes smaller. */
function noise(sizeBytes: number, seed: number): Buffer {
  const random = seeded(seed);
  const bytes = Buffer.alloc(sizeBytes);
  for (let at = 0; at + 4 <= sizeBytes; at += 4) bytes.writeUInt32LE((random() * 2 ** 32) >>> 0, at);
  return bytes;
}

describe.each(KINDS)('an object store in %s', (_name, open) => {
  let store: ObjectStore;
  beforeAll(async () => {
    store = await open();
  });

  test('gives back what was put, whole and in ranges that end with the object', async () => {
    expect(await store.put('t/a', Buffer.from('hello world'))).toEqual({ sizeBytes: 11 });
    expect((await readObject(store, 't/a')).toString()).toBe('hello world');
    expect((await store.read('t/a', 6, 3)).toString()).toBe('wor');
    expect((await store.read('t/a', 6, 99)).toString()).toBe('world');
    expect(await store.read('t/a', 99, 5)).toHaveLength(0);
    expect(await store.read('t/a', 0, 0)).toHaveLength(0);
    expect(await store.size('t/a')).toBe(11);
  });

  test('takes a stream of unknown length, larger than one part, and an empty one', async () => {
    const sizeBytes = 21 * MIB + 123;
    expect(await store.put('t/large', chunks(sizeBytes, 1))).toEqual({ sizeBytes });
    let at = 0;
    const wanted = await gathered(chunks(sizeBytes, 1));
    for await (const chunk of await store.stream('t/large')) {
      const bytes = chunk as Buffer;
      expect(bytes.equals(wanted.subarray(at, at + bytes.length))).toBe(true);
      at += bytes.length;
    }
    expect(at).toBe(sizeBytes);
    expect(await store.put('t/empty', chunks(0, 1))).toEqual({ sizeBytes: 0 });
    expect(await readObject(store, 't/empty')).toHaveLength(0);
  });

  test('replaces an object, and removes it; removing what is absent is no error', async () => {
    await store.put('t/r', Buffer.from('first'));
    await store.put('t/r', Buffer.from('second'));
    expect((await readObject(store, 't/r')).toString()).toBe('second');
    await store.remove('t/r');
    await store.remove('t/r');
    await expect(store.size('t/r')).rejects.toThrow(ObjectMissing);
  });

  test('says that an object is missing in every way to read it', async () => {
    await expect(store.size('t/none')).rejects.toThrow(ObjectMissing);
    await expect(store.read('t/none', 0, 1)).rejects.toThrow(ObjectMissing);
    await expect(store.read('t/none', 0, 0)).rejects.toThrow(ObjectMissing);
    await expect(store.stream('t/none')).rejects.toThrow(ObjectMissing);
  });

  test('lists the keys under a prefix in order, page by page when asked', async () => {
    const keys = ['l/10', 'l/9', 'l/a/b', 'l/year=2026/c', 'm/x'];
    for (const key of [...keys].reverse()) await store.put(key, Buffer.from(key));
    expect(await store.list('l/')).toEqual(keys.slice(0, 4));
    expect(await store.list('l/', { limit: 2 })).toEqual(keys.slice(0, 2));
    expect(await store.list('l/', { after: 'l/9', limit: 2 })).toEqual(keys.slice(2, 4));
    expect(await store.list('none/')).toEqual([]);
  });

  test.each(['../x', 'a/../../x', '/etc/passwd', 'a//b', '.', 'a b', ''])(
    'refuses the key %j',
    async (key) => {
      const code = { code: 'bad_object_key' };
      await expect((async () => store.put(key, Buffer.from('x')))()).rejects.toMatchObject(code);
      await expect((async () => store.read(key, 0, 1))()).rejects.toMatchObject(code);
    },
  );

  test.each([0, 6 * MIB, 20 * MIB])(
    'a source that fails after %d bytes leaves nothing',
    async (sizeBytes) => {
      const broken = async function* () {
        yield* chunks(sizeBytes, 2);
        throw new Error('the source broke');
      };
      await expect(store.put('b/broken', broken())).rejects.toThrow('the source broke');
      expect(await store.list('b/')).toEqual([]);
    },
  );

  test('a put that is aborted stops, and leaves nothing', async () => {
    const stop = new AbortController();
    const endless = async function* () {
      for (let n = 0; ; n++) {
        if (n === 12 * 16) stop.abort();
        yield noise(64 << 10, n);
      }
    };
    await expect(store.put('x/aborted', endless(), stop.signal)).rejects.toThrow(/abort/i);
    await expect(store.put('x/late', Buffer.from('x'), stop.signal)).rejects.toThrow(/abort/i);
    expect(await store.list('x/')).toEqual([]);
  });
});

describe.each(['moto', 'minio'])('a bucket of %s', (name) => {
  test('keeps no part of what failed', async () => {
    await expect.poll(() => uploadsIn(emulators[name]!.url)).toBe(0);
  });

  test('says so when it is not there', async () => {
    const missing = { ...bucketAt(emulators[name]!.url), s3Bucket: 'not-there' };
    await expect(openStore(missing)).rejects.toThrow(/^There is no bucket not-there at http:.*make it/);
    expect(await openStore(missing, { probe: false })).not.toBeNull();
  });
});

test.each(['moto', 'minio'])(
  'a bucket of %s that keeps versions keeps none of what was removed',
  async (name) => {
    const s3 = clientOf(emulators[name]!.url);
    const Bucket = 'versions';
    await s3.send(new CreateBucketCommand({ Bucket }));
    const VersioningConfiguration = { Status: 'Enabled' as const };
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    const store = (await openStore({ ...bucketAt(emulators[name]!.url, 'v/'), s3Bucket: Bucket }))!;
    for (const key of ['a', 'a', 'ab', 'a']) await store.put(key, Buffer.from(key));
    await store.remove('a');
    const left = await s3.send(new ListObjectVersionsCommand({ Bucket }));
    expect(left.Versions?.map(({ Key }) => Key)).toEqual(['v/ab']);
    expect(left.DeleteMarkers ?? []).toEqual([]);
  },
);

test('a bucket says so when it refuses the credentials', async () => {
  process.env.AWS_SECRET_ACCESS_KEY = 'another';
  const refused = openStore(bucketAt(emulators.minio!.url));
  await expect(refused).rejects.toMatchObject({ code: 'store_access_denied' });
  process.env.AWS_SECRET_ACCESS_KEY = SECRET_KEY;
});

test('a bucket says so when nothing answers there', async () => {
  const refused = openStore(bucketAt('http://127.0.0.1:1'));
  await expect(refused).rejects.toMatchObject({ code: 'store_unreachable' });
  await expect(refused).rejects.toThrow(OperatingError);
});

test('a bucket is given the key it is to encrypt with, in whatever way an object comes', async () => {
  const config = { ...bucketAt(emulators.moto!.url, 'kms/'), s3KmsKeyId: 'a-key' };
  const store = (await openStore(config))!;
  await store.put('small', Buffer.from('x'));
  await store.put('parts', chunks(9 * MIB, 1));
  const { url, headers } = await presigner(config)!({ key: 'signed', sizeBytes: 1, expiresS: 60 });
  expect((await fetch(url, { method: 'PUT', headers, body: 'x' })).status).toBe(200);
  for (const Key of ['kms/small', 'kms/parts', 'kms/signed']) {
    const head = await clientOf(emulators.moto!.url).send(new HeadObjectCommand({ Bucket: BUCKET, Key }));
    expect(head).toMatchObject({
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: expect.stringMatching(/a-key$/),
    });
  }
});

interface SpoolSegment extends ClosedSegment {
  bytes: Buffer;
}

/** Segments in files, as a spool has them; every seventh is larger than one part. */
async function spool(count: number, tenant = TENANT): Promise<SpoolSegment[]> {
  const made: SpoolSegment[] = [];
  for (let n = 0; n < count; n++) {
    const text = (size: number) => noise(size, n).toString('base64');
    const pairs = Array.from({ length: n % 7 === 3 ? 4 : 2 }, (_, i) =>
      makePair({ ts: 1.79e15 + n * 1e6 + i, responseBody: { text: text(n % 7 === 3 ? 3 * MIB : 20 << 10) } }),
    );
    const { id, bytes, shipped } = makeSegment(tenant, pairs, { perFrame: 1 });
    const path = join(folder, `${id}.closed`);
    await writeFile(path, bytes);
    made.push({ path, bytes, sizeBytes: bytes.length, manifest: shipped.manifest });
  }
  return made;
}

/** Attempts until one resolves, as the ship line makes them; after each, what is there under the key is whole. */
async function ship(sink: SegmentSink, segment: SpoolSegment, store: ObjectStore): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await sink.ship(segment, never).catch((err: Error) => err);
    const stored = await readObject(store, segment.manifest.key).catch(() => null);
    if (stored) expect(stored.equals(segment.bytes)).toBe(true);
    if (!(outcome instanceof Error)) {
      expect(outcome).toEqual({
        sizeBytes: segment.sizeBytes,
        manifest: segment.manifest,
        oversizeFrames: [],
      });
      expect(stored).not.toBeNull();
      return attempt;
    }
    if (attempt === ATTEMPTS) throw outcome;
    await delay(5);
  }
}

const SHARES: Partial<Record<Fault, number>> = {
  ...{ 'cut-request': 0.12, 'cut-answer': 0.05, 'drop-answer': 0.08, twice: 0.08, 'error-500': 0.08 },
  ...{ 'slow-down': 0.08, 'slow-bytes': 0.08 },
};

/** Ships twenty segments through a faulty proxy in front of `upstreamPort`, and looks at what is in the store then. */
async function arrive(way: {
  upstreamPort: number;
  store: ObjectStore;
  tenant?: string;
  sinkAt: (url: string) => SegmentSink | Promise<SegmentSink>;
}): Promise<void> {
  const { upstreamPort, store, tenant } = way;
  const segments = await spool(20, tenant);
  const proxy = await FaultyProxy.start({ upstreamPort, seed: 7, shares: SHARES });
  try {
    const sink = await way.sinkAt(proxy.url);
    for (const segment of segments) await ship(sink, segment, store);
  } finally {
    proxy.close();
  }
  expect(await store.list('')).toEqual(segments.map(({ manifest }) => manifest.key).sort());
  const met = Object.fromEntries(proxy.counts);
  expect(Object.keys(met).length, JSON.stringify(met)).toBeGreaterThanOrEqual(5);
}

describe.each(['moto', 'minio'])('twenty segments on a bad line into %s', (name) => {
  test('arrive whole, once by key, none of them half, with our own credentials', async () => {
    const { port: upstreamPort, url } = emulators[name]!;
    const store = (await openStore(bucketAt(url, 'own/')))!;
    const sinkAt = async (at: string) =>
      storeSink((await openStore(bucketAt(at, 'own/'), { probe: false }))!);
    await arrive({ upstreamPort, store, sinkAt });
  });

  test('arrive whole, once by key, none of them half, to signed addresses', async () => {
    const { port: upstreamPort, url } = emulators[name]!;
    const store = (await openStore(bucketAt(url, 'signed/')))!;
    const sinkAt = (at: string) => {
      const sign = presigner(bucketAt(at, 'signed/'))!;
      const client = { call: (_route: string, input: GrantInput) => grant(sign, input) };
      return presignedSink(client as unknown as ApiClient);
    };
    await arrive({ upstreamPort, store, sinkAt });
  });
});

test('twenty segments on a bad line through the control plane arrive whole, once by key, none of them half', async () => {
  const plane = await startControlPlane();
  try {
    const { port } = new URL(await plane.app.listen({ port: 0, host: '127.0.0.1' }));
    const headers = () => ({ authorization: `Bearer ${plane.ann.keys.agent}` });
    const sinkAt = (baseUrl: string) => uploadSink(createClient({ baseUrl, fetch, headers }));
    await arrive({ upstreamPort: Number(port), store: plane.store, tenant: plane.ann.id, sinkAt });
  } finally {
    await plane.stop();
  }
});

interface GrantInput {
  params: { id: string };
  body: { openedAt: number; sizeBytes: number };
}

/** As the control plane grants. */
async function grant(sign: Presigner, { params, body }: GrantInput) {
  const key = segmentKey(TENANT, params.id, body.openedAt);
  return { key, ...(await sign({ key, sizeBytes: body.sizeBytes, expiresS: 60 })), expiresAt: 0 };
}

test.each(['moto', 'minio'])('what is read from %s on a bad line is whole', async (name) => {
  const direct = (await openStore(bucketAt(emulators[name]!.url, 'read/')))!;
  const bytes = await gathered(chunks(20 * MIB, 3));
  await direct.put('r/a', bytes);
  const shares = { 'cut-answer': 0.2, 'error-500': 0.1, 'slow-down': 0.1, 'drop-answer': 0.1, twice: 0.1 };
  const proxy = await FaultyProxy.start({ upstreamPort: emulators[name]!.port, seed: 5, shares });
  try {
    const store = (await openStore(bucketAt(proxy.url, 'read/'), { probe: false }))!;
    for (let at = 0; at < bytes.length; at += MIB)
      expect((await store.read('r/a', at, MIB)).equals(bytes.subarray(at, at + MIB))).toBe(true);
    expect((await readObject(store, 'r/a')).equals(bytes)).toBe(true);
    expect(await store.list('r/')).toEqual(['r/a']);
    expect(proxy.counts.get('cut-answer')).toBeGreaterThan(2);
  } finally {
    proxy.close();
  }
});

test('a signed address takes one object of one size, and no other', async () => {
  const config = bucketAt(emulators.minio!.url, 'grants/');
  const { url, headers } = await presigner(config)!({ key: 'g/a', sizeBytes: 5, expiresS: 60 });
  const put = (address: string, body: string) =>
    fetch(address, { method: 'PUT', headers: { ...headers, 'content-length': String(body.length) }, body });
  expect((await put(url, 'longer')).status).toBe(403);
  expect((await put(url.replace('/g/a?', '/g/b?'), 'hello')).status).toBe(403);
  expect((await put(url, 'hello')).status).toBe(200);
  expect(await (await openStore(config))!.list('')).toEqual(['g/a']);
});
