import { type Report, Report as ReportSchema, type Test } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { buildReport } from './build-report.ts';
import { reportJunit } from './junit.ts';
import { KnownFindings } from './known-findings.ts';
import { reportMarkdown } from './markdown.ts';
import { type Answered, answerTo, inputOf, makeTest, runOf } from './report.fixture.ts';

const tests = Array.from({ length: 40 }, () => makeTest({ answer: { at: 'then', total: 10 } }));
const AT = { at: 'now', total: 10 };
const known = [{ id: 'assertion GET /things body.at value', count: 2, of: 40 }];

/** The report of a run of which some answers are these. */
function report(answers: readonly object[], change: Parameters<typeof inputOf>[2] = { known }): Report {
  const changed = answers.map((answer): Answered => ({ answer }));
  const results = tests.map((one: Test, at) => answerTo(one, changed[at]));
  return ReportSchema.parse(buildReport(inputOf(tests, results, change)));
}

test('what the baseline has too counts neither for nor against the run, and is shown', () => {
  const made = report([AT, AT, AT]);
  expect(made).toMatchObject({ verdict: 'passed', successRate: 1 });
  expect(made.counts).toMatchObject({ passed: 37, failed: 0, known: 3 });
  expect(made.findings).toMatchObject([{ count: 3, known: { count: 2, of: 40 } }]);
  expect(made.failures).toHaveLength(3);
  expect(made.failuresOmitted).toBe(0);
  expect(made.summary![0]).toContain('3 more differ as they did in the baseline');
  expect(reportJunit(made, { name: 'r' })).toContain('failures="0"');
  expect(reportMarkdown(made, { name: 'r' })).toContain(
    '### Known from the baseline\n\n- GET /things: body.at',
  );
});

test('without a baseline that is asked the same is a failure', () => {
  const made = report([AT, AT, AT], {});
  expect(made).toMatchObject({ verdict: 'missed-goals', counts: { passed: 37, failed: 3 } });
  expect(made.counts.known).toBeUndefined();
});

test('what differs in something else as well, or only in that, has failed', () => {
  const made = report([AT, { at: 'now', total: 11 }, { at: 'then', total: 12 }]);
  expect(made.counts).toMatchObject({ passed: 37, failed: 2, known: 1 });
  expect(made.verdict).toBe('missed-goals');
  expect(made.reasons).toEqual([expect.stringContaining('body.total was 10, is 11')]);
});

test('what became more frequent than chance explains is no longer known', () => {
  const made = report(Array.from({ length: 20 }, () => AT));
  expect(made).toMatchObject({ verdict: 'missed-goals', counts: { failed: 20, known: 0 } });
  expect(made.findings[0]).not.toHaveProperty('known');
});

test('a baseline that differs in everything proves nothing, and the report says so', () => {
  const all = [{ ...known[0]!, count: 40 }];
  const made = report(Array<object>(40).fill(AT), { known: all });
  expect(made).toMatchObject({ verdict: 'failed', successRate: null, counts: { passed: 0, known: 40 } });
  expect(made.reasons).toEqual([expect.stringContaining('the baseline differs in the same')]);
});

test('counts of runs of another length are compared by their share', () => {
  const one = { ...known[0]!, count: 200, of: 4_000 };
  const finding = { ...report([AT], {}).findings[0]!, of: 40 };
  const of = (count: number) => new KnownFindings([one]).of({ ...finding, count });
  expect(of(4)).toEqual(one);
  expect(of(30)).toBeNull();
});

test('of a load, where only the generator counts every answer, it is not taken off, and the report says so', () => {
  const run = runOf(400, { asserted: { passed: 370, failed: 30, headless: 0 } });
  const made = report([AT], { known, isLoad: true, run });
  expect(made.counts).toMatchObject({ passed: 370, failed: 30 });
  expect(made.notes).toEqual([expect.stringContaining('does not know the baseline')]);
});
