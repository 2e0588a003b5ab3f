// Makes a snapshot: every RRPair of a selection from the segments, analyzed, written as the files of a snapshot folder.
// The caller chooses the folder, one that nobody reads yet: when the writing fails, what is in it is removed again. Pairs
// pass through: memory does not grow with their number, temporary files do, by about the size of the selection.
import { ANALYZER_VERSION, type StreamAnalysis } from '@echoplane/analyzer';
import {
  ARTIFACTS,
  type ArtifactName,
  compileFilter,
  ENDPOINT_TEMPLATE_VERSION,
  type RRPair,
  SNAPSHOT_VERSION,
  type SnapshotManifest,
  type SnapshotSummary,
  type TrafficQuery,
  viewOf,
} from '@echoplane/traffic';
import { writeArtifacts } from './artifacts.ts';
import { type Progress, READING_SHARE, type SelectionWork, selectedPairs } from './selection.ts';

/** For how long analyzing one batch may keep the thread, at the most. */
const BATCH_SECONDS = 10;

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
  const { id, name, query, prefix, rows, progress } = work;
  const matches = compileFilter(query);
  const segments = new Set<string>();
  const chosen = async function* (): AsyncGenerator<RRPair> {
    for await (const pair of selectedPairs(work, (segment) => segments.add(segment)))
      if (matches(viewOf(pair))) yield pair;
  };
  let manifest!: SnapshotManifest;
  const written = analysisProgress(progress, READING_SHARE, rows);
  const analysis = await writeArtifacts(
    { ...work, written },
    {
      pairs: chosen(),
      manifest: (made) => {
        manifest = manifestOf(made, { id, name, selection: query, lineage: [...segments] });
        return manifest;
      },
    },
  );
  return { manifest, summary: analysis.summary, prefix };
}

/** What a manifest says that the analyzer does not know. */
export type ManifestBasis = Pick<SnapshotManifest, 'id' | 'name' | 'selection' | 'lineage'>;

export function manifestOf({ from, to, counts }: StreamAnalysis, basis: ManifestBasis): SnapshotManifest {
  return {
    ...{ v: SNAPSHOT_VERSION, ...basis, analyzerVersion: ANALYZER_VERSION },
    ...{ templateVersion: ENDPOINT_TEMPLATE_VERSION, from, to, counts },
  };
}

/** Tells the progress of an analysis by the lines it writes: each pair once as it is, most once more as test or mock. */
export function analysisProgress(progress: Progress, from: number, rows: number) {
  let lines = 0;
  return (name: ArtifactName, count: number): Promise<void> | undefined => {
    if (name === ARTIFACTS.tokens) return undefined;
    lines += count;
    const done = Math.min(1, lines / Math.max(1, 2 * rows));
    const doing = name === ARTIFACTS.pairs ? 'analyzing' : 'writing the snapshot';
    return progress(from + (0.99 - from) * done, `${doing}: ${rows} RRPairs`, BATCH_SECONDS);
  };
}
