// Quantities that clients write, and numbers that only look like them.
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { record, uuidOf } from './exchanges.fixture.ts';
import { SaidNumbers } from './said-numbers.ts';

const answer = (name: string, ...numbers: number[]) => [
  { path: 'body[0].1', value: uuidOf(name) },
  ...numbers.map((value, n) => ({ path: `body[0].${n + 2}`, value })),
];

test('what the request said is said, and of the same thing later, too', () => {
  const said = new SaidNumbers();
  const none = new Set<number>();
  expect([...said.observe(answer('atlas', 4, 7), new Set([4]))]).toEqual(['body[0].2']);
  expect([...said.observe(answer('atlas', 4, 7), none)]).toEqual(['body[0].2']);
  expect([...said.observe(answer('atlas', 5, 4), none)]).toEqual([]);
  expect([...said.observe(answer('globe', 4, 7), none)]).toEqual([]);
  expect([...said.observe([{ path: 'body[0].2', value: 4 }], none)]).toEqual([]);
});

/** A gRPC frame of a text in field 1, where there is one, and whole numbers behind it. */
function frame(text: string, ...numbers: number[]): string {
  const first = text === '' ? [] : [0x0a, text.length, ...Buffer.from(text)];
  const message = [...first, ...numbers.flatMap((number, i) => [(i + 2) << 3, number])];
  return Buffer.from([0, 0, 0, 0, message.length, ...message]).toString('base64');
}

function called(method: string, n: number, asked: string, answered: string) {
  const [pair] = record([{ request: `POST /shop.v1.Books/${method}` }]);
  const headers: [string, string][] = [['content-type', 'application/grpc']];
  const bodyOf = (base64: string) => ({
    ...{ size: Buffer.from(base64, 'base64').length, encoding: 'identity', base64 },
  });
  return {
    ...pair!,
    ...{ id: `${pair!.id.slice(0, -2)}${n + 10}`, ts: pair!.ts + n * 10_000, protocol: 'grpc' as const },
    request: { ...pair!.request!, headers, body: bodyOf(asked) },
    response: { ...pair!.response!, headers, body: bodyOf(answered) },
  };
}

test('a quantity is not followed as a serial number that happens to be equal', () => {
  const members = [1, 2, 3, 4, 5, 6].map((id) => called('Join', id, frame('mia'), frame('', id)));
  const books = [2, 3, 1, 4, 2, 5].map((copies, n) => ({ id: uuidOf(`book ${n}`), copies, by: 1 + (n % 6) }));
  const { flows } = analyze([
    ...members,
    ...books.map(({ id, copies, by }, n) =>
      called('Create', 10 + n, frame('', copies), frame(id, copies, by)),
    ),
    ...books.map(({ id, copies, by }, n) => called('Get', 20 + n, frame(id), frame(id, copies, by))),
  ]);
  const followed = flows.flatMap(({ places }) => places.map(({ endpoint, path }) => `${endpoint} ${path}`));
  expect(followed).toContain('/shop.v1.Books/Get body[].3');
  expect(followed).not.toContain('/shop.v1.Books/Create body[].2');
  expect(followed).not.toContain('/shop.v1.Books/Get body[].2');
});
