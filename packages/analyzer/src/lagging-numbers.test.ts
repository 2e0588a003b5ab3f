import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record, START_US } from './exchanges.fixture.ts';

const repo = (id: number, size: number) => ({ id, name: `forge-${id}`, size });
const pull = (id: number, size: number) => ({
  ...{ id: id * 7, title: 'fix it', state: 'open', author: 'ann' },
  repo: repo(id, size),
});
const make = (id: number, size: number): Exchange => ({ request: 'POST /repos', answer: repo(id, size) });
const push = (id: number): Exchange => ({
  ...{ request: `POST /repos/forge-${id}/files`, body: { text: 'hello' }, answer: { sha: 'x' } },
});
const open = (id: number, size: number): Exchange => ({
  ...{ request: `POST /repos/forge-${id}/pulls`, body: { title: 'fix it' }, answer: pull(id, size) },
});
const look = (id: number, size: number): Exchange => ({
  ...{ request: `GET /repos/forge-${id}/pulls/${id * 7}`, answer: pull(id, size) },
});
const settling = (exchanges: Exchange[]) =>
  analyze(record(exchanges)).tests.map(({ settling: leaves = [] }) =>
    leaves.map(({ path, later, lags }) => `${path} ${later.join()}${lags ? '' : ' awaited'}`).join('; '),
  );
/** The second push shows at once. */
const history = (first: number[]) => [
  ...[make(1, 20), push(1), open(1, first[0]!), look(1, first[1]!), push(1), open(1, 33), look(1, 33)],
  ...[make(2, 20), push(2), open(2, 20), look(2, 26)],
];

test('what twice came late may come as late, or as early, wherever it is shown', () => {
  expect(settling(history([20, 27]))).toEqual([
    ...['body.size 27', '', 'body.repo.size 27', 'body.repo.size 20,33', '', 'body.repo.size 27'],
    ...['body.repo.size 27', 'body.size 26', '', 'body.repo.size 26', 'body.repo.size 20'],
  ]);
});

test('once is what that write did; and what goes down is no such number', () => {
  const lagging = (exchanges: Exchange[]) => settling(exchanges).filter((one) => one !== '');
  expect(lagging(history([27, 27]))).toEqual([]);
  expect(lagging([...history([20, 27]), push(2), look(2, 24)])).toEqual([]);
});

test('what rises behind writes of one kind alone is what these do', () => {
  const [first, second] = [1, 2].map((id) => [make(id, 0), push(id), open(id, 0), look(id, 1)]);
  expect(settling([...first!, ...second!]).filter((one) => one !== '')).toEqual([]);
});

test('what a request said comes at once', () => {
  const said = (id: number): Exchange => ({ ...push(id), body: { text: 'hello', size: id === 1 ? 27 : 26 } });
  const exchanges = [1, 2].flatMap((id) => [
    make(id, 20),
    said(id),
    open(id, 20),
    look(id, id === 1 ? 27 : 26),
  ]);
  expect(settling(exchanges).filter((one) => one !== '')).toEqual([]);
});

test('a time that came late twice may do so as well', () => {
  const at = (ms: number) => new Date(START_US / 1_000 + ms).toISOString();
  const timed = (id: number, ms: number) => ({ ...pull(id, 20), repo: { ...repo(id, 20), changed: at(ms) } });
  const exchanges = [1, 2].flatMap((id): Exchange[] => [
    { ...make(id, 20), answer: timed(id, -id).repo },
    push(id),
    { ...open(id, 20), answer: timed(id, -id) },
    { ...look(id, 20), answer: timed(id, 100 * id) },
  ]);
  const later = [push(1), { ...look(1, 20), answer: timed(1, 300) }];
  expect(settling([...exchanges, ...later]).slice(4, 8)).toEqual([
    `body.changed ${at(200)}`,
    '',
    `body.repo.changed ${at(200)}`,
    `body.repo.changed ${at(-2)}`,
  ]);
});
