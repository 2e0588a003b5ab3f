import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record, START_US } from './exchanges.fixture.ts';

const iso = (ms: number) => new Date(START_US / 1_000 + ms).toISOString();
const pull = (size: number, ms: number, repo = {}) => ({
  ...{ id: 5, title: 'fix it', state: 'open', author: 'ann' },
  repo: { id: 3, name: 'team-forge', size, updated: iso(ms), ...repo },
});
const push: Exchange = {
  request: 'POST /repos/team-forge/files',
  body: { text: 'hello' },
  answer: { sha: 'x' },
};
const open = (answer: object): Exchange => ({
  ...{ request: 'POST /repos/team-forge/pulls', body: { title: 'fix it' }, answer },
});
const look = (answer: object): Exchange => ({ request: 'GET /repos/team-forge/pulls/5', answer });
const settling = (exchanges: Exchange[]) =>
  analyze(record(exchanges)).tests.flatMap(({ settling: leaves = [] }) =>
    leaves.map(({ path, later }) => `${path} ${later.join()}`),
  );

test('an answer to a write may show what the write before did to another thing, as the next read does', () => {
  expect(settling([push, open(pull(27, -900)), look(pull(28, 2))])).toEqual([
    'body.repo.size 28',
    `body.repo.updated ${iso(2)}`,
  ]);
});

test.each<[string, Exchange[]]>([
  ['without a write before', [open(pull(27, -900)), look(pull(28, 2))]],
  [
    'behind a write to something else',
    [{ ...push, request: 'POST /people/ann/photo' }, open(pull(27, 0)), look(pull(28, 0))],
  ],
  ['of the thing itself', [push, open({ ...pull(27, 0), stars: 1 }), look({ ...pull(27, 0), stars: 2 })]],
  [
    'of what has another name',
    [push, open(pull(27, 0, { name: 'other' })), look(pull(28, 0, { name: 'other' }))],
  ],
  ['that went down', [push, open(pull(28, 0)), look(pull(27, 0))]],
  [
    'when another client wrote to it as well',
    [
      push,
      open(pull(27, 0)),
      { ...push, connection: 'k2', headers: [['authorization', 'Bearer other']] },
      look(pull(28, 0)),
    ],
  ],
])('not %s', (_which, exchanges) => {
  expect(settling(exchanges)).toEqual([]);
});
