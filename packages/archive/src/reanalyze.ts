// Analyzes a snapshot anew from its own recording, with what users edited in it: into a folder of its own, so that whoever
// reads the old one keeps a whole one until the caller points to the new. `edits.json` is copied, never changed.

import { GivenEdits, recordedAnswer, SnapshotEdits } from '@echoplane/analyzer';
import { ObjectMissing, type ObjectStore, OperatingError, readObject } from '@echoplane/runtime';
import { ARTIFACTS, RRPair, SnapshotManifest } from '@echoplane/traffic';
import { artifactStream, removeObjects, writeArtifacts } from './artifacts.ts';
import { analysisProgress, type MadeSnapshot, manifestOf } from './make-snapshot.ts';
import type { Progress } from './selection.ts';
import { zstdContents } from './zstd-frames.ts';

export interface ReanalyzeWork {
  store: ObjectStore;
  /** The folder of the snapshot, ending in a slash. */
  from: string;
  /** The folder to write, another one. */
  prefix: string;
  progress: Progress;
  signal: AbortSignal;
  /** Pairs of a replay: what the real hosts answered in it (miss policy `record`) becomes part of the recording. */
  replayed?: AsyncIterable<RRPair>;
  /** In the place of those in the folder. */
  edits?: unknown;
}

/** Makes the artifacts anew, all of them or nothing. Throws OperatingError when the edits or the recording cannot be read. */
export async function reanalyze(work: ReanalyzeWork): Promise<MadeSnapshot> {
  const { store, from, prefix, progress, signal, replayed } = work;
  const before = SnapshotManifest.parse(
    JSON.parse((await readObject(store, from + ARTIFACTS.manifest)).toString()),
  );
  const edits = work.edits === undefined ? await readEdits(store, from) : givenEdits(work.edits);
  let manifest!: SnapshotManifest;
  const target = { store, prefix, signal, written: analysisProgress(progress, 0, before.counts.pairs) };
  if (edits) await store.put(prefix + ARTIFACTS.edits, edits.bytes, signal);
  try {
    const analysis = await writeArtifacts(target, {
      pairs: withAnswers(recordedPairs(store, from, before.counts.pairs), replayed),
      edits: edits?.edits,
      manifest: (made) => {
        manifest = manifestOf(made, before);
        return manifest;
      },
    });
    return { manifest, summary: analysis.summary, prefix };
  } catch (err) {
    await removeObjects(store, prefix);
    throw err;
  }
}

async function* withAnswers(
  recorded: AsyncIterable<RRPair>,
  replayed?: AsyncIterable<RRPair>,
): AsyncGenerator<RRPair> {
  yield* recorded;
  for await (const pair of replayed ?? []) {
    const answer = recordedAnswer(pair);
    if (answer) yield answer;
  }
}

/** The users' edits of the snapshot at `prefix`; null when there are none. */
export async function readEdits(
  store: ObjectStore,
  prefix: string,
): Promise<{ edits: SnapshotEdits; bytes: Buffer } | null> {
  const bytes = await readObject(store, prefix + ARTIFACTS.edits).catch((err) => {
    if (err instanceof ObjectMissing) return null;
    throw err;
  });
  if (bytes === null) return null;
  const parse = () => SnapshotEdits.parse(JSON.parse(bytes.toString()));
  return { edits: checked(parse, `${prefix}${ARTIFACTS.edits} is`, 'correct or remove it'), bytes };
}

function givenEdits(given: unknown): { edits: SnapshotEdits; bytes: Buffer } {
  const edits = checked(() => GivenEdits.parse(given), 'What was sent is', 'correct it');
  return { edits, bytes: Buffer.from(`${JSON.stringify(edits, null, 2)}\n`) };
}

function checked(parse: () => SnapshotEdits, what: string, remedy: string): SnapshotEdits {
  try {
    return parse();
  } catch (cause) {
    const sentence = `${what} not what edits look like (${(cause as Error).message}); ${remedy}.`;
    throw new OperatingError('bad_edits', sentence, { cause });
  }
}

/** The recording of the snapshot at `prefix`, pair by pair; throws where it is damaged or holds fewer than it should. */
async function* recordedPairs(store: ObjectStore, prefix: string, count: number): AsyncGenerator<RRPair> {
  const file = await artifactStream(store, prefix, ARTIFACTS.pairs);
  const text = new TextDecoder();
  let rest = '';
  let read = 0;
  for await (const content of zstdContents(file, prefix + ARTIFACTS.pairs)) {
    const lines = (rest + text.decode(content, { stream: true })).split('\n');
    rest = lines.pop()!;
    for (const line of lines) yield RRPair.parse(JSON.parse(line));
    read += lines.length;
  }
  // A file cut between two frames looks whole.
  if (rest === '' && read === count) return;
  throw new OperatingError(
    'recording_cut',
    `${prefix}${ARTIFACTS.pairs} holds ${read} of its ${count} RRPairs; restore it from a copy.`,
  );
}
