// JSON that a page holds for its scripts, compared as a tree.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { openPage } from './page-json.ts';
import { differences } from './shifted-replay.fixture.ts';
import type { TestSketch } from './test.fixture.ts';

const escaped = (state: unknown) => JSON.stringify(state).replaceAll('"', '&quot;');
const page = (state: unknown, title = 'Welcome'): TestSketch => ({
  headers: [['Content-Type', 'text/html; charset=utf-8']],
  body: `<html>\n<h1>${title}</h1>\n<div id="app" data-page="${escaped(state)}"></div>\n</html>`,
});
const found = (recorded: TestSketch, live: TestSketch) =>
  differences(recorded, live, new LiveValues(new Map()));

test('is found in attributes and in elements of that type, and nowhere else', () => {
  expect(openPage(`<div data-a="${escaped({ a: [1] })}" data-b='[2,"x"]'>`)).toEqual({
    around: `<div data-a="…" data-b='…'>`,
    roots: [{ a: [1] }, [2, 'x']],
  });
  expect(openPage('<script id="data" type="application/json">{"a":1}</script>')?.roots).toEqual([{ a: 1 }]);
  for (const text of ['<a href="{{ link }}">', '<script>f({"a":1})</script>', '<p>{"a":1}</p>', '{"a":"b"}'])
    expect(openPage(text)).toBeNull();
});

test('a difference in it is told by its path, and what stands around it is compared as ever', () => {
  const state = { user: { name: 'Ada', plan: 'free' }, csrf: 'a' };
  expect(found(page(state), page(state))).toEqual([]);
  expect(found(page(state), page({ ...state, user: { name: 'Ada', plan: 'paid' } }))).toEqual([
    'body[2]#0!json.user.plan value',
  ]);
  expect(found(page(state), page(state, 'Bye'))).toEqual(['body[1] value']);
  expect(found(page(state), page({ ...state, extra: 1 }))).toEqual(['body[2]#0!json.extra unexpected']);
});

test('a long text with the words of such a tag, but without one, is read in no time', () => {
  const words = ' json'.repeat(100_000);
  expect(openPage(`<p title="{${words}>{"a":1}</script>`)).toBeNull();
  expect(openPage(`<script${words}>{"a":1}</script>`)?.roots).toEqual([{ a: 1 }]);
});
