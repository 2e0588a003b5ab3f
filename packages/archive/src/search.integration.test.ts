import type { RRPair } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { type Found, type SearchWork, searchPairs } from './search.ts';
import { makePair, noProgress, pagesOf, putSegment, START, testStore } from './segment.fixture.ts';

const signal = new AbortController().signal;
const isGold = (pair: RRPair) => JSON.stringify(pair.request).includes('gold');
const gold = (ts: number) => makePair(ts, { tags: {}, request: { ...makePair(ts).request!, url: '/gold' } });

test('a search gives the newest that match, says what it looked at, and tells what it has after each page', async () => {
  await using stage = await testStore();
  const pairs = Array.from({ length: 40 }, (_, i) => (i % 4 === 0 ? gold(START + i) : makePair(START + i)));
  const { positions } = await putSegment(stage.store, pairs);
  const told: Found[] = [];
  const work: SearchWork = {
    ...{
      store: stage.store,
      rows: 40,
      progress: noProgress,
      signal,
      matches: isGold,
      limit: 6,
      newestFirst: false,
    },
    positions: pagesOf(positions.slice(0, 20), positions.slice(20)),
    found: async (soFar) => void told.push(soFar),
  };
  const found = await searchPairs(work);
  const newest = pairs.filter(isGold).slice(-6).reverse();
  expect(found).toEqual({ ids: newest.map(({ id }) => id), scanned: 40, complete: true });
  expect(told.map(({ scanned, ids }) => [scanned, ids.length])).toEqual([
    [20, 5],
    [40, 6],
  ]);
});

test('with the newest pages first it ends when it has the limit, and says that it is not complete', async () => {
  await using stage = await testStore();
  const pairs = Array.from({ length: 20 }, (_, i) => gold(START + i));
  const { positions } = await putSegment(stage.store, pairs);
  const found = await searchPairs({
    ...{
      store: stage.store,
      rows: 20,
      progress: noProgress,
      signal,
      matches: isGold,
      limit: 5,
      newestFirst: true,
    },
    positions: pagesOf(positions.slice(10).reverse(), positions.slice(0, 10).reverse()),
  });
  expect(found).toEqual({
    ids: pairs
      .slice(-5)
      .reverse()
      .map(({ id }) => id),
    scanned: 10,
    complete: false,
  });
});

test('what is not in the store yet was not looked at', async () => {
  await using stage = await testStore();
  const { positions } = await putSegment(stage.store, [gold(START), gold(START + 1)]);
  const found = await searchPairs({
    ...{
      store: stage.store,
      rows: 2,
      progress: noProgress,
      signal,
      matches: isGold,
      limit: 5,
      newestFirst: true,
    },
    positions: pagesOf([{ ...positions[1]!, key: null }, positions[0]!]),
  });
  expect(found).toEqual({ ids: [positions[0]!.id], scanned: 1, complete: false });
});

test('a search that is cancelled ends', async () => {
  await using stage = await testStore();
  const { positions } = await putSegment(stage.store, [gold(START)]);
  await expect(
    searchPairs({
      ...{ store: stage.store, rows: 1, progress: noProgress, signal: AbortSignal.abort(), matches: isGold },
      ...{ limit: 5, newestFirst: true, positions: pagesOf(positions) },
    }),
  ).rejects.toThrow(/abort/i);
});
