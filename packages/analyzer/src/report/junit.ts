// A report as JUnit XML, as pipelines read it: a test case for each goal and for each endpoint, so that the numbers of cases
// are what the file holds; failures name what was found. Pure.
import type { Finding, Report } from '@echoplane/traffic';
import { EXIT, exitCodeOf } from './exit-code.ts';

interface Case {
  name: string;
  className: string;
  seconds: number;
  /** Sentences; the first is the message. */
  failures: string[];
  errors: string[];
}

/** `name`: of the replay. */
export function reportJunit(report: Report, { name }: { name: string }): string {
  const suites = [
    { name: 'run', cases: [runCase(report)] },
    { name: 'goals', cases: report.goals.map(goalCase) },
    { name: 'endpoints', cases: endpointCases(report) },
    {
      name: 'outbound requests',
      cases: report.findings.filter(({ kind }) => kind === 'mock-miss').map(findingCase),
    },
  ].filter(({ cases }) => cases.length > 0);
  const seconds = Math.max(0, report.run.finishedAt - report.run.startedAt) / 1e6;
  const all = suites.flatMap(({ cases }) => cases);
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name=${quoted(name)} ${countsOf(all)} time="${seconds.toFixed(3)}">`,
    ...suites.flatMap((suite) => suiteLines(suite, report)),
    '</testsuites>',
  ];
  return `${lines.join('\n')}\n`;
}

function suiteLines({ name, cases }: { name: string; cases: Case[] }, { run }: Report): string[] {
  const at = new Date(run.startedAt / 1_000).toISOString().slice(0, 19);
  const seconds = cases.reduce((sum, one) => sum + one.seconds, 0);
  return [
    `  <testsuite name=${quoted(name)} ${countsOf(cases)} skipped="0" time="${seconds.toFixed(3)}" timestamp="${at}" hostname="localhost">`,
    ...cases.flatMap(caseLines),
    '  </testsuite>',
  ];
}

function caseLines({ name, className, seconds, failures, errors }: Case): string[] {
  const head = `    <testcase name=${quoted(name)} classname=${quoted(className)} time="${seconds.toFixed(3)}"`;
  const parts = [...troubleLines('failure', failures), ...troubleLines('error', errors)];
  return parts.length === 0 ? [`${head}/>`] : [`${head}>`, ...parts, '    </testcase>'];
}

function troubleLines(tag: 'failure' | 'error', sentences: readonly string[]): string[] {
  if (sentences.length === 0) return [];
  return [
    `      <${tag} message=${quoted(sentences[0]!)} type="${tag === 'failure' ? 'difference' : 'void'}">${escaped(sentences.join('\n'))}</${tag}>`,
  ];
}

function runCase(report: Report): Case {
  const isTrusted = exitCodeOf(report) !== EXIT.void;
  const base = { name: 'the figures can be trusted', className: 'run', seconds: 0, failures: [] };
  return { ...base, errors: isTrusted ? [] : report.reasons };
}

function goalCase({ name, wanted, actual, met }: Report['goals'][number]): Case {
  const failures = met ? [] : [`${name}: wanted ${wanted}, is ${actual}`];
  return { name: `${name} ${wanted}`, className: 'goals', seconds: 0, failures, errors: [] };
}

function endpointCases({ endpoints, findings }: Report): Case[] {
  const found = Map.groupBy(
    // What chaos touched is outside the verdict, and so is what the baseline has too.
    findings.filter(
      ({ kind, cause, known }) => kind !== 'mock-miss' && !known && !cause?.startsWith('chaos '),
    ),
    ({ method, endpoint }) => `${method} ${endpoint}`,
  );
  return endpoints.map(({ method, endpoint, service = '', replayed }) => ({
    ...{ name: `${method} ${endpoint}`, className: service || 'endpoints' },
    seconds: (replayed.p50Us ?? 0) / 1e6,
    failures: (found.get(`${method} ${endpoint}`) ?? []).map(sentenceOf),
    errors: [],
  }));
}

function findingCase(finding: Finding): Case {
  const { method, endpoint } = finding;
  const failures = [sentenceOf(finding)];
  return { name: `${method} ${endpoint}`, className: 'outbound', seconds: 0, failures, errors: [] };
}

function sentenceOf({ sentence, count, of, cause }: Finding): string {
  return `${sentence} (${count} of ${of})${cause ? `; likely because ${cause}` : ''}`;
}

function countsOf(cases: readonly Case[]): string {
  const failures = cases.filter((one) => one.failures.length > 0).length;
  const errors = cases.filter((one) => one.errors.length > 0).length;
  return `tests="${cases.length}" failures="${failures}" errors="${errors}"`;
}

function quoted(text: string): string {
  return `"${escaped(text).replaceAll('"', '&quot;').replaceAll('\n', '&#10;').replaceAll('\t', '&#9;')}"`;
}

/** What XML 1.0 cannot hold in any form becomes a question mark in a diamond. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(FORBIDDEN, '\uFFFD')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}

/** Section 2.2 of XML 1.0: all control characters but tab, line feed and carriage return, and two non-characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const FORBIDDEN = /[\u0000-\u0008\u000B\u000C\u000D\u000E-\u001F\uFFFE\uFFFF]/g;
