// Numbers of the parts of things that were made by writes at once, as a read shows them.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { replayed } from './shifted-replay.fixture.ts';

const CODE = ['LA2GTLY3P2JJB2JF', 'X7QK2MPL9ZT4WB3C'];
const LIVE = ['9ZKD3VQ7TN2XB5LM', 'H4JR8WYC2PD6SM1T'];
type History = readonly number[];
const order = (codes: readonly string[], n: number, history: History) => ({
  order: { code: codes[n], history: history.map((id) => ({ id: String(id), type: 'PAID' })) },
});

/** Differences of what was read of two orders, which were made `gapUs` after each other. */
function histories(gapUs: number, was: History[], is: History[], of: object = {}) {
  const values = new LiveValues(new Map());
  for (const n of [0, 1])
    replayed(
      { n, atUs: n * gapUs, durationUs: 40_000, method: 'POST', target: '/orders', body: { code: CODE[n] } },
      { body: { code: LIVE[n] } },
      values,
    );
  return was.flatMap((recorded, n) => {
    const read = { n: n + 2, atUs: (9 + n) * 100_000, target: '/orders/last', ...of };
    const [before, now] = [order(CODE, n, recorded), order(LIVE, n, is[n]!)];
    return replayed({ ...read, body: before }, { body: now }, values).differences.map(({ path }) => path);
  });
}

test('parts of things that writes at once made may have each other’s numbers', () => {
  expect(
    histories(
      10_000,
      [
        [11, 15],
        [12, 16],
      ],
      [
        [11, 16],
        [12, 15],
      ],
    ),
  ).toEqual([]);
});

test('parts of what was made one after the other may not', () => {
  expect(histories(100_000, [[15], [16]], [[16], [15]])).toEqual([
    'body.order.history[0].id',
    'body.order.history[0].id',
  ]);
});

test('nor may two have one number, one be far away or named by the request, or a write answer with another', () => {
  const path = 'body.order.history[0].id';
  expect(histories(10_000, [[15], [16]], [[17], [17]])).toEqual([path]);
  expect(histories(10_000, [[15]], [[35]])).toEqual([path]);
  expect(histories(10_000, [[15]], [[16]], { target: '/orders/last/history/15' })).toEqual([path]);
  expect(histories(10_000, [[15]], [[16]], { method: 'PUT' })).toEqual([path]);
});
