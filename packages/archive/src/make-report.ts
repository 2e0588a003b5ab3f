// Judges a replay: its results and its mocks' answers from the segments, its tests from the snapshot's folder, compared.
import { buildReport } from '@echoplane/analyzer';
import { GeneratorRun, Goals, type Report, TAG } from '@echoplane/traffic';
import { z } from 'zod';
import { readTests } from './artifacts.ts';
import { READING_SHARE, readSelection, type SelectionWork } from './selection.ts';

/** What the comparison does at the least. */
const RESULTS_PER_SECOND = 500;

/** Everything a report is made of beside tests and results. */
export const ReportBasis = z.object({
  replay: z.string(),
  mode: z.enum(['full', 'tests-only']),
  goals: Goals,
  run: GeneratorRun,
  /** Latencies of an earlier replay in the same environment. */
  baseline: z.array(z.object({ method: z.string(), endpoint: z.string(), latencyUs: z.number() })).nullable(),
});
export type ReportBasis = z.infer<typeof ReportBasis>;

export interface ReportWork extends SelectionWork {
  /** Folder of the snapshot that was replayed, ending in a slash. */
  prefix: string;
  basis: ReportBasis;
}

/** The report of a replay whose results are the positions given. */
export async function makeReportFrom(work: ReportWork): Promise<Report> {
  const tests = await readTests(work.store, work.prefix);
  const { pairs } = await readSelection(work);
  await work.progress(READING_SHARE, `comparing ${pairs.length} results`, pairs.length / RESULTS_PER_SECOND);
  const isResult = Object.groupBy(pairs, (pair) => (pair.tags[TAG.test] === undefined ? 'mocks' : 'results'));
  return buildReport({
    ...work.basis,
    ...{ tests, results: isResult.results ?? [], mockResults: isResult.mocks ?? [] },
  });
}
