// For whoever mends analysis or comparison: judges the kept results of a replay again, in a second and without starting
// anything. `node test/exam/judge.ts KEPT/NAME [--analyze] [--results SUFFIX]`; with `--analyze` the kept recording is analyzed anew first, for
// new tokens, flows and volatile leaves (what was sent stays what was sent then). `--results -faults-3` judges another replay
// of the same recording that was kept.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { analyze, requestParts } from '@echoplane/analyzer';
import { compareTest, LiveValues } from '@echoplane/replay';
import { header, leafPattern, type RRPair, TAG, type Test, type Token } from '@echoplane/traffic';
import { frames } from './kept.ts';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { analyze: { type: 'boolean', default: false }, results: { type: 'string', default: '' } },
});
const [folder = ''] = positionals;
const MOST = 60;

function jsonLines<T>(text: string): T[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}

function recorded(): { tests: Test[]; tokens: Token[] } {
  if (options.analyze) {
    const packed = readFileSync(join(folder, 'snapshot', 'rrpairs.jsonl.zst'));
    return analyze(jsonLines<RRPair>([...frames(packed)].join('')));
  }
  const tests = jsonLines<Test>(readFileSync(join(folder, 'snapshot', 'tests.jsonl'), 'utf8'));
  const tokens = JSON.parse(readFileSync(join(folder, 'snapshot', 'tokens.json'), 'utf8')) as Token[];
  return { tests, tokens };
}

interface Tally {
  count: number;
  example: string;
}

const { tests, tokens } = recorded();
const byId = new Map(tests.map((test) => [test.id, test]));
const results = jsonLines<RRPair>(readFileSync(join(folder, `results${options.results}.jsonl`), 'utf8'))
  .filter((pair) => pair.tags[TAG.test] !== undefined)
  .sort((a, b) => a.ts + a.durationUs - b.ts - b.durationUs);
const followed = tokens.filter(({ enabled, flow }) => enabled && flow === undefined);
const liveHost = header(results[0]?.request?.headers ?? [], 'host');
const values = new LiveValues(new Map(followed.map(({ id, value }) => [id, value])), undefined, {
  ...(liveHost === undefined ? {} : { liveHost }),
});
const leaves = { strict: 0, time: 0, kind: 0, ignored: 0 };
const loose = new Map<string, Tally>();
const different = new Map<string, Tally>();
let passed = 0;

function count(tallies: Map<string, Tally>, key: string, example: string): void {
  const tally = tallies.get(key);
  if (tally) tally.count++;
  else tallies.set(key, { count: 1, example });
}

for (const pair of results) {
  const test = byId.get(pair.tags[TAG.test]!);
  if (!test || !pair.response) continue;
  const times = { requestUs: pair.ts, endUs: pair.ts + pair.durationUs };
  if (pair.request) values.noteSent(test, requestParts(pair));
  const compared = compareTest(test, pair.response, { values, times });
  values.learn(test, pair.response);
  for (const key of ['strict', 'time', 'kind', 'ignored'] as const) leaves[key] += compared.leaves[key];
  const name = `${test.request.method} ${test.endpoint}`;
  for (const { path, kind } of compared.volatile) count(loose, `${name}  ${leafPattern(path)}  ${kind}`, '');
  for (const { path, problem, expected, actual } of compared.differences)
    count(different, `${name}  ${leafPattern(path)}  ${problem}`, `${test.id}  ${expected} → ${actual}`);
  if (compared.differences.length === 0) passed++;
}

function print(title: string, tallies: Map<string, Tally>): void {
  console.log(`\n${title}`);
  const most = [...tallies].sort((a, b) => b[1].count - a[1].count).slice(0, MOST);
  for (const [key, tally] of most)
    console.log(`${String(tally.count).padStart(5)}  ${key}  ${tally.example.slice(0, 400)}`);
}

const compared = leaves.strict + leaves.time + leaves.kind;
console.log(
  `${passed} of ${results.length} hold; ${((leaves.strict / compared) * 100).toFixed(1)} % of ${compared} leaves by value, ${leaves.time} by time, ${leaves.kind} by kind, ${leaves.ignored} ignored`,
);
print('differences', different);
print('leaves not compared by value', loose);
