// What the database knows of segments that come through a delivery stream: where each frame landed, and whether all of
// them did. Each change is one transaction for one segment, under that segment's lock, so that the last frame and the
// announcement, whichever comes second, see each other.
import type { FrameHeader, SegmentManifest } from '@echoplane/traffic';
import type { Db } from './db.ts';

/** A frame and the place of its bytes in an object. */
export interface LandedFrame {
  header: FrameHeader;
  offset: number;
}

const LOCK = 'SELECT pg_advisory_xact_lock(7246923, hashtext($1))';

/** Every frame that is to land was seen. It arrived after all if it had been given up. */
const SETTLE = `UPDATE segments SET shipped = true, lost_reason = NULL, lost_at_us = NULL
  WHERE id = $1 AND NOT shipped
    AND landing_frames <= (SELECT count(*) FROM landed_frames l WHERE l.segment = $1)`;

/** Notes where frames of one segment are, in the tenant's transaction; how many were not known yet. */
export async function recordLanded(
  db: Db,
  place: { tenant: string; segment: string; key: string },
  frames: readonly LandedFrame[],
): Promise<number> {
  await db.query(LOCK, [place.segment]);
  const fresh = await db.query(
    `INSERT INTO landed_frames (tenant_id, segment, frame, object_key, object_offset, object_length)
     SELECT $1, $2, f.frame, $3, f.at, f.length
     FROM unnest($4::integer[], $5::bigint[], $6::integer[]) AS f (frame, at, length) ON CONFLICT DO NOTHING`,
    [
      ...[place.tenant, place.segment, place.key],
      frames.map(({ header }) => header.frame),
      frames.map(({ offset }) => offset),
      frames.map(({ header }) => header.length),
    ],
  );
  await db.query(SETTLE, [place.segment]);
  return fresh.rowCount ?? 0;
}

/**
 * Notes that a segment was taken by the stream whole; its frames without bytes were lost on the way in. True when that was
 * not known yet.
 */
export async function announceLanding(
  db: Db,
  tenant: string,
  manifest: SegmentManifest,
  agent: string | null = null,
): Promise<boolean> {
  const landing = manifest.frames.filter(({ length }) => length > 0);
  const sizeBytes = landing.reduce((sum, { length }) => sum + length, 0);
  await db.query(LOCK, [manifest.segment]);
  const stored = await db.query(
    `INSERT INTO segments AS s (tenant_id, id, opened_at_us, size_bytes, frames, pairs, landing_frames, agent, via)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'firehose')
     ON CONFLICT (tenant_id, id) DO UPDATE SET size_bytes = excluded.size_bytes, frames = excluded.frames,
       pairs = excluded.pairs, landing_frames = excluded.landing_frames, via = excluded.via,
       agent = coalesce(excluded.agent, s.agent)
       WHERE NOT s.shipped AND s.landing_frames IS NULL`,
    [
      ...[tenant, manifest.segment, manifest.openedAt, sizeBytes],
      ...[manifest.frames.length, manifest.pairs, landing.length, agent],
    ],
  );
  await db.query(SETTLE, [manifest.segment]);
  return stored.rowCount !== 0;
}
