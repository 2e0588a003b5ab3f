// Ids inside the texts of answers, in small recordings of a shelf of boxes.
import { expect, test } from 'vitest';
import { type Analysis, analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

/** The links of answers to pieces of texts. */
function pieces({ tests, flows }: Analysis): string[] {
  const nameOf = (id: string) => flows.find((flow) => flow.id === id)!.name;
  const all = tests.flatMap(({ request, endpoint, links = [] }) =>
    links
      .filter((link) => link.in === 'response' && link.path.includes('#'))
      .map(({ path, flow }) => `${request.method} ${endpoint} ${path} of ${nameOf(flow)}`),
  );
  return [...new Set(all)];
}

/** Boxes are made and read; `shown` says what an answer holds beside the id. */
function boxes(ids: readonly number[], shown: (id: number) => object, body: object = {}): Exchange[] {
  return ids.flatMap((id) => [
    { request: 'POST /boxes', body, status: 201, answer: { id } },
    { request: `GET /boxes/${id}`, answer: { box: { id, ...shown(id) } } },
  ]);
}

test('a piece of a text that is always the id beside it belongs to the flow of that id', () => {
  const place = (id: number) => `file:///var/boxes/${id}/lid`;
  const analysis = analyze(
    record([
      ...boxes([7, 8], (id) => ({ place: place(id) })),
      { request: 'GET /boxes', answer: { boxes: [8, 7].map((id) => ({ id, place: place(id) })) } },
    ]),
  );
  expect(pieces(analysis)).toEqual([
    'GET /boxes/{id} body.box.place#3 of POST /boxes body.id',
    'GET /boxes body.boxes[].place#3 of POST /boxes body.id',
  ]);
  expect(analysis.flows[0]!.places).toContainEqual({
    ...{ method: 'GET', endpoint: '/boxes', in: 'response', path: 'body.boxes[].place#3' },
    ...{ role: 'echo', count: 2 },
  });
});

test('what the path asked for is found again in a header', () => {
  const named = boxes([7, 8], () => ({})).map((exchange) =>
    exchange.request.startsWith('GET')
      ? {
          ...exchange,
          answerHeaders: [['content-disposition', `attachment; filename=${exchange.request.slice(11)}`]] as [
            string,
            string,
          ][],
        }
      : exchange,
  );
  expect(pieces(analyze(record(named)))).toEqual([
    'GET /boxes/{id} header.content-disposition#2 of POST /boxes body.id',
  ]);
});

test('texts of one name help each other to two values, and one value alone is none', () => {
  const once = (id: number, path: string): Exchange[] => [
    { request: 'POST /boxes', status: 201, answer: { id } },
    { request: `GET ${path}/${id}`, answer: { id, place: `shelf/${id}` } },
  ];
  expect(pieces(analyze(record([...once(7, '/boxes'), ...once(8, '/open-boxes')])))).toHaveLength(2);
  expect(pieces(analyze(record([...once(7, '/boxes'), ...boxes([8, 9], () => ({}))])))).toEqual([]);
});

test('in a list it is the id of the same element', () => {
  const answer = {
    boxes: [
      { id: 7, next: 'shelf/8' },
      { id: 8, next: 'shelf/7' },
    ],
  };
  expect(pieces(analyze(record([...boxes([7, 8], () => ({})), { request: 'GET /boxes', answer }])))).toEqual(
    [],
  );
});

test('a text of the service that clients send back stays its own', () => {
  const moved = boxes([7, 8], (id) => ({ place: `shelf/${id}` })).flatMap((exchange, i): Exchange[] =>
    i % 2 === 0
      ? [exchange]
      : [exchange, { request: 'POST /moves', body: { from: `shelf/${i === 1 ? 7 : 8}` } }, exchange],
  );
  expect(pieces(analyze(record(moved)))).toEqual(['GET /boxes/{id} body.box.place#1 of POST /boxes body.id']);
});

test('a piece that is the id in some samples only, and a text of the client, belong to no flow', () => {
  const other = boxes([7, 8, 9], (id) => ({ place: `shelf/${id === 9 ? 7 : id}` }));
  expect(pieces(analyze(record(other)))).toEqual([]);
  const own = [7, 8, 9].flatMap((id) => boxes([id], () => ({ note: `like ${id}` }), { note: `like ${id}` }));
  expect(pieces(analyze(record(own)))).toEqual([]);
});
