// Replays as a resource: opened when a run begins, finished with what the generator measured, analyzed by the worker's
// report job. While that job runs the phase is `analyzing`; how it ends is read from the job. One that was opened with a lease
// ends by itself when nothing is heard of it (duties.ts).
import type { NewReplay, Replay } from '@echoplane/api';
import { newId } from '@echoplane/runtime';
import { Goals } from '@echoplane/traffic';
import type { z } from 'zod';
import { audit } from './audit.ts';
import type { Db } from './db.ts';
import type { Handlers, Services } from './handlers.ts';
import { enqueueJob } from './jobs.ts';
import { notFound, ProblemError } from './problems.ts';
import { LIST_LIMIT, readSnapshot } from './snapshots.ts';
import { refuseProblems } from './test-configs.ts';

const SELECT = `SELECT p.id, p.name, p.snapshot_id AS snapshot, p.mode, p.build_tag, p.baseline_id AS baseline, p.goals,
    p.test_config AS "testConfig",
    CASE WHEN p.phase = 'analyzing' AND j.state = 'failed' THEN 'failed' ELSE p.phase END AS phase,
    CASE WHEN p.phase = 'analyzing' THEN j.message ELSE p.message END AS message, p.lease_until_us,
    o.verdict, o.success_rate, p.created_at_us, coalesce(p.finished_at_us, j.finished_at_us) AS finished_at_us
  FROM replays p
  LEFT JOIN jobs j ON j.kind = 'report' AND j.subject = p.id
  LEFT JOIN reports o ON o.replay_id = p.id`;
const NEWEST = `${SELECT} ORDER BY p.created_at_us DESC, p.id DESC LIMIT ${LIST_LIMIT}`;
const ONE = `${SELECT} WHERE p.id = $1`;
const INSERT = `INSERT INTO replays
    (tenant_id, id, name, snapshot_id, mode, build_tag, baseline_id, goals, created_at_us, key, test_config, lease_us,
     lease_until_us)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::bigint, $10, $11, $12::bigint, $9::bigint + $12::bigint)
  ON CONFLICT (tenant_id, key) WHERE key IS NOT NULL DO NOTHING`;
const BY_KEY = 'SELECT id FROM replays WHERE key = $1';
const FINISH = `UPDATE replays SET phase = 'analyzing', run = $2, mock_results = $3 WHERE id = $1 AND phase = 'running'`;
const CANCEL = `UPDATE replays SET phase = 'cancelled', finished_at_us = $2 WHERE id = $1 AND phase = 'running'`;
const KEEP = `UPDATE replays SET lease_until_us = $2 + lease_us WHERE id = $1 AND phase = 'running'`;
type ReplayRow = Omit<Replay, 'buildTag' | 'successRate' | 'createdAt' | 'finishedAt' | 'leaseUntil'> & {
  lease_until_us: number | null;
  build_tag: string | null;
  success_rate: number | null;
  created_at_us: number;
  finished_at_us: number | null;
};

type Names = 'createReplay' | 'replays' | 'replay' | 'keepReplay' | 'finishReplay' | 'cancelReplay';

export function replayHandlers({ withTenant, clock }: Services): Pick<Handlers, Names> {
  return {
    createReplay: ({ body, principal, source }) =>
      withTenant(principal.tenant.id, async (db) => {
        const { testConfig } = body;
        refuseProblems(testConfig ?? {}, ['testConfig']);
        refuseProblems({ goals: body.goals }, []);
        await checkParts(db, body.snapshot, body.baseline);
        const goals = goalsOf(body);
        refuseWithoutBaseline(goals, body.baseline);
        const now = clock.nowUs();
        const id = newId(now);
        const { rowCount } = await db.query(INSERT, [
          ...[principal.tenant.id, id, body.name, body.snapshot, body.mode, body.buildTag ?? null],
          ...[body.baseline ?? null, JSON.stringify(goals), now, body.key ?? null],
          testConfig === undefined ? null : JSON.stringify(testConfig),
          body.leaseSeconds === undefined ? null : body.leaseSeconds * 1_000_000,
        ]);
        if (rowCount === 0) {
          const known = await db.query<{ id: string }>(BY_KEY, [body.key]);
          return readReplay(db, known.rows[0]!.id);
        }
        await audit(db, source, { action: 'create-replay', subject: id, detail: body });
        return readReplay(db, id);
      }),
    async replays({ principal }) {
      const found = await withTenant(principal.tenant.id, (db) => db.query<ReplayRow>(NEWEST));
      return { items: found.rows.map(replayOf) };
    },
    replay: ({ params, principal }) => withTenant(principal.tenant.id, (db) => readReplay(db, params.id)),
    keepReplay: ({ params: { id }, principal }) =>
      withTenant(principal.tenant.id, async (db) => {
        const kept = await db.query(KEEP, [id, clock.nowUs()]);
        if (kept.rowCount === 0) throw await notRunning(db, id, 'kept');
        return readReplay(db, id);
      }),
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
  };
}

export async function readReplay(db: Db, id: string): Promise<Replay> {
  const row = (await db.query<ReplayRow>(ONE, [id])).rows[0];
  if (!row) throw notFound('replay');
  return replayOf(row);
}

/** Those of the test config, where none stand beside it. */
function goalsOf({ goals, testConfig }: z.output<typeof NewReplay>): Goals {
  return goals ?? Goals.parse(testConfig?.goals ?? {});
}

/** What is known is known of a baseline. */
export function refuseWithoutBaseline({ allowKnown }: Goals, baseline: string | null | undefined): void {
  if (!allowKnown || baseline) return;
  throw new ProblemError('invalid_request', 'The goal allowKnown needs a baseline.', [
    {
      path: 'body.goals.allowKnown',
      message: 'Name an earlier replay of this service as the baseline, or leave allowKnown out.',
    },
  ]);
}

function replayOf(row: ReplayRow): Replay {
  const {
    build_tag: buildTag,
    success_rate: successRate,
    created_at_us: createdAt,
    finished_at_us: finishedAt,
    lease_until_us: leaseUntil,
    ...rest
  } = row;
  return { ...rest, buildTag, successRate, createdAt, finishedAt, leaseUntil };
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
  const { phase, message } = await readReplay(db, id);
  const why = phase === 'failed' && message !== null ? `: ${message}` : '.';
  return new ProblemError('conflict', `Only a running replay can be ${wanted}; this one is ${phase}${why}`);
}
