// Texts that list ids, in small recordings of a shop whose orders name their parcels.
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

const shown = (...lists: string[]): Exchange[] => [
  { request: 'GET /orders', answer: { orders: lists.map((parcel_ids, n) => ({ n, parcel_ids })) } },
  { request: 'GET /orders/1', answer: { n: 1, parcel_ids: lists[0] } },
];

function unordered(...exchanges: Exchange[]): string[] {
  const { tests } = analyze(record(exchanges));
  return tests.flatMap(({ endpoint, unordered: paths = [] }) => paths.map((path) => `${endpoint} ${path}`));
}

test('lists of which some rise and some fall have no order, wherever the field stands', () => {
  expect(unordered(...shown('6,8', '9,3', '5,1'))).toEqual([
    '/orders body.orders[].parcel_ids',
    '/orders/{id} body.parcel_ids',
  ]);
});

test.each<[string, Exchange[]]>([
  ['all rise', shown('6,8', '3,9', '1,10')],
  ['all fall', shown('8,6', '9,3', '10,1')],
  ['all rise as texts', shown('6,8', '10,9', '3,4')],
  ['there are two lists only', shown('6,8', '9,3')],
  [
    'a client sent one',
    [{ request: 'PUT /orders/1', body: { parcels: [9, 3] }, answer: {} }, ...shown('6,8', '9,3', '5,1')],
  ],
  [
    'a client asked for one',
    [{ request: 'GET /parcels?ids=9,3', answer: [] }, ...shown('6,8', '9,3', '5,1')],
  ],
  ['they are no ids', [{ request: 'GET /sums', answer: ['6,8', '9,3', '5,1'].map((sum) => ({ sum })) }]],
])('not when %s', (_why, exchanges) => {
  expect(unordered(...exchanges)).toEqual([]);
});
