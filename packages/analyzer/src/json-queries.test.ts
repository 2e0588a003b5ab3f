// Ids that do not look generated, in queries that are JSON inside of a URL, in paths inside of a batch, and in its answer.
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

const IDS = ['x7Kq2mZw9P', 'b3TnY8sLd1', 'Q5rfG0jHu6', 'vN4cW2eXa8', 'h9Zs1KdPt3', 'm6Lq0RvBy7'];
const where = (query: object) => encodeURIComponent(JSON.stringify(query));

const owners: Exchange[] = IDS.slice(0, 4).flatMap((id, n): Exchange[] => [
  { request: 'POST /owners', body: { name: `n${n}` }, status: 201, answer: { objectId: id } },
  { request: `GET /owners/${id}`, answer: { objectId: id, name: `n${n}` } },
]);

const placesOf = (exchanges: readonly Exchange[], path: RegExp) =>
  analyze(record(exchanges)).flows.flatMap((flow) =>
    flow.places.filter((at) => path.test(at.path)).map((at) => `${flow.name}: ${at.in} ${at.path}`),
  );

test('a value inside of JSON is followed where it stands there, whatever stands before it', () => {
  const asked = IDS.slice(0, 4).map((id, n): Exchange => {
    const before = n % 2 === 0 ? { rank: n, title: 'a, b' } : {};
    const query = where({ ...before, owner: { kind: 'Pointer', objectId: id } });
    return { request: `GET /games?where=${query}`, answer: { results: [] } };
  });
  const some = where({ objectId: { $in: IDS.slice(0, 3) } });
  const found = placesOf(
    [...owners, ...asked, { request: `GET /owners?where=${some}`, answer: [] }],
    /!json/,
  );
  expect(found).toEqual([
    'POST /owners body.objectId: request query.where!json.owner.objectId',
    'POST /owners body.objectId: request query.where!json.objectId.$in[]',
  ]);
});

test('what a batch makes is of the kind as which it is asked for', () => {
  const batch: Exchange = {
    request: 'POST /batch',
    body: {
      requests: [
        { method: 'POST', path: '/owners' },
        ...IDS.slice(0, 3).map((id) => ({ method: 'DELETE', path: `/owners/${id}` })),
        { method: 'DELETE', path: '/owners/never1There' },
      ],
    },
    answer: [{ success: { objectId: IDS[4] } }, { success: { objectId: IDS[5] } }],
  };
  const later = [IDS[4], IDS[5]].map(
    (id): Exchange => ({ request: `GET /owners/${id}`, answer: { objectId: id } }),
  );
  expect(placesOf([...owners, batch, ...later], /success|requests/)).toEqual([
    'POST /owners body.objectId: request body.requests[].path#1',
    'POST /owners body.objectId: response body[].success.objectId',
  ]);
});

test('kinds of things that share numbers stay apart', () => {
  const made = (kind: string, id: number): Exchange => ({
    ...{ request: `POST /${kind}`, body: { of: kind }, status: 201 },
    answer: { id },
  });
  const { flows } = analyze(
    record([
      ...[made('cats', 7), made('dogs', 8), made('cats', 9), made('dogs', 10)],
      ...[7, 9, 8].map((id): Exchange => ({ request: `GET /cats/${id}`, answer: { id } })),
      ...[8, 10].map((id): Exchange => ({ request: `GET /dogs/${id}`, answer: { id } })),
    ]),
  );
  expect(flows.map(({ name }) => name)).toEqual(['POST /cats body.id', 'POST /dogs body.id']);
});
