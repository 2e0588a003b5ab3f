// Judges a replay: its results and its mocks' answers from the segments, its tests from the snapshot's folder, compared in the
// order in which they ended. Neither the number of tests nor that of results decides about the memory it takes.
import { createInterface } from 'node:readline';
import { ReportBuilder } from '@echoplane/analyzer';
import { ARTIFACTS, GeneratorRun, Goals, type Report, TestConfig, Token } from '@echoplane/traffic';
import { z } from 'zod';
import { artifactStream } from './artifacts.ts';
import { joinResults } from './result-join.ts';
import { READING_SHARE, type SelectionWork, selectedPairs } from './selection.ts';
import { fileWorkspace } from './workspace-files.ts';

/** Two sorters stand at once. */
const HELD_BYTES = 8 << 20;
/** For how long one batch of comparisons may keep the thread, at the most. */
const PIECE_SECONDS = 1;

/** Everything a report is made of beside tests and results. */
export const ReportBasis = z.object({
  replay: z.string(),
  mode: z.enum(['full', 'tests-only']),
  goals: Goals,
  run: GeneratorRun,
  /** Latencies of an earlier replay in the same environment; `count`: how often this one was seen. */
  baseline: z
    .array(
      z.object({
        method: z.string(),
        endpoint: z.string(),
        latencyUs: z.number(),
        count: z.int().optional(),
      }),
    )
    .nullable(),
  /** What that replay found, where it is not to count. */
  known: z.array(z.object({ id: z.string(), count: z.int(), of: z.int() })).optional(),
  /** What was asked of the replay, or is asked of it now. */
  testConfig: TestConfig.optional(),
  /** Whether the assertions are others than those the run was made with. */
  reassert: z.boolean().optional(),
});
export type ReportBasis = z.infer<typeof ReportBasis>;

export interface ReportWork extends SelectionWork {
  /** Folder of the snapshot that was replayed, ending in a slash. */
  prefix: string;
  basis: ReportBasis;
}

/** The report of a replay whose results are the positions given. Throws FilterError for a goal or expression of no use. */
export async function makeReportFrom(work: ReportWork): Promise<Report> {
  const { store, prefix, basis, rows, signal, progress } = work;
  const { testConfig, ...options } = basis;
  const builder = new ReportBuilder({
    ...options,
    assertions: testConfig?.assertions,
    isLoad: (testConfig?.load?.stages?.length ?? 0) > 0,
    otherTokens: await otherTokens(work),
  });
  const tests = await artifactStream(store, prefix, ARTIFACTS.tests);
  await using workspace = await fileWorkspace({ heldBytes: HELD_BYTES });
  const told = (count: number) => {
    signal.throwIfAborted();
    const share = READING_SHARE + ((1 - READING_SHARE) * count) / Math.max(1, rows);
    return progress(Math.min(1, share), `comparing ${count} of ${rows} results`, PIECE_SECONDS);
  };
  await joinResults(builder, { tests, pairs: selectedPairs(work), workspace, told });
  return builder.finish();
}

/** Ids of tokens that are switched off or belong to a flow; the file is an array, as a rule with one token a line. */
async function otherTokens({ store, prefix }: ReportWork): Promise<Set<string>> {
  const others = new Set<string>();
  const add = ({ id, enabled, flow }: Token) => {
    if (!enabled || flow !== undefined) others.add(id);
  };
  const input = await artifactStream(store, prefix, ARTIFACTS.tokens);
  let array = '';
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.startsWith('{')) add(Token.parse(JSON.parse(line.replace(/,$/, ''))));
    else array += line;
  }
  if (array !== '') for (const token of z.array(Token).parse(JSON.parse(array))) add(token);
  return others;
}
