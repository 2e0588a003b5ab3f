import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, json } from './shifted-replay.fixture.ts';

const [first, second] = ['82f2213e-5628-4b85-b876-8c98cf19ec50', 'dec8c124-76a4-4c1b-8be2-3650bd421086'];
const live = '0af9592e-1e0b-4d34-94c7-208a80facf07';

test('of a list in another order is known what its elements are now, not what stands in their places', () => {
  const values = new LiveValues(new Map([['doc', first]]));
  const made = {
    ...{ method: 'POST', requestBody: { docs: [{}, { _id: second }] } },
    ...json([
      { id: first, state: 'new' },
      { id: second, state: 'chosen' },
    ]),
    produces: [{ token: 'doc', path: 'body[0].id' }],
  };
  const turned = json([
    { id: second, state: 'chosen' },
    { id: live, state: 'new' },
  ]);
  expect(differences(made, turned, values)).toEqual(['body order']);
  expect(values.token(first)).toBe(live);
  expect(differences({ n: 2, ...json({ id: first }) }, json({ id: live }), values)).toEqual([]);
  expect(differences({ n: 3, ...json({ id: first }) }, json({ id: second }), values)).toHaveLength(1);
});
