import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, jwtOf, record } from './exchanges.fixture.ts';

const put = (id: string): Exchange => ({
  request: `PUT /things/${id}`,
  body: { state: 'done' },
  answer: { id },
});
const list: Exchange = { request: 'GET /things', answer: [{ id: 'thing-a' }, { id: 'thing-b' }] };
const long = (exchange: Exchange): Exchange => ({ ...exchange, change: { durationUs: 60_000 } });

test('a test knows the things that others were writing while it was under way, and no others', () => {
  const { tests } = analyze(record([put('thing-a'), long(list), put('thing-b'), list, put('thing-a')]));
  expect(tests.map(({ beside }) => beside)).toEqual([
    undefined,
    ['thing-b', '/things/thing-b'],
    undefined,
    undefined,
    undefined,
  ]);
});

test('what a client made the id of is known by it, where the answer says nothing', () => {
  const id = '7bb8e0819cc5e49d';
  const take = (answer: unknown): Exchange => ({
    ...{ request: 'POST /events', status: 202, answer },
    body: [{ id, traceId: '31e22a9911181172', color: '5266c1ac9f03d7a2', name: 'query' }],
  });
  const besides = (answer: unknown) => analyze(record([long(list), take(answer)])).tests[0]!.beside;
  expect(besides('')).toEqual([id, '31e22a9911181172']);
  expect(besides({ id: 'batch-4' })).toEqual(['batch-4']);
});

test('what a mutation of GraphQL made is known by its id', () => {
  const make: Exchange = {
    request: 'POST /graphql',
    body: { query: 'mutation Add { addNote { id author { id } } }' },
    answer: { data: { addNote: { id: 'note-7', author: { id: 'ann-1' } } } },
  };
  const { tests } = analyze(record([long(list), make]));
  expect(tests[0]!.beside).toEqual(['note-7']);
});

test('what shows no id is known by its address', () => {
  const href = 'http://a.example/api/things/7{?view}';
  const make: Exchange = {
    ...{ request: 'POST /api/things', body: { state: 'new' }, status: 201 },
    answer: { state: 'new', _links: { self: { href } } },
  };
  const { tests } = analyze(record([long({ request: 'GET /api/report', answer: { things: 0 } }), make]));
  expect(tests[0]!.beside).toEqual(['/api/things/7']);
});

test('a number is of its kind of thing: an answer without such things knows no other by it', () => {
  const rename = (n: number): Exchange => ({ request: `PUT /tags/${n}`, body: { n }, answer: { id: n } });
  const users: Exchange = { request: 'GET /users', answer: [{ id: 3 }, { id: 4 }] };
  const posts: Exchange = { request: 'GET /posts', answer: [{ id: 9, tag: { id: 3 } }] };
  const { tests } = analyze(record([rename(3), long(users), rename(3), long(posts), rename(3)]));
  expect(tests.map(({ beside }) => beside)).toEqual([
    undefined,
    ['tag=3', '/tags/3'],
    undefined,
    ['3', '/tags/3'],
    undefined,
  ]);
});

test('a write knows those of another write, and reads say nothing of each other', () => {
  const { tests } = analyze(record([long(put('thing-a')), put('thing-b'), long(list), list]));
  expect(tests.map(({ beside }) => beside)).toEqual([
    ['thing-b', '/things/thing-b'],
    ['thing-a', '/things/thing-a'],
    undefined,
    undefined,
  ]);
});

test('of two writes alike at once the one that broke off is no test', () => {
  const file = (name: string, status: number, body: object = { text: 'x' }): Exchange => ({
    ...{ request: `POST /files/notes/${name}`, status, body, answer: { status } },
  });
  const statuses = (...exchanges: Exchange[]) =>
    analyze(record(exchanges)).tests.map(({ response }) => response.status);
  expect(statuses(long(file('a', 201)), file('b', 500))).toEqual([201]);
  expect(statuses(long(file('a', 500)), file('b', 201))).toEqual([201]);
  expect(statuses(file('a', 201), file('b', 500))).toEqual([201, 500]);
  expect(statuses(long(file('a', 201)), file('b', 422))).toEqual([201, 422]);
  expect(statuses(long(file('a', 500)), file('b', 500))).toEqual([500, 500]);
  expect(statuses(long(file('a', 201)), file('b', 500, { words: 1 }))).toEqual([201, 500]);
  expect(statuses(long(file('a', 201)), { ...file('b', 500), request: 'PUT /files/notes/b' })).toEqual([
    201, 500,
  ]);
  const { counts } = analyze(record([long(file('a', 201)), file('b', 500)]));
  expect(counts.skipped).toEqual({ 'failed beside another write that was taken': 1 });
});

test('a user’s own id that stands inside their token belongs to its flow', () => {
  const join = (id: number): Exchange => ({
    ...{ request: 'POST /join', body: { name: `user ${id}` } },
    answer: { jwt: jwtOf({ id, scope: 'all' }), user: { id } },
  });
  const ask = (id: number): Exchange => ({ request: `GET /users/${id}`, answer: { id } });
  const { tests } = analyze(record([2, 3, 4].flatMap((id) => [join(id), ask(id)])));
  const links = tests.find(({ endpoint }) => endpoint === '/join')!.links!;
  const flows = new Set(links.map(({ flow }) => flow));
  expect([flows.size, links.map(({ path }) => path).sort()]).toEqual([
    1,
    ['body.jwt!jwt.id', 'body.user.id'],
  ]);
});
