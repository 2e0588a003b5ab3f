import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

/** Places that say how long it has been since one moment. */
function since(exchanges: Exchange[]) {
  const { tests } = analyze(record(exchanges));
  const found = tests.flatMap(({ endpoint, volatile }) =>
    volatile.flatMap(({ path, since: unitUs }) =>
      unitUs === undefined ? [] : `${endpoint} ${path} ${unitUs}`,
    ),
  );
  return [...new Set(found)];
}
const other: Exchange = { request: 'POST /orders', body: { n: 1 }, answer: { ok: true } };
/** One reading each 50 ms. */
const readings = (of: (n: number) => object): Exchange[] =>
  Array.from({ length: 30 }, (_, n) => (n % 10 === 0 ? { request: 'GET /stats', answer: of(n) } : other));

test('readings that give one moment are of a clock that runs', () => {
  expect(since(readings((n) => ({ up: 4.1631 + n * 0.05, upMs: 4_163 + n * 50 })))).toEqual([
    '/stats body.up 1000000',
    '/stats body.upMs 1000',
  ]);
});

test('what is counted, stays, or lies in a list is not', () => {
  expect(since(readings((n) => ({ orders: n, load: 0.2163 + (n % 3) / 7, price: 4.1631 })))).toEqual([]);
  expect(since(readings((n) => ({ items: [{ age: 4.1631 + n * 0.05 }] })))).toEqual([]);
});
