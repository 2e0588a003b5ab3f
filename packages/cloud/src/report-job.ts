// The job that judges a replay: waits for the results the generator and the responder handed over, has them compared with
// the snapshot's tests, and stores the report. What does not arrive in time is missing, and then the verdict is void.
import type { StoreAccess } from '@echoplane/api';
import { makeReportFrom, type ReportBasis } from '@echoplane/archive';
import {
  type Finding,
  type GeneratorRun,
  type Goals,
  type Report,
  TAG,
  type TestConfig,
} from '@echoplane/traffic';
import type { Db } from './db.ts';
import { type JobContext, JobWait, type JobWork, WAIT_LIMIT_MS } from './job-context.ts';
import type { Span } from './partitions.ts';
import { ask, askedBefore, forgetAnswer, holderOf, storesOf } from './private-work.ts';
import { selectedPositions } from './selection.ts';
import { storedJson } from './stored-text.ts';
import { positionsStatement, timestampOf } from './traffic-sql.ts';

const REPLAY = `SELECT p.snapshot_id, p.mode, p.baseline_id, p.goals, p.run, p.mock_results, p.created_at_us,
    p.test_config, p.reassert, n.prefix, n.store_access, n.agent
  FROM replays p JOIN snapshots n ON n.id = p.snapshot_id WHERE p.id = $1`;
const LIFE = 'SELECT created_at_us, finished_at_us FROM replays WHERE id = $1';
/** The clocks of those who recorded may differ from the one here by this. */
const CLOCKS_US = 3_600_000_000;
const MAX_BASELINE_ROWS = 8_000;
/** An endpoint has room for so many, however many there are. */
const MIN_SAMPLES = 20;
/** `$2` is the tag that marks a result of the generator; the responder's pairs do not carry it. `$3`, `$4`: their days. */
const IS_RESULT = `EXISTS (SELECT 1 FROM rrpair_tags t WHERE t.pair_id = r.id AND t.ts = r.ts AND t.name = $2
  AND t.ts >= $3 AND t.ts < $4)`;
const OF_REPLAY = 'r.replay = $1 AND r.ts >= $3 AND r.ts < $4';
const ARRIVED = `SELECT count(*) FILTER (WHERE result) AS results, count(*) FILTER (WHERE NOT result) AS mocks
  FROM (SELECT ${IS_RESULT} AS result FROM rrpairs r JOIN segments g ON g.id = r.segment
    WHERE ${OF_REPLAY} AND g.shipped) arrived`;
/** By half a percent: a baseline of any size is a few hundred rows for each endpoint. */
const BASELINE = `SELECT r.method, e.name AS endpoint, count(*) AS count,
    exp(round(ln(greatest(r.latency_us, 1)) * 200) / 200)::bigint AS "latencyUs"
  FROM rrpairs r JOIN endpoints e ON e.id = r.endpoint_id
  WHERE ${OF_REPLAY} AND r.status IS NOT NULL AND ${IS_RESULT}
  GROUP BY 1, 2, 4`;
const FOUND = "SELECT report->'findings' AS findings FROM reports WHERE replay_id = $1";
const STORE = `INSERT INTO reports (tenant_id, replay_id, verdict, success_rate, report) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (tenant_id, replay_id) DO UPDATE
    SET verdict = excluded.verdict, success_rate = excluded.success_rate, report = excluded.report`;
const SUCCEED = "UPDATE replays SET phase = 'succeeded', finished_at_us = $2 WHERE id = $1";

type TimedEndpoint = NonNullable<ReportBasis['baseline']>[number];

interface ReplayRow {
  snapshot_id: string;
  mode: 'full' | 'tests-only';
  baseline_id: string | null;
  goals: Goals;
  run: GeneratorRun;
  mock_results: number;
  test_config: TestConfig | null;
  reassert: boolean;
  created_at_us: number;
  prefix: string;
  store_access: StoreAccess;
  agent: string | null;
}

export const makeReport: JobWork = async (context) => {
  const { job, withTenant, clock } = context;
  const replay = await withTenant(
    job.tenant,
    async (db) => (await db.query<ReplayRow>(REPLAY, [job.subject])).rows[0]!,
  );
  const asked = await askedBefore(context, 'make-report');
  if (asked) return (db) => storeReport(db, job, asked.report, clock.nowUs());
  const span = spanOf(replay.created_at_us, clock.nowUs());
  const missing = await waitForResults(context, replay, span);
  const basis = await basisOf(context, replay, missing);
  const query = { replay: job.subject, ...span };
  const rows = replay.run.resultsDelivered + replay.mock_results;
  const { prefix, store_access: access, agent } = replay;
  const holder = await withTenant(job.tenant, async (db) =>
    holderOf(db, [{ access, agent }, ...(await storesOf(db, query))]),
  );
  if (holder !== null) {
    const selection = { query, rows };
    const input = { ...basis, baseline: basis.baseline && thinned(basis.baseline) };
    return ask(context, holder, { kind: 'make-report', replay: job.subject, prefix, input, selection });
  }
  const positions = selectedPositions(context, positionsStatement(query));
  const report = await makeReportFrom({ ...context, prefix, basis, positions, rows });
  return (db) => storeReport(db, job, report, clock.nowUs());
};

/** What the replay was, and sentences that say what did not arrive of it. */
async function basisOf(context: JobContext, replay: ReplayRow, missing: string[]): Promise<ReportBasis> {
  const { mode, goals, run, baseline_id: baseline, test_config: testConfig, reassert } = replay;
  return {
    ...{ replay: context.job.subject, mode, goals, reassert },
    ...(testConfig === null ? {} : { testConfig }),
    run: { ...run, voidReasons: [...run.voidReasons, ...missing] },
    baseline: await readBaseline(context, baseline),
    ...(goals.allowKnown && baseline !== null ? { known: await readKnown(context, baseline) } : {}),
  };
}

/** What the baseline found of answers, chaos apart. */
async function readKnown({ job, withTenant }: JobContext, baseline: string): Promise<ReportBasis['known']> {
  const found = await withTenant(job.tenant, (db) => db.query<{ findings: Finding[] }>(FOUND, [baseline]));
  return (found.rows[0]?.findings ?? []).flatMap(({ id, kind, count, of, cause }) =>
    kind === 'assertion' && id !== undefined && !cause?.startsWith('chaos ') ? [{ id, count, of }] : [],
  );
}

/** Waits until all results are in shipped segments; after the limit, sentences that say what did not arrive. */
async function waitForResults(
  { job, withTenant }: JobContext,
  replay: ReplayRow,
  span: Span,
): Promise<string[]> {
  const found = await withTenant(job.tenant, (db) =>
    db.query<{ results: number; mocks: number }>(ARRIVED, ofReplay(job.subject, span)),
  );
  const { results, mocks } = found.rows[0]!;
  const missing: string[] = [];
  const expect = (wanted: number, got: number, what: string) => {
    if (got < wanted)
      missing.push(`${wanted - got} of ${wanted} ${what} did not arrive within ${WAIT_LIMIT_MS / 1000} s`);
  };
  expect(replay.run.resultsDelivered, results, 'results');
  expect(replay.mock_results, mocks, 'answers of the responder');
  if (missing.length > 0 && job.waitedMs < WAIT_LIMIT_MS) {
    throw new JobWait(
      `waiting for results: ${results} of ${replay.run.resultsDelivered}, and ${mocks} of ${replay.mock_results} answers of the responder`,
    );
  }
  return missing;
}

/** When the pairs of a replay were recorded. */
const spanOf = (createdUs: number, endedUs: number): Span => ({
  from: createdUs - CLOCKS_US,
  to: endedUs + CLOCKS_US,
});

const ofReplay = (replay: string, { from, to }: Span) => [
  replay,
  TAG.test,
  timestampOf(from),
  timestampOf(to),
];

async function readBaseline(
  { job, withTenant, clock }: JobContext,
  baseline: string | null,
): Promise<ReportBasis['baseline']> {
  if (baseline === null) return null;
  return withTenant(job.tenant, async (db) => {
    const life = await db.query<{ created_at_us: number; finished_at_us: number | null }>(LIFE, [baseline]);
    const { created_at_us: created, finished_at_us: finished } = life.rows[0]!;
    const span = spanOf(created, finished ?? clock.nowUs());
    return (await db.query<TimedEndpoint>(BASELINE, ofReplay(baseline, span))).rows;
  });
}

/** What one command can carry of a baseline: neighbouring latencies of an endpoint taken together, until they fit. */
export function thinned(baseline: readonly TimedEndpoint[]): TimedEndpoint[] {
  const groups = [...Map.groupBy(baseline, ({ method, endpoint }) => `${method} ${endpoint}`).values()];
  const each = Math.max(MIN_SAMPLES, Math.floor(MAX_BASELINE_ROWS / groups.length));
  return groups.flatMap((samples) => {
    const sorted = samples.toSorted((a, b) => a.latencyUs - b.latencyUs);
    const together = Math.ceil(sorted.length / each);
    return Array.from({ length: Math.ceil(sorted.length / together) }, (_, i) => {
      const few = sorted.slice(i * together, (i + 1) * together);
      const count = few.reduce((sum, one) => sum + (one.count ?? 1), 0);
      return { ...few[few.length >> 1]!, count };
    });
  });
}

async function storeReport(
  db: Db,
  job: { tenant: string; id: string; subject: string },
  report: Report,
  nowUs: number,
): Promise<void> {
  const { verdict, successRate } = report;
  await db.query(STORE, [job.tenant, job.subject, verdict, successRate, storedJson(report)]);
  await db.query(SUCCEED, [job.subject, nowUs]);
  await forgetAnswer(db, job.id);
}
