// A test's live answer against the recorded one: differences, what differs as it may, and how every leaf was compared. What
// was seen of live values waits with the answer until `LiveValues.learn` takes it. Pure.
import {
  bodyText,
  type Difference,
  type HeaderList,
  type HttpResponse,
  type LeafCounts,
  type Test,
  type ValueKind,
} from '@echoplane/traffic';
import { type BodyTree, bodyTree } from './body-tree.ts';
import { compareHead } from './compare-head.ts';
import { pagesToCompare } from './compare-page.ts';
import { type CompareRules, STRICT } from './compare-rules.ts';
import { compareTree, countLeaves } from './compare-tree.ts';
import { Comparing, MAX_DIFFERENCES, print } from './comparing.ts';
import { LeafFilter } from './leaf-filter.ts';
import { ANSWER_HEADERS, leafAt, TRAVEL_HEADERS } from './leaves.ts';
import type { LiveValues } from './live-values.ts';
import { keepObserved } from './observed.ts';
import type { Exchange } from './run-clock.ts';
import { type AnswerPlaces, answerPlaces, grpcStatus, meantHead } from './test-places.ts';
import { linesOfText } from './text-lines.ts';
import type { TreeNode } from './tree.ts';

/** µs since the epoch, of the live exchange. */
export interface LiveTimes {
  requestUs: number;
  endUs: number;
}

export interface CompareTestOptions {
  values: LiveValues;
  /** Null when not known: then times are compared by kind. */
  times: LiveTimes | null;
  /** `STRICT` when absent. */
  rules?: CompareRules;
}

export interface TestComparison {
  differences: Difference[];
  /** Leaves whose values differ as generated values may. */
  volatile: { path: string; kind: ValueKind }[];
  leaves: LeafCounts;
}

/** Compares a live answer with the recorded one; no differences: a passed assertion. */
export function compareTest(test: Test, live: HttpResponse, options: CompareTestOptions): TestComparison {
  const { rules = STRICT, values, times } = options;
  const own = exchangeOf(test, times);
  if (own) {
    values.noteExchange(own);
    values.noteMade(test, own);
  }
  values.noteCarried(test);
  values.noteWritten(test);
  const places = answerPlaces(test);
  if (
    rules === STRICT &&
    isEqual(test.response, live, places) &&
    (places.links.size === 0 || !values.hasDiffering)
  ) {
    keepObserved(live, places.asRecorded);
    return { differences: [], volatile: [], leaves: { strict: places.count, time: 0, kind: 0, ignored: 0 } };
  }
  const comparing = new Comparing({ test, live, values, own, rules, nested: compareTree });
  compareAnswers(comparing);
  keepObserved(live, { observations: observationsOf(comparing), livePath: livePathOf(comparing.moves) });
  const { differences, volatile, leaves } = comparing;
  return { differences: differences.slice(0, MAX_DIFFERENCES), volatile, leaves };
}

function exchangeOf({ ts, durationUs }: Test, times: LiveTimes | null): Exchange | null {
  if (!times || ts === undefined) return null;
  return { fromUs: ts, toUs: ts + durationUs, liveFromUs: times.requestUs, liveToUs: times.endUs };
}

/** The same status, headers that mean something and bytes, in the same order. */
function isEqual(recorded: HttpResponse, live: HttpResponse, { bodyText: text }: AnswerPlaces): boolean {
  if (recorded.status !== live.status || !hasSameHeaders(recorded.headers, live.headers)) return false;
  if (!hasSameHeaders(recorded.trailers ?? [], live.trailers ?? [])) return false;
  if (recorded.body.size === 0) return live.body.size === 0;
  if (recorded.body.base64 !== undefined) return recorded.body.base64 === live.body.base64;
  return (
    text !== undefined &&
    text === (live.body.text ?? (live.body.json === undefined ? undefined : bodyText(live.body)))
  );
}

function hasSameHeaders(recorded: HeaderList, live: HeaderList): boolean {
  if (recorded.length !== live.length) return false;
  return recorded.every(([name, value], i) => {
    const [liveName, liveValue] = live[i]!;
    if (name !== liveName) return false;
    const lower = name.toLowerCase();
    return value === liveValue || (TRAVEL_HEADERS.has(lower) && !ANSWER_HEADERS.has(lower));
  });
}

function compareAnswers(comparing: Comparing): void {
  const { test, live, rules, leaves, places } = comparing;
  if (test.response.status !== live.status && rules.status) {
    // The rest follows from it.
    leaves.strict = places.count;
    return void comparing.differ('status', 'value', String(test.response.status), String(live.status));
  }
  const called = grpcStatus(places.head);
  const liveCalled = called === undefined ? undefined : grpcStatus(meantHead(live));
  if (called !== undefined && called !== liveCalled && rules.status) {
    leaves.strict = places.count;
    return void comparing.differ('trailer.grpc-status', 'value', called, liveCalled ?? null);
  }
  if (rules.status) leaves.strict++;
  else leaves.ignored++;
  compareHead(comparing);
  compareBody(comparing);
}

const NAMED_FORMATS: ReadonlySet<BodyTree['format']> = new Set(['xml', 'form', 'multipart', 'protobuf']);

function compareBody(comparing: Comparing): void {
  const { test, live, rules, places } = comparing;
  const [own, theirs] = asPages(
    comparing,
    bodyTree(test.response.body, test.response.headers),
    bodyTree(live.body, live.headers),
  );
  const recorded = inLines(own, places);
  if (!rules.body && !rules.schema) {
    if (recorded.format !== 'empty') comparing.leaves.ignored += countLeaves(recorded.root);
    return;
  }
  comparing.isShapeOnly = rules.body === null;
  const ignored = [...(rules.body?.ignore ?? []), ...(rules.body ? [] : (rules.schema?.ignore ?? []))];
  const only = rules.body?.only ?? [];
  if (ignored.length + only.length > 0) comparing.filter = new LeafFilter(ignored, only);
  comparing.isNamed = NAMED_FORMATS.has(recorded.format);
  comparing.isLines = recorded.format === 'text' && Array.isArray(recorded.root);
  const actual = inLines(theirs, places, own.root);
  if (recorded.format === actual.format) {
    if (recorded.format !== 'empty') compareTree(comparing, 'body', recorded.root, actual.root);
  } else if (comparing.filter?.at('body') !== 'ignored') compareFormats(comparing, recorded, actual);
}

/** Pages with the numbers of things as they are now. */
function asPages(comparing: Comparing, recorded: BodyTree, live: BodyTree): [BodyTree, BodyTree] {
  if (recorded.format !== 'html' || live.format !== 'html') return [recorded, live];
  comparing.isPage = true;
  const pages = pagesToCompare(comparing, recorded.root as string, live.root as string);
  return pages.map((root) => ({ format: 'html', root })) as [BodyTree, BodyTree];
}

function compareFormats(comparing: Comparing, recorded: BodyTree, actual: BodyTree): void {
  if (recorded.format === 'empty')
    return void comparing.differ('body', 'unexpected', null, print(actual.root));
  comparing.leaves.strict += countLeaves(recorded.root);
  if (actual.format === 'empty') return void comparing.differ('body', 'missing', print(recorded.root), null);
  comparing.differ(
    'body',
    'type',
    `${recorded.format} ${print(recorded.root)}`,
    `${actual.format} ${print(actual.root)}`,
  );
}

/** A text of several lines line by line, unless something was learned of it as a whole; `like`: of the recorded one. */
function inLines(
  { format, root }: BodyTree,
  { learned, links }: AnswerPlaces,
  like: TreeNode = root,
): BodyTree {
  const isText = (format === 'text' || format === 'html') && typeof root === 'string';
  const isWhole = learned.has('body') || links.has('body');
  const lines = isText && !isWhole ? linesOfText(format, root, typeof like === 'string' ? like : root) : [];
  return { format: format === 'html' ? 'text' : format, root: lines.length > 1 ? lines : root };
}

/** What was seen, and the followed values that are as they were. */
function observationsOf(comparing: Comparing): Comparing['observations'] {
  const { places, differences, volatile, values, observations, rules } = comparing;
  // Of another answer, an error where there was none, nothing was compared.
  if (differences.some(({ path }) => path === 'status' || path === 'trailer.grpc-status'))
    return observations;
  const loose = new Set(volatile.map(({ path }) => path));
  const livePath = livePathOf(comparing.moves);
  // What agrees by a flow beside it is another one now, though nothing of it is loose.
  const stays = (path: string, value: string) =>
    leafAt(comparing.live, livePath(path))?.includes(value) ?? true;
  for (const { path, space, value } of places.spotted) {
    if ((rules.body === null && path.startsWith('body')) || isWithin(loose, path)) continue;
    if (differences.some((difference) => path.startsWith(difference.path))) continue;
    const known =
      typeof space === 'string'
        ? (values.token(value) ?? values.seen(value)?.live)
        : values.flow(space.flow, value);
    if (known === undefined && stays(path, value)) comparing.observe(space, value, value);
  }
  return observations;
}

/** Whether a leaf is one of these, or of an element that as a whole is: that is another one, whatever stands in its place. */
function isWithin(paths: ReadonlySet<string>, path: string): boolean {
  if (paths.size === 0 || paths.has(path)) return paths.size > 0;
  for (let end = path.lastIndexOf(']'); end >= 0; end = path.lastIndexOf(']', end - 1))
    if (paths.has(path.slice(0, end + 1))) return true;
  return false;
}

/** A cookie by its name; else from the innermost element outwards: what is before it in the path is still as recorded. */
function livePathOf(moves: readonly [recorded: string, live: string][]): (path: string) => string {
  if (moves.length === 0) return (path) => path;
  const moved = new Map(moves);
  return (path) => {
    let at = moved.get(path) ?? path;
    for (let end = path.lastIndexOf(']'); end >= 0; end = path.lastIndexOf(']', end - 1)) {
      const to = moved.get(path.slice(0, end + 1));
      if (to !== undefined) at = to + at.slice(end + 1);
    }
    return at;
  };
}
