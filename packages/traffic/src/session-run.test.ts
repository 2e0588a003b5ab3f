import { expect, test } from 'vitest';
import { roundOf, runName } from './session-run.ts';

test('the round of a run is read from its name, whatever the session is called', () => {
  for (const session of ['s3', 'a/u1/r1', ''])
    expect(roundOf(`${session}${runName(7, 12)}`, session)).toBe('r12');
});

test('a session that ran once has no round', () => {
  expect(roundOf('s3', 's3')).toBeNull();
  expect(roundOf('s3/1', 's3')).toBeNull();
  expect(roundOf('s4/u1/r1', 's3')).toBeNull();
});
