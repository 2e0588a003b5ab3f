import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record, START_US } from './exchanges.fixture.ts';

const iso = (us: number) =>
  `${new Date((START_US + us) / 1_000).toISOString().slice(0, -5)}.${String((START_US + us) % 1e6).padStart(6, '0')}Z`;
const run = (n: number, us: number, took = us / 1e6): Exchange => ({
  request: `GET /runs/${n}`,
  answer: { started: iso(n * 1_000), ended: iso(n * 1_000 + us), run: took, price: 12.3456 + n },
});
const runs = [run(1, 98_321), run(2, 201_117), run(3, 45_678), run(4, 77_123, 0.060_417)];

function clocked(exchanges: Exchange[]) {
  const { tests } = analyze(record(exchanges));
  return [
    ...new Set(
      tests.flatMap((one) =>
        one.volatile.filter((leaf) => leaf.clocked).map(({ path }) => `${one.endpoint} ${path}`),
      ),
    ),
  ];
}

test('a field that lies between two times of its object is a duration, also where it does not', () => {
  expect(clocked(runs)).toEqual(['/runs/{id} body.run']);
  expect(clocked(runs.slice(1))).toEqual([]);
});

test('so is one that has several of the same numbers', () => {
  const totals = { sums: [0.098321, 0.201117, 0.299438].map((sum) => ({ sum, share: sum * 2 })) };
  expect(clocked([...runs, { request: 'GET /totals', answer: totals }])).toEqual([
    '/runs/{id} body.run',
    '/totals body.sums[].sum',
  ]);
});

test('what a client sent is none, nor a number of few digits', () => {
  const sent = runs.map((one): Exchange => ({ request: 'POST /runs', body: one.answer, answer: {} }));
  expect(clocked([...sent, ...runs])).toEqual([]);
  expect(clocked([run(1, 500_000), run(2, 750_000), run(3, 12_000), run(4, 40_000)])).toEqual([]);
});
