// The files of a snapshot folder in an object store: written in the order that makes a folder with a manifest whole, read
// back line by line. It knows stores and artifacts, not who asked for them.

import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { zstdCompressSync } from 'node:zlib';
import type { analyze } from '@echoplane/analyzer';
import type { ObjectStore } from '@echoplane/runtime';
import { ARTIFACTS, type ArtifactName, type RRPair, type SnapshotManifest, Test } from '@echoplane/traffic';

const PAIRS_PER_FRAME = 1_000;

export type Artifacts = ReturnType<typeof analyze> & { manifest: SnapshotManifest };

/** Where artifacts go, and how far that may be let go on. */
export interface ArtifactTarget {
  store: ObjectStore;
  prefix: string;
  signal: AbortSignal;
}

/** Writes every file of a snapshot but `edits.json`. */
export async function writeArtifacts(
  { store, prefix, signal }: ArtifactTarget,
  pairs: readonly RRPair[],
  made: Artifacts,
): Promise<void> {
  const put = (name: ArtifactName, data: Uint8Array | AsyncIterable<Uint8Array>) => {
    signal.throwIfAborted();
    return store.put(prefix + name, data);
  };
  const json = (value: unknown) => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
  await put(ARTIFACTS.pairs, compressedPairs(pairs, signal));
  await put(ARTIFACTS.tests, lines(made.tests));
  await put(ARTIFACTS.mocks, lines(made.mocks));
  await put(ARTIFACTS.tokens, json(made.tokens));
  await put(ARTIFACTS.transforms, json(made.transforms));
  await put(ARTIFACTS.summary, json(made.summary));
  // Last: a folder with a manifest is whole.
  await put(ARTIFACTS.manifest, json(made.manifest));
}

/** The tests of the snapshot at `prefix`. Throws ObjectMissing. */
export async function readTests(store: ObjectStore, prefix: string): Promise<Test[]> {
  const tests: Test[] = [];
  const input = await artifactStream(store, prefix, ARTIFACTS.tests);
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line !== '') tests.push(Test.parse(JSON.parse(line)));
  }
  return tests;
}

/** One file of the snapshot at `prefix`. Throws ObjectMissing. */
export function artifactStream(store: ObjectStore, prefix: string, name: ArtifactName): Promise<Readable> {
  return store.stream(prefix + name);
}

/** Removes the objects under a prefix that `which` holds for. */
export async function removeObjects(
  store: ObjectStore,
  prefix: string,
  which: (key: string) => boolean = () => true,
): Promise<void> {
  for (const key of (await store.list(prefix)).filter(which)) await store.remove(key);
}

async function* lines(items: readonly unknown[]): AsyncIterable<Buffer> {
  for (const item of items) yield Buffer.from(`${JSON.stringify(item)}\n`);
}

async function* compressedPairs(pairs: readonly RRPair[], signal: AbortSignal): AsyncIterable<Buffer> {
  for (let at = 0; at < pairs.length; at += PAIRS_PER_FRAME) {
    signal.throwIfAborted();
    const chunk = pairs.slice(at, at + PAIRS_PER_FRAME).map((pair) => `${JSON.stringify(pair)}\n`);
    yield zstdCompressSync(Buffer.from(chunk.join('')));
  }
}
