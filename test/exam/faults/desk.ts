// Faults at the desk: the kept results of an unchanged replay are given faults one round after another and judged again, with
// nothing started. `node test/exam/faults/desk.ts KEPT/NAME… [--analyze] [--rounds N] [--only FAULT]`. A thousand faults in
// half a minute, for whoever mends comparison or analysis; what happens on the wire is not in it.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { analyze, requestParts } from '@echoplane/analyzer';
import { compareTest, LiveValues } from '@echoplane/replay';
import {
  type Difference,
  header,
  type RRPair,
  storeBody,
  TAG,
  type Test,
  type Token,
} from '@echoplane/traffic';
import { frames } from '../kept.ts';
import { type Answer, headerOf } from './answer.ts';
import { CATALOGUE } from './catalogue.ts';
import type { Seen } from './fault.ts';
import { isAbout, type Place, placesOf } from './places.ts';
import { candidates, Dealer, differs, type Seed, seenAt } from './plan.ts';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    analyze: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '30' },
    only: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});

function jsonLines<T>(text: string): T[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}

interface Desk {
  tests: Test[];
  tokens: Token[];
  results: RRPair[];
}

function load(folder: string): Desk {
  const results = jsonLines<RRPair>(readFileSync(join(folder, 'results.jsonl'), 'utf8'))
    .filter((pair) => pair.tags[TAG.test] !== undefined && pair.response)
    .sort((a, b) => a.ts + a.durationUs - b.ts - b.durationUs);
  if (options.analyze) {
    const packed = readFileSync(join(folder, 'snapshot', 'rrpairs.jsonl.zst'));
    return { ...analyze(jsonLines<RRPair>([...frames(packed)].join(''))), results };
  }
  const tests = jsonLines<Test>(readFileSync(join(folder, 'snapshot', 'tests.jsonl'), 'utf8'));
  const tokens = JSON.parse(readFileSync(join(folder, 'snapshot', 'tokens.json'), 'utf8')) as Token[];
  return { tests, tokens, results };
}

/** Differences by test, with the answers that `changed` holds instead of theirs. */
function judge({ tests, tokens, results }: Desk, changed: ReadonlyMap<string, RRPair['response']>) {
  const byId = new Map(tests.map((test) => [test.id, test]));
  const followed = tokens.filter(({ enabled, flow }) => enabled && flow === undefined);
  const liveHost = header(results[0]?.request?.headers ?? [], 'host');
  const values = new LiveValues(new Map(followed.map(({ id, value }) => [id, value])), undefined, {
    ...(liveHost === undefined ? {} : { liveHost }),
  });
  const found = new Map<string, Difference[]>();
  for (const pair of results) {
    const test = byId.get(pair.tags[TAG.test]!);
    if (!test) continue;
    const live = changed.get(test.id) ?? pair.response!;
    const times = { requestUs: pair.ts, endUs: pair.ts + pair.durationUs };
    if (pair.request) values.noteSent(test, requestParts(pair));
    const { differences } = compareTest(test, live, { values, times });
    values.learn(test, live);
    found.set(test.id, differences);
  }
  return found;
}

function responseOf(answer: Answer): NonNullable<RRPair['response']> {
  const isPacked = headerOf(answer, 'content-encoding') === 'gzip';
  const body = isPacked ? storeBody(gzipSync(answer.body), 'gzip') : storeBody(answer.body, '');
  return { status: answer.status, headers: answer.headers, trailers: answer.trailers, body };
}

/** The answers of a round that its faults change, by test. */
function seeded(round: readonly Seed[], places: readonly Place[]): Map<string, RRPair['response']> {
  const changed = new Map<string, RRPair['response']>();
  for (const { fault, place, target } of round) {
    const earlier: Seen[] = [];
    for (const one of seenAt(places.find(({ name }) => name === place)!.results)) {
      const answer = fault.change(one.answer, target, { random: 0, earlier, request: one });
      if (answer && differs(answer, one.answer)) changed.set(one.result.tags[TAG.test]!, responseOf(answer));
      earlier.push(one);
    }
  }
  return changed;
}

function planOf(all: readonly Seed[], placeCount: number): Seed[][] {
  const dealer = new Dealer(all, placeCount, options.seed);
  const plan = Array.from({ length: Number(options.rounds) }, () => {
    const round = dealer.round();
    for (const one of round) dealer.planted(one);
    return round;
  });
  return plan.filter((round) => round.length > 0);
}

interface Tally {
  put: number;
  found: number;
  missed: string[];
}

const totals = new Map<string, Tally>();
let [alarms, judged, put, hit] = [0, 0, 0, 0];
for (const folder of positionals) {
  const service = basename(folder);
  const desk = load(folder);
  const unchanged = judge(desk, new Map());
  // A test that fails without any fault shows none.
  const holds = desk.results.filter((pair) => unchanged.get(pair.tags[TAG.test]!)?.length === 0);
  const places = placesOf(desk.tests, holds);
  const faults = CATALOGUE.filter(({ name }) => !options.only || name.includes(options.only));
  const plan = planOf(candidates(faults, places), places.length);
  const usual = new Map(
    [...unchanged].map(([test, all]) => [test, new Set(all.map((one) => JSON.stringify(one)))]),
  );
  const before = [put, hit, alarms, judged];
  const alarmed = new Map<string, number>();
  for (const round of plan) {
    const changed = seeded(round, places);
    const differences = judge(desk, changed);
    const isNew = (test: string) => (one: Difference) => !usual.get(test)?.has(JSON.stringify(one));
    for (const { fault, place, target } of round) {
      const { tests } = places.find(({ name }) => name === place)!;
      const isFound = tests.some(({ id }) =>
        differences
          .get(id)!
          .filter(isNew(id))
          .some(({ path }) => isAbout(path, target)),
      );
      const tally = totals.get(fault.name) ?? { put: 0, found: 0, missed: [] };
      totals.set(fault.name, tally);
      tally.put++;
      put++;
      if (isFound) {
        tally.found++;
        hit++;
      } else tally.missed.push(`${service}  ${place}  ${target}  (${tests.length} tests)`);
    }
    const isFollowed = round.some((one) => one.isFollowed);
    const touched = new Set(round.map(({ place }) => place));
    for (const { name, tests } of places)
      if (!touched.has(name))
        for (const { id } of tests) {
          judged++;
          const other = isFollowed ? [] : differences.get(id)!.filter(isNew(id));
          if (other.length === 0) continue;
          alarms++;
          const key = `${name} ${other[0]!.path.replaceAll(/\[\d+\]/g, '[]')} beside ${round.map((one) => `${one.fault.name} at ${one.place} ${one.target}`).join(' + ')}`;
          alarmed.set(key, (alarmed.get(key) ?? 0) + 1);
        }
  }
  const [put0 = 0, hit0 = 0, alarms0 = 0, judged0 = 0] = before;
  console.log(
    `${service}: ${hit - hit0} of ${put - put0} faults found (${(((hit - hit0) / (put - put0)) * 100).toFixed(1)} %) in ${plan.length} rounds at ${places.length} places; ${alarms - alarms0} false alarms in ${judged - judged0} tests`,
  );
  for (const [key, count] of alarmed) console.log(`  alarm ${count} × ${key.slice(0, 300)}`);
}
console.log(
  `\nall: ${hit} of ${put} (${((hit / put) * 100).toFixed(1)} %), ${totals.size} distinct faults of ${CATALOGUE.length}, ${((alarms / judged) * 1000).toFixed(2)} false alarms per 1,000 tests`,
);
for (const [name, { put: seeds, found, missed }] of [...totals].sort(
  (a, b) => a[1].found / a[1].put - b[1].found / b[1].put,
)) {
  if (missed.length === 0) continue;
  console.log(`${String(found).padStart(4)} of ${String(seeds).padEnd(4)} ${name}`);
  for (const one of missed.slice(0, 12)) console.log(`             ${one}`);
}
