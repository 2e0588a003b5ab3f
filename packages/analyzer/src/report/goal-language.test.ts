import { FilterError } from '@echoplane/rules';
import { describe, expect, test } from 'vitest';
import { EndpointTallies } from './endpoint-tally.ts';
import { METRICS, meets, parseGoal } from './goal-language.ts';
import { goalResult } from './goal-values.ts';
import { answerTo, makeTest } from './report.fixture.ts';

describe('parseGoal()', () => {
  test.each([
    ['latency.p95 < 300ms', 'latency.p95', '<', 300],
    ['latency.p99.9<=1.5s', 'latency.p99.9', '<=', 1_500],
    ['  requests.per-second >= 100/s ', 'requests.per-second', '>=', 100],
    ['requests.per-minute > 90', 'requests.per-minute', '>', 90],
    ['errors.pct == 0%', 'errors.pct', '==', 0],
    ['assertions.success-pct >= 99.5', 'assertions.success-pct', '>=', 99.5],
    ['requests.failed != 3', 'requests.failed', '!=', 3],
  ])('reads %s', (source, metric, operator, bound) => {
    expect(parseGoal(source)).toMatchObject({ metric, operator, bound, where: null });
  });

  test('reads every metric', () => {
    for (const [metric, unit] of Object.entries(METRICS))
      expect(parseGoal(`${metric} < 5${unit === 'time' ? 'ms' : ''}`).metric).toBe(metric);
  });

  test.each([
    ['', 'column 1: there is no metric here'],
    ['latency.p42 < 3ms', 'column 1: there is no metric latency.p42; there are latency.avg'],
    ['latency.p95 ~ 3ms', 'column 13: after the metric one of'],
    ['latency.p95 =< 3ms', 'column 13: after the metric one of'],
    ['latency.p95 < fast', 'column 15: a number is needed'],
    ['latency.p95 < 300', 'latency.p95 needs a unit'],
    ['latency.p95 < 300%', 'column 18: latency.p95 is not measured in %; write ms or s'],
    ['requests.total > 5ms', 'column 19: requests.total is a number without a unit'],
    ['requests.per-second > 5/min', 'column 24: requests.per-second is per second'],
    ['errors.pct < 1% endpoint == "/a"', 'column 17: only `where`'],
    ['errors.pct < 1% where', 'column 22: the expression is empty'],
    ['errors.pct < 1% where endpoint = "/a"', 'column 32: a single = means nothing'],
    ['errors.pct < 1% where endpoint == "/a" && status > 3', 'column 43: a goal is asked of endpoints'],
    ['errors.pct < 1% where request.json.id == 3', 'a goal is asked of endpoints'],
    ['errors.pct < 1% where service.exists(x, x == "a")', 'column'],
    ['mocks.match-pct > 9 where method == "GET"', 'mocks.match-pct counts all outbound requests'],
  ])('refuses %j at its column', (source, message) => {
    expect(() => parseGoal(source)).toThrow(FilterError);
    expect(() => parseGoal(source)).toThrow(message);
  });

  test.each([
    ['<', 4, true],
    ['<', 5, false],
    ['<=', 5, true],
    ['>', 6, true],
    ['>=', 5, true],
    ['==', 5, true],
    ['!=', 5, false],
  ])('5 as bound: %s %d is %s', (operator, value, met) => {
    expect(meets(parseGoal(`requests.total ${operator} 5`), value)).toBe(met);
  });
});

describe('goalResult()', () => {
  const tallies = new EndpointTallies();
  for (const [endpoint, ms, status] of [
    ['/cart', 100, 200],
    ['/cart', 300, 200],
    ['/slow', 2_000, 500],
    ['/slow', 4_000, 200],
  ] as const) {
    const made = makeTest({ endpoint, service: 'c/n/shop' });
    const tally = tallies.of(made);
    tally.plan(made);
    tallies.result(made, answerTo(made, { durationUs: ms * 1_000, status }));
    if (status === 200) tally.passed++;
    else tally.failed++;
  }
  const run = { endpoints: tallies.all(), seconds: 2, matchRate: 0.9996 };

  test.each([
    ['latency.p50 < 350ms where endpoint == "/cart"', '100ms', true],
    ['latency.max <= 300ms where endpoint == "/cart"', '300ms', true],
    ['latency.avg < 1s', '1600ms', false],
    ['latency.min > 0.09s where method == "GET" && service == "c/n/shop"', '100ms', true],
    ['requests.total == 4', '4', true],
    ['requests.failed == 0', '1', false],
    ['requests.succeeded >= 3', '3', true],
    ['requests.per-second > 1', '2', true],
    ['requests.per-minute > 100', '120', true],
    ['requests.response-pct == 100%', '100%', true],
    ['assertions.success-pct >= 99% where endpoint.startsWith("/c")', '100%', true],
    ['requests.result-match-pct >= 99%', '75%', false],
    ['errors.pct < 30% where endpoint == "/slow"', '50%', false],
    ['mocks.match-pct == 100%', '99.96%', false],
    ['latency.p95 < 1s where endpoint == "/nowhere"', 'nothing was measured', false],
    ['requests.total > 0 where endpoint == "/nowhere"', 'nothing was measured', false],
  ])('%s: %s', (source, actual, met) => {
    expect(goalResult(parseGoal(source), run)).toMatchObject({ actual, met });
  });

  test('says what was wanted of what', () => {
    const goal = parseGoal('latency.p50 <  350ms where endpoint == "/cart"');
    expect(goalResult(goal, run)).toMatchObject({
      name: 'latency.p50 where endpoint == "/cart"',
      wanted: '<  350ms',
    });
  });
});
