// Ids that only HTML pages show: followed from the page to which a form led into the addresses and forms sent next.
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

const HTML: Exchange['answerHeaders'] = [['Content-Type', 'text/html']];
const form = (fields: Record<string, string>): Pick<Exchange, 'body' | 'headers'> => ({
  body: String(new URLSearchParams(fields)),
  headers: [['content-type', 'application/x-www-form-urlencoded']],
});
const listed = (ids: readonly number[]) =>
  `<h1>Shelves (${ids.length})</h1>${ids
    .map((id) => `<li><a href="/shelf/${id}/books">Shelf</a> <a href="/shelf/${id}/edit">edit</a></li>`)
    .join('')}`;
const options = (ids: readonly number[]) =>
  `<select name="shelf_id"><option value="">none</option>${ids.map((id) => `<option value="${id}">Shelf</option>`).join('')}</select>`;

/** A reader makes a shelf and puts a book on it; `from`: the shelves that were there. */
const visit = (from: readonly number[], made: number): Exchange[] => [
  {
    request: 'POST /shelf/save',
    ...form({ title: `shelf of ${made}` }),
    status: 302,
    answerHeaders: [['Location', '/shelves']],
  },
  { request: 'GET /shelves', answer: listed([...from, made]), answerHeaders: HTML },
  {
    request: `GET /shelf/${made}/edit`,
    answer: `<form action="/shelf/${made}/update"></form>`,
    answerHeaders: HTML,
  },
  { request: 'GET /books/new', answer: options([...from, made]), answerHeaders: HTML },
  {
    request: 'POST /books',
    ...form({ name: 'Emma', shelf_id: String(made) }),
    status: 302,
    answerHeaders: [['Location', '/books']],
  },
];

test('an id that a page shows first is followed into addresses and forms', () => {
  const analysis = analyze(record([...visit([1], 5), ...visit([1, 5], 6)]));
  const linksOf = (method: string, path: string) => {
    const of = analysis.tests.find(
      ({ request }) => request.method === method && request.target.startsWith(path),
    );
    return (of?.links ?? []).map((link) => `${link.in} ${link.path}`);
  };
  expect(linksOf('GET', '/shelves')).toEqual([
    'response body.link["/shelf/{id}/books"][].shelf',
    'response body.link["/shelf/{id}/edit"][].shelf',
  ]);
  expect(linksOf('GET', '/shelf/')).toContain('request path[1]');
  expect(linksOf('POST', '/books')).toEqual(['request body.shelf_id']);
  expect(linksOf('GET', '/books/new')).toEqual(['response body.link["option shelf_id"][].shelf_id']);
  expect(new Set(analysis.tests.flatMap(({ links = [] }) => links.map(({ flow }) => flow))).size).toBe(1);
});

test('what a page shows though nothing was made is the same in a replay', () => {
  const analysis = analyze(
    record([
      { request: 'GET /shelves', answer: listed([1, 2]), answerHeaders: HTML },
      { request: 'GET /shelf/2/edit', answer: '<form action="/shelf/2/update"></form>', answerHeaders: HTML },
    ]),
  );
  expect(analysis.flows).toEqual([]);
});

test('the fields and options of a form that are called as a kind of thing hold its numbers', () => {
  const rows = (ids: readonly number[]) =>
    `<h1>Labels</h1>${ids.map((id) => `<a href="/label/edit/?id=${id}&amp;url=/label/">label</a>`).join('')}`;
  const select = (ids: readonly number[]) =>
    `<select multiple name="labels">${ids.map((id) => `<option value="${id}">label</option>`).join('')}</select>`;
  const made = (before: readonly number[], id: number): Exchange[] => [
    {
      request: 'POST /label/new/',
      ...form({ name: `label of ${id}` }),
      status: 302,
      answerHeaders: [['Location', '/label/']],
    },
    { request: 'GET /label/', answer: rows([...before, id]), answerHeaders: HTML },
    { request: `GET /label/edit/?id=${id}&url=/label/`, answer: '<form></form>', answerHeaders: HTML },
    { request: 'GET /task/new/', answer: select([...before, id]), answerHeaders: HTML },
    {
      request: 'POST /task/new/',
      ...form({ title: `task of ${id}`, hours: String(id), labels: String(id), 'notes-0-label': String(id) }),
      status: 302,
      answerHeaders: [['Location', '/task/']],
    },
    { request: 'GET /task/', answer: '<h1>Tasks</h1>', answerHeaders: HTML },
  ];
  const { tests } = analyze(record([...made([1], 4), ...made([1, 4], 5), ...made([1, 4, 5], 6)]));
  const links = tests.flatMap(({ request, links = [] }) =>
    links.map((link) => ({ at: `${request.method} ${request.target.slice(0, 6)} ${link.path}`, ...link })),
  );
  const [flow] = links.filter(({ at }) => at === 'GET /label query.id').map((link) => link.flow);
  const at = new Set(links.filter((link) => link.flow === flow).map((link) => link.at));
  expect(at).toContain('GET /task/ body.link["option labels"][].labels');
  expect(at).toContain('POST /task/ body.labels');
  expect(at).toContain('POST /task/ body.notes-0-label');
  expect(links.filter((link) => link.path === 'body.hours')).toEqual([]);
});

test('what a box of a page chooses is told by the link behind it, and sent by the name of the box', () => {
  const rows = (ids: readonly number[]) =>
    `<h1>Shelves</h1>${ids.map((id) => `<input type="checkbox" name="rowid" value="${id}"><a href="/shelf/${id}/edit">shelf</a>`).join('')}`;
  const made = (before: readonly number[], id: number): Exchange[] => [
    {
      request: 'POST /shelf/new',
      ...form({ title: `shelf of ${id}` }),
      status: 302,
      answerHeaders: [['Location', '/shelves']],
    },
    { request: 'GET /shelves', answer: rows([...before, id]), answerHeaders: HTML },
    {
      request: 'POST /shelves/action',
      ...form({ action: 'dust', rowid: String(id) }),
      status: 302,
      answerHeaders: [['Location', '/shelves']],
    },
  ];
  const { tests } = analyze(record([...made([1], 4), ...made([1, 4], 5), ...made([1, 4, 5], 6)]));
  const links = tests.flatMap(({ links: own = [] }) => own);
  expect(links.map(({ path }) => path)).toContain('body.rowid');
  expect(new Set(links.filter(({ path }) => !path.includes('location')).map(({ flow }) => flow)).size).toBe(
    1,
  );
});

test('a number glued to its word is followed, from a redirect and from pages', () => {
  const edit = (id: number): Exchange[] => [
    {
      request: 'POST /issue',
      ...form({ title: `of ${id}` }),
      status: 302,
      answerHeaders: [['Location', `http://127.0.0.1/issue${id}?say=made`]],
    },
    { request: `GET /issue${id}?say=made`, answer: `<a href="msg${id + 20}">note</a>`, answerHeaders: HTML },
    { request: `GET /msg${id + 20}`, answer: `<a href="issue${id}">of</a>`, answerHeaders: HTML },
    {
      request: `POST /issue${id}`,
      ...form({ title: 'other' }),
      status: 302,
      answerHeaders: [['Location', `/issue${id}`]],
    },
  ];
  const { tests } = analyze(record([...edit(5), ...edit(6)]));
  const found = tests.flatMap(({ request, links = [] }) =>
    links.map((link) => `${request.method} ${request.target} ${link.in} ${link.path}`),
  );
  expect(found).toContain('POST /issue response header.location#2!number');
  expect(found).toContain('GET /issue5?say=made request path[0]!number');
  expect(found).toContain('GET /msg25 request path[0]!number');
  expect(found).toContain('POST /issue6 request path[0]!number');
  expect(found).toContain('POST /issue6 response header.location#0!number');
});

test('a number that was asked for before there was such a thing is the service’s once it gives it out', () => {
  const { tests } = analyze(
    record([
      { request: 'GET /issue5', status: 404, answer: 'none', answerHeaders: HTML },
      {
        request: 'POST /issue',
        ...form({ title: 'a' }),
        status: 302,
        answerHeaders: [['Location', '/issue5']],
      },
      { request: 'GET /issue5', answer: 'an issue', answerHeaders: HTML },
    ]),
  );
  expect(tests.at(-1)!.links).toMatchObject([{ in: 'request', path: 'path[0]!number' }]);
});
