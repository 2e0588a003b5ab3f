// Replays as a resource: opened when a run begins, finished with what the generator measured, analyzed by the worker's
// report job. While that job runs the phase is `analyzing`; how it ends is read from the job.
import type { Replay } from '@echoplane/api';
import { newId } from '@echoplane/runtime';
import { Goals, type Report } from '@echoplane/traffic';
import { audit } from './audit.ts';
import type { Db } from './db.ts';
import type { Handlers, Services } from './handlers.ts';
import { enqueueJob } from './jobs.ts';
import { notFound, ProblemError } from './problems.ts';
import { LIST_LIMIT, readSnapshot } from './snapshots.ts';

const SELECT = `SELECT p.id, p.name, p.snapshot_id AS snapshot, p.mode, p.build_tag, p.baseline_id AS baseline, p.goals,
    CASE WHEN p.phase = 'analyzing' AND j.state = 'failed' THEN 'failed' ELSE p.phase END AS phase,
    CASE WHEN p.phase = 'analyzing' THEN j.message END AS message,
    o.verdict, o.success_rate, p.created_at_us, coalesce(p.finished_at_us, j.finished_at_us) AS finished_at_us
  FROM replays p
  LEFT JOIN jobs j ON j.kind = 'report' AND j.subject = p.id
  LEFT JOIN reports o ON o.replay_id = p.id`;
const NEWEST = `${SELECT} ORDER BY p.created_at_us DESC, p.id DESC LIMIT ${LIST_LIMIT}`;
const ONE = `${SELECT} WHERE p.id = $1`;
const INSERT = `INSERT INTO replays (tenant_id, id, name, snapshot_id, mode, build_tag, baseline_id, goals, created_at_us)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`;
const FINISH = `UPDATE replays SET phase = 'analyzing', run = $2, mock_results = $3 WHERE id = $1 AND phase = 'running'`;
const CANCEL = `UPDATE replays SET phase = 'cancelled', finished_at_us = $2 WHERE id = $1 AND phase = 'running'`;
const REPORT = `SELECT o.report, n.name FROM reports o JOIN replays p ON p.id = o.replay_id
  JOIN snapshots n ON n.id = p.snapshot_id WHERE o.replay_id = $1`;

type ReplayRow = Omit<Replay, 'buildTag' | 'successRate' | 'createdAt' | 'finishedAt'> & {
  build_tag: string | null;
  success_rate: number | null;
  created_at_us: number;
  finished_at_us: number | null;
};

type Names = 'createReplay' | 'replays' | 'replay' | 'finishReplay' | 'cancelReplay' | 'report';

export function replayHandlers({ withTenant, clock }: Services): Pick<Handlers, Names> {
  return {
    createReplay: ({ body, principal, source }) =>
      withTenant(principal.tenant.id, async (db) => {
        await checkParts(db, body.snapshot, body.baseline);
        const now = clock.nowUs();
        const id = newId(now);
        await db.query(INSERT, [
          ...[principal.tenant.id, id, body.name, body.snapshot, body.mode, body.buildTag ?? null],
          ...[body.baseline ?? null, JSON.stringify(body.goals ?? Goals.parse({})), now],
        ]);
        await audit(db, source, { action: 'create-replay', subject: id, detail: body });
        return readReplay(db, id);
      }),
    async replays({ principal }) {
      const found = await withTenant(principal.tenant.id, (db) => db.query<ReplayRow>(NEWEST));
      return { items: found.rows.map(replayOf) };
    },
    replay: ({ params, principal }) => withTenant(principal.tenant.id, (db) => readReplay(db, params.id)),
    finishReplay: ({ params: { id }, body, principal, source }) =>
      withTenant(principal.tenant.id, async (db) => {
        const finished = await db.query(FINISH, [id, JSON.stringify(body.run), body.mockResults]);
        if (finished.rowCount === 0) throw await notRunning(db, id, 'finished');
        await enqueueJob(db, { tenant: principal.tenant.id, kind: 'report', subject: id }, clock);
        await audit(db, source, { action: 'finish-replay', subject: id });
        return readReplay(db, id);
      }),
    cancelReplay: ({ params: { id }, principal, source }) =>
      withTenant(principal.tenant.id, async (db) => {
        const cancelled = await db.query(CANCEL, [id, clock.nowUs()]);
        if (cancelled.rowCount === 0) throw await notRunning(db, id, 'cancelled');
        await audit(db, source, { action: 'cancel-replay', subject: id });
        return readReplay(db, id);
      }),
    report: ({ params: { id }, principal }) =>
      withTenant(principal.tenant.id, async (db) => {
        const replay = await readReplay(db, id);
        const row = (await db.query<{ report: Report; name: string }>(REPORT, [id])).rows[0];
        if (!row)
          throw new ProblemError('not_found', `There is no report of this replay: it is ${replay.phase}.`);
        return { replay, snapshotName: row.name, report: row.report };
      }),
  };
}

export async function readReplay(db: Db, id: string): Promise<Replay> {
  const row = (await db.query<ReplayRow>(ONE, [id])).rows[0];
  if (!row) throw notFound('replay');
  return replayOf(row);
}

function replayOf(row: ReplayRow): Replay {
  const {
    build_tag: buildTag,
    success_rate: successRate,
    created_at_us: createdAt,
    finished_at_us: finishedAt,
    ...rest
  } = row;
  return { ...rest, buildTag, successRate, createdAt, finishedAt };
}

/** A replay needs a snapshot that is done, and for a baseline an analyzed replay. */
async function checkParts(db: Db, snapshotId: string, baselineId: string | undefined): Promise<void> {
  const snapshot = await readSnapshot(db, snapshotId);
  if (snapshot.state !== 'succeeded') {
    throw new ProblemError(
      'conflict',
      `The snapshot ${snapshot.name} is ${snapshot.state}; it can be replayed once it has succeeded.`,
    );
  }
  if (baselineId === undefined) return;
  const baseline = await readReplay(db, baselineId);
  if (baseline.phase !== 'succeeded') {
    throw new ProblemError(
      'conflict',
      `The baseline ${baseline.name} is ${baseline.phase}; only a replay with a report can be one.`,
    );
  }
}

async function notRunning(db: Db, id: string, wanted: string): Promise<ProblemError> {
  const { phase } = await readReplay(db, id);
  return new ProblemError('conflict', `Only a running replay can be ${wanted}; this one is ${phase}.`);
}
