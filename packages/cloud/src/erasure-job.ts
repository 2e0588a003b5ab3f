// The job of one data plane's part of an erasure. In rounds:
//
//   ask ─▶ (the data plane writes segments anew) ─▶ rows re-pointed, a segment a transaction ─▶ counted ─▶ ask …
//
// Each round also removes the objects of the one before, and takes some of our own documents along. What was done stays done when the job is tried again: rows that
// were re-pointed are not found any more, and a round that was counted is not asked for again.
import { createHash } from 'node:crypto';
import type { CommandResults } from '@echoplane/api';
import { segmentKey } from '@echoplane/traffic';
import type { z } from 'zod';
import type { Db } from './db.ts';
import { nextDocuments, storeDocuments } from './erasure-documents.ts';
import { type JobContext, type JobWork, jobFailure } from './job-context.ts';
import { ask, askedBefore } from './private-work.ts';
import { storedText } from './stored-text.ts';
import { timestampOf } from './traffic-sql.ts';

type Erased = z.output<(typeof CommandResults)['erase']>;
type Rewritten = Erased['rewritten'][number];

interface PartRow {
  erasure: string;
  agent: string;
  sealed: string;
  round: number;
  after_key: string;
  old_keys: string[];
  document_kind: string;
  document_id: string;
}

/** Sorts behind every key: a round that has only to remove. */
const BEHIND_ALL = '~';
const READ = `SELECT erasure, agent, sealed, round, after_key, old_keys, document_kind, document_id
  FROM erasure_parts WHERE id = $1`;
const LAST_DOCUMENT = `SELECT body->'documents'->-1->>'kind' AS kind, body->'documents'->-1->>'id' AS id
  FROM commands WHERE id = $1`;
/** `$2`: the round that is counted; another worker may have counted it already. */
const COUNT = `UPDATE erasure_parts SET round = round + 1, after_key = $3, old_keys = $4, segments = segments + $5,
    pairs = pairs + $6, scanned_bytes = scanned_bytes + $7,
    snapshots = ARRAY(SELECT DISTINCT unnest(snapshots || $8::uuid[])),
    document_kind = coalesce($9, document_kind), document_id = coalesce($10::uuid, document_id)
  WHERE id = $1 AND round = $2`;
const FLAG_SNAPSHOTS = 'UPDATE snapshots SET scrubbed_at_us = $2 WHERE id = ANY($1::uuid[])';
/** The sealed value is of no more use, and in the rounds' commands neither it nor the documents as they were. */
const FORGET = `WITH part AS (UPDATE erasure_parts SET sealed = NULL WHERE id = $1 RETURNING agent, erasure)
  UPDATE commands c SET body = (c.body::jsonb || '{"sealed": "", "documents": []}'::jsonb)::json FROM part p
  WHERE c.kind = 'erase' AND c.agent = p.agent AND c.body->>'erasure' = p.erasure::text`;

/** Without frames: what was indexed stays counted as the old segment's. */
const NEW_SEGMENT = `INSERT INTO segments (tenant_id, id, opened_at_us, shipped, key, size_bytes, frames, pairs, agent, store_access)
  SELECT tenant_id, $2, opened_at_us, true, $3, $4, $5, $6, agent, store_access FROM segments WHERE id = $1
  ON CONFLICT DO NOTHING`;
const RE_POINT = `UPDATE rrpairs r SET segment = $2, frame_offset = f.at, frame_length = f.length
  FROM unnest($3::bigint[], $4::integer[]) WITH ORDINALITY AS f (at, length, number)
  WHERE r.segment = $1 AND r.frame = f.number - 1 AND r.ts >= $5 AND r.ts <= $6`;
const PLACE = 'r.segment = $1 AND r.ts >= $2 AND r.ts <= $3';
const CLEAN_PATHS = `UPDATE rrpairs r SET path = p.path FROM unnest($4::integer[], $5::integer[], $6::text[]) AS p (frame, line, path)
  WHERE ${PLACE} AND r.frame = p.frame AND r.line = p.line`;
const NO_PATHS = `UPDATE rrpairs r SET path = '/' WHERE ${PLACE}`;
const LANDED = 'SELECT count(DISTINCT object_key) AS objects FROM landed_frames';
const RETIRE = 'UPDATE segments SET erased_at_us = $2 WHERE id = $1';

export const erasePart: JobWork = async (context) => {
  const { job, withTenant } = context;
  const { rows } = await withTenant(job.tenant, (db) => db.query<PartRow>(READ, [job.subject]));
  const part = rows[0]!;
  const command = commandId(job.id, part.round);
  const erased = await askedBefore(context, 'erase', command);
  if (!erased) return askRound(context, part, command);
  for (const segment of erased.rewritten) await rePoint(context, segment);
  const counted = async (db: Db) => {
    const last = (await db.query<{ kind: string | null; id: string | null }>(LAST_DOCUMENT, [command]))
      .rows[0]!;
    await storeDocuments(db, erased.documents);
    await count(db, context, part.round, { ...erased, last });
    return last.kind === null && erased.after === null && erased.rewritten.length === 0;
  };
  const isDone = await withTenant(job.tenant, counted);
  if (!isDone) return erasePart(context);
  await withTenant(job.tenant, (db) => db.query(FORGET, [job.subject]));
  await refuseLanded(context);
  return async () => {};
};

/** Objects of a delivery stream hold frames of others too and are not rewritten: an erasure must not pass over them. */
async function refuseLanded({ job, withTenant }: JobContext): Promise<void> {
  const { rows } = await withTenant(job.tenant, (db) => db.query<{ objects: number }>(LANDED));
  if (rows[0]!.objects === 0) return;
  throw jobFailure(
    `Everything else is clean, but ${rows[0]!.objects} objects that came through a delivery stream were not looked through; remove them from its bucket, or wait until they have aged out of it.`,
  );
}

async function askRound(context: JobContext, part: PartRow, command: string): Promise<never> {
  const { erasure, agent, sealed, after_key: after, old_keys: remove } = part;
  const { document_kind: kind, document_id: id } = part;
  const documents = await context.withTenant(context.job.tenant, (db) => nextDocuments(db, { kind, id }));
  return ask(context, agent, { kind: 'erase', erasure, sealed, remove, after, documents }, command);
}

async function count(
  db: Db,
  { job, clock }: JobContext,
  round: number,
  erased: Erased & { last: { kind: string | null; id: string | null } },
): Promise<void> {
  const { segments, pairs, scannedBytes, snapshots, rewritten, last } = erased;
  await db.query(COUNT, [
    ...[job.subject, round, erased.after ?? BEHIND_ALL, rewritten.map((segment) => segment.oldKey)],
    ...[segments, pairs, scannedBytes, snapshots, last.kind, last.id],
  ]);
  await db.query(FLAG_SNAPSHOTS, [snapshots, clock.nowUs()]);
}

/** Rows of the old segment point into the new one, all or none. */
async function rePoint({ job, withTenant, clock }: JobContext, segment: Rewritten): Promise<void> {
  const { old, key, sizeBytes, manifest, paths } = segment;
  const { segment: id, frames, pairs, openedAt, firstTs, lastTs } = manifest;
  // Drill-in reads what stands here: this keeps one tenant from another's bytes.
  if (manifest.tenant !== job.tenant || key !== segmentKey(job.tenant, id, openedAt))
    throw jobFailure('The data plane named a segment that is not of this organisation; nothing was changed.');
  await withTenant(job.tenant, async (db) => {
    await db.query(NEW_SEGMENT, [old, id, key, sizeBytes, frames.length, pairs]);
    if (firstTs !== null && lastTs !== null) {
      await db.query(RE_POINT, [
        ...[old, id, frames.map((frame) => frame.offset), frames.map((frame) => frame.length)],
        ...[timestampOf(firstTs), timestampOf(lastTs)],
      ]);
      const place = [id, timestampOf(firstTs), timestampOf(lastTs)];
      if (paths === null) await db.query(NO_PATHS, place);
      else if (paths.length > 0) await db.query(CLEAN_PATHS, [...place, ...columnsOf(paths)]);
    }
    await db.query(RETIRE, [old, clock.nowUs()]);
  });
}

const columnsOf = (paths: NonNullable<Rewritten['paths']>) => [
  paths.map(({ frame }) => frame),
  paths.map(({ line }) => line),
  paths.map(({ path }) => storedText(path)),
];

/** The id of a round's command: the same whenever it is asked for. */
function commandId(job: string, round: number): string {
  const hex = createHash('sha256').update(`${job} ${round}`).digest('hex');
  return `${job.slice(0, 13)}-7${hex.slice(0, 3)}-8${hex.slice(3, 6)}-${hex.slice(6, 18)}`;
}
