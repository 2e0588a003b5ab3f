// Codes that people read in a message and type off.
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

const mail = (code: string): Exchange => ({
  request: 'GET /outbox',
  answer: [{ id: 1, body: `Hi,\n\nplease enter ${code}\n\nor follow https://auth/verify?code=${code}` }],
});
const enter = (code: string, field = 'code', status = 200): Exchange => ({
  request: 'POST /verify',
  ...{ body: { method: 'mail', [field]: code }, status, answer: { state: 'done' } },
});
const linksOf = (exchanges: Exchange[], n: number) =>
  (analyze(record(exchanges)).tests[n]!.links ?? []).map(({ in: side, path }) => `${side} ${path}`);

test.each(['code', 'passcode', 'otp'])('a code in a mail is sent as the %s of a later request', (field) => {
  const exchanges = [mail('292108'), enter('000000', field), enter('292108', field)];
  expect(linksOf(exchanges, 2)).toEqual([`request body.${field}`]);
  expect(linksOf(exchanges, 0)).toEqual(
    expect.arrayContaining(['response body[].body#3', 'response body[].body#10']),
  );
});

test('a number that the client said first, and one that nobody sends, are none', () => {
  expect(linksOf([enter('292108'), mail('292108'), enter('292108')], 2)).toEqual([]);
  expect(linksOf([mail('292108'), enter('292109')], 0)).toEqual([]);
});

test('a code in a message is the id of what the answer names by it', () => {
  const refused = (id: string): Exchange => ({
    request: 'POST /orders',
    ...{ body: { sku: 'tea' }, answer: { errors: [{ message: `failed as ${id}`, errorId: id }] } },
  });
  const [test] = analyze(record(['AJ1KTZDFCG', '99RAZDK9EN', 'Q0M3PWX7LB'].map(refused))).tests;
  expect(test!.links?.map(({ path }) => path)).toEqual(['body.errors[].errorId', 'body.errors[].message#2']);
});

test('short codes at one place, of which each is another one, are random', () => {
  const listed = (codes: readonly string[]): Exchange => ({
    request: 'POST /codes',
    body: {},
    answer: { codes: codes.map((text) => ({ text })) },
  });
  const random = [
    'snt7crhp',
    '0k2vha9w',
    'p4zt81me',
    '9qb3n0xd',
    'r2d5w7ka',
    'k8mf2v0c',
    '3hx9t1ub',
    'z0e6j4sy',
  ];
  const [{ volatile } = { volatile: [] }] = analyze(record([listed(random)])).tests;
  expect(volatile).toMatchObject([{ path: 'body.codes[].text', kind: 'token', shape: '{token}' }]);
  const numbered = random.map((_, i) => `item000${i}`);
  expect(analyze(record([listed(numbered)])).tests[0]!.volatile).toEqual([]);
});
