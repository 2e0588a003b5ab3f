import type { TrafficList, TrafficRow } from '@echoplane/api';
import { latencyBucket, type RRPair, statusClass, type TrafficQuery } from '@echoplane/traffic';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlPlane, clock, startControlPlane } from './control-plane.fixture.ts';
import { type MadeSegment, makePair, makeSegment } from './traffic.fixture.ts';
import { listTraffic } from './traffic-queries.ts';
import { budgetEndStatement, listStatement, pairStatement } from './traffic-sql.ts';

let plane: ControlPlane;
let base: number;

beforeAll(async () => {
  plane = await startControlPlane();
  base = Math.floor(clock.nowUs() / 60_000_000) * 60_000_000 - 600_000_000;
});
afterAll(() => plane?.stop());

async function get<T>(url: string): Promise<{ body: T }> {
  const response = await plane.app.inject({
    url,
    headers: { authorization: `Bearer ${plane.ann.keys.viewer}` },
  });
  expect(response.statusCode, response.body).toBe(200);
  return { body: response.json() as T };
}

async function ingest(made: MadeSegment): Promise<void> {
  for (const payload of made.batches) {
    const headers = { authorization: `Bearer ${plane.ann.keys.agent}` };
    const response = await plane.app.inject({ method: 'POST', url: '/v1/ingest/index', payload, headers });
    expect(response.statusCode, response.body).toBe(200);
  }
}

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
        ...{
          url: i % 7 === 0 ? `http://pay.localhost/charges/${i}` : 'http://shop.localhost/items',
          method: i % 2 ? 'GET' : 'POST',
        },
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
    const newestFirst = [...live]
      .sort((a, b) => b.ts - a.ts || (a.id < b.id ? 1 : -1))
      .map((pair) => pair.id);
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
      const page = await listTraffic((work) => plane.withTenant(plane.ann.id, work), input, 300);
      seen.push(...page.items.map((row) => row.id));
      expect(page.complete).toBe(page.cursor === null);
      cursor = page.cursor ?? undefined;
      rounds += 1;
    } while (cursor);
    expect(rounds).toBeGreaterThan(5);
    const wanted = pairs
      .filter((pair) => pair.response!.status === 500 && !pair.tags.replay)
      .map((pair) => pair.id);
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
    const groups = Map.groupBy(pairs, (pair) =>
      [pair.tags.replay ?? '', pair.direction, statusClass(pair.response!.status)].join(),
    );
    const wanted = [...groups]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, group]) => {
        const [replay, direction, status_class] = key.split(',');
        const latency = group.reduce((sum, pair) => sum + pair.durationUs, 0);
        return { replay, direction, status_class, count: group.length, latency };
      });
    expect(rollups.rows).toEqual(wanted);
  });

  test('make a graph of at most 120 points that counts each once', async () => {
    interface Graph {
      stepUs: number;
      series: {
        direction: string;
        points: { t: number; count: number; errors: number; p50Us: number | null; p95Us: number | null }[];
      }[];
    }
    for (const range of [within(), `from=${base - 90 * 86_400_000_000}&to=${base - 60_000_000}`, '']) {
      const { body } = await get<Graph>(`/v1/traffic/graph?service=local/default/cart&${range}`);
      for (const { direction, points } of body.series) {
        expect(points.length).toBeLessThanOrEqual(120);
        const wanted = pairs.filter(
          (p) => !p.tags.replay && p.source.workload.name === 'cart' && p.direction === direction,
        );
        expect(points.reduce((sum, point) => sum + point.count, 0)).toBe(wanted.length);
        const errors = wanted.filter((pair) => pair.response!.status === 500).length;
        expect(points.reduce((sum, point) => sum + point.errors, 0)).toBe(errors);
      }
    }
    const { body } = await get<Graph>(
      `/v1/traffic/graph?from=${base - 90 * 86_400_000_000}&to=${base - 60_000_000}`,
    );
    const point = body.series[0]!.points.toSorted((a, b) => b.count - a.count)[0]!;
    const inThere = pairs
      .filter((p) => !p.tags.replay && p.direction === 'IN')
      .map((p) => p.durationUs)
      .sort((a, b) => a - b);
    expect(latencyBucket(point.p50Us!)).toBe(latencyBucket(inThere[Math.ceil(inThere.length / 2) - 1]!));
  });

  test('are read through indexes, whatever the shape of the list', async () => {
    const kept = { from: base - 3_600_000_000, to: base };
    const queries: TrafficQuery[] = [
      {},
      { service: 'local/default/cart' },
      { endpoint: '/charges/{id}' },
      { replay: 'r1' },
      {
        pathPrefix: '/charges',
        statusMin: 500,
        latencyMinMs: 1,
        method: 'GET',
        direction: 'IN',
        host: 'h',
        session: 's',
      },
    ];
    // Of a partition with a handful of rows a scan is the right plan.
    const large = await plane.postgres.asSuperuser(
      plane.database,
      "SELECT relname FROM pg_class WHERE relname ~ '^rrpair' AND relkind = 'r' AND reltuples > 200",
    );
    const partitions = large.rows.map((row) => row.relname as string);
    expect(partitions.map((name) => name.replace(/_\d+_\d+$/, '')).sort()).toEqual([
      'rrpair_tags',
      'rrpairs',
    ]);
    const cursor = { tsUs: pairs[1_000]!.ts, id: pairs[1_000]!.id };
    // In the proportion to these rows that the real budget has to a real table: who must read all of it had better scan.
    const budget = 300;
    const statements = queries.flatMap((query) =>
      [null, cursor].flatMap((from) => [
        listStatement({ ...query, ...kept }, { limit: 51, cursor: from, budget }),
        budgetEndStatement(query, from, budget),
      ]),
    );
    for (const { text, values } of [...statements, pairStatement(pairs[5]!.id, kept)]) {
      const plan = await plane.withTenant(plane.ann.id, (db) =>
        db.query(`EXPLAIN (FORMAT JSON) ${text}`, values),
      );
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
  const { body } = await get<{
    items: { service: string; inbound: number; outbound: number; hosts: string[] }[];
  }>('/v1/services');
  const cart = body.items.find((item) => item.service === 'local/default/cart')!;
  expect(cart.inbound + cart.outbound).toBe(
    Array.from({ length: 2_500 }, (_, i) => i).filter((i) => i % 5 === 0 && i % 11 !== 0).length,
  );
  expect(cart.hosts).toEqual(['pay.localhost', 'shop.localhost']);
});
