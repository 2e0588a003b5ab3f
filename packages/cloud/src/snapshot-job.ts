// The job that makes a snapshot: every RRPair of the selection from the segments, analyzed, written as the files of a
// snapshot folder. The files are written before the row says so; a job done twice writes the same folder again.
import { zstdCompressSync } from 'node:zlib';
import { ANALYZER_VERSION, analyze } from '@echoplane/analyzer';
import {
  ARTIFACTS,
  compileFilter,
  ENDPOINT_TEMPLATE_VERSION,
  type RRPair,
  SNAPSHOT_VERSION,
  type SnapshotManifest,
  snapshotPrefix,
  type TrafficQuery,
  viewOf,
} from '@echoplane/traffic';
import { type JobContext, JobWait, type JobWork, jobFailure, WAIT_LIMIT_MS } from './job-context.ts';
import { readSelection } from './selection.ts';
import { coverageStatement } from './traffic-sql.ts';

/** The analyzer holds a selection in memory: about 2 GB at this many pairs of a few KB. */
const MAX_PAIRS = 200_000;
const PAIRS_PER_FRAME = 1_000;

interface SnapshotRow {
  name: string;
  query: TrafficQuery;
}

export const makeSnapshot: JobWork = async (context) => {
  const { job, withTenant } = context;
  const found = await withTenant(job.tenant, (db) =>
    db.query<SnapshotRow>('SELECT name, query FROM snapshots WHERE id = $1', [job.subject]),
  );
  const { name, query } = found.rows[0]!;
  const rows = await checkCoverage(context, query);
  const read = await readSelection(context, query, rows);
  const matches = compileFilter(query);
  const pairs = read.pairs.filter((pair) => matches(viewOf(pair))).sort((a, b) => a.ts - b.ts);
  await context.progress(0.7, `analyzing ${pairs.length} RRPairs`);
  const analysis = analyze(pairs);
  const manifest: SnapshotManifest = {
    ...{ v: SNAPSHOT_VERSION, id: job.subject, name, selection: query, lineage: read.segments },
    ...{ analyzerVersion: ANALYZER_VERSION, templateVersion: ENDPOINT_TEMPLATE_VERSION },
    ...{ from: pairs[0]?.ts ?? null, to: pairs.at(-1)?.ts ?? null, counts: analysis.counts },
  };
  await context.progress(0.9, 'writing the snapshot');
  await writeArtifacts(context, pairs, { ...analysis, manifest });
  return async (db) => {
    await db.query('UPDATE snapshots SET manifest = $2, summary = $3 WHERE id = $1', [
      ...[job.subject, JSON.stringify(manifest), JSON.stringify(analysis.summary)],
    ]);
  };
};

/** Waits until every segment with rows of the selection is in the store; the number of rows. */
async function checkCoverage({ job, withTenant }: JobContext, query: TrafficQuery): Promise<number> {
  const found = await withTenant(job.tenant, (db) =>
    db.query<{ rows: number; open_segments: number }>(coverageStatement(query)),
  );
  const { rows, open_segments: open } = found.rows[0]!;
  if (open > 0 && job.waitedMs < WAIT_LIMIT_MS)
    throw new JobWait(`waiting for ${open} segments that are still in the cluster`);
  if (open > 0) {
    throw jobFailure(
      `${open} segments with RRPairs of this selection did not arrive in the object store; check that the forwarder runs and can write to it, then create the snapshot again.`,
    );
  }
  if (rows === 0)
    throw jobFailure('No recorded RRPair fits this selection; widen its time range or its filter.');
  if (rows > MAX_PAIRS)
    throw jobFailure(`${rows} RRPairs fit this selection; narrow it to at most ${MAX_PAIRS}.`);
  return rows;
}

type Artifacts = ReturnType<typeof analyze> & { manifest: SnapshotManifest };

async function writeArtifacts(
  { job, store }: JobContext,
  pairs: readonly RRPair[],
  made: Artifacts,
): Promise<void> {
  const prefix = snapshotPrefix(job.tenant, job.subject);
  const json = (value: unknown) => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
  await store.put(prefix + ARTIFACTS.pairs, compressed(pairs));
  await store.put(prefix + ARTIFACTS.tests, lines(made.tests));
  await store.put(prefix + ARTIFACTS.mocks, lines(made.mocks));
  await store.put(prefix + ARTIFACTS.tokens, json(made.tokens));
  await store.put(prefix + ARTIFACTS.transforms, json(made.transforms));
  await store.put(prefix + ARTIFACTS.summary, json(made.summary));
  // Last: a folder with a manifest is whole.
  await store.put(prefix + ARTIFACTS.manifest, json(made.manifest));
}

async function* lines(items: readonly unknown[]): AsyncIterable<Buffer> {
  for (const item of items) yield Buffer.from(`${JSON.stringify(item)}\n`);
}

async function* compressed(pairs: readonly RRPair[]): AsyncIterable<Buffer> {
  for (let at = 0; at < pairs.length; at += PAIRS_PER_FRAME) {
    const chunk = pairs.slice(at, at + PAIRS_PER_FRAME).map((pair) => `${JSON.stringify(pair)}\n`);
    yield zstdCompressSync(Buffer.from(chunk.join('')));
  }
}
