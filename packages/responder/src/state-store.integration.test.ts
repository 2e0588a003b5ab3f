import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startPostgres, type TestPostgres } from '../../../test/postgres.ts';
import { startRedis, type TestRedis } from '../../../test/redis.ts';
import { postgresStore } from './postgres-store.ts';
import { redisStore } from './redis-store.ts';
import type { StateStore } from './state-store.ts';

/** How long a store is waited for: on a busy machine it is slow, which is not away. */
const STORE_MS = 20_000;
let postgres: TestPostgres;
let redis: TestRedis;
let database: string;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  database = postgres.url(await postgres.createDatabase());
});
afterAll(async () => {
  await redis?.stop();
  await postgres?.stop();
});

const KINDS: [string, (replay: string) => StateStore][] = [
  ['Redis', (replay) => redisStore(redis.url, replay, STORE_MS)],
  ['Postgres', (replay) => postgresStore(database, replay, STORE_MS)],
];

describe.each(KINDS)('a store in %s', (_, storeOf) => {
  const open: StateStore[] = [];
  const stores = (replay: string) => {
    const two = [storeOf(replay), storeOf(replay)] as const;
    open.push(...two);
    return two;
  };
  afterEach(async () => {
    for (const store of open.splice(0)) await store.close();
  });
  const step = { cursor: 'a', resource: null, isWrite: false };

  test('steps of two responders are counted together, each number given once', async () => {
    const both = stores('counting');
    const calls = Array.from({ length: 60 }, (_, n) => both[n % 2]!.advance(step));
    const numbers = (await Promise.all(calls)).map(({ nth }) => nth);
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, n) => n));
    expect(await both[0].advance({ ...step, cursor: 'b' })).toEqual({ nth: 0, writes: 0 });
  });

  test('another replay has counters of its own', async () => {
    const [one] = stores('one');
    const [other] = stores('other');
    await one.advance(step);
    expect(await other.advance(step)).toEqual({ nth: 0, writes: 0 });
  });

  test('a read begins anew with every write, whoever wrote', async () => {
    const [one, other] = stores('writes');
    const read = { cursor: 'read', resource: '/carts/1', isWrite: false };
    const write = { cursor: 'write', resource: '/carts/1', isWrite: true };
    expect(await one.advance(read)).toEqual({ nth: 0, writes: 0 });
    expect(await other.advance(read)).toEqual({ nth: 1, writes: 0 });
    expect(await other.advance(write)).toEqual({ nth: 0, writes: 0 });
    expect(await one.advance(read)).toEqual({ nth: 0, writes: 1 });
    expect(await one.advance(write)).toEqual({ nth: 1, writes: 1 });
  });

  test('every caller gets a recorded session of its own and keeps it, until there are none', async () => {
    const both = stores('sessions');
    const callers = ['x', 'y', 'x', 'z', 'y', 'x'];
    const given = await Promise.all(callers.map((caller, n) => both[n % 2]!.claim(caller, ['s1', 's2'])));
    const [x, y] = [await both[0].claim('x', ['s1', 's2']), await both[1].claim('y', ['s1', 's2'])];
    const z = await both[0].claim('z', ['s1', 's2']);
    expect([x, y, z].toSorted()).toEqual(['s1', 's2', null].toSorted());
    expect(given).toEqual([x, y, x, z, y, x]);
  });

  test('what one learned the other is told, in order and once', async () => {
    const [one, other] = stores('learned');
    const learn = (...learned: [string, string][]) => one.add({ counters: new Map(), learned });
    expect(await other.news(0)).toEqual({ learned: [], until: 0 });
    await learn(['a', '1'], ['b', '2']);
    const first = await other.news(0);
    expect(first).toEqual({
      learned: [
        ['a', '1'],
        ['b', '2'],
      ],
      until: 2,
    });
    await learn(['a', '3']);
    expect(await other.news(first.until)).toEqual({ learned: [['a', '3']], until: 3 });
  });

  test('a backlog is added to what others did meanwhile', async () => {
    const [one, other] = stores('backlog');
    await other.advance(step);
    await one.add({ counters: new Map([['c:a ', 5]]), learned: [] });
    expect(await other.advance(step)).toEqual({ nth: 6, writes: 0 });
    await one.add({ counters: new Map(), learned: [] });
  });
});
