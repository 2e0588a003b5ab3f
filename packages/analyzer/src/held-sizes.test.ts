import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

function learned(exchanges: Exchange[]) {
  const { tests } = analyze(record(exchanges));
  return tests.at(-1)!.volatile.map(({ path, kind, unit }) => `${path} ${kind} ${unit}`);
}
const reads = (name: string, sizes: number[], request = 'GET /stats'): Exchange[] =>
  sizes.flatMap((size, n) => [
    { request: 'POST /things', body: { title: `thing ${n}` }, status: 201, answer: { ok: true } },
    { request, answer: { name: 'things', count: n, [name]: size } },
  ]);

test.each(['disk_size', 'diskSize', 'heapUsed', 'rss', 'memory_usage_bytes', 'size_on_disk'])(
  '%s is what a service holds, when the same request was answered with others',
  (name) => {
    expect(learned(reads(name, [20_781, 47_647]))).toContain(`body.${name} measure 1`);
  },
);

test.each<[string, Exchange[]]>([
  ['it is called otherwise', reads('total_size', [20_781, 47_647])],
  ['it is always the same', reads('disk_size', [20_781, 20_781])],
  ['it is what somebody sets', reads('disk_size', [1 << 20, 3 << 20])],
  ['it is no number of bytes', reads('disk_size', [20, 47])],
  [
    'every thing has its own',
    [...reads('disk_size', [20_781], 'GET /disks/1'), ...reads('disk_size', [47_647], 'GET /disks/2')],
  ],
  [
    'a client sent it',
    [
      { request: 'POST /sizes', body: { n: 47_647 }, status: 201, answer: { ok: true } },
      ...reads('disk_size', [20_781, 47_647]),
    ],
  ],
])('not when %s', (_why, exchanges) => {
  expect(learned(exchanges).filter((one) => one.endsWith('measure 1'))).toEqual([]);
});
