// The files of a snapshot folder in an object store: made by the analyzer as it reads the pairs, in the order that makes a
// folder with a manifest whole, and read back line by line. It knows stores and artifacts, not who asked for them.

import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { analyzeStream, type SnapshotEdits, type StreamAnalysis } from '@echoplane/analyzer';
import type { ObjectStore } from '@echoplane/runtime';
import { ARTIFACTS, type ArtifactName, type RRPair, type SnapshotManifest, Test } from '@echoplane/traffic';
import { ArtifactFiles } from './artifact-files.ts';
import { fileWorkspace } from './workspace-files.ts';

/** What the analyzer writes as it goes. */
const GROWING = [ARTIFACTS.pairs, ARTIFACTS.tests, ARTIFACTS.mocks, ARTIFACTS.tokens] as const;

/** Where artifacts go, and how far that may be let go on. */
export interface ArtifactTarget {
  store: ObjectStore;
  /** The folder, ending in a slash; one that nobody reads yet. */
  prefix: string;
  signal: AbortSignal;
  /** Told of each piece of a file that was written: how many lines. */
  written?(name: ArtifactName, lines: number): Promise<void> | undefined;
}

export interface AnalyzedPairs {
  pairs: AsyncIterable<RRPair>;
  edits?: SnapshotEdits | undefined;
  /** Asked when everything else is known, and written last. */
  manifest(analysis: StreamAnalysis): SnapshotManifest;
}

/** Writes every file of a snapshot but `edits.json`, all of them or none. */
export async function writeArtifacts(target: ArtifactTarget, made: AnalyzedPairs): Promise<StreamAnalysis> {
  const { store, prefix, signal } = target;
  const put = (name: ArtifactName, value: unknown) => {
    signal.throwIfAborted();
    return store.put(prefix + name, Buffer.from(`${JSON.stringify(value, null, 2)}\n`));
  };
  const files = new ArtifactFiles(GROWING, {
    ...{ store, prefix, signal },
    written: (name, text) => target.written?.(name, linesIn(text)),
  });
  try {
    await using workspace = await fileWorkspace();
    const analysis = await analyzeStream(made.pairs, { workspace, sink: files, edits: made.edits });
    await files.end();
    await put(ARTIFACTS.flows, analysis.flows);
    await put(ARTIFACTS.transforms, analysis.transforms);
    await put(ARTIFACTS.recommendations, analysis.recommendations);
    await put(ARTIFACTS.summary, analysis.summary);
    // Last: a folder with a manifest is whole.
    await put(ARTIFACTS.manifest, made.manifest(analysis));
    return analysis;
  } catch (err) {
    await files.abandon(err);
    await removeObjects(store, prefix, (key) => key !== prefix + ARTIFACTS.edits);
    throw err;
  }
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

function linesIn(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}
