import { readObject } from '@echoplane/runtime';
import { ARTIFACTS, Goals, type RRPair, snapshotPrefix, TAG } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { artifactStream } from './artifacts.ts';
import { makeReportFrom } from './make-report.ts';
import { makeSnapshotFiles, type SnapshotWork } from './make-snapshot.ts';
import {
  makePair,
  noProgress,
  pagesOf,
  putSegment,
  START,
  TENANT,
  type TestStore,
  testStore,
} from './segment.fixture.ts';

const SNAPSHOT = '0198a5c0-0000-7000-8000-0000000000aa';
const PREFIX = `${snapshotPrefix(TENANT, SNAPSHOT)}one/`;
const signal = new AbortController().signal;
const pairs = Array.from({ length: 30 }, (_, i) => makePair(START + i * 1_000));

async function workOn({ store }: TestStore, change: Partial<SnapshotWork> = {}): Promise<SnapshotWork> {
  const { positions } = await putSegment(store, pairs, 7);
  return {
    ...{
      store,
      prefix: PREFIX,
      id: SNAPSHOT,
      name: 'all',
      query: {},
      rows: 30,
      progress: noProgress,
      signal,
    },
    positions: pagesOf(positions.slice(0, 11), positions.slice(11)),
    ...change,
  };
}

test('a snapshot is a folder with every file, and says what it is of', async () => {
  await using stage = await testStore();
  const progress: number[] = [];
  const made = await makeSnapshotFiles(
    await workOn(stage, { progress: async (share) => void progress.push(share) }),
  );
  expect(made).toMatchObject({
    ...{ prefix: PREFIX, manifest: { id: SNAPSHOT, from: START, to: START + 29_000, counts: { tests: 30 } } },
  });
  const names = Object.values(ARTIFACTS).filter((name) => name !== ARTIFACTS.edits);
  expect(await stage.store.list(PREFIX)).toEqual(names.map((name) => PREFIX + name).sort());
  expect(JSON.parse((await readObject(stage.store, PREFIX + ARTIFACTS.manifest)).toString())).toEqual(
    made.manifest,
  );
  expect(progress).toEqual(progress.toSorted((a, b) => a - b));
  expect((await artifactStream(stage.store, PREFIX, ARTIFACTS.tests)).readable).toBe(true);
});

test('one that cannot be written whole leaves nothing', async () => {
  await using stage = await testStore();
  const { store } = stage;
  const put: typeof store.put = (key, data) =>
    key.endsWith(ARTIFACTS.summary) ? Promise.reject(new Error('disk full')) : store.put(key, data);
  const work = await workOn(stage, { store: { ...store, put } });
  await expect(makeSnapshotFiles(work)).rejects.toThrow('disk full');
  expect(await store.list(PREFIX)).toEqual([]);
});

test('a report compares the results with the tests of the folder', async () => {
  await using stage = await testStore();
  await makeSnapshotFiles(await workOn(stage));
  const wrong = { status: 500, headers: [], body: { size: 0, encoding: 'identity', text: '' } };
  const results = pairs.map((pair, i): RRPair => {
    const own = { ...pair, id: makePair(START + 1_000_000 + i).id, tags: { [TAG.test]: pair.id } };
    return i < 3 ? { ...own, response: wrong } : own;
  });
  const { positions } = await putSegment(stage.store, results);
  const report = await makeReportFrom({
    ...{
      store: stage.store,
      prefix: PREFIX,
      positions: pagesOf(positions),
      rows: 30,
      progress: noProgress,
      signal,
    },
    basis: {
      ...{ replay: SNAPSHOT, mode: 'tests-only', baseline: null },
      goals: Goals.parse({}),
      run: {
        ...{
          startedAt: 0,
          finishedAt: 1_000_000,
          testsPlanned: 30,
          sent: 30,
          resultsDelivered: 30,
          notSent: {},
        },
        ...{ maxEventLoopLagMs: 1, voidReasons: [] },
      },
    },
  });
  expect(report.counts).toMatchObject({ tests: 30, passed: 27, failed: 3, missing: 0 });
});
