// What users edit holds in every later analysis.
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { EditBook, GivenEdits, SnapshotEdits } from './edits.ts';
import { record, uuidOf } from './exchanges.fixture.ts';

const recording = record([
  { request: 'POST /notes', body: { n: 1 }, status: 201, answer: { id: uuidOf('n'), number: 5, load: 0.5 } },
  {
    request: `GET /notes/${uuidOf('n')}`,
    answer: { id: uuidOf('n'), number: 5, load: 0.5, tags: ['a', 'b'] },
  },
  {
    request: `GET /notes/${uuidOf('n')}`,
    answer: { id: uuidOf('n'), number: 5, load: 0.7, tags: ['b', 'a'] },
  },
  { request: 'POST https://mail.example/send', direction: 'OUT', body: { to: 'x' }, answer: { ok: true } },
  { request: 'GET /people/ann-of-green-gables', answer: { ok: true } },
]);
const plain = analyze(recording);
const edited = (edits: object) => analyze(recording, SnapshotEdits.parse(edits));
const reading = { method: 'GET', endpoint: '/notes/{id}' };

test('tokens and flows are switched off by their ids, and stay in their files', () => {
  const [token, flow] = [plain.tokens[0]!, plain.flows[0]!];
  const { tokens, flows, tests } = edited({ tokens: { [token.id]: false }, flows: { [flow.id]: false } });
  expect(tokens).toEqual([{ ...token, enabled: false }]);
  expect(flows).toEqual([{ ...flow, enabled: false }]);
  expect(plain.tests[0]!.links).toEqual([{ in: 'response', path: 'body.number', flow: flow.id }]);
  expect(tests[0]!.links).toBe(undefined);
});

test('volatile leaves and arrays without an order are added and refused, where it is said', () => {
  expect(plain.tests[1]!.volatile.map(({ path }) => path)).toEqual(['body.load']);
  expect(plain.tests[1]!.unordered).toEqual(['body.tags']);
  const refused = edited({
    volatile: { refuse: [{ path: 'body.load' }] },
    unordered: { refuse: [{ path: 'body.tags' }] },
  });
  expect([refused.tests[1]!.volatile, refused.tests[1]!.unordered]).toEqual([[], undefined]);
  const added = edited({ volatile: { add: [{ ...reading, path: 'body.number', kind: 'measure' }] } });
  expect(added.tests.map((t) => t.volatile.map(({ path, why }) => `${path}: ${why}`).at(-1))).toEqual([
    ...[undefined, 'body.number: added by a user', 'body.number: added by a user', undefined],
  ]);
});

test('tests and mocks are left out, endpoints are named as users name them', () => {
  const [first, , , , last] = recording;
  const { tests, mocks, counts } = edited({
    excludedTests: [first!.id],
    excludedMocks: plain.mocks.map(({ id }) => id),
    endpoints: ['/people/{slug}'],
  });
  expect(tests.map(({ id }) => id)).not.toContain(first!.id);
  expect([mocks, counts.tests, counts.mocks]).toEqual([[], 3, 0]);
  expect(tests.find(({ id }) => id === last!.id)!.endpoint).toBe('/people/{slug}');
});

test('what is none is refused with the name of the field', () => {
  const problem = (edits: object) => SnapshotEdits.safeParse(edits).error?.message ?? '';
  expect(problem({ tokenz: {} })).toContain('tokenz');
  expect(problem({ endpoints: ['people'] })).toContain('endpoints');
  const chain = { id: 'a', at: 'generator-request', extract: { name: 'body' }, functions: [] };
  expect(problem({ transforms: [chain] })).toContain('Unrecognized keys');
  const when = { v: 1, chains: [{ ...chain, when: 'methodd == "GET"' }] };
  expect(problem({ transforms: [when] })).toContain('there is no field methodd');
  expect(problem({ transforms: [{ v: 1, chains: [chain] }] })).toBe('');
});

test('a path that no leaf fits is refused of edits that are handed in, with what to write; kept ones stay readable', () => {
  const edits = {
    v: 1,
    volatile: { add: [{ path: 'items[].id', kind: 'uuid' }] },
    ownTimes: { refuse: [{ path: 'body..at' }] },
  };
  const issues = GivenEdits.safeParse(edits).error?.issues.map(({ path, message }) => [
    path.join('.'),
    message,
  ]);
  expect(issues).toEqual([
    ['volatile.add.0.path', expect.stringContaining('body.name')],
    ['ownTimes.refuse.0.path', expect.stringContaining('column 5')],
  ]);
  expect(SnapshotEdits.safeParse(edits).success).toBe(true);
});

test('an analysis without edits is that of no edits', () => {
  expect(edited({})).toEqual(plain);
});

test('what a service is said to make by itself must be there after all', () => {
  const book = new EditBook({ v: 1, volatile: { refuse: [{ path: 'body.seen', ...reading }] } });
  const learned = ['body.seen', 'body.done'].map((path) => ({ path, why: 'is made by the service' }));
  expect(book.optional(reading, learned).map(({ path }) => path)).toEqual(['body.done']);
  expect(book.optional({ ...reading, method: 'PUT' }, learned)).toEqual(learned);
});
