// The audit log: one row for each thing a principal changed, in the transaction that changed it. Append-only by
// privilege: the app's role may insert and read. Ingest is metered, not audited.
import { type Clock, newId } from '@echoplane/runtime';
import type { Db } from './db.ts';

export interface AuditSource {
  tenant: string;
  actor: string;
  address: string;
  requestId: string;
  clock: Clock;
}

export async function audit(
  db: Db,
  source: AuditSource,
  entry: { action: string; subject: string; detail?: Record<string, unknown> },
): Promise<void> {
  const at = source.clock.nowUs();
  await db.query(
    `INSERT INTO audit (tenant_id, id, at_us, actor, action, subject, detail, address, request_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      ...[source.tenant, newId(at), at, source.actor, entry.action, entry.subject],
      ...[JSON.stringify(entry.detail ?? {}), source.address, source.requestId],
    ],
  );
}
