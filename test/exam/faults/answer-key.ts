// The key to the exam: what truly varies between starts of the same service with the same requests. What was learned of one
// recording is held against it: a leaf of an answer that varies must not be compared by its recorded value, and one that does
// not vary should be; a value that varies must be sent as it is in this start, wherever a later request carries it.
import { compareTest, LiveValues, responseLeaves } from '@echoplane/replay';
import { header, leafPattern, type RRPair, TAG, type Test, type Token } from '@echoplane/traffic';
import { carriedKey } from './carried-key.ts';
import { placeOfTest } from './places.ts';

export interface AnswerKey {
  /** Leaf patterns by endpoint, in all. */
  leaves: number;
  /** That differ between the recording and the two starts. */
  varying: number;
  /** Of those that vary: never called a difference in a replay of the unchanged service. */
  recallPct: number;
  /** Of those compared by kind or time only: truly varying. */
  precisionPct: number;
  /** Leaves of requests that carry what an earlier answer gave and what varies, in both starts. */
  carried: number;
  /** Of those: sent with the value of the start. */
  carriedRecallPct: number;
  /** Of the leaves of requests that were not sent as recorded: not needlessly so. */
  carriedPrecisionPct: number;
  /** Varying that were taken for steady; steady that were compared by kind or time; the same of what requests carry. */
  missed: string[];
  needless: string[];
  carriedMissed: string[];
  carriedNeedless: string[];
}

/** What an answer key comes to of several services, or of one. */
export type KeyFigures = Record<
  'key_leaves' | 'key_varying' | 'key_recall_pct' | 'key_precision_pct' | CarriedFigure,
  number
>;
type CarriedFigure = 'key_carried' | 'key_carried_recall_pct' | 'key_carried_precision_pct';

export const keyFigures = (key: AnswerKey): KeyFigures => ({
  key_leaves: key.leaves,
  key_varying: key.varying,
  key_recall_pct: key.recallPct,
  key_precision_pct: key.precisionPct,
  key_carried: key.carried,
  key_carried_recall_pct: key.carriedRecallPct,
  key_carried_precision_pct: key.carriedPrecisionPct,
});

const MOST_LISTED = 40;

/** `starts`: the results of replays of the unchanged service, of two at least. */
export function answerKey(
  tests: readonly Test[],
  tokens: readonly Token[],
  ...starts: (readonly RRPair[])[]
): AnswerKey {
  const varies = varyingLeaves(tests, ...starts);
  const compared = starts.map((one) => comparedLeaves(tests, tokens, one));
  const loose = new Set(compared.flatMap((one) => [...one.loose]));
  const wrong = new Set(compared.flatMap((one) => [...one.wrong]));
  const varying = [...varies].filter(([, does]) => does).map(([key]) => key);
  const missed = varying.filter((key) => wrong.has(key));
  const needless = [...loose].filter((key) => varies.get(key) === false);
  const carried = starts.map((one) => carriedKey(tests, one));
  const sum = (of: 'must' | 'right' | 'replaced' | 'justified') =>
    carried.reduce((total, one) => total + one[of], 0);
  const listed = (names: Iterable<string>) => [...new Set(names)].slice(0, MOST_LISTED);
  return {
    leaves: varies.size,
    varying: varying.length,
    recallPct: percent(varying.length - missed.length, varying.length),
    precisionPct: percent(loose.size - needless.length, loose.size),
    carried: sum('must'),
    carriedRecallPct: percent(sum('right'), sum('must')),
    carriedPrecisionPct: percent(sum('justified'), sum('replaced')),
    missed: listed(missed),
    needless: listed(needless),
    carriedMissed: listed(carried.flatMap((one) => one.missed)),
    carriedNeedless: listed(carried.flatMap((one) => one.needless)),
  };
}

const percent = (part: number, of: number) => (of === 0 ? 100 : Math.floor((part / of) * 1000) / 10);

/** Whether a leaf, as a pattern, differs between the recording and any start. */
function varyingLeaves(tests: readonly Test[], ...starts: (readonly RRPair[])[]): Map<string, boolean> {
  const varies = new Map<string, boolean>();
  const byId = new Map(tests.map((test) => [test.id, test]));
  for (const pair of starts.flat()) {
    const test = byId.get(pair.tags[TAG.test]!);
    if (!test) continue;
    const recorded = new Map(responseLeaves(test.response).map(({ path, value }) => [path, value]));
    for (const { path, value } of responseLeaves(pair.response!)) {
      const key = `${placeOfTest(test)} ${leafPattern(path)}`;
      varies.set(key, varies.get(key) === true || (recorded.has(path) && recorded.get(path) !== value));
    }
  }
  return varies;
}

/** Leaves, as patterns, that were compared by kind or time, and those that were called different. */
function comparedLeaves(tests: readonly Test[], tokens: readonly Token[], results: readonly RRPair[]) {
  const byId = new Map(tests.map((test) => [test.id, test]));
  const followed = tokens.filter(({ enabled, flow }) => enabled && flow === undefined);
  const values = new LiveValues(new Map(followed.map(({ id, value }) => [id, value])), undefined, {
    liveHost: header(results[0]?.request?.headers ?? [], 'host') ?? '',
  });
  const [loose, wrong] = [new Set<string>(), new Set<string>()];
  for (const pair of [...results].sort((a, b) => a.ts + a.durationUs - b.ts - b.durationUs)) {
    const test = byId.get(pair.tags[TAG.test]!);
    if (!test) continue;
    const keyOf = ({ path }: { path: string }) =>
      `${placeOfTest(test)} ${leafPattern(path).replace(/[#!].*$/, '')}`;
    const times = { requestUs: pair.ts, endUs: pair.ts + pair.durationUs };
    const { volatile, differences } = compareTest(test, pair.response!, { values, times });
    values.learn(test, pair.response!);
    for (const leaf of volatile) loose.add(keyOf(leaf));
    for (const leaf of differences) wrong.add(keyOf(leaf));
  }
  return { loose, wrong };
}
