import { expect, test } from 'vitest';
import { ResultKeeper } from './result-keeper.ts';

const cart = {};
const passed = { endpoint: cart, hasFailed: false, status: 200, latencyUs: 900 };
const keep = (keeper: ResultKeeper, times: number, traits = passed) =>
  Array.from({ length: times }, () => keeper.keeps(traits)).filter(Boolean).length;

test('without a budget every result is kept', () => {
  const keeper = new ResultKeeper(null);
  expect(keep(keeper, 5_000)).toBe(5_000);
  expect(keeper.counts).toEqual({ kept: 5_000, of: 5_000 });
});

test('past the budget the sample thins out, rare outcomes and latencies stay, and each endpoint has its own', () => {
  const keeper = new ResultKeeper(100);
  expect(keep(keeper, 100)).toBe(100);
  expect(keep(keeper, 1_024)).toBe(11);
  expect(keep(keeper, 1, { ...passed, latencyUs: 2_000_000 })).toBe(1);
  expect(keep(keeper, 1, { ...passed, status: 304 })).toBe(1);
  expect(keep(keeper, 100, { ...passed, endpoint: {} })).toBe(100);
  expect(keeper.counts).toEqual({ kept: 213, of: 1_226 });
});

test('failures are kept past the budget, up to a bound', () => {
  const keeper = new ResultKeeper(0);
  const failed = { ...passed, hasFailed: true };
  expect(keep(keeper, 10_000, failed)).toBe(10_000);
  expect(keep(keeper, 1_000, failed)).toBe(10);
});
