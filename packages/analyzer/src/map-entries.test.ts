import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Leaf } from '@echoplane/replay';
import { expect, test } from 'vitest';
import { MapEntries } from './map-entries.ts';
import { Places } from './places.ts';

const operation = new Places().operation('POST', '/rules.v1.Rules/Read', '');
type Entry = [key: string, value: string | number];
const RULES: Entry[] = [
  ['viewer', 'a'],
  ['editor', 'b'],
  ['parent', 'c'],
  ['owner', 'd'],
];
const TYPES: Entry[] = [
  ['now', 8],
  ['until', 8],
  ['by', 2],
];

const message = (field: number, entries: readonly Entry[], inner = ''): Leaf[] =>
  entries.flatMap(([key, value], i) => [
    { path: `body[0].1.${field}[${i}].1${inner}`, value: key },
    { path: `body[0].1.${field}[${i}].2`, value },
  ]);
const turned = <T>([first, ...rest]: readonly T[]) => [...rest, first!];

function found(answers: Leaf[][], asked: Leaf[] = []): string[] {
  const maps = new MapEntries();
  for (const leaves of answers) maps.observe(operation, asked, leaves);
  const patterns = new Map<string, Set<string>>();
  maps.addTo(patterns);
  return [...(patterns.get(operation.key) ?? [])];
}

const shuffled = [message(3, RULES), message(3, turned(RULES)), message(4, TYPES), message(4, turned(TYPES))];

test('entries that stand in several orders are those of maps', () => {
  expect(found(shuffled)).toEqual(['body[].1.3', 'body[].1.4']);
});

test('one list that was put together twice is none, nor are other entries, other fields or keys that are messages', () => {
  expect(found(shuffled.slice(0, 3))).toEqual([]);
  const renamed = turned(RULES).map(([key, value]): Entry => [key, `${value}x`]);
  expect(found([message(3, RULES), message(3, renamed), ...shuffled.slice(2)])).toEqual([]);
  expect(found([message(3, RULES, '.1'), message(3, turned(RULES), '.1'), ...shuffled.slice(2)])).toEqual([]);
  const third = shuffled.map((leaves) => [...leaves, { path: leaves[0]!.path.replace(/1$/, '3'), value: 1 }]);
  expect(found(third)).toEqual([]);
});

test('in such a service what is keyed by what the request listed is a map unless it stands as it was listed', () => {
  const asked = [...'pqr'].map((value, i): Leaf => ({ path: `body[0].2[${i}].4`, value }));
  const answer = (order: string) =>
    message(
      7,
      [...order].map((key): Entry => [key, 1]),
    );
  expect(found([...shuffled, answer('qrp')], asked)).toContain('body[].1.7');
  expect(found([...shuffled, answer('qrp'), answer('pqr')], asked)).toContain('body[].1.7');
  expect(found([answer('qrp')], asked)).toEqual([]);
});

test('what a request said in one order and an answer in another is a map, unless the answer sorts it', () => {
  const asked = [...message(5, turned(RULES)), ...message(6, turned(TYPES))];
  expect(found([message(3, RULES), message(4, TYPES)], asked)).toEqual(['body[].1.3', 'body[].1.4']);
  const sorted = [RULES, TYPES].map((entries) => entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  expect(found([message(3, sorted[0]!), message(4, sorted[1]!)], asked)).toEqual([]);
});

test('of entries that are long little is kept', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const maps = new MapEntries();
  const long = 'x'.repeat(5_000);
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < 200; n++) {
    const entries = Array.from({ length: 20 }, (_, i): Entry => [`key ${i}`, `${n} ${i} ${long}`]);
    maps.observe(operation, [], message(3, entries));
  }
  collect();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(5 << 20);
  maps.addTo(new Map());
});
