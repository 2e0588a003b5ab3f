import type { Report, Test } from '@echoplane/traffic';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { describe, expect, test } from 'vitest';
import { buildReport } from './build-report.ts';
import { exitCodeOf } from './exit-code.ts';
import { reportJunit } from './junit.ts';
import { MAX_MARKDOWN_BYTES, reportMarkdown } from './markdown.ts';
import { type Answered, answerTo, inputOf, makeTest, runOf } from './report.fixture.ts';

type Change = Parameters<typeof inputOf>[2];

function report(tests: readonly Test[], answers: Record<number, Answered> = {}, change: Change = {}): Report {
  return buildReport(
    inputOf(
      tests,
      tests.map((one, at) => answerTo(one, answers[at])),
      change,
    ),
  );
}

const NASTY = '</failure>]]> & "\u0000\u0008\u001b[31m" \ud800 | `a` @everyone <img src=x> \n## h';
const nasty = () =>
  report([makeTest({ answer: { a: 'ok' } }), makeTest({ endpoint: '/b' })], { 0: { answer: { a: NASTY } } });

describe('exitCodeOf()', () => {
  test.each([
    ['passed', 0],
    ['missed-goals', 1],
    ['failed', 2],
    ['void', 2],
  ] as const)('%s is %d', (verdict, code) => {
    expect(exitCodeOf({ verdict })).toBe(code);
  });
});

describe('reportJunit()', () => {
  const parse = (xml: string) =>
    new XMLParser({
      ignoreAttributes: false,
      isArray: (name) => ['testsuite', 'testcase'].includes(name),
    }).parse(xml);

  test('is well-formed whatever the traffic held, and says what was found', () => {
    const xml = reportJunit(nasty(), { name: 'a "replay" <1> \u0000\u0007\ud800' });
    expect(XMLValidator.validate(xml)).toBe(true);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be there
    expect(xml).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/);
    expect(xml.isWellFormed()).toBe(true);
    expect(xml).toContain('GET /things: body.a was');
  });

  test('counts what it holds: suites, cases, failures and errors', () => {
    for (const made of [
      nasty(),
      report([makeTest()]),
      report([makeTest()], {}, { run: runOf(1, { voidReasons: ['late'] }) }),
    ]) {
      const { testsuites } = parse(reportJunit(made, { name: 'r' }));
      let [cases, failures, errors] = [0, 0, 0];
      for (const suite of testsuites.testsuite) {
        const own = suite.testcase;
        expect(Number(suite['@_tests'])).toBe(own.length);
        expect(Number(suite['@_failures'])).toBe(own.filter((one: object) => 'failure' in one).length);
        expect(suite['@_timestamp']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
        cases += own.length;
        failures += Number(suite['@_failures']);
        errors += Number(suite['@_errors']);
      }
      expect([cases, failures, errors].map(String)).toEqual(
        ['@_tests', '@_failures', '@_errors'].map((name) => testsuites[name]),
      );
    }
  });

  test('a void run is an error, a missed goal a failure', () => {
    const xml = reportJunit(
      report([makeTest()], {}, { run: runOf(1, { voidReasons: ['the event loop lagged'] }) }),
      { name: 'r' },
    );
    expect(xml).toContain('<error message="the event loop lagged"');
    expect(reportJunit(nasty(), { name: 'r' })).toContain('success rate: wanted ≥ 100 %, is 50 %');
  });
});

describe('reportMarkdown()', () => {
  test('has the verdict first, then causes, goals and endpoints', () => {
    const text = reportMarkdown(nasty(), { name: 'nightly', link: 'https://plane.test/reports/1' });
    expect(text.split('\n')[0]).toBe('## ❌ nightly: missed goals');
    expect([...text.matchAll(/^### (.*)$/gm)].map(([, title]) => title)).toEqual([
      'Likely causes',
      'Goals',
      'Endpoints',
    ]);
    expect(text).toContain('[The whole report](https://plane.test/reports/1)');
  });

  test('shows values of the traffic as text: no tags, cells, headings or mentions of theirs', () => {
    const text = reportMarkdown(nasty(), { name: 'x' });
    expect(text).not.toMatch(/[^\\]<img|@everyone|^## h/m);
    expect(text).toContain('\\<img');
  });

  test('fits into a comment, and says when it is cut', () => {
    const tests = Array.from({ length: 400 }, (_, at) =>
      makeTest({ endpoint: `/${'e'.repeat(300)}${at}`, answer: { a: 1 } }),
    );
    const answers = Object.fromEntries(
      [...tests.keys()].map((at) => [at, { answer: { a: 'ä'.repeat(500) } }]),
    );
    const text = reportMarkdown(report(tests, answers), { name: 'x' });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_MARKDOWN_BYTES);
    expect(text).toMatch(/The rest is in the report/);
  });
});
