// Texts as they are compared: by lines, and pages that are written in one line by their elements.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, page, replayed } from './shifted-replay.fixture.ts';
import { linesOfText } from './text-lines.ts';

/** Of so many characters a page is one of long lines. */
const LONG = `<!-- ${'-'.repeat(1_000)} -->`;
const head = '<html><head><script>if (a<b) go("<p>")</script><title>Shelves</title></head><body>';

test('a page in one line is cut where elements begin', () => {
  const text = `${head}<ul><li>Poems</li><li><b>Prose</b>, 4 < 5</li></ul>${LONG}</body></html>`;
  const pieces = linesOfText('html', text);
  expect(pieces).toEqual([
    '<html>',
    '<head>',
    '<script>if (a<b) go("<p>")</script>',
    '<title>Shelves</title></head>',
    '<body>',
    '<ul>',
    '<li>Poems</li>',
    '<li>',
    '<b>Prose</b>, 4 ',
    '< 5</li></ul>',
    `${LONG}</body></html>`,
  ]);
  expect(pieces.join('')).toBe(text);
});

test('other texts are cut at their lines, and so are pages that have some', () => {
  expect(linesOfText('html', '<p>a</p><p>b</p>\n<p>c</p>')).toEqual(['<p>a</p><p>b</p>', '<p>c</p>']);
  expect(linesOfText('text', `<p>a</p><p>${LONG}`)).toHaveLength(1);
});

test('nothing is lost of markup that never ends, nor does it take long', () => {
  for (const part of ['<', '</', '<script>', '<script', '<style>x', '<<p', 'x<script></scrip'])
    expect(linesOfText('html', part.repeat(100_000)).join('')).toBe(part.repeat(100_000));
});

test('what differs in a page of one line is named by itself, and cut as the recorded one', () => {
  const of = (items: readonly string[], filler = LONG) =>
    page(`${head}<ul>${items.map((item) => `<li>${item}</li>`).join('')}</ul>${filler}</body></html>`);
  const recorded = of(['Poems', 'Prose', 'Plays']);
  const found = (live: ReturnType<typeof page>) => replayed(recorded, live, new LiveValues(new Map()));
  expect(found(of(['Poems', 'Drama', 'Plays'])).differences).toEqual([
    { path: 'body[7]', problem: 'value', expected: '"<li>Prose</li>"', actual: '"<li>Drama</li>"' },
  ]);
  expect(found(of(['Poems', 'Prose', 'Plays'])).leaves.strict).toBeGreaterThan(8);
  expect(found(of(['Poems', 'Plays'], '<!-- short -->')).differences.map(({ path }) => path)).toContain(
    'body[7]',
  );
  expect(differences(of(['Poems'], ''), of(['Prose'], ''), new LiveValues(new Map()))).toEqual([
    'body value',
  ]);
});
