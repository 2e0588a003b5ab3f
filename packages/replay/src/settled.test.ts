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
