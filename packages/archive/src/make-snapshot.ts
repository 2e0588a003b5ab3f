// Makes a snapshot: every RRPair of a selection from the segments, analyzed, written as the files of a snapshot folder.
// The caller chooses the folder, one that nobody reads yet: when the writing fails, what is in it is removed again.
import { ANALYZER_VERSION, analyze } from '@echoplane/analyzer';
import {
  compileFilter,
  ENDPOINT_TEMPLATE_VERSION,
  SNAPSHOT_VERSION,
  type SnapshotManifest,
  type SnapshotSummary,
  type TrafficQuery,
  viewOf,
} from '@echoplane/traffic';
import { removeObjects, writeArtifacts } from './artifacts.ts';
import { READING_SHARE, readSelection, type SelectionWork } from './selection.ts';

/** The analyzer holds a selection in memory: about 2 GB at this many pairs of a few KB. */
export const MAX_SNAPSHOT_PAIRS = 200_000;
/** What the analyzer does at the least. */
const PAIRS_PER_SECOND = 500;

export interface SnapshotWork extends SelectionWork {
  id: string;
  name: string;
  query: TrafficQuery;
  /** The folder to write, ending in a slash. */
  prefix: string;
}

export interface MadeSnapshot {
  manifest: SnapshotManifest;
  summary: SnapshotSummary;
  prefix: string;
}

/** Reads, analyzes and writes a snapshot, all of it or nothing. */
export async function makeSnapshotFiles(work: SnapshotWork): Promise<MadeSnapshot> {
  const { id, name, query, prefix, progress } = work;
  const read = await readSelection(work);
  const matches = compileFilter(query);
  const pairs = read.pairs.filter((pair) => matches(viewOf(pair))).sort((a, b) => a.ts - b.ts);
  await progress(READING_SHARE, `analyzing ${pairs.length} RRPairs`, pairs.length / PAIRS_PER_SECOND);
  const analysis = analyze(pairs);
  const manifest: SnapshotManifest = {
    ...{ v: SNAPSHOT_VERSION, id, name, selection: query, lineage: read.segments },
    ...{ analyzerVersion: ANALYZER_VERSION, templateVersion: ENDPOINT_TEMPLATE_VERSION },
    ...{ from: pairs[0]?.ts ?? null, to: pairs.at(-1)?.ts ?? null, counts: analysis.counts },
  };
  await progress(0.9, 'writing the snapshot');
  await writeArtifacts(work, pairs, { ...analysis, manifest }).catch(async (err) => {
    await removeObjects(work.store, prefix);
    throw err;
  });
  return { manifest, summary: analysis.summary, prefix };
}
