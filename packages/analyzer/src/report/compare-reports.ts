// Two reports side by side: findings that are new, gone or the same, leaves that differ in another way, latencies that moved
// beyond noise. Of any two replays of the same service; nothing is run again. Pure.
import type {
  EndpointReport,
  Finding,
  LatencyMove,
  LeafMove,
  Report,
  ReportComparison,
} from '@echoplane/traffic';
import { leafPattern } from '@echoplane/traffic';
import { findingId } from './finding-book.ts';
import { rises } from './known-findings.ts';
import { sketchOfQuantiles } from './quantiles.ts';
import { chanceOfHigher } from './rank-test.ts';
import { LARGE, MIN_SAMPLES } from './slower.ts';
import { percent } from './verdict.ts';

/** Of all endpoints together. */
const MAX_CHANCE = 0.001;

/** What changed from one report to the other. */
export function compareReports(before: Report, after: Report): ReportComparison {
  const findings = compareFindings(before.findings, after.findings);
  const latency = latencyMoves(before.endpoints, after.endpoints);
  const [was, is] = [namesOf(before), namesOf(after)];
  const comparison = {
    ...{ before: sideOf(before), after: sideOf(after), findings, latency },
    leaves: leafMoves(before, after),
    endpoints: {
      new: is.filter((name) => !was.includes(name)),
      gone: was.filter((name) => !is.includes(name)),
    },
  };
  return { ...comparison, sentences: sentencesOf(comparison) };
}

/** Whether the later report is worse: what a pipeline asks. */
export function isWorse({ findings, latency }: ReportComparison): boolean {
  return (
    findings.new.length > 0 ||
    findings.same.some(({ isMore }) => isMore) ||
    latency.some(({ isCalled, beforeUs, afterUs }) => isCalled && afterUs > beforeUs)
  );
}

function sideOf({ replay, verdict, successRate, counts, leaves }: Report): ReportComparison['before'] {
  const { passed, failed } = counts;
  return { replay, verdict, successRate, passed, failed, ...(leaves ? { leaves } : {}) };
}

/** Latencies are compared by themselves. */
function compareFindings(
  before: readonly Finding[],
  after: readonly Finding[],
): ReportComparison['findings'] {
  const keyed = (findings: readonly Finding[]) =>
    new Map(findings.filter(({ kind }) => kind !== 'slower').map((one) => [one.id ?? findingId(one), one]));
  const [was, is] = [keyed(before), keyed(after)];
  return {
    new: [...is].filter(([id]) => !was.has(id)).map(([, finding]) => finding),
    gone: [...was].filter(([id]) => !is.has(id)).map(([, finding]) => finding),
    same: [...is].flatMap(([id, finding]) => {
      const earlier = was.get(id);
      if (!earlier) return [];
      const isMore = rises(earlier.count, finding.count);
      return [{ finding, before: earlier.count, ...(isMore ? { isMore } : {}) }];
    }),
  };
}

/** By test where both reports have its failure, else by the first of its endpoint. */
function leafMoves(before: Report, after: Report): LeafMove[] {
  const earlier = new Map<string, string | null>();
  for (const { test, differences } of before.failures)
    for (const { path, actual } of differences) earlier.set(`${test} ${path}`, actual);
  const moves = new Map<string, LeafMove>();
  for (const { test, method, endpoint, differences } of after.failures) {
    for (const { path, expected, actual } of differences) {
      const was = earlier.get(`${test} ${path}`);
      const key = `${method} ${endpoint} ${leafPattern(path)}`;
      if (was === undefined || was === actual || moves.has(key)) continue;
      moves.set(key, { method, endpoint, path: leafPattern(path), expected, before: was, after: actual });
    }
  }
  return [...moves.values()];
}

function latencyMoves(before: readonly EndpointReport[], after: readonly EndpointReport[]): LatencyMove[] {
  const earlier = new Map(before.map((one) => [nameOf(one), one]));
  const both = after.flatMap((is) => {
    const was = earlier.get(nameOf(is));
    return was && was.replayed.p50Us !== null && is.replayed.p50Us !== null ? [{ was, is }] : [];
  });
  return both
    .map(({ was, is }) => latencyMove(was, is, MAX_CHANCE / both.length))
    .sort(
      (a, b) =>
        Number(b.isCalled) - Number(a.isCalled) ||
        Math.abs(b.afterUs - b.beforeUs) - Math.abs(a.afterUs - a.beforeUs),
    );
}

function latencyMove(was: EndpointReport, is: EndpointReport, maxChance: number): LatencyMove {
  const [beforeUs, afterUs] = [was.replayed.p50Us!, is.replayed.p50Us!];
  const { method, endpoint, service } = is;
  const move = { method, endpoint, ...(service === undefined ? {} : { service }), beforeUs, afterUs };
  const samples = Math.min(was.replayed.count, is.replayed.count);
  if (samples < MIN_SAMPLES || !was.quantilesUs || !is.quantilesUs)
    return { ...move, confidence: null, isCalled: false };
  const [one, other] = [
    sketchOfQuantiles(was.quantilesUs, was.replayed.count),
    sketchOfQuantiles(is.quantilesUs, is.replayed.count),
  ];
  const chance = afterUs >= beforeUs ? chanceOfHigher(other, one) : chanceOfHigher(one, other);
  const moved = Math.abs(afterUs - beforeUs);
  const isLarge = LARGE.baseline.some(
    ({ us, share }) => moved >= us && moved >= share * Math.min(beforeUs, afterUs),
  );
  return { ...move, confidence: 1 - chance, isCalled: isLarge && chance <= maxChance };
}

function sentencesOf({ before, after, findings, latency }: Omit<ReportComparison, 'sentences'>): string[] {
  const rate = ({ successRate }: ReportComparison['before']) =>
    successRate === null ? 'nothing asserted' : percent(successRate);
  const words = ({ verdict }: ReportComparison['before']) => verdict.replace('-', ' ');
  const slower = latency.filter(({ isCalled, beforeUs, afterUs }) => isCalled && afterUs > beforeUs);
  const faster = latency.filter(({ isCalled, beforeUs, afterUs }) => isCalled && afterUs < beforeUs);
  const more = findings.same.some(({ isMore }) => isMore)
    ? `, ${findings.same.filter(({ isMore }) => isMore).length} of these more often than before`
    : '';
  return [
    `It was ${words(before)} (${rate(before)}), and is ${words(after)} (${rate(after)}).`,
    `${findings.new.length} findings are new, ${findings.gone.length} are gone, ${findings.same.length} are in both${more}.`,
    `${slower.length} endpoints are slower beyond noise, ${faster.length} are faster.`,
  ];
}

function nameOf({ method, endpoint, service = '' }: EndpointReport): string {
  return `${service} ${method} ${endpoint}`.trim();
}

function namesOf({ endpoints }: Report): string[] {
  return endpoints.map(nameOf);
}
