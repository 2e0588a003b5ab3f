// The job that judges a replay: waits for the results the generator and the responder handed over, reads them and the
// snapshot's tests, and stores the report. What does not arrive in time is missing, and then the verdict is void.
import { createInterface } from 'node:readline';
import { buildReport } from '@echoplane/analyzer';
import type { ObjectStore } from '@echoplane/runtime';
import { ARTIFACTS, type GeneratorRun, type Goals, type Report, TAG, Test } from '@echoplane/traffic';
import type { Db } from './db.ts';
import { type JobContext, JobWait, type JobWork, WAIT_LIMIT_MS } from './job-context.ts';
import type { Span } from './partitions.ts';
import { readSelection } from './selection.ts';
import { storedJson } from './stored-text.ts';
import { timestampOf } from './traffic-sql.ts';

const REPLAY = `SELECT p.snapshot_id, p.mode, p.baseline_id, p.goals, p.run, p.mock_results, p.created_at_us, n.prefix
  FROM replays p JOIN snapshots n ON n.id = p.snapshot_id WHERE p.id = $1`;
const LIFE = 'SELECT created_at_us, finished_at_us FROM replays WHERE id = $1';
/** What the comparison does at the least. */
const RESULTS_PER_SECOND = 500;
/** The clocks of those who recorded may differ from the one here by this. */
const CLOCKS_US = 3_600_000_000;
/** `$2` is the tag that marks a result of the generator; the responder's pairs do not carry it. `$3`, `$4`: their days. */
const IS_RESULT = `EXISTS (SELECT 1 FROM rrpair_tags t WHERE t.pair_id = r.id AND t.ts = r.ts AND t.name = $2
  AND t.ts >= $3 AND t.ts < $4)`;
const OF_REPLAY = 'r.replay = $1 AND r.ts >= $3 AND r.ts < $4';
const ARRIVED = `SELECT count(*) FILTER (WHERE result) AS results, count(*) FILTER (WHERE NOT result) AS mocks
  FROM (SELECT ${IS_RESULT} AS result FROM rrpairs r JOIN segments g ON g.id = r.segment
    WHERE ${OF_REPLAY} AND g.shipped) arrived`;
const BASELINE = `SELECT r.method, e.name AS endpoint, r.latency_us AS "latencyUs"
  FROM rrpairs r JOIN endpoints e ON e.id = r.endpoint_id
  WHERE ${OF_REPLAY} AND r.status IS NOT NULL AND ${IS_RESULT}`;
const STORE = `INSERT INTO reports (tenant_id, replay_id, verdict, success_rate, report) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (tenant_id, replay_id) DO UPDATE
    SET verdict = excluded.verdict, success_rate = excluded.success_rate, report = excluded.report`;
const SUCCEED = "UPDATE replays SET phase = 'succeeded', finished_at_us = $2 WHERE id = $1";

interface ReplayRow {
  snapshot_id: string;
  mode: 'full' | 'tests-only';
  baseline_id: string | null;
  goals: Goals;
  run: GeneratorRun;
  mock_results: number;
  created_at_us: number;
  prefix: string;
}

export const makeReport: JobWork = async (context) => {
  const { job, withTenant, store, clock } = context;
  const replay = await withTenant(
    job.tenant,
    async (db) => (await db.query<ReplayRow>(REPLAY, [job.subject])).rows[0]!,
  );
  const span = spanOf(replay.created_at_us, clock.nowUs());
  const missing = await waitForResults(context, replay, span);
  const tests = await readTests(store, replay.prefix);
  const expected = replay.run.resultsDelivered + replay.mock_results;
  const { pairs } = await readSelection(context, { replay: job.subject, ...span }, Math.max(1, expected));
  await context.progress(0.7, `comparing ${pairs.length} results`, pairs.length / RESULTS_PER_SECOND);
  const isResult = Object.groupBy(pairs, (pair) => (pair.tags[TAG.test] === undefined ? 'mocks' : 'results'));
  const { mode, goals } = replay;
  const report = buildReport({
    ...{ replay: job.subject, mode, goals, tests },
    ...{ results: isResult.results ?? [], mockResults: isResult.mocks ?? [] },
    run: { ...replay.run, voidReasons: [...replay.run.voidReasons, ...missing] },
    baseline: await readBaseline(context, replay.baseline_id),
  });
  return (db) => storeReport(db, job, report, clock.nowUs());
};

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

async function readTests(store: ObjectStore, prefix: string): Promise<Test[]> {
  const tests: Test[] = [];
  const input = await store.stream(prefix + ARTIFACTS.tests);
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line !== '') tests.push(Test.parse(JSON.parse(line)));
  }
  return tests;
}

type Baseline = { method: string; endpoint: string; latencyUs: number }[];

async function readBaseline(
  { job, withTenant, clock }: JobContext,
  baseline: string | null,
): Promise<Baseline | null> {
  if (baseline === null) return null;
  return withTenant(job.tenant, async (db) => {
    const life = await db.query<{ created_at_us: number; finished_at_us: number | null }>(LIFE, [baseline]);
    const { created_at_us: created, finished_at_us: finished } = life.rows[0]!;
    const span = spanOf(created, finished ?? clock.nowUs());
    return (await db.query<Baseline[number]>(BASELINE, ofReplay(baseline, span))).rows;
  });
}

async function storeReport(
  db: Db,
  job: { tenant: string; subject: string },
  report: Report,
  nowUs: number,
): Promise<void> {
  const { verdict, successRate } = report;
  await db.query(STORE, [job.tenant, job.subject, verdict, successRate, storedJson(report)]);
  await db.query(SUCCEED, [job.subject, nowUs]);
}
