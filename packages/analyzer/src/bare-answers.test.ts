// Answers that are nothing but the numbers of what was made, and those that are other numbers.
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

const made = (answer: unknown): Exchange => ({
  request: 'POST /alerts',
  body: { what: 'x' },
  status: 201,
  answer,
});
const read = (id: number): Exchange => ({ request: `GET /alerts/${id}`, answer: { id, level: 3 } });

function linked(exchanges: Exchange[]): string[] {
  const { flows } = analyze(record(exchanges));
  return flows.flatMap(({ places }) =>
    places.map(({ method, endpoint, path }) => `${method} ${endpoint} ${path}`),
  );
}

test.each([
  ['a list of texts', [made(['1']), read(1), made(['2', '3']), read(2), read(3)], 'body[]'],
  ['a list of numbers', [made([1]), read(1), made([2, 3]), read(3)], 'body[]'],
  ['a number', [made(1), read(1), made(2), read(2)], 'body'],
])('%s that a POST answers is followed to paths', (_, exchanges, path) => {
  expect(linked(exchanges)).toEqual([
    'GET /alerts/{id} path[1]',
    'GET /alerts/{id} body.id',
    `POST /alerts ${path}`,
  ]);
});

test.each([
  ['how many were made', [made(1), made(1), made(2), read(1)]],
  ['a text', [made('made alert 1'), read(1), made('made alert 2'), read(2)]],
])('%s is not', (_, exchanges) => {
  expect(linked(exchanges).filter((place) => place.startsWith('POST'))).toEqual([]);
});
