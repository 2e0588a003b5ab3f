// Goals as sentences, `latency.p95 < 300ms where endpoint == "/cart"`: from text to a metric, a bound and a condition on
// endpoints. What is wrong is said with its column. Pure; it must not know how a metric is measured.
//
//   goal = metric op number [unit] ["where" CEL over endpoint, method, service]
import { compileExpression, type Expression, FilterError } from '@echoplane/rules';

type Unit = 'time' | 'count' | 'rate' | 'share';

const PERCENTILES = ['p50', 'p75', 'p90', 'p95', 'p99', 'p99.9'] as const;
/** Metrics and what their values are; all but `mocks.match-pct` can be asked of some endpoints only. */
export const METRICS = {
  'latency.avg': 'time',
  'latency.min': 'time',
  'latency.max': 'time',
  ...(Object.fromEntries(PERCENTILES.map((one) => [`latency.${one}`, 'time'])) as Record<
    `latency.${(typeof PERCENTILES)[number]}`,
    'time'
  >),
  'requests.total': 'count',
  'requests.failed': 'count',
  'requests.succeeded': 'count',
  'requests.per-second': 'rate',
  'requests.per-minute': 'rate',
  'requests.response-pct': 'share',
  'requests.result-match-pct': 'share',
  'assertions.success-pct': 'share',
  'mocks.match-pct': 'share',
  'errors.pct': 'share',
} as const satisfies Record<string, Unit>;
export type Metric = keyof typeof METRICS;

const OPERATORS = {
  '<': (a: number, b: number) => a < b,
  '<=': (a: number, b: number) => a <= b,
  '>': (a: number, b: number) => a > b,
  '>=': (a: number, b: number) => a >= b,
  '==': (a: number, b: number) => a === b,
  '!=': (a: number, b: number) => a !== b,
} as const;
type Operator = keyof typeof OPERATORS;

/** Units by what they measure, each with its factor. */
const UNITS: Record<Unit, Record<string, number>> = {
  time: { ms: 1, s: 1_000 },
  count: { '': 1 },
  rate: { '': 1, '/s': 1, '/min': 1 },
  share: { '%': 1, '': 1 },
};
const GROUP_FIELDS = new Set(['endpoint', 'method', 'service']);

export interface Goal {
  source: string;
  metric: Metric;
  operator: Operator;
  /** Milliseconds, requests, requests per second or minute, or percent, as the metric has it. */
  bound: number;
  where: Expression | null;
}

/** Whether a value meets the goal. */
export function meets({ operator, bound }: Goal, value: number): boolean {
  return OPERATORS[operator](value, bound);
}

/** Reads a goal. Throws FilterError, which points at the column. */
export function parseGoal(source: string): Goal {
  const at = new Reader(source);
  const metric = at.take(/[A-Za-z][\w.-]*/y) ?? '';
  if (!Object.hasOwn(METRICS, metric)) throw at.error(badMetric(metric), 'unknown_name');
  const unit = METRICS[metric as Metric];
  const operator = at.take(/[<>=!]+/y) ?? '';
  if (!Object.hasOwn(OPERATORS, operator))
    throw at.error(`after the metric one of ${Object.keys(OPERATORS).join(' ')} is needed`);
  const number = at.take(/-?\d+(?:\.\d+)?/y);
  if (number === null) throw at.error('a number is needed here, such as 300ms');
  const suffix = at.take(/%|\/?[A-Za-z]+/y, (word) => word !== 'where') ?? '';
  const factor = UNITS[unit][suffix];
  if (factor === undefined) throw at.error(badUnit(metric, unit, suffix), 'type');
  if (metric === 'requests.per-second' && suffix === '/min')
    throw at.error('requests.per-second is per second; write /s or nothing', 'type');
  if (metric === 'requests.per-minute' && suffix === '/s')
    throw at.error('requests.per-minute is per minute; write /min or nothing', 'type');
  const where = whereOf(at, metric);
  return {
    ...{ source, metric: metric as Metric, operator: operator as Operator },
    ...{ bound: Number(number) * factor, where },
  };
}

function whereOf(at: Reader, metric: string): Expression | null {
  if (at.isAtEnd) return null;
  const word = at.take(/\w+/y);
  if (word !== 'where')
    throw at.error('only `where` and a condition may follow, such as where endpoint == "/cart"');
  if (metric === 'mocks.match-pct')
    throw at.error('mocks.match-pct counts all outbound requests; leave the condition out', 'unsupported');
  const start = at.skipBlanks();
  const expression = compileInside(at.source, start);
  checkFields(expression.tree, at.source, start);
  return expression;
}

/** The condition, with errors that count columns from the beginning of the goal. */
function compileInside(source: string, start: number): Expression {
  try {
    return compileExpression(source.slice(start));
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    const lines = source
      .slice(start)
      .split('\n')
      .slice(0, error.line - 1);
    const offset = start + lines.reduce((sum, line) => sum + line.length + 1, 0) + error.column - 1;
    throw new FilterError(error.code, error.reason, source, offset);
  }
}

/** Goals are asked of endpoints: nothing of a single request can be said. */
function checkFields(tree: Expression['tree'], source: string, start: number): void {
  const nodes: unknown[] = [tree];
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    if (Array.isArray(node)) nodes.push(...node.filter((part) => typeof part === 'object' && part !== null));
    else if (isNode(node)) {
      if (node.op === 'id' && !GROUP_FIELDS.has(String(node.args))) {
        const reason = `a goal is asked of endpoints: only ${[...GROUP_FIELDS].join(', ')} can stand in its condition`;
        throw new FilterError('unsupported', reason, source, start + node.start);
      }
      if (typeof node.args === 'object' && node.args !== null) nodes.push(node.args);
    }
  }
}

function isNode(value: unknown): value is { op: string; args: unknown; start: number } {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}

function badMetric(metric: string): string {
  const known = Object.keys(METRICS);
  const group = known.filter((name) => name.startsWith(`${metric.split('.')[0]}.`));
  return `there is no metric ${metric || 'here'}; there are ${(group.length > 0 ? group : known).join(', ')}`;
}

function badUnit(metric: string, unit: Unit, suffix: string): string {
  const units = Object.keys(UNITS[unit]).filter((one) => one !== '');
  if (unit === 'time' && suffix === '') return `${metric} needs a unit; write ms or s behind the number`;
  return units.length === 0
    ? `${metric} is a number without a unit; leave ${suffix} out`
    : `${metric} is not measured in ${suffix}; write ${units.join(' or ')}`;
}

/** Words of a goal, one after the other; remembers where the last one began. */
class Reader {
  readonly source: string;
  #at = 0;
  #wordAt = 0;

  constructor(source: string) {
    this.source = source;
  }

  get isAtEnd(): boolean {
    return this.skipBlanks() >= this.source.length;
  }

  /** The next word if it looks like this; null and nothing read otherwise. */
  take(pattern: RegExp, isWanted: (word: string) => boolean = () => true): string | null {
    this.#wordAt = this.skipBlanks();
    pattern.lastIndex = this.#at;
    const word = pattern.exec(this.source)?.[0] ?? null;
    if (word === null || !isWanted(word)) return null;
    this.#at += word.length;
    return word;
  }

  /** Where the next word begins. */
  skipBlanks(): number {
    while (/\s/.test(this.source[this.#at] ?? '')) this.#at++;
    return this.#at;
  }

  /** At the last word, or where one was looked for. */
  error(reason: string, code: 'syntax' | 'unknown_name' | 'type' | 'unsupported' = 'syntax'): FilterError {
    return new FilterError(code, reason, this.source, this.#wordAt);
  }
}
