// The analyzer: the RRPairs of a recording in, the artifacts of a snapshot out, at any size. Two readings of the pairs in
// time order; what they say of each other is sorted in the workspace in between. Deterministic: the same pairs in any order
// give the same artifacts.
//
//   pairs ─▶ sorted by time ─▶ survey ─▶ values, sorted ─▶ tokens, sessions ─▶ edges, sorted ─┐
//                  │            └▶ flows, noise, shapes, times ─────────────────────────────┐ │
//                  └─────────────────────── again ──────────────────────────▶ tests, mocks ◀┴─┘
import {
  ARTIFACTS,
  type ArtifactName,
  type Flow,
  type FlowLink,
  leafPattern,
  type RRPair,
  type SnapshotCounts,
  type SnapshotSummary,
  type Token,
  type VolatileLeaf,
} from '@echoplane/traffic';
import type { Recommendations, TransformsDocument } from '@echoplane/transforms';
import type { ClientTime } from './client-times.ts';
import { EditBook, NO_EDITS, type SnapshotEdits } from './edits.ts';
import { madeAddresses } from './made-addresses.ts';
import { appliedTransforms, signsTokens, withAppliedComparison } from './recommend-apply.ts';
import type { Sessions } from './sessions.ts';
import { ShownCredentials } from './shown-credentials.ts';
import { run, type Steps, settled } from './steps.ts';
import { Survey, type Surveyed } from './survey.ts';
import { TemplateLearner } from './templates.ts';
import { holds, scanValues } from './tokens.ts';
import { type LineReader, type LineSorter, sortable, type Workspace } from './workspace.ts';
import { ArtifactMaker, type Learned } from './writing.ts';

export const ANALYZER_VERSION = 2;

/** Takes files as they are made: text, piece by piece, of one file after the other or of several at a time. */
export interface ArtifactSink {
  /** What is returned must be waited for before more is written to this file. */
  write(name: ArtifactName, text: string): Promise<void> | undefined;
}

export interface AnalyzeOptions {
  workspace: Workspace;
  sink: ArtifactSink;
  edits?: SnapshotEdits | undefined;
}

/** What is small whatever the recording; pairs, tests, mocks and tokens went to the sink. */
export interface StreamAnalysis {
  flows: Flow[];
  clientTimes: ClientTime[];
  recommendations: Recommendations;
  /** The users' own, and those of the recommendations they applied. */
  transforms: TransformsDocument;
  summary: SnapshotSummary;
  counts: SnapshotCounts;
  /** First and last request, µs since the epoch. */
  from: number | null;
  to: number | null;
}

/** What was learned, for tests and mocks to be made with. */
interface Learnt extends Pick<StreamAnalysis, 'flows' | 'clientTimes' | 'recommendations'> {
  surveyed: Surveyed;
  learned: Learned;
  tokenLines: LineSorter;
}

/** Analyzes pairs that come in any order. The sink gets them in order, and what was made of them. */
export async function analyzeStream(
  pairs: AsyncIterable<RRPair>,
  options: AnalyzeOptions,
): Promise<StreamAnalysis> {
  const analysis = new Analysis(options);
  for await (const pair of pairs) {
    const waits = analysis.add(pair);
    if (waits) await waits;
  }
  return run(analysis.finish());
}

/** One analysis: `add` every pair, then `finish`. */
export class Analysis {
  readonly #workspace: Workspace;
  readonly #sink: ArtifactSink;
  readonly #edits: SnapshotEdits;
  #book = new EditBook();
  readonly #pairs: LineSorter;
  readonly #templates = new TemplateLearner();
  readonly #shown = new ShownCredentials();

  constructor({ workspace, sink, edits = NO_EDITS }: AnalyzeOptions) {
    this.#workspace = workspace;
    this.#sink = sink;
    this.#edits = edits;
    this.#pairs = workspace.sorter('pairs');
  }

  add(pair: RRPair): Promise<void> | undefined {
    this.#templates.observe(pair);
    this.#shown.note(pair);
    return this.#pairs.push(`${sortable(pair.ts)}${pair.id}\t${JSON.stringify(pair)}`);
  }

  *finish(): Steps<StreamAnalysis> {
    const { surveyed, learned, tokenLines, ...told } = yield* this.#learn();
    const { sessions, summary } = surveyed;
    const tokens = yield* this.#writeTokens(tokenLines.reader(), sessions);
    const made = yield* this.#writeTestsAndMocks(surveyed, learned);
    for (const sorter of [this.#pairs, surveyed.edges, tokenLines]) yield* waited(sorter.close());
    const { pairs, from, to } = surveyed;
    return {
      ...{ ...told, from, to, transforms: appliedTransforms(told.recommendations, this.#edits) },
      summary: summary.finish(sessions.headlessCount),
      counts: { pairs, ...made, tokens, skipped: summary.skipped, sessions: sessions.count },
    };
  }

  /** All that is learned of the pairs; of the survey, only what is still asked for is kept. */
  *#learn(): Steps<Learnt> {
    const survey = new Survey(this.#workspace, this.#templates.finish(this.#edits.endpoints), this.#shown);
    yield* this.#survey(survey);
    const { volatile, vocabulary } = survey.shapes.finish();
    const tokenLines = this.#workspace.sorter('tokens');
    const { sessions, edges } = survey;
    const scan = { events: survey.events.reader(), edges, tokens: tokenLines, sessions, vocabulary };
    const addresses = yield* scanValues(scan);
    yield* waited(survey.events.close());
    sessions.settleCredentials();
    yield* mentions(survey);
    sessions.finish();
    survey.resources.settle();
    const noise = survey.noise.finish();
    const clientTimes = survey.clientTimes.finish();
    const recommendations = survey.recommender.recommendations();
    if (signsTokens(recommendations, this.#edits)) survey.sessions.admitTokens();
    this.#book = new EditBook(withAppliedComparison(recommendations, this.#edits));
    const serials = survey.serials.finish();
    const coined = survey.coined.finish();
    const learnedFlows = [...survey.flows.finish(), ...serials.flows, ...coined.flows];
    const echoes = survey.echoes.finish((place) => survey.flows.flowOf(place));
    const flows = learnedFlows.map((flow) =>
      this.#book.flow({ ...flow, places: [...flow.places, ...(echoes.places.get(flow.id) ?? [])] }),
    );
    const ownDoing = survey.background.finish();
    const orders = survey.orders.finish();
    const learned: Learned = {
      volatile: merged(
        ...[...survey.measures.finish(), volatile, noise.volatile, ownDoing.volatile],
        madeAddresses(addresses, sessions),
      ),
      ...{
        headers: noise.headers,
        links: joined(joined(joined(survey.flows.links(), serials.links), echoes.links), coined.links),
        unordered: together(together(survey.noise.unordered, orders.unordered), survey.sets.finish()),
        orders: orders.kept,
        asked: orders.asked,
        counters: serials.counters,
        optional: ownDoing.optional,
        ownTimes: patternsOf(clientTimes),
      },
      flows: new Map(flows.map((flow) => [flow.id, flow])),
    };
    return { surveyed: survey.surveyed(), learned, tokenLines, flows, clientTimes, recommendations };
  }

  /** The first reading; the recording itself is written along the way. */
  *#survey(survey: Survey): Steps<void> {
    for (const reader = this.#pairs.reader(); ; ) {
      const batch = yield* settled(reader.next());
      if (batch === null) return;
      const lines = batch.map(jsonOf);
      yield* this.#write(ARTIFACTS.pairs, `${lines.join('\n')}\n`);
      for (const line of lines) yield* survey.observe(this.#shown.read(JSON.parse(line) as RRPair));
    }
  }

  *#writeTestsAndMocks(surveyed: Surveyed, learned: Learned): Steps<{ tests: number; mocks: number }> {
    const maker = new ArtifactMaker(surveyed, learned, this.#book);
    const counts = { tests: 0, mocks: 0 };
    for (const reader = this.#pairs.reader(); ; ) {
      const batch = yield* settled(reader.next());
      if (batch === null) return counts;
      let [tests, mocks] = ['', ''];
      for (const line of batch) {
        const made = yield* maker.next(this.#shown.text(jsonOf(line)));
        if (made === null) continue;
        if ('test' in made) {
          counts.tests++;
          tests += `${made.test}\n`;
        } else {
          counts.mocks++;
          mocks += `${made.mock}\n`;
        }
      }
      yield* this.#write(ARTIFACTS.tests, tests);
      yield* this.#write(ARTIFACTS.mocks, mocks);
    }
  }

  /** A JSON array, one token a line; gives their number. */
  *#writeTokens(reader: LineReader, sessions: Sessions): Steps<number> {
    let count = 0;
    let separator = '[\n';
    for (;;) {
      const batch = yield* settled(reader.next());
      for (const line of batch ?? []) {
        const [, , producer, before, json] = line.split('\t') as [string, string, string, string, string];
        if (!holds(sessions, before, Number(producer))) continue;
        const token = JSON.parse(json) as Token;
        const session = `s${sessions.sessionOf(Number(producer))}`;
        yield* this.#write(
          ARTIFACTS.tokens,
          separator + JSON.stringify(this.#book.token({ ...token, session })),
        );
        separator = ',\n';
        count++;
      }
      if (batch === null) break;
    }
    yield* this.#write(ARTIFACTS.tokens, separator === '[\n' ? '[]\n' : '\n]\n');
    return count;
  }

  *#write(name: ArtifactName, text: string): Steps<void> {
    const waits = text === '' ? undefined : this.#sink.write(name, text);
    if (waits) yield waits;
  }
}

/** The pair's JSON behind its sort key. */
function jsonOf(line: string): string {
  return line.slice(line.indexOf('\t') + 1);
}

const MAX_MENTIONS = 10_000;

/** Texts that several requests mention; one that very many do tells nobody apart. */
function* mentions({ identities, sessions }: Survey): Steps<void> {
  let key = '';
  let pairs: number[] = [];
  for (const reader = identities.reader(); ; ) {
    const batch = yield* settled(reader.next());
    for (const line of batch ?? []) {
      const tab = line.indexOf('\t');
      if (line.slice(0, tab) !== key) {
        if (pairs.length > 1 && pairs.length < MAX_MENTIONS) sessions.mention(pairs);
        key = line.slice(0, tab);
        pairs = [];
      }
      if (pairs.length < MAX_MENTIONS) pairs.push(Number(line.slice(tab + 1)));
    }
    if (batch === null) break;
  }
  if (pairs.length > 1 && pairs.length < MAX_MENTIONS) sessions.mention(pairs);
  yield* waited(identities.close());
}

function* waited(promise: Promise<void> | undefined): Steps<void> {
  if (promise) yield promise;
}

/** Leaves of one operation, each path once: the first that knows it. */
function merged(...learned: ReadonlyMap<string, VolatileLeaf[]>[]): Map<string, VolatileLeaf[]> {
  const all = new Map<string, VolatileLeaf[]>();
  for (const [operation, leaves] of learned.flatMap((one) => [...one])) {
    const list = all.get(operation) ?? [];
    for (const leaf of leaves) if (!list.some(({ path }) => path === leafPattern(leaf.path))) list.push(leaf);
    all.set(operation, list);
  }
  return all;
}

/** The paths of both. */
function together(
  paths: ReadonlyMap<string, ReadonlySet<string>>,
  more: ReadonlyMap<string, ReadonlySet<string>>,
): Map<string, ReadonlySet<string>> {
  const all = new Map(paths);
  for (const [operation, set] of more) all.set(operation, new Set([...(all.get(operation) ?? []), ...set]));
  return all;
}

/** Patterns by operation. */
function patternsOf(times: readonly ClientTime[]): Map<string, ReadonlySet<string>> {
  const groups = Map.groupBy(times, ({ operation }) => operation);
  return new Map([...groups].map(([operation, list]) => [operation, new Set(list.map(({ path }) => path))]));
}

/** The links of both, a place once. */
function joined(
  links: ReadonlyMap<string, FlowLink[]>,
  more: ReadonlyMap<string, FlowLink[]>,
): Map<string, FlowLink[]> {
  const all = new Map(links);
  for (const [operation, list] of more) {
    const own = all.get(operation) ?? [];
    const isNew = (link: FlowLink) => !own.some((one) => one.in === link.in && one.path === link.path);
    all.set(operation, [...own, ...list.filter(isNew)]);
  }
  return all;
}
