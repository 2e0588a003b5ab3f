// Puts the results of a replay beside their tests, in the order in which the exchanges ended, whatever their number: sorted
// first by test, then by time, both outside of memory. It must not know what is made of them.
//
//   tests ─┐                                 ┌▶ tests without a result
//          ├▶ sorter by test id ─▶ beside ──┤
//   results┘                                 └▶ sorter by end ─▶ (test, result) and outbound pairs in order
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type LineReader, type LineSorter, sortable, toldAt, type Workspace } from '@echoplane/analyzer';
import { type RRPair, TAG, Test, withMailTokens } from '@echoplane/traffic';

/** What is told of a replay, in this order: plans, then missing tests, then what ended. */
export interface ResultReader {
  plan(test: Test): void;
  missing(test: Test): void;
  result(test: Test, pair: RRPair): void;
  outbound(pair: RRPair): void;
}

export interface Joined {
  /** `tests.jsonl`. */
  tests: Readable;
  /** Of generator and responder, in any order. */
  pairs: AsyncIterable<RRPair>;
  workspace: Workspace;
  /** Called now and then with how many pairs were told. */
  told: (count: number) => Promise<void>;
}

export async function joinResults(
  into: ResultReader,
  { tests, pairs, workspace, told }: Joined,
): Promise<void> {
  const byTest = workspace.sorter('results-by-test');
  const byEnd = workspace.sorter('results-by-end');
  await sortByTest(into, { tests, pairs }, { byTest, byEnd });
  await putBeside(into, byTest, byEnd);
  await byTest.close();
  const ended = byEnd.reader();
  let count = 0;
  for (let batch = await ended.next(); batch !== null; batch = await ended.next()) {
    for (const line of batch) tell(into, line);
    count += batch.length;
    await told(count);
  }
  await byEnd.close();
}

async function sortByTest(
  into: ResultReader,
  { tests: lines, pairs }: Pick<Joined, 'tests' | 'pairs'>,
  { byTest, byEnd }: { byTest: LineSorter; byEnd: LineSorter },
): Promise<void> {
  for await (const line of createInterface({ input: lines, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line === '') continue;
    const test = Test.parse(JSON.parse(withMailTokens(line)));
    into.plan(test);
    await byTest.push(`${test.id}\t0\t${line}`);
  }
  for await (const pair of pairs) {
    const test = pair.tags[TAG.test];
    const end = sortable(toldAt(pair));
    // JSON has no tab: what stands behind one is the next part.
    if (test === undefined) await byEnd.push(`${end}\t0\t${JSON.stringify(pair)}`);
    else await byTest.push(`${test}\t1\t${end}\t${JSON.stringify(pair)}`);
  }
}

/** Each result with its test, into the order of ends; a test without one is missing. */
async function putBeside(into: ResultReader, byTest: LineSorter, byEnd: LineSorter): Promise<void> {
  let test: { id: string; line: string; answered: boolean } | null = null;
  const endTest = () => {
    if (test && !test.answered) into.missing(recordOf<Test>(test.line));
  };
  for await (const line of linesOf(byTest.reader())) {
    const [id, kind, rest] = split(line);
    if (kind === '0') {
      endTest();
      test = { id, line: rest, answered: false };
    } else if (test?.id === id) {
      test.answered = true;
      const tab = rest.indexOf('\t');
      await byEnd.push(`${rest.slice(0, tab)}\t1\t${test.line}\t${rest.slice(tab + 1)}`);
    }
  }
  endTest();
}

function tell(into: ResultReader, line: string): void {
  const [, kind, rest] = split(line);
  if (kind === '0') {
    into.outbound(recordOf<RRPair>(rest));
    return;
  }
  const tab = rest.indexOf('\t');
  into.result(recordOf<Test>(rest.slice(0, tab)), recordOf<RRPair>(rest.slice(tab + 1)));
}

/** Tests and results may be of different times. */
function recordOf<T>(line: string): T {
  return JSON.parse(withMailTokens(line)) as T;
}

/** Key, kind, and all behind them. */
function split(line: string): [string, string, string] {
  const first = line.indexOf('\t');
  return [line.slice(0, first), line.slice(first + 1, first + 2), line.slice(first + 3)];
}

async function* linesOf(reader: LineReader): AsyncGenerator<string> {
  for (let batch = await reader.next(); batch !== null; batch = await reader.next()) yield* batch;
}
