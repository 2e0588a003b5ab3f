// What a variable of GraphQL names where kinds of things share their numbers, told by the field that is given it.
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

const ask = (query: string, variables: object, answer: object): Exchange => ({
  request: 'POST /graphql',
  body: { query, variables },
  answer: { data: answer },
});

const paid = [1, 2, 3].map((n) =>
  ask(
    'mutation Pay($card: String!) { pay(card: $card) { order { id } payments { id } } }',
    { card: 'x' },
    {
      pay: { order: { id: `${n}` }, payments: [{ id: `${n + 1}` }] },
    },
  ),
);

/** The flow of the one variable that a request says. */
function flowOf(query: string, variables: object): string | undefined {
  const { flows, tests } = analyze(record([...paid, ask(query, variables, { ok: true })]));
  const link = tests
    .at(-1)!
    .links?.find(({ in: side, path }) => side === 'request' && /variables/.test(path));
  return flows.find(({ id }) => id === link?.flow)?.name.replace(/^.*body\.data\./, '');
}

const [ORDER, PAYMENT] = ['pay.order.id', 'pay.payments[].id'];

test.each([
  ['query One($id: ID!) { order(id: $id) { state } }', { id: '2' }, ORDER],
  ['query One($id: ID!) { payment(id: $id, of: "x") { state } }', { id: '2' }, PAYMENT],
  ['mutation Settle($id: ID!) { settlePayment(id: $id) { state } }', { id: '2' }, PAYMENT],
  ['mutation Note($input: In!) { addNoteToOrder(input: $input) { ok } }', { input: { id: '3' } }, ORDER],
  ['mutation Move($id: ID!, $to: S!) { transitionOrderToState(id: $id, to: $to) }', { id: '3' }, ORDER],
  ['mutation Drop($ids: [ID!]!) { deletePayments(ids: $ids) { ok } }', { ids: ['4', '3'] }, PAYMENT],
])('%s', (query, variables, flow) => {
  expect(flowOf(query, variables)).toBe(flow);
});

test('of two kinds, or of one that nobody made, nothing is told', () => {
  const both = 'query Both($id: ID!) { order(id: $id) { state } payment(id: $id) { state } }';
  expect(flowOf(both, { id: '2' })).toBe(undefined);
  expect(flowOf('query One($id: ID!) { customer(id: $id) { name } }', { id: '2' })).toBe(undefined);
});

test('the line of an error in the query is no line of an order', () => {
  const lines = [1, 2].map((n) =>
    ask('mutation Add { add { lines { id } } }', {}, { add: { lines: [{ id: `${n}` }] } }),
  );
  const failed: Exchange = {
    request: 'POST /graphql',
    body: { query: 'query Broken { nothing }' },
    answer: { errors: [{ message: 'no such field', locations: [{ line: 1, column: 16 }] }] },
  };
  const { tests } = analyze(record([...lines, failed]));
  expect(tests.at(-1)!.links ?? []).toEqual([]);
});
