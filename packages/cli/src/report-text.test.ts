import type { Finding, Report } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { faultsNotAsSeeded, lastWord } from './report-text.ts';
import { duration, table } from './terminal.ts';

const finding = (change: Partial<Finding>): Finding => ({
  ...{ kind: 'assertion', method: 'GET', endpoint: '/cart', path: 'body.total', problem: 'value' },
  ...{ sentence: 'GET /cart: body.total was 1, is 2', count: 1, of: 1, examples: [] },
  ...change,
});
const three = [
  finding({}),
  finding({ endpoint: '/orders/{id}', path: 'body.number', problem: 'type', sentence: 'a type' }),
  finding({ kind: 'slower', endpoint: '/me', path: null, problem: 'slower', sentence: 'slow' }),
];
const counts = { passed: 7, failed: 3, mockExact: 2, mockVolatile: 3 };
const report = (change: Partial<Report>) =>
  ({ verdict: 'missed-goals', findings: three, counts, reasons: [], ...change }) as unknown as Report;

describe('faultsNotAsSeeded()', () => {
  test('is content with exactly the three', () => {
    expect(faultsNotAsSeeded(report({}))).toEqual([]);
  });

  test.each([
    ['one is not found', { findings: three.slice(1) }, /did not name the seeded fault at GET \/cart/],
    [
      'another is found beside them',
      { findings: [...three, finding({ endpoint: '/x' })] },
      /named a fault that was not seeded/,
    ],
    ['the build passes', { verdict: 'passed' as const }, /must miss its goals/],
  ])('complains when %s', (_, change, words) => {
    expect(faultsNotAsSeeded(report(change)).join()).toMatch(words);
  });
});

test('lastWord() says passed, or missed goals with every fault', () => {
  expect(lastWord('replay v1', report({ verdict: 'passed' }))).toMatch(
    /^replay v1: passed 7 of 10 assertions, 5 outbound/,
  );
  expect(lastWord('replay v2', report({}))).toBe(
    'replay v2: missed goals (3): GET /cart: body.total was 1, is 2 | a type | slow',
  );
});

test('table() aligns figures right and words left', () => {
  const lines = table([
    ['name', 'n'],
    ['a', '1'],
    ['bcd', '100'],
  ]);
  expect(lines.split('\n').slice(1)).toEqual(['  a       1', '  bcd   100']);
});

test('duration() speaks as people do', () => {
  expect([0, 840, 12_340, 1_204_000, null].map(duration)).toEqual([
    '0 µs',
    '840 µs',
    '12.3 ms',
    '1.20 s',
    '–',
  ]);
});
