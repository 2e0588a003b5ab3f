// The metrics of goals, read from the endpoints of a run. Pure; it must not know the language they are written in.
import { ExpressionView } from '@echoplane/rules';
import type { Report, RRPair } from '@echoplane/traffic';
import type { EndpointTally } from './endpoint-tally.ts';
import { type Goal, METRICS, type Metric, meets } from './goal-language.ts';
import { LatencySketch } from './latency-sketch.ts';

export interface RunFigures {
  endpoints: readonly EndpointTally[];
  /** Of the whole run. */
  seconds: number;
  matchRate: number | null;
}

/** The goal as a line of the report. A goal nothing can be said of (no endpoint fits, nothing was measured) is not met. */
export function goalResult(goal: Goal, run: RunFigures): Report['goals'][number] {
  const value = metricOf(goal, run);
  const [name, wanted] = splitGoal(goal.source);
  return {
    ...{ name, wanted },
    actual: value === null ? 'nothing was measured' : shown(goal.metric, value),
    met: value !== null && meets(goal, value),
  };
}

/** `latency.p95 < 300ms where …` → what is measured, and what of it is wanted. */
function splitGoal(source: string): [string, string] {
  const [, metric = '', wanted = '', where = ''] =
    /^\s*([\w.-]+)\s*(.*?)\s*(?:\bwhere\b\s*(.*?)\s*)?$/s.exec(source) ?? [];
  return [where === '' ? metric : `${metric} where ${where}`, wanted];
}

function metricOf({ metric, where }: Goal, run: RunFigures): number | null {
  const asked = where ? run.endpoints.filter((tally) => where.test(new EndpointView(tally))) : run.endpoints;
  const sum = (of: (tally: EndpointTally) => number) => asked.reduce((total, tally) => total + of(tally), 0);
  const share = (part: number, all: number) => (all === 0 ? null : (100 * part) / all);
  const sent = sum((tally) => tally.sent);
  const errors = sum((tally) => tally.errors);
  const passed = sum((tally) => tally.passed);
  const asserted = passed + sum((tally) => tally.failed);
  if (METRICS[metric] === 'time') return latencyMs(metric, asked);
  if (asked.length === 0) return null;
  switch (metric) {
    case 'requests.total':
      return sent;
    case 'requests.failed':
      return errors;
    case 'requests.succeeded':
      return sent - errors;
    case 'requests.per-second':
      return sent / run.seconds;
    case 'requests.per-minute':
      return (60 * sent) / run.seconds;
    case 'requests.response-pct':
      return share(
        sum((tally) => tally.responses),
        sent,
      );
    case 'requests.result-match-pct':
    case 'assertions.success-pct':
      return share(passed, asserted);
    case 'mocks.match-pct':
      return run.matchRate === null ? null : 100 * run.matchRate;
    case 'errors.pct':
      return share(errors, sent);
    default:
      return null;
  }
}

function latencyMs(metric: Metric, asked: readonly EndpointTally[]): number | null {
  const sketch = LatencySketch.merged(asked.map((tally) => tally.replayed));
  const which = metric.slice('latency.'.length);
  const us =
    which === 'avg'
      ? sketch.meanUs
      : which === 'min'
        ? sketch.minUs
        : which === 'max'
          ? sketch.maxUs
          : sketch.percentileUs(Number(which.slice(1)) / 100);
  return us === null ? null : us / 1000;
}

function shown(metric: Metric, value: number): string {
  const rounded = (digits: number) => String(Math.round(value * 10 ** digits) / 10 ** digits);
  switch (METRICS[metric]) {
    case 'time':
      return `${rounded(value < 100 ? 1 : 0)}ms`;
    case 'share':
      // 99.96 % is not 100 %.
      return `${Math.floor(value * 100 + 1e-9) / 100}%`;
    case 'rate':
      return rounded(1);
    case 'count':
      return rounded(0);
  }
}

/** An endpoint as the condition of a goal sees it; the parser lets nothing else through. */
class EndpointView extends ExpressionView {
  readonly #tally: EndpointTally;

  constructor(tally: EndpointTally) {
    super({} as RRPair);
    this.#tally = tally;
  }

  override get endpoint(): string {
    return this.#tally.endpoint;
  }
  override get method(): string {
    return this.#tally.method;
  }
  override get service(): string {
    return this.#tally.service;
  }
}
