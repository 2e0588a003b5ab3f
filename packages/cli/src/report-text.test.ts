import type { Finding, Report } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { comparisonText, faultsNotAsSeeded, lastWord, reportText } from './report-text.ts';
import { duration, table } from './terminal.ts';

const latency = { count: 20, p50Us: 4_000, p95Us: 5_000, p99Us: null, p999Us: null };

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

test('reportText() says what came out, why, and how sure that is', () => {
  const text = reportText(
    'replay v2',
    report({
      ...{ summary: ['Missed its goals: 7 of 10 hold.'], notes: ['3 were not sent.'], goals: [] },
      findings: [
        finding({ cause: 'POST /login was not answered' }),
        finding({ sentence: 'slow', confidence: 0.99995 }),
      ],
      endpoints: [
        {
          method: 'GET',
          endpoint: '/cart',
          tests: 2,
          passed: 1,
          recorded: latency,
          replayed: latency,
          baseline: null,
        },
      ],
    }),
  );
  expect(text).toMatch(/^replay v2: missed goals\n {2}Missed its goals: 7 of 10 hold\./);
  expect(text).toContain('is 2 (1 of 1); likely because POST /login was not answered');
  expect(text).toContain('slow (1 of 1, > 99.9 % sure)');
  expect(text).toContain('· 3 were not sent.');
});

test('of long lists the first are printed, and where the others are', () => {
  const many = (n: number) => Array.from({ length: n }, (_, i) => finding({ sentence: `fault ${i}` }));
  const endpoint = {
    method: 'GET',
    tests: 2,
    passed: 1,
    recorded: latency,
    replayed: latency,
    baseline: null,
  };
  const long = report({
    ...{
      replay: 'ID',
      goals: [],
      findings: many(23),
      notes: Array.from({ length: 21 }, (_, i) => `note ${i}`),
    },
    endpoints: Array.from({ length: 52 }, (_, i) => ({ ...endpoint, endpoint: `/e${i}` })),
  } as never);
  const text = reportText('replay', long);
  for (const n of [2, 3, 1]) expect(text).toContain(`… and ${n} more: echoplane report ID --json`);
  expect(text).toContain('fault 19');
  for (const beyond of ['fault 20', 'note 20', '/e50']) expect(text).not.toContain(beyond);
  expect(lastWord('replay', long)).toMatch(/\(23\): fault 0 \| .* \| fault 4 \| … and 18 more$/);
  const side = { replay: 'ID', verdict: 'passed' as const, successRate: 1, passed: 1, failed: 0 };
  const compared = comparisonText({
    ...{ before: { ...side, replay: 'OLD' }, after: side, sentences: [], endpoints: { new: [], gone: [] } },
    ...{ findings: { new: many(25), gone: [], same: [] }, leaves: [], latency: [] },
  });
  expect(compared.split('\n').at(-1)).toBe('  … and 5 more: echoplane report ID --compare OLD --json');
});

test('comparisonText() names what is new, gone and moved', () => {
  const side = { replay: '', verdict: 'passed' as const, successRate: 1, passed: 1, failed: 0 };
  const text = comparisonText({
    ...{
      before: side,
      after: side,
      sentences: ['It was passed, and is passed.'],
      endpoints: { new: [], gone: [] },
    },
    findings: { new: [finding({})], gone: [finding({ sentence: 'an old one' })], same: [] },
    leaves: [{ method: 'GET', endpoint: '/a', path: 'body.b', expected: '1', before: '2', after: '3' }],
    latency: [
      { method: 'GET', endpoint: '/a', beforeUs: 4_000, afterUs: 90_000, confidence: 0.9999, isCalled: true },
      { method: 'GET', endpoint: '/b', beforeUs: 4_000, afterUs: 4_100, confidence: 0.4, isCalled: false },
    ],
  });
  expect(text.split('\n')).toEqual([
    'It was passed, and is passed.',
    '  + GET /cart: body.total was 1, is 2 (1 of 1)',
    '  - an old one',
    '  ~ GET /a: body.b was 2, is 3',
    '  ~ GET /a: 4.0 ms became 90.0 ms (> 99.9 % sure)',
  ]);
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
