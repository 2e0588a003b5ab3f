import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record, START_US } from './exchanges.fixture.ts';

const iso = (ms: number) => new Date(START_US / 1_000 + ms).toISOString();
const list: Exchange = {
  request: 'GET /jobs',
  answer: [38, 37, 36].map((id) => ({ id, state: 'done' })),
};
const job = (id: number, createdAt: string): Exchange => ({
  request: `GET /jobs/${id}`,
  answer: { id, state: 'done', createdAt },
});
const linksOf = (exchanges: Exchange[]) =>
  analyze(record(exchanges)).tests.flatMap(({ endpoint, links = [] }) =>
    links.map((link) => `${endpoint} ${link.in} ${link.path}`),
  );

test('what a client took from a list is followed when its answer says that the thing was made meanwhile', () => {
  expect(new Set(linksOf([list, job(37, iso(10)), job(38, iso(20))]))).toEqual(
    new Set(['/jobs response body[].id', '/jobs/{id} request path[1]', '/jobs/{id} response body.id']),
  );
});

test('what was there before the recording is not, nor what no answer showed before', () => {
  expect(linksOf([list, job(37, iso(-90_000)), job(38, iso(-90_000))])).toEqual([]);
  expect(linksOf([job(37, iso(10)), job(38, iso(20)), list])).toEqual([]);
});
