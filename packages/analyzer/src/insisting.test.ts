import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

const merge = (status: number, of = 1): Exchange => ({
  ...{ request: `POST /pulls/${of}/merge`, body: { how: 'squash' }, status, answer: { at: status } },
});
const statusesOf = (exchanges: Exchange[]) =>
  analyze(record(exchanges)).tests.map(({ response, insists }) => [response.status, insists]);

test('a write that was repeated until it was taken is one test, which knows the refusals', () => {
  const { tests, counts } = analyze(record([merge(405), merge(409), merge(405), merge(200)]));
  expect(tests.map(({ response, insists }) => [response.status, insists])).toEqual([[200, [405, 409]]]);
  expect(counts).toMatchObject({ pairs: 4, tests: 1, skipped: { 'repeated until it was taken': 3 } });
});

test('refusals that were the last word stay, and so do those after which the client did something else', () => {
  expect(statusesOf([merge(405), merge(405)])).toEqual([
    [405, undefined],
    [405, undefined],
  ]);
  for (const other of [merge(200, 2), { request: 'GET /pulls/1', answer: { open: true } }])
    expect(statusesOf([merge(405), other, merge(200)])).toHaveLength(3);
  expect(statusesOf([merge(403), merge(200)])).toHaveLength(2);
  expect(statusesOf([merge(405), { ...merge(200), body: { how: 'rebase' } }])).toHaveLength(2);
});

test('another client’s refusals are its own', () => {
  const other = { ...merge(200), connection: 'k2' };
  expect(statusesOf([merge(405), other])).toEqual([
    [405, undefined],
    [200, undefined],
  ]);
});

test('a write that was taken at once knows the refusals of others of its operation, one that was refused does not', () => {
  const other = { ...merge(200, 2), connection: 'k2' };
  const refused = { ...merge(422, 3), connection: 'k3' };
  expect(statusesOf([other, merge(405), merge(200), refused])).toEqual([
    [200, [405]],
    [200, [405]],
    [422, undefined],
  ]);
});
