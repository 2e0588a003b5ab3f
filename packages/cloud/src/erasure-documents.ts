// What the control plane itself keeps of recorded values, for an erasure: reports, manifest and summary of snapshots, and
// the dictionaries of endpoints and hosts, where a renamed entry renames all its rows and rollups. It does not know the
// value, so the data plane looks through all of them, some with each round.
import type { ErasureDocument } from '@echoplane/api';
import type { Db } from './db.ts';
import { storedJson, storedName } from './stored-text.ts';

/** After which document to go on; both sort as they are. */
export interface DocumentCursor {
  kind: string;
  id: string;
}

/** Of one round; a command carries 1 MiB. */
const ROUND_BYTES = 600 << 10;
const FETCH = 1_000;
/** Dictionary ids, whole numbers, as ids of documents. */
const AS_UUID = "lpad(to_hex(id), 32, '0')::uuid";
const NEXT = `SELECT kind, id, value FROM (
    SELECT 'endpoint' AS kind, ${AS_UUID} AS id, to_jsonb(name) AS value FROM endpoints
    UNION ALL
    SELECT 'host', ${AS_UUID}, to_jsonb(name) FROM hosts
    UNION ALL
    SELECT 'report', replay_id, report FROM reports
    UNION ALL
    SELECT 'snapshot', id, jsonb_build_object('manifest', manifest, 'summary', summary) FROM snapshots
      WHERE manifest IS NOT NULL
  ) d WHERE (kind, id) > ($1, $2::uuid) ORDER BY kind, id LIMIT ${FETCH}`;
/** Two names may become the same; they stay two. */
const renamed = (table: 'endpoints' | 'hosts') => `UPDATE ${table} SET name = $2
  || CASE WHEN EXISTS (SELECT 1 FROM ${table} d WHERE d.name = $2) THEN ' ' || id ELSE '' END WHERE id = $1`;
const RENAME_ENDPOINT = renamed('endpoints');
const RENAME_HOST = renamed('hosts');
const STORE_REPORT = 'UPDATE reports SET report = $2 WHERE replay_id = $1';
const STORE_SNAPSHOT = `UPDATE snapshots SET manifest = $2::jsonb->'manifest', summary = $2::jsonb->'summary' WHERE id = $1`;
/** A report too large to be sent loses the list of its failures first. */
const SHORTEN = `UPDATE reports SET report = report || jsonb_build_object('failures', '[]'::jsonb,
    'failuresOmitted', (report->>'failuresOmitted')::integer + jsonb_array_length(report->'failures'))
  WHERE replay_id = $1 RETURNING report AS value`;

/** The next documents, as many as one command carries; none when all were looked through. */
export async function nextDocuments(db: Db, after: DocumentCursor): Promise<ErasureDocument[]> {
  const { rows } = await db.query<ErasureDocument>(NEXT, [after.kind, after.id]);
  const documents: ErasureDocument[] = [];
  let bytes = 0;
  for (const row of rows) {
    const document = await shortened(db, row);
    bytes += sizeOf(document);
    if (bytes > ROUND_BYTES && documents.length > 0) return documents;
    documents.push(document);
  }
  return documents;
}

async function shortened(db: Db, document: ErasureDocument): Promise<ErasureDocument> {
  if (document.kind !== 'report' || sizeOf(document) <= ROUND_BYTES) return document;
  const { rows } = await db.query<{ value: unknown }>(SHORTEN, [document.id]);
  return { ...document, value: rows[0]!.value };
}

const sizeOf = (document: ErasureDocument) => Buffer.byteLength(JSON.stringify(document));

/** Puts the clean ones in the place of what they were. */
export async function storeDocuments(db: Db, documents: readonly ErasureDocument[]): Promise<void> {
  for (const { kind, id, value } of documents) {
    if (kind === 'report') await db.query(STORE_REPORT, [id, storedJson(value)]);
    else if (kind === 'snapshot') await db.query(STORE_SNAPSHOT, [id, storedJson(value)]);
    else
      await db.query(kind === 'endpoint' ? RENAME_ENDPOINT : RENAME_HOST, [
        numberOf(id),
        storedName(String(value)),
      ]);
  }
}

const numberOf = (id: string) => Number.parseInt(id.slice(-8), 16);
