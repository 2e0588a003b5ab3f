import type { TrafficList, TrafficRow } from '@echoplane/api';
import { type HopReport, latencyBucket, type RRPair, statusClass, type TrafficQuery } from '@echoplane/traffic';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clock, type ControlPlane, startControlPlane } from './control-plane.fixture.ts';
import { listTraffic } from './traffic-queries.ts';
import { budgetEndStatement, listStatement, PAIR_SQL, SCAN_BUDGET } from './traffic-sql.ts';
import { type MadeSegment, makePair, makeSegment } from './traffic.fixture.ts';

let plane: ControlPlane;
let base: number;

beforeAll(async () => {
  plane = await startControlPlane();
  base = Math.floor(clock.nowUs() / 60_000_000) * 60_000_000 - 600_000_000;
});
afterAll(() => plane?.stop());

async function call<T>(method: 'GET' | 'POST', url: string, payload?: object, role: 'agent' | 'viewer' = 'agent', tenant = plane.ann) {
  const headers = { authorization: `Bearer ${tenant.keys[role]}` };
  const response = await plane.app.inject({ method, url, headers, ...(payload ? { payload } : {}) });
  return { status: response.statusCode, body: (response.body ? response.json() : null) as T & { code: string; detail: string } };
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

const counters = (captured: number, delivered: number) => ({ captured, delivered, withheld: {}, dropped: {} });
const hop = (kind: HopReport['hop'], captured: number, delivered: number): HopReport => ({
  ...{ hop: kind, incarnation: `${kind}-1`, service: 'local/default/shop', counters: counters(captured, delivered) },
});

describe('an index batch', () => {
  test('stored twice, or twice at once, is stored once', async () => {
    const made = makeSegment(plane.bob.id, [makePair({ ts: base }), makePair({ ts: base + 1 })]);
    const send = () => call<object>('POST', '/v1/ingest/index', made.batches[0]!, 'agent', plane.bob);
    const answers = await Promise.all([send(), send(), send()]);
    expect(answers.map(({ body }) => body).sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))).toEqual([
      ...[{ rows: 0, duplicate: true }, { rows: 0, duplicate: true }, { rows: 2, duplicate: false }],
    ]);
    const { body } = await get<TrafficList>('/v1/traffic', plane.bob);
    expect(body.items).toHaveLength(2);
    const rollups = await plane.withTenant(plane.bob.id, (db) => db.query('SELECT sum(count)::int AS n FROM rollups'));
    expect(rollups.rows[0].n).toBe(2);
  });

  test('keeps every field of its rows, times to the µs', async () => {
    const pair = makePair({ ts: base + 123_457, url: 'http://shop.localhost/orders/42?x=1', tags: { a: 'b', c: 'd' } });
    const made = makeSegment(plane.bob.id, [pair]);
    const row = {
      ...made.batches[0]!.rows[0]!,
      ...{ cause: { id: pair.id, confidence: 0.25 }, gaps: { reason: 'cut' }, traceId: 'ab', session: 's', foldWeight: 3 },
    };
    await ingest({ ...made, batches: [{ ...made.batches[0]!, rows: [row] }] }, plane.bob);
    const { body } = await get<TrafficList>(`/v1/traffic?from=${pair.ts}&to=${pair.ts + 1}`, plane.bob);
    const { frameOffset: _o, frameLength: _l, line: _i, frame: _f, ...wanted } = row;
    expect(body.items).toEqual([{ ...wanted, shipped: false }]);
  });

  test('survives what a text in Postgres cannot hold', async () => {
    const made = makeSegment(plane.bob.id, [makePair({ ts: base, tags: { nul: 'a\0b', half: '\ud800' } })]);
    await ingest(made, plane.bob);
  });

  test('is refused when a row is of another frame or its time is far away', async () => {
    const made = makeSegment(plane.ann.id, [makePair({ ts: base })]);
    const [batch] = made.batches;
    const other = { ...batch!, rows: [{ ...batch!.rows[0]!, frame: 9 }] };
    expect((await call<object>('POST', '/v1/ingest/index', other)).body).toMatchObject({ status: 400, errors: [{ path: 'body.rows.0.segment' }] });
    const old = { ...batch!, rows: [{ ...batch!.rows[0]!, ts: 1 }] };
    expect((await call<object>('POST', '/v1/ingest/index', old)).body).toMatchObject({ status: 400, errors: [{ path: 'body.rows.0.ts' }] });
  });

  test('of a day without a partition makes it', async () => {
    const ts = base - 100 * 86_400_000_000;
    await ingest(makeSegment(plane.bob.id, [makePair({ ts })]), plane.bob);
    expect((await get<TrafficList>(`/v1/traffic?to=${ts + 1}`, plane.bob)).body.items).toHaveLength(1);
  });
});

describe('a shipped segment', () => {
  test('may be announced again', async () => {
    const made = makeSegment(plane.ann.id, [makePair({ ts: base - 86_400_000_000 })]);
    await ingest(made);
    await ship(made);
    expect((await call<object>('POST', '/v1/ingest/segments', made.shipped)).body).toEqual({ rows: 1, duplicate: true });
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
    expect((await call<object>('POST', '/v1/ingest/segments', made.shipped)).body).toMatchObject({ status: 409 });
    await plane.store.put(made.shipped.key, made.bytes.subarray(1));
    expect((await call<object>('POST', '/v1/ingest/segments', made.shipped)).body).toMatchObject({ status: 409 });
  });
});

test('a pair is read from its frame once the segment is shipped, not before', async () => {
  const pairs = Array.from({ length: 25 }, (_, i) => makePair({ ts: base + i, responseBody: { i }, url: `http://h/p/${i}` }));
  const made = makeSegment(plane.ann.id, pairs, { perFrame: 10 });
  await ingest(made);
  const wanted = pairs[17]!;
  const open = await get<object>(`/v1/traffic/${wanted.id}`);
  expect(open.body).toMatchObject({ status: 409, code: 'segment_open' });
  expect(open.body.detail).toMatch(/still in the cluster/);
  await ship(made);
  const { status, body } = await get<{ pair: RRPair; row: TrafficRow; position: object }>(`/v1/traffic/${wanted.id}`);
  expect(status).toBe(200);
  expect(body.pair).toEqual(wanted);
  expect(body).toMatchObject({ row: { shipped: true }, position: { frame: 1, line: 7 } });
  // Only that frame is needed: damage in another one does not matter, damage in this one is named.
  const bytes = Buffer.from(made.bytes);
  bytes.fill(0, made.batches[0]!.rows[0]!.frameOffset, made.batches[0]!.rows[0]!.frameOffset + 20);
  await plane.store.put(made.shipped.key, bytes);
  expect((await get<object>(`/v1/traffic/${wanted.id}`)).status).toBe(200);
  const damaged = await get<object>(`/v1/traffic/${pairs[3]!.id}`);
  expect(damaged.body).toMatchObject({ status: 503, detail: expect.stringContaining('does not hold the RRPair') });
});

describe('2,500 rows', () => {
  const SAME = 700;
  let pairs: RRPair[];

  beforeAll(async () => {
    const start = base - 3_600_000_000;
    pairs = Array.from({ length: 2_500 }, (_, i) =>
      makePair({
        // Many at one time, and the rest two by two.
        ts: i < SAME ? start : start + Math.floor(i / 2) * 50_000,
        ...{ direction: i % 3 === 0 ? 'OUT' : 'IN', workload: i % 5 === 0 ? 'cart' : 'shop' },
        ...{ url: i % 7 === 0 ? `http://pay.localhost/charges/${i}` : 'http://shop.localhost/items', method: i % 2 ? 'GET' : 'POST' },
        ...{ status: i % 10 === 0 ? 500 : 200, durationUs: 1_000 * (i % 40) },
        tags: i % 11 === 0 ? { replay: 'r1', test: 't' } : {},
      }),
    );
    await ingest(makeSegment(plane.ann.id, pairs, { perFrame: 500 }));
    await plane.postgres.asSuperuser(plane.database, 'ANALYZE');
  });

  const within = () => `from=${base - 3_600_000_000}&to=${base - 60_000_000}`;

  async function readAll(query: string, limit: number): Promise<TrafficRow[]> {
    const all: TrafficRow[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const more: string = cursor ? `&cursor=${cursor}` : '';
      const { body } = await get<TrafficList>(`/v1/traffic?${query}&limit=${limit}${more}`);
      expect(body.complete).toBe(true);
      if (body.cursor) expect(body.scannedUntil).toBe(body.items.at(-1)!.ts + 1);
      else expect(body.scannedUntil).toBeNull();
      all.push(...body.items);
      cursor = body.cursor;
    }
    return all;
  }

  test('are paged without loss or duplicate, newest first, also where times are equal', async () => {
    const rows = await readAll(within(), 97);
    const live = pairs.filter((pair) => !pair.tags.replay);
    const newestFirst = [...live].sort((a, b) => b.ts - a.ts || (a.id < b.id ? 1 : -1)).map((pair) => pair.id);
    expect(rows.map((row) => row.id)).toEqual(newestFirst);
  });

  const shapes: [string, string, (pair: RRPair) => boolean][] = [
    ['replay', 'replay=r1', (pair) => pair.tags.replay === 'r1'],
    ['service', 'service=local/default/cart', (pair) => pair.source.workload.name === 'cart'],
    ['endpoint', 'endpoint=/charges/{id}', (pair) => pair.request!.url.includes('charges')],
    ['host', 'host=pay.localhost', (pair) => pair.request!.url.includes('pay.')],
    ['direction', 'direction=OUT', (pair) => pair.direction === 'OUT'],
    ['method', 'method=POST', (pair) => pair.request!.method === 'POST'],
    ['pathPrefix', 'pathPrefix=/charges/1', (pair) => pair.request!.url.includes('/charges/1')],
    ['status', 'statusMin=500&statusMax=599', (pair) => pair.response!.status === 500],
    ['latency', 'latencyMinMs=35.5', (pair) => pair.durationUs >= 35_500],
    ['an unknown service', 'service=none', () => false],
  ];
  test.each(shapes)('are filtered by %s as compileFilter would', async (_name, query, fits) => {
    const replay = query.startsWith('replay');
    const wanted = pairs.filter((pair) => fits(pair) && (replay || !pair.tags.replay)).map((pair) => pair.id);
    const rows = await readAll(`${within()}&${query}`, 500);
    expect(rows.map((row) => row.id).sort()).toEqual(wanted.sort());
  });

  test('are scanned under a budget, which says how far it came', async () => {
    const query = { statusMin: 500, from: base - 3_600_000_000, to: base - 60_000_000 };
    const seen: string[] = [];
    let cursor: string | undefined;
    let rounds = 0;
    do {
      const input = { ...query, limit: 1000, ...(cursor ? { cursor } : {}) };
      const page = await plane.withTenant(plane.ann.id, (db) => listTraffic(db, input, 300));
      seen.push(...page.items.map((row) => row.id));
      expect(page.complete).toBe(page.cursor === null);
      cursor = page.cursor ?? undefined;
      rounds += 1;
    } while (cursor);
    expect(rounds).toBeGreaterThan(5);
    const wanted = pairs.filter((pair) => pair.response!.status === 500 && !pair.tags.replay).map((pair) => pair.id);
    expect(seen.sort()).toEqual(wanted.sort());
  });

  test('and their rollups say the same', async () => {
    const rollups = await plane.withTenant(plane.ann.id, (db) =>
      db.query(
        `SELECT replay, direction, status_class, sum(count)::int AS count, sum(latency_sum_us)::bigint AS latency
         FROM rollups WHERE minute_us < $1 AND minute_us >= $2 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
        [base - 60_000_000, base - 3_600_000_000],
      ),
    );
    const groups = Map.groupBy(pairs, (pair) => [pair.tags.replay ?? '', pair.direction, statusClass(pair.response!.status)].join());
    const wanted = [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, group]) => {
      const [replay, direction, status_class] = key.split(',');
      const latency = group.reduce((sum, pair) => sum + pair.durationUs, 0);
      return { replay, direction, status_class, count: group.length, latency };
    });
    expect(rollups.rows).toEqual(wanted);
  });

  test('make a graph of at most 120 points that counts each once', async () => {
    interface Graph {
      stepUs: number;
      series: { direction: string; points: { t: number; count: number; errors: number; p50Us: number | null; p95Us: number | null }[] }[];
    }
    for (const range of [within(), `from=${base - 90 * 86_400_000_000}&to=${base - 60_000_000}`, '']) {
      const { body } = await get<Graph>(`/v1/traffic/graph?service=local/default/cart&${range}`);
      for (const { direction, points } of body.series) {
        expect(points.length).toBeLessThanOrEqual(120);
        const wanted = pairs.filter((p) => !p.tags.replay && p.source.workload.name === 'cart' && p.direction === direction);
        expect(points.reduce((sum, point) => sum + point.count, 0)).toBe(wanted.length);
        const errors = wanted.filter((pair) => pair.response!.status === 500).length;
        expect(points.reduce((sum, point) => sum + point.errors, 0)).toBe(errors);
      }
    }
    const { body } = await get<Graph>(`/v1/traffic/graph?from=${base - 90 * 86_400_000_000}&to=${base - 60_000_000}`);
    const point = body.series[0]!.points.toSorted((a, b) => b.count - a.count)[0]!;
    const inThere = pairs.filter((p) => !p.tags.replay && p.direction === 'IN').map((p) => p.durationUs).sort((a, b) => a - b);
    expect(latencyBucket(point.p50Us!)).toBe(latencyBucket(inThere[Math.ceil(inThere.length / 2) - 1]!));
  });

  test('are read through indexes, whatever the shape of the list', async () => {
    const queries: TrafficQuery[] = [
      {},
      { from: base - 3_600_000_000, to: base },
      { service: 'local/default/cart' },
      { endpoint: '/charges/{id}' },
      { replay: 'r1' },
      { pathPrefix: '/charges', statusMin: 500, latencyMinMs: 1, method: 'GET', direction: 'IN', host: 'h', session: 's' },
    ];
    // Of a partition with a handful of rows a scan is the right plan.
    const large = await plane.postgres.asSuperuser(plane.database, "SELECT relname FROM pg_class WHERE relname ~ '^rrpair' AND relkind = 'r' AND reltuples > 200");
    const partitions = large.rows.map((row) => row.relname as string);
    expect(partitions.map((name) => name.replace(/_\d+_\d+$/, '')).sort()).toEqual(['rrpair_tags', 'rrpairs']);
    const cursor = { tsUs: pairs[1_000]!.ts, id: pairs[1_000]!.id };
    const statements = queries.flatMap((query) =>
      [null, cursor].flatMap((from) => [
        listStatement(query, { limit: 101, cursor: from, budget: SCAN_BUDGET }),
        budgetEndStatement(query, from, SCAN_BUDGET),
      ]),
    );
    for (const { text, values } of [...statements, { text: PAIR_SQL, values: [pairs[5]!.id] }]) {
      const plan = await plane.withTenant(plane.ann.id, (db) => db.query(`EXPLAIN (FORMAT JSON) ${text}`, values));
      expect(sequentialScans(plan.rows[0]['QUERY PLAN'][0].Plan, partitions), text).toEqual([]);
    }
  });
});

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  Plans?: PlanNode[];
}

/** Which of these partitions a plan reads from end to end. */
function sequentialScans(node: PlanNode, partitions: string[]): string[] {
  const name = node['Relation Name'] ?? '';
  const here = node['Node Type'] === 'Seq Scan' && partitions.includes(name) ? [name] : [];
  return [...here, ...(node.Plans ?? []).flatMap((child) => sequentialScans(child, partitions))];
}

test('services are listed with what came in, what went out and to where', async () => {
  const { body } = await get<{ items: { service: string; inbound: number; outbound: number; hosts: string[] }[] }>('/v1/services');
  const cart = body.items.find((item) => item.service === 'local/default/cart')!;
  expect(cart.inbound + cart.outbound).toBe(Array.from({ length: 2_500 }, (_, i) => i).filter((i) => i % 5 === 0 && i % 11 !== 0).length);
  expect(cart.hosts).toEqual(['pay.localhost', 'shop.localhost']);
});

test('accounting adds up, keeps the larger report, and says where it does not', async () => {
  const tenant = plane.bob;
  const read = async () => (await get<{ indexed: number; balanced: boolean; sentence: string; hops: object[] }>('/v1/accounting', tenant)).body;
  const { indexed } = await read();
  const report = (reports: HopReport[]) => call<null>('POST', '/v1/ingest/reports', { reports }, 'agent', tenant);
  await report([hop('sidecar', indexed + 2, indexed), hop('forwarder', indexed, indexed)]);
  expect(await read()).toMatchObject({ balanced: false, sentence: expect.stringContaining('2 are on their way in the sidecar') });
  const done = { ...hop('sidecar', 0, 0), counters: { captured: indexed + 2, delivered: indexed, withheld: { filtered: 1 }, dropped: { 'queue-full': 1 } } };
  await report([done]);
  await report([hop('sidecar', 1, 1)]);
  expect(await read()).toMatchObject({ balanced: true, sentence: `${indexed + 2} captured = ${indexed} indexed + 1 withheld + 1 dropped.` });
  await report([hop('forwarder', indexed, indexed - 1)]);
  expect((await read()).balanced).toBe(true);
  await ingest(makeSegment(tenant.id, [makePair({ ts: base })]), tenant);
  expect(await read()).toMatchObject({ balanced: false, sentence: expect.stringContaining(`the index holds ${indexed + 1}`) });
});
