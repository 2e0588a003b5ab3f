// Short random words inside of texts: chance leaves out digits or capitals in some of them.
import { expect, test } from 'vitest';
import { isRandomPair } from './compare-text.ts';

test.each([
  ['fHbe_mbbAP', '0t73bau8bq', true],
  ['RBZgEWtzOF', 'HjdgqEDQwS', true],
  ['hTuodNFlzc', 'rhtNtkhlYr', true],
  ['k3x9a', 'p7q2d', true],
  ['otherUserIds', 'thatMemberId', false],
  ['RBZgEWtzOF', 'rbzgewtzof', false],
  ['RBZgEWtzOF', 'RBZgEWtzOX', false],
  ['createUser', 'deleteNote', false],
])('%s and %s: %s', (recorded, live, isRandom) => {
  expect(isRandomPair(recorded, live)).toBe(isRandom);
});
