// The analyzer for a recording that fits in memory: the same work as `analyzeStream`, with everything given back at once.
import { ARTIFACTS, type Mock, type RRPair, type Test, type Token } from '@echoplane/traffic';
import { Analysis as Analyzing, type StreamAnalysis } from './analyze-stream.ts';
import type { SnapshotEdits } from './edits.ts';
import { runNow } from './steps.ts';
import { memoryWorkspace } from './workspace.ts';

export interface Analysis extends StreamAnalysis {
  tests: Test[];
  mocks: Mock[];
  tokens: Token[];
}

/** The artifacts of a set of RRPairs, in any order. */
export function analyze(pairs: readonly RRPair[], edits?: SnapshotEdits): Analysis {
  const texts = new Map<string, string>();
  const sink = {
    write: (name: string, text: string) => void texts.set(name, (texts.get(name) ?? '') + text),
  };
  const analysis = new Analyzing({ workspace: memoryWorkspace(), sink, edits });
  for (const pair of pairs) void analysis.add(pair);
  const made = runNow(analysis.finish());
  const lines = (name: string) => `[${(texts.get(name) ?? '').trimEnd().split('\n').join(',')}]`;
  return {
    ...made,
    tests: JSON.parse(lines(ARTIFACTS.tests)) as Test[],
    mocks: JSON.parse(lines(ARTIFACTS.mocks)) as Mock[],
    tokens: JSON.parse(texts.get(ARTIFACTS.tokens) ?? '[]') as Token[],
  };
}
