// The job that makes a snapshot: every RRPair of the selection from the segments, analyzed, written as the files of a
// snapshot folder. Each attempt writes a folder of its own, and the row names the one of the attempt that held the lease
// to the end: a worker that lost it changes no file that anybody reads.
import { zstdCompressSync } from 'node:zlib';
import { ANALYZER_VERSION, analyze } from '@echoplane/analyzer';
import type { ObjectStore } from '@echoplane/runtime';
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
import type { HeldJob } from './jobs.ts';
import { readSelection } from './selection.ts';
import { storedJson } from './stored-text.ts';
import { coverageStatement } from './traffic-sql.ts';

/** The analyzer holds a selection in memory: about 2 GB at this many pairs of a few KB. */
const MAX_PAIRS = 200_000;
const PAIRS_PER_FRAME = 1_000;
/** What the analyzer does at the least. */
const PAIRS_PER_SECOND = 500;

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
  await context.progress(0.7, `analyzing ${pairs.length} RRPairs`, pairs.length / PAIRS_PER_SECOND);
  const analysis = analyze(pairs);
  const manifest: SnapshotManifest = {
    ...{ v: SNAPSHOT_VERSION, id: job.subject, name, selection: query, lineage: read.segments },
    ...{ analyzerVersion: ANALYZER_VERSION, templateVersion: ENDPOINT_TEMPLATE_VERSION },
    ...{ from: pairs[0]?.ts ?? null, to: pairs.at(-1)?.ts ?? null, counts: analysis.counts },
  };
  await context.progress(0.9, 'writing the snapshot');
  const prefix = ownFolder(context);
  await writeArtifacts(context, prefix, pairs, { ...analysis, manifest });
  return async (db) => {
    await db.query('UPDATE snapshots SET manifest = $2, summary = $3, prefix = $4 WHERE id = $1', [
      ...[job.subject, storedJson(manifest), storedJson(analysis.summary), prefix],
    ]);
    // What killed workers left: with the lease held here, none of it can be stored any more.
    if (job.attempts > 1) {
      await removeKeys(context.store, folderOf(job), (key) => !key.startsWith(prefix));
    }
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

/** The folder of this attempt, gone again when the attempt is not the one that is stored. */
function ownFolder({ job, store, withTenant, ifNotStored }: JobContext): string {
  const prefix = `${folderOf(job)}${job.lease}/`;
  ifNotStored(async () => {
    // Locked: a commit whose answer was lost may still be under way.
    const found = await withTenant(job.tenant, (db) =>
      db.query<{ prefix: string | null }>('SELECT prefix FROM snapshots WHERE id = $1 FOR UPDATE', [
        job.subject,
      ]),
    );
    if (found.rows[0]?.prefix !== prefix) await removeKeys(store, prefix, () => true);
  });
  return prefix;
}

const folderOf = (job: HeldJob) => snapshotPrefix(job.tenant, job.subject);

async function removeKeys(store: ObjectStore, prefix: string, which: (key: string) => boolean) {
  for (const key of (await store.list(prefix)).filter(which)) await store.remove(key);
}

async function writeArtifacts(
  { store, signal }: JobContext,
  prefix: string,
  pairs: readonly RRPair[],
  made: Artifacts,
): Promise<void> {
  const put = (name: string, data: Uint8Array | AsyncIterable<Uint8Array>) => {
    signal.throwIfAborted();
    return store.put(prefix + name, data);
  };
  const json = (value: unknown) => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
  await put(ARTIFACTS.pairs, compressed(pairs));
  await put(ARTIFACTS.tests, lines(made.tests));
  await put(ARTIFACTS.mocks, lines(made.mocks));
  await put(ARTIFACTS.tokens, json(made.tokens));
  await put(ARTIFACTS.transforms, json(made.transforms));
  await put(ARTIFACTS.summary, json(made.summary));
  // Last: a folder with a manifest is whole.
  await put(ARTIFACTS.manifest, json(made.manifest));
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
