// Pages that name things by numbers which are other ones now: learned from one page, sent in later requests, expected in later
// pages, and nothing else passes for them.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { pageIds } from './page-ids.ts';
import { differences, page } from './shifted-replay.fixture.ts';
import { sketchTest } from './test.fixture.ts';

test('numbers in addresses, in attributes and options, each with the word before it', () => {
  const text = `<a href="/shelf/3/books?page=2&amp;author_id=41#b7">x</a><a href='/shelf/5/books'>y</a>
    <a href="/2026/11/23/news">date</a><a href="https://other.example/shelf/9">away</a><img src="//cdn/shelf/9">
    <article data-id="31" data-note="a 7"><select name="shelf_id"><option value="3">A<option value="5" selected>B</select>
    <input name="count" value="8"><a href="/tags/blue-2/posts/12">z</a><form action="?shelf=4">`;
  expect(pageIds(text).map(({ path, value }) => `${path} ${value}`)).toEqual([
    'body.link["/shelf/{id}/books?page&author_id"][0].shelf 3',
    'body.link["/shelf/{id}/books?page&author_id"][0].page 2',
    'body.link["/shelf/{id}/books?page&author_id"][0].author_id 41',
    'body.link["/shelf/{id}/books"][0].shelf 5',
    'body.link.data-id[0].id 31',
    'body.link["option shelf_id"][0].shelf_id 3',
    'body.link["option shelf_id"][1].shelf_id 5',
    'body.link["/tags/~/posts/{id}"][0].posts 12',
    'body.link["?shelf"][0].shelf 4',
  ]);
  for (const { value, at } of pageIds(text)) expect(text.slice(at).startsWith(value)).toBe(true);
});

const flow = 'shelves';
const of = (path: string) => ({ in: 'response' as const, path, flow });
const shelves = (titles: Record<number, string>) =>
  page(
    `<h1>Shelves (${Object.keys(titles).length})</h1>\n${Object.entries(titles)
      .map(
        ([id, title]) =>
          `<li id="shelf-${id}" data-books="${id}">\n<a href="/shelf/${id}/edit">${title}</a>\n</li>`,
      )
      .join('\n')}`,
  );
const links = [of('body.link["/shelf/{id}/edit"][].shelf')];
const READ = { target: '/shelves', links };

/** A run in which the shelf that was 5 is 6. */
function moved(): LiveValues {
  const values = new LiveValues(new Map());
  const recorded = page('<a href="/shelf/1/edit">All</a><a href="/shelf/5/edit">Poems</a>');
  const live = page('<a href="/shelf/1/edit">All</a><a href="/shelf/6/edit">Poems</a>');
  expect(differences({ ...READ, ...recorded }, live, values)).toEqual([]);
  return values;
}

test('a number that a page shows is sent in the place of the recorded one', () => {
  const request = { in: 'request' as const, path: 'path[1]', flow };
  const edit = sketchTest({ n: 2, target: '/shelf/5/edit', links: [request] });
  expect(moved().fill(edit).request.target).toBe('/shelf/6/edit');
});

test('a page of lines names the thing by its new number, in what the page calls its elements as well', () => {
  const recorded = {
    ...READ,
    n: 2,
    ...page('<li id="shelf-5" aria-label="shelf 5">\n<a href="/shelf/5/edit">Poems</a>'),
  };
  const found = (text: string) => differences(recorded, page(text), moved());
  expect(found('<li id="shelf-6" aria-label="shelf 6">\n<a href="/shelf/6/edit">Poems</a>')).toEqual([]);
  expect(found('<li id="shelf-6" aria-label="shelf 6">\n<a href="/shelf/5/edit">Poems</a>')).not.toEqual([]);
  expect(found('<li id="shelf-7" aria-label="shelf 6">\n<a href="/shelf/6/edit">Poems</a>')).toEqual([
    'body[0] value',
  ]);
  expect(found('<li id="shelf-6" aria-label="shelf 6">\n<a href="/shelf/6/edit">Prose</a>')).toEqual([
    'body[1] value',
  ]);
});

test('a script names the thing by its new number', () => {
  const script = (id: number, count = 5) =>
    page(
      `<script>\n var old = {"id":${id},"shelf_id": "${id}","count":${count}};\n</script><a href="/shelf/${id}/edit">Poems</a>`,
    );
  const found = (live: ReturnType<typeof page>) =>
    differences({ ...READ, n: 2, ...script(5) }, live, moved());
  expect(found(script(6))).toEqual([]);
  expect(found(script(6, 6))).toEqual(['body[1] value']);
  expect(found(page(String(script(6).body).replace('"id":6', '"id":7')))).toEqual(['body[1] value']);
});

test('a count is no name', () => {
  const recorded = {
    ...READ,
    n: 2,
    ...page('<li data-books="5">5 books\n<a href="/shelf/5/edit">Poems</a>'),
  };
  const found = (text: string) => differences(recorded, page(text), moved());
  expect(found('<li data-books="5">5 books\n<a href="/shelf/6/edit">Poems</a>')).toEqual([]);
  expect(found('<li data-books="6">5 books\n<a href="/shelf/6/edit">Poems</a>')).toEqual(['body[0] value']);
  expect(found('<li data-books="5">6 books\n<a href="/shelf/6/edit">Poems</a>')).toEqual(['body[0] value']);
});

test('a page of another form tells nothing of numbers that are called nothing', () => {
  const values = new LiveValues(new Map());
  const recorded = { ...READ, ...shelves({ 1: 'edit', 5: 'edit' }) };
  expect(differences(recorded, shelves({ 1: 'edit', 4: 'edit', 6: 'edit' }), values)).not.toEqual([]);
  expect(values.flow(flow, '5')).toBe(undefined);
});

test('what is known stands elsewhere: nothing is learned from the order', () => {
  const values = moved();
  const recorded = {
    ...READ,
    n: 2,
    ...page('<a href="/shelf/5/edit">edit</a><a href="/shelf/8/edit">edit</a>'),
  };
  const turned = page('<a href="/shelf/9/edit">edit</a><a href="/shelf/6/edit">edit</a>');
  expect(differences(recorded, turned, values)).not.toEqual([]);
  expect(values.flow(flow, '8')).toBe(undefined);
});

test('what is called alike is the same thing, by its own words or by those of the row around', () => {
  const named = new LiveValues(new Map());
  differences(
    { ...READ, ...shelves({ 4: 'Poems', 5: 'Prose' }) },
    shelves({ 4: 'Prose', 5: 'Theirs', 6: 'Poems' }),
    named,
  );
  expect(['4', '5'].map((id) => named.flow(flow, id))).toEqual(['6', '4']);
  const rows = (titles: Record<number, string>) =>
    page(
      Object.entries(titles)
        .map(([id, title]) => `<tr><td>${id} ${title}</td><td><a href="/shelf/${id}/edit">edit</a></td></tr>`)
        .join('\n'),
    );
  const around = new LiveValues(new Map());
  differences({ ...READ, ...rows({ 4: 'Poems', 5: 'Prose' }) }, rows({ 4: 'Prose', 5: 'Poems' }), around);
  expect(['4', '5'].map((id) => around.flow(flow, id))).toEqual(['5', '4']);
});

test('a number in words is no name', () => {
  const row = (id: number, name: string) =>
    `<tr><td><a href="/shelf/${id}/edit">Shelf ${id}</a><td>${name}</tr>`;
  const values = new LiveValues(new Map());
  const recorded = { ...READ, ...page([row(4, 'Ada'), row(5, 'Bob')].join('\n')) };
  differences(recorded, page([row(4, 'Bob'), row(5, 'Ada')].join('\n')), values);
  expect(['4', '5'].map((id) => values.flow(flow, id))).toEqual(['5', '4']);
});

test('of two things of one name none is told by it', () => {
  const values = new LiveValues(new Map());
  const recorded = shelves({ 2: 'Songs', 3: 'Maps', 4: 'Poems', 5: 'Poems', 6: 'Prose' });
  const live = shelves({ 2: 'Songs', 3: 'Maps', 4: 'Poems', 5: 'Prose', 6: 'Poems' });
  differences({ ...READ, ...recorded }, live, values);
  expect(['4', '5', '6'].map((id) => values.flow(flow, id))).toEqual([undefined, undefined, '5']);
});

test('a hidden field that is a leaf of a flow names its thing anew', () => {
  const field = (id: number) =>
    page(`<h1>Poems</h1>\n<input name="notes-0-id" type="hidden" value="${id}"><i>5</i>\n<p>5 notes</p>`);
  const recorded = { target: '/notes', links: [of('body.input.notes-0-id')], ...field(5) };
  const values = new LiveValues(new Map());
  expect(differences(recorded, field(7), values)).toEqual([]);
  expect(values.flow(flow, '5')).toBe('7');
  expect(differences({ ...recorded, n: 2 }, field(8), values)).toEqual(['body[1] value']);
});

test('one of many is told by its name where most have none of their own', () => {
  const values = new LiveValues(new Map());
  const recorded = shelves({ 1: 'Maps', 2: 'Maps', 3: 'Maps', 4: 'Poems', 5: 'Prose' });
  const live = shelves({ 1: 'Maps', 2: 'Maps', 3: 'Maps', 4: 'Prose', 5: 'Poems', 6: 'Maps' });
  differences({ ...READ, ...recorded }, live, values);
  expect(['3', '4', '5'].map((id) => values.flow(flow, id))).toEqual([undefined, '5', '4']);
});

test('a box that chooses a thing has its number, and a link may say it', () => {
  const box = (id: number, text = id) =>
    page(
      `<td><input type="checkbox" name="chosen" value="${id}" class="row"></td>\n<td><a href="/shelf/${id}/edit">Shelf ${text}</a>\n<td>of Poems`,
    );
  expect(pageIds(box(5).body as string).map(({ path, value }) => `${path} ${value}`)).toContain(
    'body.link["check chosen"][0].chosen 5',
  );
  const recorded = { ...READ, n: 2, links: [...links, of('body.link["check chosen"][].chosen')], ...box(5) };
  expect(differences(recorded, box(6), moved())).toEqual([]);
  expect(differences(recorded, box(6, 9), moved())).toEqual(['body[1] value']);
});

test('a list in the order of numbers stands in that of those of now', () => {
  const option = (titles: readonly (readonly [number, string])[]) =>
    page(
      `<select name="shelf">${titles.map(([id, title]) => `<option value="${id}">${title}</option>`).join('')}</select>`,
    );
  const found = (
    recorded: readonly (readonly [number, string])[],
    live: readonly (readonly [number, string])[],
  ) =>
    differences(
      { target: '/books/new', links: [of('body.link["option shelf"][].shelf')], ...option(recorded) },
      option(live),
      new LiveValues(new Map()),
    );
  const recorded = [
    [4, 'Poems'],
    [5, 'Prose'],
    [7, 'Maps'],
  ] as const;
  const made = [
    [4, 'Prose'],
    [5, 'Poems'],
    [7, 'Maps'],
  ] as const;
  expect(found(recorded, made)).toEqual([]);
  expect(found(recorded, [recorded[1], recorded[0], recorded[2]])).not.toEqual([]);
  expect(found([recorded[1], recorded[0], recorded[2]], recorded)).not.toEqual([]);
  expect(found(recorded, [made[0], made[1], [7, 'Atlas']])).not.toEqual([]);
});

test('what was just being written is in a page or not, and counted or not', () => {
  const table = (ids: readonly number[], count = ids.length, price = '4.50') =>
    page(
      `<b>${count} shelves</b>\n<i>${price}</i>\n<table>\n${ids.map((id) => `<tr><td><a href="/shelf/${id}/edit">Shelf of ${'x'.repeat(id)}</a></td></tr>`).join('\n\n')}\n</table>`,
    );
  const found = (live: ReturnType<typeof table>, beside?: string[]) =>
    differences(
      { ...READ, ...table([3, 4]), ...(beside ? { beside } : {}) },
      live,
      new LiveValues(new Map()),
    );
  expect(found(table([3, 4, 5]), ['/shelf'])).toEqual([]);
  expect(found(table([3, 4], 3), ['/shelf'])).toEqual([]);
  expect(found(table([3, 4, 5]))).not.toEqual([]);
  expect(found(table([3, 4, 5, 6]), ['/shelf'])).not.toEqual([]);
  expect(found(table([3, 4], 4), ['/shelf'])).toEqual(['body[0] value']);
  expect(found(table([3, 4], 2, '5.50'), ['/shelf'])).toEqual(['body[1] value']);
});

test('numbers glued to a word, in addresses of any form that are the service’s own', () => {
  const text = `<a href="issue5?tab=files#msg12">x</a><a href="/docs/msg12">y</a><img src="https://other.example/issue6">
    <a href="http://shop.example:8080/user3?welcome">z</a><a href="/tags/blue-2">t</a><input value="issue9"><a href="mailto:user7">m</a>`;
  expect(pageIds(text, 'shop.example').map(({ path, value }) => `${path} ${value}`)).toEqual([
    'body.link["issue{id}?tab"][0].issue 5',
    'body.link["/docs/msg{id}"][0].msg 12',
    'body.link["/user{id}"][0].user 3',
  ]);
  for (const { value, at } of pageIds(text, 'shop.example'))
    expect(text.slice(at).startsWith(value)).toBe(true);
});

const glued = { flow, in: 'response' as const, path: 'body.link["issue{id}"][].issue' };
const issues = (id: number, title = `Issue ${id}: Poems`, cell = String(id)) =>
  page(`<h1>${title}</h1>\n<td>${cell}</td>\n<td><a href="issue${id}">Poems</a></td>\n<td>5</td>`);
const ISSUE = { target: '/issue5', links: [glued] };

test('a glued number is sent in the place of the recorded one, and expected where the page shows it', () => {
  const values = new LiveValues(new Map());
  expect(differences({ ...ISSUE, ...issues(5) }, issues(6), values)).toEqual([]);
  const request = { in: 'request' as const, path: 'path[0]!number', flow };
  const edit = sketchTest({ n: 2, target: '/issue5?tab=5', links: [request] });
  expect(values.fill(edit).request.target).toBe('/issue6?tab=5');
  const again = (live: ReturnType<typeof issues>) =>
    differences({ ...ISSUE, n: 3, ...issues(5) }, live, values);
  expect(again(issues(6))).toEqual([]);
  expect(again(issues(6, 'Issue 5: Poems'))).toEqual(['body[0] value']);
  expect(again(issues(6, undefined, '7'))).toEqual(['body[1] value']);
});

test('what the request said is said again as it was sent', () => {
  const values = new LiveValues(new Map());
  const flash = (id: number) => issues(id, 'Issue 5 saved');
  const asked = { ...ISSUE, target: '/issue5?say=Issue+5+saved' };
  expect(differences({ ...asked, ...flash(5) }, flash(6), values)).toEqual([]);
});

test('the page of a redirect says where to, as its Location does', () => {
  const redirect = (id: number, to = id) => ({
    ...page(
      `Off to <a href="/issue${id}?a=1&amp;say=issue ${id} made">/issue${to}?a=1&amp;say=issue ${id} made</a>`,
    ),
    status: 302,
    headers: [['Location', `/issue${id}?a=1&say=issue ${id} made`]] as [string, string][],
  });
  const location = { flow, in: 'response' as const, path: 'header.location#0!number' };
  const made = {
    method: 'POST',
    target: '/issue',
    links: [location, { ...glued, path: 'body.link["/issue{id}?a&say"][].issue' }],
  };
  const found = (live: ReturnType<typeof redirect>) =>
    differences({ ...made, ...redirect(5) }, live, new LiveValues(new Map())).filter((one) =>
      one.startsWith('body'),
    );
  expect(found(redirect(6))).toEqual([]);
  expect(found(redirect(6, 5))).toEqual(['body value']);
});

test('the number of another user’s thing is known, though it is that of another thing here', () => {
  const user = { flow: 'users', in: 'response' as const, path: 'body.link["user{id}"][].user' };
  const all = new LiveValues(new Map());
  const options = (id: number) => page(`<a href="user1">me</a>\n<option value="${id}">Ada</option>`);
  differences({ links: [user], ...page('<a href="user4">Ada</a>') }, page('<a href="user7">Ada</a>'), all);
  const own = new LiveValues(new Map(), all);
  differences({ ...ISSUE, ...issues(4) }, issues(5), own);
  const recorded = { n: 2, links: [user], ...options(4) };
  expect(differences(recorded, options(7), own)).toEqual([]);
  expect(differences(recorded, options(6), own)).toEqual(['body[1] value']);
});

test('what stands next by its number is no name of a thing', () => {
  const values = new LiveValues(new Map());
  const around = (id: number, last: number) =>
    page(
      `<link rel="last" href="/issue${last}" title="Issue #${last}">\n<h1>Issue ${id}</h1>\n<a href="issue${id}">Poems</a>`,
    );
  const found = (was: ReturnType<typeof around>, is: ReturnType<typeof around>) =>
    differences({ ...ISSUE, ...was }, is, values);
  expect(found(around(5, 6), around(6, 6))).toEqual([]);
  expect(found(around(6, 6), around(5, 6))).toEqual([]);
  expect(found(around(6, 6), around(5, 5))).toEqual(['body[0] value']);
});

test('the thing before another one is as far from its new number', () => {
  const values = new LiveValues(new Map());
  const asked = { in: 'request' as const, path: 'path[1]', flow };
  const around = (id: number, before: number, count = 4) =>
    page(
      `<a class="prev" href="/shelf/${before}/edit" title="Shelf #${before}">Previous</a>\n<h1>${count}</h1>\n<a href="/shelf/${id}/edit">Poems</a>`,
    );
  const recorded = { target: '/shelf/5', links: [...links, asked], ...around(5, 4) };
  const found = (n: number, live: ReturnType<typeof around>) => differences({ ...recorded, n }, live, values);
  found(2, around(6, 5));
  expect(found(3, around(6, 5))).toEqual([]);
  expect(found(4, around(6, 4))).toEqual([]);
  expect(found(5, around(6, 3))).toEqual(['body[0] value']);
  expect(found(6, around(6, 5, 5))).toEqual(['body[1] value']);
});
