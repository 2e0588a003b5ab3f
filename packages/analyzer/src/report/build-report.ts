// A report of results that fit in memory: what a test or a small replay has. Larger ones are streamed through ReportBuilder.
import { type Report, type RRPair, TAG, type Test } from '@echoplane/traffic';
import { ReportBuilder, type ReportOptions } from './report-builder.ts';

export interface ReportInput extends ReportOptions {
  tests: readonly Test[];
  /** The generator's RRPairs, tagged with their test. */
  results: readonly RRPair[];
  /** The responder's RRPairs, tagged with how they matched. */
  mockResults: readonly RRPair[];
}

/** The report of one replay. Throws FilterError for a goal or an expression that cannot be used. */
export function buildReport(input: ReportInput): Report {
  const builder = new ReportBuilder(input);
  const byId = new Map(input.tests.map((test) => [test.id, test]));
  for (const test of input.tests) builder.plan(test);
  const ended = [...input.results, ...input.mockResults].sort((a, b) => toldAt(a) - toldAt(b));
  const answered = new Set<string>();
  for (const pair of ended) {
    const id = pair.tags[TAG.test];
    const test = id === undefined ? undefined : byId.get(id);
    if (test) {
      answered.add(test.id);
      builder.result(test, pair);
    } else if (id === undefined) builder.outbound(pair);
  }
  for (const test of input.tests) if (!answered.has(test.id)) builder.missing(test);
  return builder.finish();
}

/**
 * The order in which results are told, µs since the epoch: when they ended; a conversation when it began, as requests amid it carry
 * what it has handed out by then.
 */
export function toldAt({ ts, durationUs, messages }: Pick<RRPair, 'ts' | 'durationUs' | 'messages'>): number {
  return messages ? ts : ts + durationUs;
}
