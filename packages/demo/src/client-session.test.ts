import { expect, it } from 'vitest';
import { seededRandom } from './client-session.ts';

const draw = (seed: number, stream: number) => Array.from({ length: 5 }, seededRandom(seed, stream));

it('seededRandom() repeats itself for the same seed and stream', () => {
  expect(draw(7, 3)).toEqual(draw(7, 3));
});

it('seededRandom() differs between seeds and between streams', () => {
  expect(draw(7, 3)).not.toEqual(draw(8, 3));
  expect(draw(7, 3)).not.toEqual(draw(7, 4));
});

it('seededRandom() stays in [0, 1) and covers both halves', () => {
  const numbers = Array.from({ length: 1_000 }, seededRandom(1, 1));
  expect(numbers.every((n) => n >= 0 && n < 1)).toBe(true);
  expect(numbers.filter((n) => n < 0.5).length).toBeGreaterThan(400);
  expect(numbers.filter((n) => n >= 0.5).length).toBeGreaterThan(400);
});
