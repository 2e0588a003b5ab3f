// Numbers of several counters of one service, in small recordings of a library of texts.
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

/** By name of the flow, its places in requests and answers, `GET /texts/{id} body.textId`. */
function placesOf(exchanges: readonly Exchange[]): Record<string, string[]> {
  const { flows } = analyze(record(exchanges));
  return Object.fromEntries(
    flows.map(({ name, places }) => [name, places.map((at) => `${at.method} ${at.endpoint} ${at.path}`)]),
  );
}

const written = (n: number, textId: number, leafId: number): Exchange[] => [
  { request: 'POST /books', body: { n }, status: 201, answer: { textId, leafId, n } },
  { request: `GET /texts/${textId}`, answer: { text: 'one' } },
  { request: `GET /leaves/${leafId}`, answer: { text: 'two' } },
];

test('two numbers that one thing gets at once are of two counters, however often they are equal', () => {
  const places = placesOf([
    ...[written(1, 1, 1), written(2, 2, 2), written(3, 3, 3), written(4, 4, 5)].flat(),
    ...[written(5, 5, 6), written(6, 6, 7)].flat(),
    // Its number is known of the other counter.
    { request: 'POST /books/copies', body: { of: 'all' }, status: 201, answer: { textId: 7, leafId: 9 } },
  ]);
  expect(places['POST /books body.textId']).toEqual([
    'GET /texts/{id} path[1]',
    'POST /books body.textId',
    'POST /books/copies body.textId',
  ]);
  expect(places['POST /books body.leafId']).toContain('POST /books/copies body.leafId');
  expect(places['POST /books body.leafId']).not.toContain('POST /books body.textId');
});

test('where too few values came to tell, a place holds what others of its name hold', () => {
  const users = [2, 3, 5, 6];
  const places = placesOf([
    ...users.map(
      (id): Exchange => ({ request: 'POST /users', body: { n: id }, status: 201, answer: { id } }),
    ),
    { request: 'GET /notes', answer: users.map((id) => ({ text: 'one', writtenBy: { id } })) },
    { request: 'GET /newest', answer: { items: [{ text: 'one', writtenBy: { id: 3 } }] } },
    { request: 'GET /largest', answer: { items: [{ text: 'one', size: { id: 3 } }] } },
    { request: 'GET /users/3', answer: { id: 3 } },
  ]);
  expect(places['POST /users body.id']).toContain('GET /notes body[].writtenBy.id');
  expect(places['POST /users body.id']).toContain('GET /newest body.items[].writtenBy.id');
  expect(places['POST /users body.id']).not.toContain('GET /largest body.items[].size.id');
});

const edition = (n: number, id: number): Exchange[] => [
  { request: 'POST /books/dune/editions', body: { n }, status: 201, answer: { id } },
  { request: `GET /books/dune/editions/${n}`, answer: { edition: n, id, text: 'one' } },
  { request: `GET /books/dune/editions/${n}/text`, answer: { text: 'one' } },
];

test('what a thing is asked for by is not its id when the answer has another one', () => {
  const places = placesOf([edition(1, 1), edition(2, 2), edition(3, 5), edition(4, 6)].flat());
  expect(places['POST /books/dune/editions body.id']).toEqual([
    'GET /books/dune/editions/{id} body.id',
    'POST /books/dune/editions body.id',
  ]);
});

test('places of requests below one path vote together, and what was not found does not count', () => {
  const places = placesOf([
    ...[edition(1, 3), edition(2, 4), edition(3, 7), edition(4, 8)].flat(),
    { request: 'GET /prints/ids/3', answer: { text: 'one' } },
    { request: 'GET /prints/ids/4', answer: { text: 'two' } },
    { request: 'GET /prints/ids/999999', status: 404, answer: { error: 'none' } },
    { request: 'GET /prints/ids/7/readers', answer: [] },
  ]);
  expect(places['POST /books/dune/editions body.id']).toContain('GET /prints/ids/{id} path[2]');
  expect(places['POST /books/dune/editions body.id']).toContain('GET /prints/ids/{id}/readers path[2]');
});

test('an author’s name beside equal numbers of two counters does not make them one', () => {
  const authors = ['Hana Lopez', 'Nadia Abel'];
  const made = (kind: string, id: number, author: string): Exchange => ({
    request: `POST /books/dune/${kind}`,
    body: { n: id },
    status: 201,
    answer: { id, author },
  });
  const places = placesOf([
    ...[1, 2, 3, 4, 5].flatMap((n) => {
      const author = authors[n % 2]!;
      return n === 5
        ? [made('reviews', n, author)]
        : [made('sketches', n, author), made('reviews', n, author)];
    }),
    ...[2, 3, 5].map((id): Exchange => ({ request: `GET /reviews/${id}`, answer: { id, text: 'one' } })),
  ]);
  expect(places['POST /books/dune/reviews body.id']).toEqual([
    'GET /reviews/{id} path[1]',
    'GET /reviews/{id} body.id',
    'POST /books/dune/reviews body.id',
  ]);
});

test('words of one thing alone make its numbers one, whoever wrote it', () => {
  const thing = (id: number) => ({ id, author: 'Hana Lopez', title: `book no. ${id}` });
  const places = placesOf([
    ...[4, 5, 6].map((id): Exchange => ({ request: 'POST /books', body: { n: id }, answer: thing(id) })),
    { request: 'GET /shelf', answer: { goods: [thing(4), thing(5), thing(6)] } },
  ]);
  expect(places['POST /books body.id']).toContain('GET /shelf body.goods[].id');
});

test('what the request named is not what is inside of it, as the words beside both say', () => {
  const alert = (n: number, ban: number) => ({
    bans: [{ id: ban, address: `10.0.0.${ban}` }],
    id: n,
    text: `${'x'.repeat(n)} is awake`,
  });
  const pairs = [
    [1, 1],
    [2, 2],
    [3, 4],
    [4, 3],
    [5, 5],
  ] as const;
  const places = placesOf([
    ...pairs.flatMap(([n, ban]): Exchange[] => [
      { request: 'POST /alerts', body: { n }, status: 201, answer: [String(n)] },
      { request: `GET /alerts/${n}`, answer: alert(n, ban) },
    ]),
    { request: 'DELETE /bans/5', answer: { gone: true } },
  ]);
  expect(places['POST /alerts body[]']).toEqual([
    'GET /alerts/{id} path[1]',
    'GET /alerts/{id} body.id',
    'POST /alerts body[]',
  ]);
  expect(places['GET /alerts/{id} body.bans[].id']).toContain('DELETE /bans/{id} path[1]');
});

test('a reference that stands before the id it names, in the answer that makes the thing, is that id', () => {
  const places = placesOf([
    // Numbers of other kinds are known by then.
    ...['users', 'columns'].flatMap((kind) =>
      [1, 2, 3].map((id): Exchange => ({ request: `POST /${kind}`, body: { n: id }, answer: { id } })),
    ),
    ...[1, 2, 3].flatMap((id): Exchange[] => [
      { request: 'POST /run', body: { n: id }, answer: { query_id: id, query: { queryId: id } } },
      { request: `GET /queries/${id}`, answer: { id, sql: `SELECT ${id}` } },
    ]),
  ]);
  expect(places['POST /run body.query.queryId']).toContain('POST /run body.query_id');
});
