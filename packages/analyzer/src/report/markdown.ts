// A report as a comment of a pull request: verdict first, goals, endpoints, findings. What came from traffic is escaped, so
// that it can neither format nor mention anybody; what does not fit is counted. Pure.
import type { EndpointReport, Finding, Report, ReportComparison } from '@echoplane/traffic';

/** Under what comments may have (65,536 characters), with room for what others add. */
export const MAX_MARKDOWN_BYTES = 60_000;
const MARKS: Record<Report['verdict'], string> = {
  passed: '✅',
  'missed-goals': '❌',
  failed: '❌',
  void: '⚠️',
};
const MAX_ENDPOINTS = 60;
const MAX_FINDINGS = 100;

export interface MarkdownOptions {
  /** Of the replay. */
  name: string;
  /** Address of the whole report. */
  link?: string | undefined;
  /** Against an earlier report. */
  comparison?: ReportComparison | undefined;
}

/** At most `MAX_MARKDOWN_BYTES`. */
export function reportMarkdown(report: Report, { name, link, comparison }: MarkdownOptions): string {
  const title = `## ${MARKS[report.verdict]} ${text(name)}: ${report.verdict.replace('-', ' ')}`;
  const parts = [
    [title, '', ...(report.summary ?? report.reasons).map((line) => `${text(line)}  `)].join('\n'),
    link === undefined ? '' : `[The whole report](${encodeURI(link)})`,
    findingList('Likely causes', report.findings.filter(isRoot)),
    comparison ? comparisonPart(comparison) : '',
    goalTable(report),
    endpointTable(report.endpoints, report.findings),
    findingList(
      'What follows from them',
      report.findings.filter((finding) => !isRoot(finding) && !finding.known),
    ),
    findingList(
      'Known from the baseline',
      report.findings.filter(({ known }) => known),
    ),
    noteList(report.notes ?? []),
  ].filter((part) => part !== '');
  return fitting(parts);
}

const isRoot = ({ cause }: Finding) => cause === undefined;

function findingList(title: string, findings: readonly Finding[]): string {
  if (findings.length === 0) return '';
  const lines = findings
    .slice(0, MAX_FINDINGS)
    .map(
      ({ sentence, count, of, cause, explains }) =>
        `- ${text(sentence)} (${count} of ${of})${explains ? `, ${explains} more failures follow from it` : ''}${cause ? `: ${text(cause)}` : ''}`,
    );
  const more = findings.length - MAX_FINDINGS;
  return [`### ${title}`, '', ...lines, ...(more > 0 ? [`- and ${more} more`] : [])].join('\n');
}

function goalTable({ goals }: Report): string {
  if (goals.length === 0) return '';
  const rows = goals.map(
    ({ name, wanted, actual, met }) =>
      `| ${met ? '✅' : '❌'} | ${text(name)} | ${text(wanted)} | ${text(actual)} |`,
  );
  return ['### Goals', '', '|  | goal | wanted | actual |', '|---|---|---|---|', ...rows].join('\n');
}

function endpointTable(endpoints: readonly EndpointReport[], findings: readonly Finding[]): string {
  if (endpoints.length === 0) return '';
  const slower = new Set(
    findings.filter(({ kind }) => kind === 'slower').map(({ method, endpoint }) => `${method} ${endpoint}`),
  );
  const isBad = (one: EndpointReport) =>
    one.passed < one.tests || slower.has(`${one.method} ${one.endpoint}`);
  const sorted = [...endpoints].sort((a, b) => Number(isBad(b)) - Number(isBad(a)));
  const rows = sorted.slice(0, MAX_ENDPOINTS).map((one) => {
    const { method, endpoint, tests, passed, recorded, baseline, replayed } = one;
    const mark = slower.has(`${method} ${endpoint}`) ? ' 🐢' : '';
    return `| ${text(`${method} ${endpoint}`)} | ${passed} / ${tests} | ${ms((baseline ?? recorded).p50Us)} | ${ms(replayed.p50Us)}${mark} | ${ms(replayed.p95Us)} |`;
  });
  const more = endpoints.length - MAX_ENDPOINTS;
  const before = endpoints[0]!.baseline ? 'baseline' : 'recorded';
  return [
    ...['### Endpoints', '', `| endpoint | passed | ${before} p50 | p50 | p95 |`, '|---|---|---|---|---|'],
    ...rows,
    ...(more > 0 ? ['', `and ${more} more endpoints`] : []),
  ].join('\n');
}

function comparisonPart({ sentences, findings }: ReportComparison): string {
  const list = (title: string, found: readonly Finding[]) =>
    found.slice(0, MAX_FINDINGS).map(({ sentence }) => `- ${title}: ${text(sentence)}`);
  const more = findings.same.filter(({ isMore }) => isMore).map(({ finding }) => finding);
  const lines = [...list('new', findings.new), ...list('more often', more), ...list('gone', findings.gone)];
  return [
    '### Compared with the report before',
    '',
    ...sentences.map((one) => `${text(one)}  `),
    '',
    ...lines,
  ].join('\n');
}

function noteList(notes: readonly string[]): string {
  return notes.length === 0 ? '' : ['### Notes', '', ...notes.map((note) => `- ${text(note)}`)].join('\n');
}

/** Parts in order as long as they fit; a part that does not is cut at a line. */
function fitting(parts: readonly string[]): string {
  const cut = '\n\n*The rest is in the report.*\n';
  let room = MAX_MARKDOWN_BYTES - Buffer.byteLength(cut);
  const lines: string[] = [];
  for (const line of parts.join('\n\n').split('\n')) {
    room -= Buffer.byteLength(line) + 1;
    if (room < 0) return `${lines.join('\n')}${cut}`;
    lines.push(line);
  }
  return `${lines.join('\n')}\n`;
}

/** A text that stays a text: nothing in it formats, opens a tag, ends a cell or mentions. */
function text(raw: string): string {
  return raw
    .toWellFormed()
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .replace(/[\\`*_{}[\]<>#|!~$]/g, '\\$&')
    .replaceAll('@', '@\u200b');
}

function ms(us: number | null): string {
  if (us === null) return '';
  return us < 10_000 ? `${Math.round(us / 100) / 10} ms` : `${Math.round(us / 1000)} ms`;
}
