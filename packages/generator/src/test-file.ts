// `tests.jsonl`, opened and checked: every record is read once before the first request leaves, and again when it is due, so
// that memory grows with the number of tests and not with their size. It must not know in which order they are sent.
import { type FileHandle, open } from 'node:fs/promises';
import { type Line, linesOf, OperatingError, readLineAt } from '@echoplane/runtime';
import { Test, withMailTokens } from '@echoplane/traffic';
import { recordProblem, unreadable } from './bad-artifact.ts';
import { lengthUs } from './conversation-steps.ts';
import { type LoadShare, shareOf, WHOLE } from './load-share.ts';
import { type Shard, shardSessions } from './shards.ts';
import { type SessionList, TestIndex } from './test-index.ts';

/** Which of the file's tests are a generator's to send. */
export interface Selection {
  /** Throws OperatingError when a test cannot be judged. */
  includes?: (test: Test) => boolean;
  /** Of the sessions with included tests. */
  shard?: Shard | undefined;
  /** Of the shard's sessions those of one worker. */
  worker?: Shard | undefined;
}

interface Flow {
  session: string;
  tests: number;
  tokens: Set<string>;
}

export class TestFile {
  readonly index: TestIndex;
  /** Positions in the index, in the order in which the requests began. */
  readonly recorded: Uint32Array;
  /** Those of each session. */
  readonly sessions: SessionList;
  /** Tests of all workers. */
  readonly plannedOfAll: number;
  /** What of them is ours. */
  readonly share: LoadShare;
  readonly #file: FileHandle;

  private constructor(file: FileHandle, index: TestIndex, { isMine, plannedOfAll, share }: Membership) {
    this.#file = file;
    this.index = index;
    this.recorded = index.byStart(isMine);
    this.sessions = index.bySession(isMine);
    this.plannedOfAll = plannedOfAll;
    this.share = share;
  }

  /** Throws OperatingError naming the line that is no test. */
  static async open(path: string, selection: Selection = {}): Promise<TestFile> {
    const { includes, shard, worker } = selection;
    const file = await open(path).catch((cause) => unreadable(path, cause));
    try {
      const index = new TestIndex();
      const numbers = new Map<string, number>();
      const flows: Flow[] = [];
      for await (const line of linesOf(file)) {
        const test = parseTest(line, path);
        if (includes && !includes(test)) continue;
        const session = numberOf(test.session, numbers);
        const { offsetUs: startUs, order } = test;
        const durationUs = lengthUs(test);
        index.add({ at: line.at, sizeBytes: line.bytes.length, startUs, durationUs, session, order });
        if (shard || worker) noteFlow(flows, session, test);
      }
      return new TestFile(file, index, membership(index, flows, selection));
    } catch (error) {
      await file.close();
      throw error instanceof OperatingError ? error : unreadable(path, error);
    }
  }

  get planned(): number {
    return this.recorded.length;
  }

  /** The test at a position of the index; it was checked when the file was opened. */
  async read(i: number): Promise<Test> {
    const bytes = await readLineAt(this.#file, this.index.at(i), this.index.sizeBytes(i));
    return JSON.parse(withMailTokens(bytes.toString())) as Test;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function numberOf(session: string, numbers: Map<string, number>): number {
  const known = numbers.get(session);
  if (known !== undefined) return known;
  numbers.set(session, numbers.size);
  return numbers.size - 1;
}

function noteFlow(flows: Flow[], session: number, test: Test): void {
  flows[session] ??= { session: test.session, tests: 0, tokens: new Set() };
  const flow = flows[session];
  flow.tests++;
  for (const token of test.consumes) flow.tokens.add(token);
  for (const { token } of test.produces) flow.tokens.add(token);
}

interface Membership {
  isMine: (i: number) => boolean;
  plannedOfAll: number;
  share: LoadShare;
}

/** Workers share out a shard as generators share out a replay. */
function membership(index: TestIndex, flows: readonly Flow[], { shard, worker }: Selection): Membership {
  const among = (sessions: ReadonlySet<string>) => flows.filter(({ session }) => sessions.has(session));
  const own = shard ? among(shardSessions(flows, shard.count)[shard.index]!) : flows;
  const testsOf = (some: readonly Flow[]) => some.reduce((sum, { tests }) => sum + tests, 0);
  if (!shard && !worker) return { isMine: () => true, plannedOfAll: index.count, share: WHOLE };
  const shares = worker ? shardSessions(own, worker.count) : [new Set(own.map(({ session }) => session))];
  const at = worker?.index ?? 0;
  const tests = shares.map((sessions) => testsOf(among(sessions)));
  const mine = shares[at]!;
  const isMine = (i: number) => mine.has(flows[index.session(i)]!.session);
  return { isMine, plannedOfAll: testsOf(own), share: shareOf(tests, at) };
}

function parseTest(line: Line, path: string): Test {
  try {
    return Test.parse(JSON.parse(withMailTokens(line.bytes.toString())));
  } catch (cause) {
    const sentence = `Line ${line.number} of ${path} is not a test: ${recordProblem(cause)}.`;
    throw new OperatingError('bad_artifact', sentence, { cause });
  }
}
