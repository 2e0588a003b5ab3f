import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, json } from './shifted-replay.fixture.ts';

const order = (id: number) => json({ id, of: 'nightly-job' });
const made = {
  method: 'POST',
  target: '/orders',
  requestBody: { of: 'nightly-job' },
  links: [{ in: 'response' as const, path: 'body.id', flow: 'orders' }],
};
const refused = (message: string) => ({ status: 409, ...json({ message }) });
const asked = {
  n: 2,
  atUs: 90_000,
  method: 'DELETE',
  target: '/orders/7',
  links: [{ in: 'request' as const, path: 'path[1]', flow: 'orders' }],
};

/** Order 7 is order 8 now; what a later answer about it says. */
function found(recorded: string, live: string): string[] {
  const values = new LiveValues(new Map());
  differences({ ...made, ...order(7) }, order(8), values);
  return differences({ ...asked, ...refused(recorded) }, refused(live), values);
}

test('a message names a thing by the number that the request named it by', () => {
  expect(found('Order 7 has 3 lines: CAST(7 AS BIGINT)', 'Order 8 has 3 lines: CAST(8 AS BIGINT)')).toEqual(
    [],
  );
});

test('it names no other one, nothing else changes with it', () => {
  expect(found('Order 7 has 3 lines', 'Order 9 has 3 lines')).not.toEqual([]);
  expect(found('Order 7 has 3 lines', 'Order 8 has 4 lines')).not.toEqual([]);
  expect(found('Order 7 has lines', 'Order 8 had lines')).not.toEqual([]);
});

test('what agrees by a flow in one answer is no other one where the next answer has it outside of that', () => {
  const [was, is] = ['6b0314d3470da21783df4e85', '6b0314ecc76dbc186a8e145b'];
  const post = (id: string, comments = id) => json([{ id, of: 'nightly-job', comment_id: comments }]);
  const linked = (...names: string[]) =>
    names.map((name) => ({ in: 'response' as const, path: `body[].${name}`, flow: 'posts' }));
  const values = new LiveValues(new Map());
  const both = linked('id', 'comment_id');
  expect(differences({ links: both, ...post(was) }, post(is), values)).toEqual([]);
  const one = { n: 2, links: linked('id'), ...post(was) };
  expect(differences(one, post(is), values)).toEqual([]);
  expect(differences(one, post(is, '6b0314ecc76dbc186a8e16d7'), values)).not.toEqual([]);
});
