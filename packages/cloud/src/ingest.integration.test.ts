import type { TrafficList, TrafficRow } from '@echoplane/api';
import { type HopReport, type RRPair, rollupPartials } from '@echoplane/traffic';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlPlane, clock, startControlPlane } from './control-plane.fixture.ts';
import { DAY_US } from './partitions.ts';
import { type MadeSegment, makePair, makeSegment } from './traffic.fixture.ts';

let plane: ControlPlane;
let base: number;

beforeAll(async () => {
  plane = await startControlPlane();
  base = Math.floor(clock.nowUs() / 60_000_000) * 60_000_000 - 600_000_000;
});
afterAll(() => plane?.stop());

async function call<T>(
  method: 'GET' | 'POST',
  url: string,
  payload?: object,
  role: 'agent' | 'viewer' = 'agent',
  tenant = plane.ann,
) {
  const headers = { authorization: `Bearer ${tenant.keys[role]}` };
  const response = await plane.app.inject({ method, url, headers, ...(payload ? { payload } : {}) });
  return {
    status: response.statusCode,
    body: (response.body ? response.json() : null) as T & { code: string; detail: string },
  };
}
const get = <T>(url: string, tenant = plane.ann) => call<T>('GET', url, undefined, 'viewer', tenant);

async function ingest(made: MadeSegment, tenant = plane.ann): Promise<void> {
  for (const batch of made.batches) {
    const { status, body } = await call<object>('POST', '/v1/ingest/index', batch, 'agent', tenant);
    expect(status, JSON.stringify(body)).toBe(200);
  }
}

async function ship(made: MadeSegment): Promise<void> {
  await plane.store.put(made.shipped.key, made.bytes);
  const { status, body } = await call<object>('POST', '/v1/ingest/segments', made.shipped);
  expect(status, JSON.stringify(body)).toBe(200);
}

const counters = (captured: number, delivered: number) => ({
  captured,
  delivered,
  withheld: {},
  dropped: {},
});
const hop = (kind: HopReport['hop'], captured: number, delivered: number): HopReport => ({
  ...{
    hop: kind,
    incarnation: `${kind}-1`,
    service: 'local/default/shop',
    counters: counters(captured, delivered),
  },
});

describe('an index batch', () => {
  test('of a version that is not known is refused, not misread', async () => {
    const [batch] = makeSegment(plane.ann.id, [makePair({ ts: base })]).batches;
    const { status, body } = await call<object>('POST', '/v1/ingest/index', { ...batch, v: 2 });
    expect([status, body]).toMatchObject([400, { code: 'invalid_request', errors: [{ path: 'body.v' }] }]);
  });

  test('stored twice, or twice at once, is stored once', async () => {
    const made = makeSegment(plane.bob.id, [makePair({ ts: base }), makePair({ ts: base + 1 })]);
    const send = () => call<object>('POST', '/v1/ingest/index', made.batches[0]!, 'agent', plane.bob);
    const answers = await Promise.all([send(), send(), send()]);
    expect(
      answers.map(({ body }) => body).sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
    ).toEqual([
      ...[
        { rows: 0, duplicate: true },
        { rows: 0, duplicate: true },
        { rows: 2, duplicate: false },
      ],
    ]);
    const { body } = await get<TrafficList>('/v1/traffic', plane.bob);
    expect(body.items).toHaveLength(2);
    const rollups = await plane.withTenant(plane.bob.id, (db) =>
      db.query('SELECT sum(count)::int AS n FROM rollups'),
    );
    expect(rollups.rows[0].n).toBe(2);
  });

  test('keeps every field of its rows, times to the µs', async () => {
    const pair = makePair({
      ts: base + 123_457,
      url: 'http://shop.localhost/orders/42?x=1',
      tags: { a: 'b', c: 'd' },
    });
    const made = makeSegment(plane.bob.id, [pair]);
    const row = {
      ...made.batches[0]!.rows[0]!,
      ...{
        cause: { id: pair.id, confidence: 0.25 },
        gaps: { reason: 'cut' },
        traceId: 'ab',
        session: 's',
        foldWeight: 3,
      },
    };
    await ingest({ ...made, batches: [{ ...made.batches[0]!, rows: [row] }] }, plane.bob);
    const { body } = await get<TrafficList>(`/v1/traffic?from=${pair.ts}&to=${pair.ts + 1}`, plane.bob);
    const { frameOffset: _o, frameLength: _l, line: _i, frame: _f, ...wanted } = row;
    expect(body.items).toEqual([{ ...wanted, shipped: false, lost: null }]);
  });

  test('survives what a text in Postgres cannot hold, and names too long for an index', async () => {
    const long = Array.from({ length: 4_000 }, (_, i) =>
      String.fromCharCode(0x4e00 + ((i * 7_919) % 20_000)),
    ).join('');
    const pair = makePair({ ts: base, tags: { nul: 'a\0b', half: '\ud800', [long]: long } });
    const { batches } = makeSegment(plane.bob.id, [pair]);
    const odd = {
      gaps: { reason: 'g\0\ud800' },
      host: 'h\ud800\0',
      endpoint: `/${long}`,
      service: `a/b/${long}`,
      path: `/${long}`,
    };
    const rows = [{ ...batches[0]!.rows[0]!, ...odd }];
    const payload = { ...batches[0]!, rows, rollups: rollupPartials(rows) };
    expect((await call<object>('POST', '/v1/ingest/index', payload, 'agent', plane.bob)).body).toMatchObject({
      rows: 1,
    });
  });

  test('is refused when a row is of another frame or its time is far away', async () => {
    const made = makeSegment(plane.ann.id, [makePair({ ts: base })]);
    const [batch] = made.batches;
    const other = { ...batch!, rows: [{ ...batch!.rows[0]!, frame: 9 }] };
    expect((await call<object>('POST', '/v1/ingest/index', other)).body).toMatchObject({
      status: 400,
      errors: [{ path: 'body.rows.0.segment' }],
    });
    for (const ts of [1, clock.nowUs() - 32 * DAY_US, clock.nowUs() + 3 * 3_600_000_000]) {
      const far = { ...batch!, rows: [{ ...batch!.rows[0]!, ts }] };
      expect((await call<object>('POST', '/v1/ingest/index', far)).body).toMatchObject({
        status: 400,
        errors: [{ path: 'body.rows.0.ts' }],
      });
    }
  });

  test('of many new days is put off three days at a time, and stored in the end', async () => {
    const { batches } = makeSegment(
      plane.bob.id,
      Array.from({ length: 8 }, (_, i) => makePair({ ts: base - (5 + i) * DAY_US })),
    );
    const tables = async () => {
      const sql =
        "SELECT count(*)::int AS n FROM pg_class WHERE relname ~ '^rrpairs_30_\\d+$' AND relkind = 'r'";
      return (await plane.postgres.asSuperuser(plane.database, sql)).rows[0].n as number;
    };
    const send = () => call<object>('POST', '/v1/ingest/index', batches[0]!, 'agent', plane.bob);
    for (let left = 8; left > 3; left -= 3) {
      const before = await tables();
      expect((await send()).body).toMatchObject({ status: 503, code: 'unavailable' });
      expect((await tables()) - before).toBe(3);
    }
    expect((await send()).body).toMatchObject({ rows: 8 });
  });

  test('with a report that cannot be stored is refused by its field, and leaves nothing', async () => {
    const [batch] = makeSegment(plane.ann.id, [makePair({ ts: base })]).batches;
    const bad = [{ incarnation: 'evil\0x' }, { incarnation: 'x'.repeat(10_800) }, { service: '\ud800' }];
    for (const change of bad) {
      const reports = [{ ...hop('sidecar', 1, 1), ...change }];
      const path = `body.reports.0.${Object.keys(change)[0]}`;
      for (const [url, payload] of [
        ['/v1/ingest/index', { ...batch!, reports }],
        ['/v1/ingest/reports', { reports }],
      ] as const) {
        expect((await call<object>('POST', url, payload)).body).toMatchObject({
          status: 400,
          errors: [{ path }],
        });
      }
    }
    expect((await call<object>('POST', '/v1/ingest/index', batch!)).body).toMatchObject({ duplicate: false });
  });
});

describe('a shipped segment', () => {
  test('may be announced again', async () => {
    const made = makeSegment(plane.ann.id, [makePair({ ts: base - 86_400_000_000 })]);
    await ingest(made);
    await ship(made);
    expect((await call<object>('POST', '/v1/ingest/segments', made.shipped)).body).toEqual({
      rows: 1,
      duplicate: true,
    });
  });

  test("under another tenant's prefix, of another tenant, or with a key of its own making is refused", async () => {
    const foreign = makeSegment(plane.bob.id, [makePair({ ts: base })]);
    await plane.store.put(foreign.shipped.key, foreign.bytes);
    const post = async (shipped: object) => (await call<object>('POST', '/v1/ingest/segments', shipped)).body;
    expect(await post(foreign.shipped)).toMatchObject({ status: 403 });
    const claimed = { ...foreign.shipped.manifest, tenant: plane.ann.id };
    expect(await post({ ...foreign.shipped, manifest: claimed })).toMatchObject({ status: 403 });
    const own = makeSegment(plane.ann.id, [makePair({ ts: base })]).shipped;
    for (const key of [`${plane.ann.id}/segments/../../${foreign.shipped.key}`, `${own.key}x`]) {
      expect(await post({ ...own, key, manifest: { ...own.manifest, key } })).toMatchObject({ status: 400 });
    }
  });

  test('must be in the store, whole', async () => {
    const made = makeSegment(plane.ann.id, [makePair({ ts: base })]);
    expect((await call<object>('POST', '/v1/ingest/segments', made.shipped)).body).toMatchObject({
      status: 409,
    });
    await plane.store.put(made.shipped.key, made.bytes.subarray(1));
    expect((await call<object>('POST', '/v1/ingest/segments', made.shipped)).body).toMatchObject({
      status: 409,
    });
  });
});

test('a pair is read from its frame once the segment is shipped, not before', async () => {
  const pairs = Array.from({ length: 25 }, (_, i) =>
    makePair({ ts: base + i, responseBody: { i }, url: `http://h/p/${i}` }),
  );
  const made = makeSegment(plane.ann.id, pairs, { perFrame: 10 });
  await ingest(made);
  const wanted = pairs[17]!;
  const open = await get<object>(`/v1/traffic/${wanted.id}`);
  expect(open.body).toMatchObject({ status: 409, code: 'segment_open' });
  expect(open.body.detail).toMatch(/still in the cluster/);
  await ship(made);
  const { status, body } = await get<{ pair: RRPair; row: TrafficRow; position: object }>(
    `/v1/traffic/${wanted.id}`,
  );
  expect(status).toBe(200);
  expect(body.pair).toEqual(wanted);
  expect(body).toMatchObject({ row: { shipped: true }, position: { frame: 1, line: 7 } });
  // Only that frame is needed: damage in another one does not matter, damage in this one is named.
  const bytes = Buffer.from(made.bytes);
  bytes.fill(0, made.batches[0]!.rows[0]!.frameOffset, made.batches[0]!.rows[0]!.frameOffset + 20);
  await plane.store.put(made.shipped.key, bytes);
  expect((await get<object>(`/v1/traffic/${wanted.id}`)).status).toBe(200);
  const damaged = await get<object>(`/v1/traffic/${pairs[3]!.id}`);
  expect(damaged.body).toMatchObject({
    status: 503,
    detail: expect.stringContaining('does not hold the RRPair'),
  });
});

test('accounting adds up, keeps the larger report, and says where it does not', async () => {
  const tenant = plane.bob;
  const read = async () =>
    (
      await get<{ indexed: number; balanced: boolean; sentence: string; hops: object[] }>(
        '/v1/accounting',
        tenant,
      )
    ).body;
  const { indexed } = await read();
  await plane.withTenant(tenant.id, (db) =>
    db.query("UPDATE segments SET shipped = true, key = 'k', size_bytes = 1"),
  );
  const report = (reports: HopReport[]) =>
    call<null>('POST', '/v1/ingest/reports', { reports }, 'agent', tenant);
  await report([hop('sidecar', indexed + 2, indexed), hop('forwarder', indexed, indexed)]);
  expect(await read()).toMatchObject({
    balanced: false,
    sentence: expect.stringContaining('2 are on their way in the sidecar'),
  });
  const done = {
    ...hop('sidecar', 0, 0),
    counters: {
      captured: indexed + 2,
      delivered: indexed,
      withheld: { filtered: 1 },
      dropped: { 'queue-full': 1 },
    },
  };
  await report([done]);
  await report([hop('sidecar', 1, 1)]);
  expect(await read()).toMatchObject({
    balanced: true,
    sentence: `${indexed + 2} captured = ${indexed} stored + 1 withheld + 1 dropped.`,
  });
  await report([hop('forwarder', indexed, indexed - 1)]);
  expect((await read()).balanced).toBe(true);
  const late = makeSegment(tenant.id, [makePair({ ts: base })]);
  await ingest(late, tenant);
  expect(await read()).toMatchObject({
    ...{ balanced: false, indexed: indexed + 1, stored: indexed, lost: 0 },
    sentence: expect.stringContaining('1 are indexed and on their way to the store'),
  });
  const tombstone = { segment: late.id, openedAt: base, pairs: 3, reason: 'spool-full' };
  await call<null>('POST', '/v1/ingest/tombstones', { segments: [tombstone] }, 'agent', tenant);
  expect(await read()).toMatchObject({
    ...{ balanced: true, indexed, stored: indexed, lost: 3 },
    sentence: expect.stringMatching(/3 were lost before they were stored\.$/),
  });
});
