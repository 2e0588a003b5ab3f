// docs/reports.md repeats metrics, assertions, verdicts and thresholds; these tests hold it against the code.
import { readFileSync } from 'node:fs';
import { Assertion, Verdict } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { exitCodeOf } from './exit-code.ts';
import { METRICS, parseGoal } from './goal-language.ts';
import { LARGE, MIN_SAMPLES } from './slower.ts';

const page = readFileSync(new URL('../../../../docs/reports.md', import.meta.url), 'utf8');

/** Rows of the table whose first heading is `head`, each as its cells. */
function rowsOf(head: string): string[][] {
  const lines = page
    .slice(page.search(new RegExp(`^\\| ${head} `, 'm')))
    .split('\n\n')[0]!
    .split('\n');
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
const code = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text!);

test('the metrics are those of the language', () => {
  const named = rowsOf('metric').flatMap(([cell]) => {
    const names = code(cell!);
    return names.map((name) => (name.startsWith('.') ? `latency${name}` : name));
  });
  expect(named.sort()).toEqual(Object.keys(METRICS).sort());
});

test('the goals shown can be read', () => {
  const [, block = ''] = /```text\n([^`]*)```/.exec(page) ?? [];
  for (const line of block.trim().split('\n')) expect(() => parseGoal(line)).not.toThrow();
});

test('the assertions are those of a test config, with their fields', () => {
  const documented = rowsOf('type').map(([type, fields]) =>
    [code(type!)[0], ...code(fields!).sort()].join(' '),
  );
  const known = Assertion.options.map(({ shape }) => {
    const { type, when: _, ...fields } = shape as Record<string, unknown> & { type: { value: string } };
    return [type.value, ...Object.keys(fields).sort()].join(' ');
  });
  expect(documented.sort()).toEqual(known.sort());
});

test('the verdicts have the exit codes that are said', () => {
  for (const verdict of Verdict.options) {
    const row = rowsOf('verdict').find(([cell]) => code(cell!)[0] === verdict);
    expect(row?.at(-1), verdict).toBe(String(exitCodeOf({ verdict })));
  }
});

test('the thresholds of a slower endpoint are those of the code', () => {
  const words = page.replace(/\s+/g, ' ');
  for (const { us, share } of [...LARGE.recording, ...LARGE.baseline])
    expect(words).toContain(`${us / 1_000} ms and ${share * 100} %`);
  expect(words).toContain(`At least ${MIN_SAMPLES} samples`);
});
