import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, iso, json, SHIFT_MS } from './shifted-replay.fixture.ts';

const recorded = {
  ...json({ id: 7, state: 'queued', attempts: 2, finishedAt: null, owner: 'ann' }),
  settling: [
    { path: 'body.state', later: ['running', 'done'] },
    { path: 'body.attempts', later: [3, 9] },
    { path: 'body.finishedAt', later: [iso(-500)] },
  ],
};
const found = (live: object) =>
  differences(
    recorded,
    json({ id: 7, owner: 'ann', state: 'queued', attempts: 2, finishedAt: null, ...live }),
    new LiveValues(new Map()),
  );

test('what the client asked for again until it changed may be as it was later', () => {
  expect(found({ state: 'running' })).toEqual([]);
  expect(found({ state: 'done', attempts: 5, finishedAt: iso(SHIFT_MS - 20) })).toEqual([]);
  expect(found({ attempts: 9 })).toEqual([]);
});

test('it may not be what no later answer said, nor missing, and nothing else may differ', () => {
  expect(found({ state: 'failed' })).toEqual(['body.state value']);
  expect(found({ state: null })).toEqual(['body.state type']);
  expect(found({ state: undefined })).toEqual(['body.state missing']);
  expect(found({ attempts: 1 })).toEqual(['body.attempts value']);
  expect(found({ attempts: 10 })).toEqual(['body.attempts value']);
  expect(found({ finishedAt: 'soon' })).toEqual(['body.finishedAt type']);
  expect(found({ owner: 'running' })).toEqual(['body.owner value']);
});

test('times may be the counterparts of the later ones, and no others', () => {
  const [before, after] = [iso(61_250), iso(151_250)];
  const owners = (updatedAt: string) => json({ base: { updatedAt }, head: { updatedAt } });
  const written = {
    ...{ ...owners(before), atUs: 180_000_000 },
    settling: ['base', 'head'].map((of) => ({ path: `body.${of}.updatedAt`, later: [after] })),
  };
  const of = (ms: number) => {
    const values = new LiveValues(new Map());
    for (const at of [0, 61_250, 151_250])
      expect(differences({ ...json({ at }), atUs: at * 1_000 }, json({ at }), values)).toEqual([]);
    return differences(written, owners(iso(SHIFT_MS + ms)), values);
  };
  expect(of(61_250)).toEqual([]);
  expect(of(151_251)).toEqual([]);
  expect(of(100_250)).toEqual(['body.base.updatedAt value', 'body.head.updatedAt value']);
});
