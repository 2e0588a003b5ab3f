// What is followed as a flow, and what is not, in small recordings.
import { describe, expect, test } from 'vitest';
import { type Analysis, analyze } from './analyze.ts';
import { type Exchange, record, START_US, secretOf } from './exchanges.fixture.ts';

/** The places of all flows, `POST /orders response body.id`. */
function places({ flows }: Analysis): string[] {
  return flows.flatMap((flow) =>
    flow.places.map((at) => `${at.method} ${at.endpoint} ${at.in} ${at.path} ${at.role}`),
  );
}

function linksOf(analysis: Analysis, method: string, endpoint: string): string[] {
  const found = analysis.tests.find((t) => t.request.method === method && t.endpoint === endpoint);
  return (found?.links ?? []).map((link) => `${link.in} ${link.path}`);
}

const orders: Exchange[] = [
  { request: 'GET /orders', answer: { items: [], total: 0 } },
  {
    request: 'POST /orders',
    body: { sku: 'tea', quantity: 2 },
    status: 201,
    answer: { id: 17, status: 'open', quantity: 2 },
  },
  { request: 'GET /orders/17', answer: { id: 17, status: 'open', quantity: 2 } },
  {
    request: 'POST /orders',
    body: { sku: 'mug', quantity: 1 },
    status: 201,
    answer: { id: 18, status: 'open', quantity: 1 },
  },
  { request: 'GET /orders/18', answer: { id: 18, status: 'open', quantity: 1 } },
  {
    request: 'GET /orders',
    answer: {
      items: [
        { id: 17, quantity: 2 },
        { id: 18, quantity: 1 },
      ],
      total: 2,
    },
  },
  {
    request: 'POST /payments',
    body: { orderId: 18, amount: 18 },
    status: 201,
    answer: { id: 1, order_id: 18, amount: 18 },
  },
  { request: 'DELETE /orders/17', status: 204 },
];

describe('a serial id', () => {
  const analysis = analyze(record(orders));

  test('is followed from where it is made to paths, bodies, lists and references, as a number and as text', () => {
    const [flow] = analysis.flows.filter(({ name }) => name.startsWith('POST /orders'));
    expect(flow).toMatchObject({ name: 'POST /orders body.id', kind: 'serial', values: 2, enabled: true });
    expect(flow!.places.map((at) => `${at.method} ${at.endpoint} ${at.in} ${at.path} ${at.role}`)).toEqual([
      'DELETE /orders/{id} request path[1] consumer',
      'GET /orders response body.items[].id echo',
      'GET /orders/{id} request path[1] consumer',
      'GET /orders/{id} response body.id echo',
      'POST /orders response body.id producer',
      'POST /payments request body.orderId consumer',
      'POST /payments response body.order_id echo',
    ]);
    expect(linksOf(analysis, 'GET', '/orders/{id}')).toEqual(['request path[1]', 'response body.id']);
    expect(flow!.evidence).toContain('2 values made at POST /orders body.id');
  });

  test('is not confused with quantities, amounts, totals and statuses of the same value', () => {
    expect(places(analysis).filter((place) => /quantity|amount|total|status/.test(place))).toEqual([]);
  });

  test('of one thing is not that of another which happens to be equal', () => {
    const [flow] = analysis.flows.filter(({ name }) => name.startsWith('POST /payments'));
    expect(flow).toBe(undefined);
    expect(linksOf(analysis, 'POST', '/payments')).not.toContain('response body.id');
  });

  test('keeps its name when the recording is analyzed again', () => {
    expect(analyze(record(orders)).flows.map(({ id }) => id)).toEqual(analysis.flows.map(({ id }) => id));
  });
});

test('ids that a fresh database holds anyway are nobody’s product', () => {
  const analysis = analyze(
    record([
      { request: 'GET /products', answer: [{ id: 1 }, { id: 2 }, { id: 3 }] },
      { request: 'GET /products/2', answer: { id: 2 } },
      { request: 'GET /products/3', answer: { id: 3 } },
      {
        request: 'POST /cart',
        body: { productId: 3, quantity: 1 },
        status: 201,
        answer: { items: [{ productId: 3 }] },
      },
    ]),
  );
  expect(analysis.flows).toEqual([]);
});

test('a slug is followed, its path is one endpoint, and actions beside it stay as they are', () => {
  const article = (slug: string, n: number) => ({ article: { slug, title: `T${n}`, favoritesCount: n } });
  const analysis = analyze(
    record([
      { request: 'GET /api/articles/feed', answer: { articles: [] } },
      {
        request: 'POST /api/articles',
        body: { article: { title: 'How to brew' } },
        status: 201,
        answer: article('how-to-brew-tea', 0),
      },
      { request: 'GET /api/articles/how-to-brew-tea', answer: article('how-to-brew-tea', 0) },
      {
        request: 'POST /api/articles/how-to-brew-tea/comments',
        body: { comment: { body: 'a' } },
        answer: { comment: { id: 4, body: 'a' } },
      },
      { request: 'DELETE /api/articles/how-to-brew-tea/comments/4', status: 204 },
      { request: 'GET /api/articles/feed', answer: { articles: [{ slug: 'how-to-brew-tea' }] } },
    ]),
  );
  expect(analysis.tests.map(({ endpoint }) => endpoint)).toEqual([
    '/api/articles/feed',
    '/api/articles',
    '/api/articles/{id}',
    '/api/articles/{id}/comments',
    '/api/articles/{id}/comments/{id}',
    '/api/articles/feed',
  ]);
  expect(linksOf(analysis, 'GET', '/api/articles/{id}')).toEqual([
    'request path[2]',
    'response body.article.slug',
  ]);
  const removing = analysis.tests.find(({ request }) => request.method === 'DELETE')!;
  const [slug, comment] = removing.links!;
  expect([slug!.path, comment!.path]).toEqual(['path[2]', 'path[4]']);
  expect(slug!.flow).not.toBe(comment!.flow);
});

test('an id in Location is followed when the body says nothing', () => {
  const analysis = analyze(
    record([
      { request: 'POST /jobs', body: { n: 1 }, status: 201, answerHeaders: [['Location', '/jobs/41']] },
      { request: 'GET /jobs/41', answer: { state: 'done' } },
    ]),
  );
  expect(linksOf(analysis, 'POST', '/jobs')).toEqual(['response header.location#1']);
  expect(linksOf(analysis, 'GET', '/jobs/{id}')).toEqual(['request path[1]']);
});

test('cursors are followed into the query that takes them, page numbers are not', () => {
  const page = (next: string | null, nextPage: number) => ({ items: [], next_cursor: next, nextPage });
  const analysis = analyze(
    record([
      { request: 'GET /log?page=1', answer: page('YWZ0ZXI6Mjc', 2) },
      { request: 'GET /log?page=2&cursor=YWZ0ZXI6Mjc', answer: page('YWZ0ZXI6NTQ', 3) },
      { request: 'GET /log?page=3&cursor=YWZ0ZXI6NTQ', answer: page(null, 4) },
    ]),
  );
  expect(linksOf(analysis, 'GET', '/log')).toEqual(['request query.cursor', 'response body.next_cursor']);
});

test('node ids of a graph are followed through variables of operations behind one endpoint', () => {
  const ask = (query: string, variables: object) => ({ query, variables });
  const analysis = analyze(
    record([
      {
        request: 'POST /graphql',
        body: ask('mutation Add($t: String!) { addNote(text: $t) { id } }', { t: 'x' }),
        answer: { data: { addNote: { id: 'Tm90ZTox' } } },
      },
      {
        request: 'POST /graphql',
        body: ask('query One($id: ID!) { note(id: $id) { id text } }', { id: 'Tm90ZTox' }),
        answer: { data: { note: { id: 'Tm90ZTox', text: 'x' } } },
      },
    ]),
  );
  expect(analysis.tests.map(({ links }) => links?.map(({ in: side, path }) => `${side} ${path}`))).toEqual([
    ['response body.data.addNote.id'],
    ['request body.variables.id', 'response body.data.note.id'],
  ]);
});

test('prices, names and pages that a client repeats are no flow', () => {
  const shop: Exchange[] = [1, 2, 3, 4].flatMap((n): Exchange[] => [
    {
      request: `GET /teas?page=${n}`,
      answer: { page: n, teas: [{ name: `Tea ${n}`, price: 100 + n, color: 'green' }] },
    },
    {
      request: 'POST /offers',
      body: { name: `Tea ${n}`, price: 100 + n, color: 'green', page: n },
      status: 201,
      answer: { ok: true, price: 100 + n },
    },
  ]);
  expect(analyze(record(shop)).flows).toEqual([]);
});

test('what looks generated is a token and no flow', () => {
  const id = secretOf('x');
  const analysis = analyze(
    record([
      { request: 'POST /links', body: {}, status: 201, answer: { code: id } },
      { request: `GET /links/${id}`, answer: { ok: true } },
    ]),
  );
  expect(analysis.tokens.map(({ value }) => value)).toEqual([id]);
  expect(analysis.flows).toEqual([]);
});

test('what a link of a page carries for whoever follows it is followed into their request', () => {
  const page = (tab: string) =>
    `<html><body><form method="post" action="/login?client_id=web&amp;tab_id=${tab}"><input name="user"></form></body></html>`;
  const visit = (tab: string): Exchange[] => [
    { request: 'GET /auth?client_id=web', answer: page(tab), answerHeaders: [['Content-Type', 'text/html']] },
    { request: `POST /login?client_id=web&tab_id=${tab}`, body: { user: 'ann' }, status: 302 },
  ];
  const analysis = analyze(record(['zOqFgENsVmg', 'RqOsFUPzwOa', 'kKqPoxTzEvm'].flatMap(visit)));
  expect(linksOf(analysis, 'POST', '/login')).toEqual(['request query.tab_id']);
  const [link] = analysis.tests[0]!.links!;
  expect(link).toMatchObject({ in: 'response', flow: analysis.tests[1]!.links![0]!.flow });
});

describe('things that are told apart by what stands beside their ids', () => {
  const user = (id: number) => ({ id, username: `reader-${7 * id}x`, email: null });
  const recording: Exchange[] = [
    ...[2, 3, 4].map(
      (id): Exchange => ({ request: 'POST /admin', body: { n: id }, status: 201, answer: user(id) }),
    ),
    ...[2, 3, 4].map(
      (id): Exchange => ({ request: 'POST /login', body: { n: id }, answer: { ...user(id), at: 'home' } }),
    ),
    {
      request: 'GET /roles',
      answer: [2, 3, 4].map((id) => ({ id, username: `keeper of room ${id}`, title: `Role ${id}` })),
    },
  ];
  const analysis = analyze(record(recording));

  test('the same thing under other names is one flow', () => {
    const [flow, ...others] = analysis.flows.map((one) =>
      one.places.map(({ endpoint, path }) => `${endpoint} ${path}`),
    );
    expect(flow).toEqual(['/admin body.id', '/login body.id']);
    expect(others).toEqual([]);
  });

  test('a reference whose name ends with that of the thing belongs to it, from two values on', () => {
    const users = [2, 3].map(
      (id): Exchange => ({
        request: `POST /users`,
        body: { n: id },
        status: 201,
        answer: user(id),
        answerHeaders: [['Location', `${id}`]],
      }),
    );
    const { tests } = analyze(
      record([
        ...users,
        { request: 'GET /log', answer: [2, 3].map((n) => ({ createdByUserId: n, size: n })) },
      ]),
    );
    expect(tests.map(({ links }) => links?.map(({ path }) => path))).toEqual([
      ...[['body.id', 'header.location'], ['body.id', 'header.location'], ['body[].createdByUserId']],
    ]);
  });

  test('equal numbers of other things are none of it', () => {
    expect(linksOf(analysis, 'GET', '/roles')).toEqual([]);
  });
});

test('ids that only answers show are followed when their object was made during the recording', () => {
  const at = (id: number) => ({ id, createdAt: new Date(START_US / 1000 + id).toISOString() });
  const old = (id: number) => ({ id, createdAt: '2020-01-01T00:00:00.000Z' });
  const read = (name: string, make: (id: number) => object): Exchange[] => [
    { request: `GET /${name}/of/me`, answer: { [name]: [make(9), make(7)] } },
    { request: `GET /${name}`, answer: { [name]: [make(9), make(8), make(7)] } },
  ];
  const analysis = analyze(record([...read('events', at), ...read('cities', old)]));
  expect(analysis.flows.map(({ name }) => name)).toEqual(['GET /events/of/me body.events[].id']);
  expect(linksOf(analysis, 'GET', '/events')).toEqual(['response body.events[].id']);
});

test('an id inside a text that queries is of the flow, whatever it looks like', () => {
  const ids = ['umiezgh341zlvaq', 'fob6pvn6yrwtpib', 'kfacqqyvvpemkek7'];
  const analysis = analyze(
    record(
      ids.flatMap((id): Exchange[] => [
        { request: 'POST /projects', body: { n: 1 }, status: 201, answer: { id } },
        {
          request: `GET /tasks?filter=${encodeURIComponent(`project = "${id}" && points >= 3`)}`,
          answer: [],
        },
      ]),
    ),
  );
  expect(linksOf(analysis, 'GET', '/tasks')).toEqual(['request query.filter#1']);
});

test('keys of key-value pairs are names and no ids', () => {
  const tags = [{ key: 'run-name-1', value: 'a' }];
  const analysis = analyze(
    record([
      { request: 'POST /runs', body: { n: 1 }, status: 201, answer: { tags } },
      { request: 'GET /runs', answer: { runs: [{ tags }] } },
    ]),
  );
  expect(analysis.flows).toEqual([]);
});

test('a number in the query of a link is no id of a thing called like its key', () => {
  const picture = 'https://pictures.example/a?s=42&d=retro';
  const analysis = analyze(
    record([
      { request: 'POST /people', body: { n: 1 }, status: 201, answer: { picture } },
      { request: 'GET /people', answer: [{ picture }] },
    ]),
  );
  expect(analysis.flows).toEqual([]);
});

test('a name that a client chose is no flow, under whatever name an audit shows it', () => {
  const audit = (...names: string[]) => ({
    records: names.map((correlationId, i) => ({ n: `at ${i}`, correlationId })),
  });
  const job = (name: string): Exchange => ({ request: 'POST /jobs', body: { name, size: 3 }, answer: {} });
  const analysis = analyze(
    record([
      { request: 'GET /audit', answer: audit() },
      job('nightly-31'),
      job('weekly-27'),
      { request: 'GET /audit', answer: audit('nightly-31', 'weekly-27') },
      job('hourly-45'),
      { request: 'GET /audit', answer: audit('nightly-31', 'weekly-27', 'hourly-45') },
      { request: 'GET /audit/latest', answer: { correlationId: 'hourly-45' } },
    ]),
  );
  expect(places(analysis)).toEqual([]);
});

describe('a number under the name of a kind of thing', () => {
  const label = (id: number): Exchange => ({
    request: 'POST /labels',
    body: { name: `l${id}` },
    answer: { id },
  });
  const issue = (labels: number[], amount: number): Exchange => ({
    ...{ request: 'POST /issues', body: { title: 'x', labels, amount } },
    answer: { id: 40 + amount, amount },
  });

  test('is a reference where it is always the id of one, and not otherwise', () => {
    const linked = [label(3), label(4), issue([3, 4], 3), issue([4], 4)];
    expect(linksOf(analyze(record(linked)), 'POST', '/issues')).toContain('request body.labels[]');
    expect(linksOf(analyze(record(linked)), 'POST', '/issues')).not.toContain('request body.amount');
    const unlinked = [label(3), label(4), issue([3, 9], 3), issue([4], 4)];
    expect(linksOf(analyze(record(unlinked)), 'POST', '/issues')).not.toContain('request body.labels[]');
  });
});

test('other ids of things, `rowId`, are of their things, and references of the thing whose values they cover', () => {
  const people: Exchange[] = [1, 2, 3].map((rowId) => ({
    ...{ request: 'POST /people', body: { name: `p${rowId}` }, status: 201 },
    answer: { person: { rowId } },
  }));
  const topics: Exchange[] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((rowId) => ({
    ...{ request: 'POST /topics', body: { topic: { authorId: (rowId % 3) + 1 } }, status: 201 },
    answer: { topic: { rowId } },
  }));
  const replies: Exchange[] = [1, 2, 3, 8, 12].map((topicId) => ({
    ...{ request: 'POST /replies', body: { reply: { topicId, authorId: (topicId % 3) + 1 } }, answer: {} },
  }));
  const { flows } = analyze(record([...people, ...topics, ...replies]));
  const flowOf = (path: string) => flows.find((flow) => flow.places.some((place) => place.path === path));
  expect(flowOf('body.topic.rowId')).toMatchObject({ kind: 'serial', values: 12 });
  expect(flowOf('body.reply.topicId')).toBe(flowOf('body.topic.rowId'));
  expect(flowOf('body.topic.authorId')).toBe(flowOf('body.person.rowId'));
  expect(flowOf('body.reply.authorId')).toBe(flowOf('body.person.rowId'));
  expect(flowOf('body.person.rowId')).not.toBe(flowOf('body.topic.rowId'));
});

test('ids that were read before any answer was known to make such are of the same things', () => {
  const me = (id: number): Exchange => ({ request: 'GET /me', answer: { customer: { id } } });
  const order = (id: number): Exchange => ({
    request: 'POST /orders',
    answer: { customer: { id }, ok: true },
  });
  const [first, ...others] = [5, 6].map((n): Exchange => ({ request: 'POST /register', body: { n } }));
  const linksAfter = (reads: Exchange[]) =>
    linksOf(analyze(record([first!, ...others, ...reads, order(5), order(6)])), 'GET', '/me');
  expect(linksAfter([me(5), me(6)])).toEqual(['response body.customer.id']);
  expect(linksAfter([me(5), me(1)])).toEqual([]);
});
