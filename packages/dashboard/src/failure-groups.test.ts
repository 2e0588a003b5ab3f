import type { AssertionResult, Difference, Finding } from '@echoplane/traffic';
import { describe, expect, it } from 'vitest';
import { groupFailures } from './failure-groups.ts';

const finding = (path: string, problem: string, kind: Finding['kind'] = 'assertion'): Finding => ({
  ...{ kind, method: 'GET', endpoint: '/orders/{id}', path, problem },
  ...{ sentence: '', count: 1, of: 2, examples: [] },
});
const failure = (test: string, ...differences: [string, Difference['problem']][]): AssertionResult => ({
  ...{ test, result: null, session: 's', method: 'GET', endpoint: '/orders/{id}', target: '/orders/7' },
  ...{ expectedStatus: 200, actualStatus: 200, volatile: [], headless: false },
  differences: differences.map(([path, problem]) => ({ path, problem, expected: '1', actual: '2' })),
});

const total = finding('body.items[].total', 'value');
const type = finding('body.count', 'type');

describe('groupFailures()', () => {
  it('puts every index of a list under the same finding', () => {
    const failures = [
      failure('a', ['body.items[0].total', 'value']),
      failure('b', ['body.items[12].total', 'value']),
    ];
    expect(groupFailures({ findings: [total], failures }).groups[0]?.failures).toEqual(failures);
  });

  it('shows a failure with two faults under both', () => {
    const both = failure('a', ['body.items[0].total', 'value'], ['body.count', 'type']);
    const { groups, others } = groupFailures({ findings: [total, type], failures: [both] });
    expect(groups.map((group) => group.failures)).toEqual([[both], [both]]);
    expect(others).toEqual([]);
  });

  it('keeps failures that no finding speaks of', () => {
    const stray = failure('a', ['body.count', 'missing']);
    const { groups, others } = groupFailures({
      findings: [type, finding('', 'slower', 'slower')],
      failures: [stray],
    });
    expect(groups.map((group) => group.failures)).toEqual([[], []]);
    expect(others).toEqual([stray]);
  });
});
