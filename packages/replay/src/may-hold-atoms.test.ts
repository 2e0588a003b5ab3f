import { expect, test } from 'vitest';
import { atomsIn } from './kinds.ts';
import { mayHoldAtoms } from './may-hold-atoms.ts';

const PIECES = [
  '2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d',
  'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2ln',
  '2026-01-05T10:00:00Z',
  '2026-01-05 10:00',
  'Mon, 05 Jan 2026 10:00:00 GMT',
  'Mon, 5-Jan-2026 10:00:00 +0100',
  'rdx_k3j9',
  'ch_3kTa91xYz0Qw',
  '9f1c2ab34de56f70',
  '12345678901234567',
];

test.each(PIECES)('a text that holds %s is never passed over', (piece) => {
  for (const text of [piece, `a word (${piece}) more`, `${'some words. '.repeat(200)}${piece}.`]) {
    expect(atomsIn(text).length).toBeGreaterThan(0);
    expect(mayHoldAtoms(text)).toBe(true);
  }
});

test('ordinary texts hold none', () => {
  for (const text of [
    '',
    'Tea 4, picked in spring: dried over pine.',
    'a: b, 1:x; 10 : 20',
    'rdx-abcd',
    'é'.repeat(40),
  ]) {
    expect(mayHoldAtoms(text)).toBe(false);
    expect(atomsIn(text)).toEqual([]);
  }
});
