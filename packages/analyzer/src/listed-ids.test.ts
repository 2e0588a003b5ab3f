import { expect, test } from 'vitest';
import { type Analysis, analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

const sent = ({ tests }: Analysis, method: string) =>
  (tests.find(({ request }) => request.method === method)?.links ?? []).map(
    ({ in: side, path }) => `${side} ${path}`,
  );

test('a request that lists things, by itself or under `keys`, names those of its path', () => {
  const made: Exchange[] = [41, 42, 43, 44].map((id) => ({
    ...{ request: 'POST /orders', body: { quantity: id % 3 }, status: 201, answer: { id } },
  }));
  const changed: Exchange = {
    request: 'PATCH /orders',
    body: { keys: [41, 43], data: { quantity: 2 } },
    answer: {},
  };
  const gone: Exchange = { request: 'DELETE /orders', body: [42, 44], status: 204 };
  const analysis = analyze(record([...made, changed, gone]));
  expect(sent(analysis, 'PATCH')).toContain('request body.keys[]');
  expect(sent(analysis, 'DELETE')).toContain('request body[]');
});
