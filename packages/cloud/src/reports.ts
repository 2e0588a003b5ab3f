// Reports as a resource: read, in the formats of pipelines, compared with each other, and made anew from the same results
// with other assertions or goals. The analysis itself is the worker's (report-job.ts).
import { Readable } from 'node:stream';
import { compareReports, reportJunit, reportMarkdown } from '@echoplane/analyzer';
import type { Replay, ReportDetail, ReportFormat } from '@echoplane/api';
import { Goals, type Report, type TestConfig } from '@echoplane/traffic';
import { audit } from './audit.ts';
import type { Db } from './db.ts';
import type { Handlers, Services } from './handlers.ts';
import { requeueJob } from './jobs.ts';
import { ProblemError } from './problems.ts';
import { readReplay, refuseWithoutBaseline } from './replays.ts';
import { refuseProblems } from './test-configs.ts';

const REPORT = `SELECT o.report, n.name FROM reports o JOIN replays p ON p.id = o.replay_id
  JOIN snapshots n ON n.id = p.snapshot_id WHERE o.replay_id = $1`;
/** One that is being analyzed is not asked again: the results would be judged by two configs at once. */
const REANALYZE = `UPDATE replays SET phase = 'analyzing', goals = $2, test_config = $3, reassert = $4
  WHERE id = $1 AND run IS NOT NULL AND (phase = 'succeeded'
    OR EXISTS (SELECT 1 FROM jobs j WHERE j.kind = 'report' AND j.subject = $1 AND j.state = 'failed'))`;

const TYPES: Record<ReportFormat, string> = {
  junit: 'application/xml',
  markdown: 'text/markdown; charset=utf-8',
  json: 'application/json',
};

type Names = 'report' | 'reportText' | 'compareReports' | 'reanalyzeReplay';

export function reportHandlers({ withTenant, clock }: Services): Pick<Handlers, Names> {
  return {
    report: ({ params: { id }, principal }) => withTenant(principal.tenant.id, (db) => readReport(db, id)),
    async reportText({ params: { id, format }, principal, reply }) {
      const detail = await withTenant(principal.tenant.id, (db) => readReport(db, id));
      reply.type(TYPES[format]);
      return Readable.from([Buffer.from(textOf(detail, format))]);
    },
    compareReports: ({ params: { id, before }, principal }) =>
      withTenant(principal.tenant.id, async (db) => {
        const after = await readReport(db, id);
        return compareReports((await readReport(db, before)).report, after.report);
      }),
    reanalyzeReplay: ({ params: { id }, body, principal, source }) =>
      withTenant(principal.tenant.id, async (db) => {
        refuseProblems(body, []);
        const replay = await readReplay(db, id);
        const { goals, testConfig, reassert } = askedAnew(replay, body);
        refuseWithoutBaseline(goals, replay.baseline);
        const values = [id, JSON.stringify(goals), JSON.stringify(testConfig), reassert];
        const changed = await db.query(REANALYZE, values);
        if (changed.rowCount === 0) throw notAnalyzed(replay);
        await requeueJob(db, { tenant: principal.tenant.id, kind: 'report', subject: id }, clock);
        await audit(db, source, { action: 'reanalyze-replay', subject: id, detail: body });
        return readReplay(db, id);
      }),
  };
}

/** The report of a replay. Throws a problem while there is none. */
async function readReport(db: Db, id: string): Promise<ReportDetail> {
  const replay = await readReplay(db, id);
  const row = (await db.query<{ report: Report; name: string }>(REPORT, [id])).rows[0];
  if (!row) throw new ProblemError('not_found', `There is no report of this replay: it is ${replay.phase}.`);
  return { replay, snapshotName: row.name, report: row.report };
}

function textOf({ replay: { name }, report }: ReportDetail, format: ReportFormat): string {
  switch (format) {
    case 'junit':
      return reportJunit(report, { name });
    case 'markdown':
      return reportMarkdown(report, { name });
    case 'json':
      return `${JSON.stringify(report, null, 2)}\n`;
  }
}

/** What is given replaces what was asked before; what is not stays. */
function askedAnew(
  { goals, testConfig }: Replay,
  anew: Pick<TestConfig, 'goals' | 'assertions'>,
): { goals: Goals; testConfig: TestConfig; reassert: boolean } {
  const { assertions } = anew;
  return {
    goals: anew.goals === undefined ? goals : Goals.parse({ ...goals, ...anew.goals }),
    testConfig: { ...testConfig, ...(assertions === undefined ? {} : { assertions }) },
    reassert: assertions !== undefined,
  };
}

function notAnalyzed({ phase }: Replay): ProblemError {
  return new ProblemError(
    'conflict',
    `Only a replay whose analysis has ended can be analyzed again; this one is ${phase}.`,
  );
}
