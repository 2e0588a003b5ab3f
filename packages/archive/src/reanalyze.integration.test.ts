import { Readable } from 'node:stream';
import { zstdDecompressSync } from 'node:zlib';
import { type ObjectStore, readObject } from '@echoplane/runtime';
import { ARTIFACTS, type RRPair, TAG, type Token } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { readTests, writeArtifacts } from './artifacts.ts';
import { manifestOf } from './make-snapshot.ts';
import { reanalyze } from './reanalyze.ts';
import { makePair, noProgress, START, testStore } from './segment.fixture.ts';

const [FROM, TO] = ['t/snapshots/s/one/', 't/snapshots/s/two/'];
const ID = '0198a5c0-0000-7000-8000-0000000000aa';
const signal = new AbortController().signal;
const product = '0198a5c0-1111-4000-8000-0000000000bb';

/** More than a frame of pairs, with a uuid that is handed out and sent back. */
function* pairs(): Generator<RRPair> {
  const headers: [string, string][] = [['content-type', 'application/json']];
  const json = { id: product, text: 'x'.repeat(1_000) };
  const body = { size: JSON.stringify(json).length, encoding: 'identity', json };
  for (let n = 0; n < 1_500; n++) {
    const pair = makePair(START + n * 10_000);
    const url = `http://shop.localhost/products/${product}`;
    yield n === 0
      ? { ...pair, response: { status: 201, headers, body } }
      : {
          ...pair,
          request: { method: 'GET', url, headers, body: { size: 0, encoding: 'identity' } },
          response: { status: 200, headers, body },
        };
  }
}

async function record(store: ObjectStore): Promise<void> {
  await writeArtifacts(
    { store, prefix: FROM, signal },
    {
      pairs: Readable.from(pairs()),
      manifest: (made) => manifestOf(made, { id: ID, name: 'all', selection: {}, lineage: [] }),
    },
  );
}

const work = (store: ObjectStore) => ({ store, from: FROM, prefix: TO, progress: noProgress, signal });
const tokensOf = async (store: ObjectStore, prefix: string): Promise<Token[]> =>
  JSON.parse((await readObject(store, prefix + ARTIFACTS.tokens)).toString());

test('without edits the same comes out, in a folder of its own', async () => {
  await using stage = await testStore();
  const { store } = stage;
  await record(store);
  await reanalyze(work(store));
  for (const name of Object.values(ARTIFACTS).filter((one) => one !== ARTIFACTS.edits)) {
    const [before, after] = [await readObject(store, FROM + name), await readObject(store, TO + name)];
    const isLines = name.includes('.jsonl');
    const texts = [before, after].map((bytes) =>
      (name === ARTIFACTS.pairs ? zstdDecompressSync(bytes) : bytes).toString(),
    );
    const [was, is] = texts.map((text) =>
      (isLines ? text.split('\n').filter((line) => line !== '') : [text]).map((one) => JSON.parse(one)),
    );
    expect(is, name).toEqual(was);
  }
});

test('edits survive and hold', async () => {
  await using stage = await testStore();
  const { store } = stage;
  await record(store);
  const [token] = await tokensOf(store, FROM);
  const excluded = (await readTests(store, FROM))[7]!.id;
  const edits = Buffer.from(JSON.stringify({ tokens: { [token!.id]: false }, excludedTests: [excluded] }));
  await store.put(FROM + ARTIFACTS.edits, edits);
  const made = await reanalyze(work(store));
  expect(made.manifest).toMatchObject({ id: ID, counts: { pairs: 1_500, tests: 1_499, tokens: 1 } });
  expect(await tokensOf(store, TO)).toEqual([{ ...token, enabled: false }]);
  expect((await readTests(store, TO)).some(({ id }) => id === excluded)).toBe(false);
  expect(await readObject(store, TO + ARTIFACTS.edits)).toEqual(edits);
});

test.each<[string, string, (bytes: Buffer) => Buffer, RegExp]>([
  [
    'edits that are none',
    ARTIFACTS.edits,
    () => Buffer.from('{"tokenz":{}}'),
    /edits\.json is not what edits look like.*tokenz/s,
  ],
  [
    'a recording that was cut',
    ARTIFACTS.pairs,
    (bytes) => bytes.subarray(0, bytes.length - 400),
    /rrpairs.jsonl.zst is cut or damaged/,
  ],
])('%s: the old snapshot stays, nothing of a new one appears', async (_name, file, damage, message) => {
  await using stage = await testStore();
  const { store } = stage;
  await record(store);
  const before = await store.list(FROM);
  const bytes = file === ARTIFACTS.edits ? Buffer.alloc(0) : await readObject(store, FROM + file);
  await store.put(FROM + file, damage(bytes));
  await expect(reanalyze(work(store))).rejects.toThrow(message);
  expect((await store.list('t/')).filter((key) => !key.endsWith(ARTIFACTS.edits))).toEqual(before);
});

test('what a real host answered in a replay becomes a mock, and nothing else of the replay does', async () => {
  await using stage = await testStore();
  const { store } = stage;
  await record(store);
  const answered = (match: string, n: number): RRPair => ({
    ...makePair(START + 60_000_000 + n),
    direction: 'OUT',
    tags: { [TAG.replay]: ID, [TAG.match]: match },
  });
  const replayed = Readable.from(['exact', 'recorded', 'passthrough', 'miss'].map(answered));
  const made = await reanalyze({ ...work(store), replayed });
  expect(made.manifest.counts).toMatchObject({ pairs: 1_501, mocks: 1 });
});
