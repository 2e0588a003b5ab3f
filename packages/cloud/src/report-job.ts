// The job that judges a replay: waits for the results the generator and the responder handed over, reads them and the
// snapshot's tests, and stores the report. What does not arrive in time is missing, and then the verdict is void.
import { createInterface } from 'node:readline';
import { buildReport } from '@echoplane/analyzer';
import type { ObjectStore } from '@echoplane/runtime';
import {
  ARTIFACTS,
  type GeneratorRun,
  type Goals,
  type Report,
  snapshotPrefix,
  TAG,
  Test,
} from '@echoplane/traffic';
import type { Db } from './db.ts';
import { type JobContext, JobWait, type JobWork, WAIT_LIMIT_MS } from './job-context.ts';
import { readSelection } from './selection.ts';

const REPLAY = 'SELECT snapshot_id, mode, baseline_id, goals, run, mock_results FROM replays WHERE id = $1';
/** `$2` is the tag that marks a result of the generator; the responder's pairs do not carry it. */
const IS_RESULT = `EXISTS (SELECT 1 FROM rrpair_tags t WHERE t.pair_id = r.id AND t.ts = r.ts AND t.name = $2)`;
const ARRIVED = `SELECT count(*) FILTER (WHERE result) AS results, count(*) FILTER (WHERE NOT result) AS mocks
  FROM (SELECT ${IS_RESULT} AS result FROM rrpairs r JOIN segments g ON g.id = r.segment
    WHERE r.replay = $1 AND g.shipped) arrived`;
const BASELINE = `SELECT r.method, e.name AS endpoint, r.latency_us AS "latencyUs"
  FROM rrpairs r JOIN endpoints e ON e.id = r.endpoint_id
  WHERE r.replay = $1 AND r.status IS NOT NULL AND ${IS_RESULT}`;
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
}

export const makeReport: JobWork = async (context) => {
  const { job, withTenant, store, clock } = context;
  const replay = await withTenant(
    job.tenant,
    async (db) => (await db.query<ReplayRow>(REPLAY, [job.subject])).rows[0]!,
  );
  const missing = await waitForResults(context, replay);
  const tests = await readTests(store, job.tenant, replay.snapshot_id);
  const expected = replay.run.resultsDelivered + replay.mock_results;
  const { pairs } = await readSelection(context, { replay: job.subject }, Math.max(1, expected));
  await context.progress(0.7, `comparing ${pairs.length} results`);
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
async function waitForResults({ job, withTenant }: JobContext, replay: ReplayRow): Promise<string[]> {
  const found = await withTenant(job.tenant, (db) =>
    db.query<{ results: number; mocks: number }>(ARRIVED, [job.subject, TAG.test]),
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

async function readTests(store: ObjectStore, tenant: string, snapshot: string): Promise<Test[]> {
  const tests: Test[] = [];
  const input = await store.stream(snapshotPrefix(tenant, snapshot) + ARTIFACTS.tests);
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line !== '') tests.push(Test.parse(JSON.parse(line)));
  }
  return tests;
}

type Baseline = { method: string; endpoint: string; latencyUs: number }[];

async function readBaseline(
  { job, withTenant }: JobContext,
  baseline: string | null,
): Promise<Baseline | null> {
  if (baseline === null) return null;
  const found = await withTenant(job.tenant, (db) =>
    db.query<Baseline[number]>(BASELINE, [baseline, TAG.test]),
  );
  return found.rows;
}

async function storeReport(
  db: Db,
  job: { tenant: string; subject: string },
  report: Report,
  nowUs: number,
): Promise<void> {
  // A service may answer with what jsonb cannot hold: a NUL, half a surrogate pair.
  const text = JSON.stringify(report, (_, value) =>
    typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\uFFFD') : value,
  );
  await db.query(STORE, [job.tenant, job.subject, report.verdict, report.successRate, text]);
  await db.query(SUCCEED, [job.subject, nowUs]);
}
