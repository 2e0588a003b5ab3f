// Lines of two texts, paired as a person reads them: what was taken out or put in is one difference, and the rest goes on.
import { expect, test } from 'vitest';
import { pairLines } from './align-lines.ts';
import { LiveValues } from './live-values.ts';
import { page, replayed } from './shifted-replay.fixture.ts';

test.each([
  ['a b c', 'a b c', [0, 1, 2]],
  ['a b c', 'a c', [0, -1, 1]],
  ['a c', 'a b c', [0, 2]],
  ['a x c', 'a y c', [0, 1, 2]],
  ['- a - b -', '- a - x - b -', [0, 1, 2, 5, 6]],
  ['a b c', 'c a b', [1, 2, -1]],
  ['a x y c', 'a z c', [0, -1, -1, 2]],
  ['- - -', '- -', [0, 1, -1]],
  ['a', 'b', [0]],
])('%s and %s', (recorded, live, to) => {
  expect(pairLines(recorded.split(' '), live.split(' '))).toEqual(to);
});

const listed = (titles: readonly string[], pad = '') =>
  page(
    `<h1>${titles.length} shelves</h1>\n${titles.map((title) => `<li>\n  <b>${title}</b>${pad}\n</li>`).join('\n')}\n</ul>`,
  );
const found = (live: ReturnType<typeof page>) =>
  replayed(listed(['Poems', 'Prose', 'Plays']), live, new LiveValues(new Map())).differences.map(
    ({ path, problem, expected, actual }) => `${path} ${problem} ${expected ?? ''} ${actual ?? ''}`,
  );

test('an entry that a page lacks is missing, and what stands behind it is as it was', () => {
  expect(found(listed(['Poems', 'Plays']))).toEqual([
    'body[0] value "<h1>3 shelves</h1>" "<h1>2 shelves</h1>"',
    'body[5] missing "  <b>Prose</b>" and 2 more ',
  ]);
});

test('an entry that a page has got is unexpected', () => {
  expect(found(listed(['Poems', 'Prose', 'Drama', 'Plays']))).toEqual([
    'body[0] value "<h1>3 shelves</h1>" "<h1>4 shelves</h1>"',
    'body[8] unexpected  "  <b>Drama</b>" and 2 more',
  ]);
});

test('of texts without a line in common the lines are taken as they stand', () => {
  expect(found(listed(['A', 'B', 'C'], ' '))).toHaveLength(3);
});
