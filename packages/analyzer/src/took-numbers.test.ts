import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { record } from './exchanges.fixture.ts';

/** Answers of these lengths, in µs, each with its number; what a client sends is in the request. */
function learned(answers: readonly (readonly [durationUs: number, n: number])[], sent?: number) {
  const { tests } = analyze(
    record(
      answers.map(([durationUs, n], i) => ({
        request: 'POST /imports',
        body: { rows: i + 3, ...(sent === undefined ? {} : { limit: sent }) },
        ...{ answer: { total: i + 3, n }, change: { durationUs, ttfbUs: durationUs } },
      })),
    ),
  );
  return tests[0]!.volatile.map(({ path, kind, tookUs }) => [path, kind, tookUs]);
}

const took = [
  [29_929, 24_689],
  [57_330, 40_147],
  [44_758, 43_151],
  [36_341, 35_429],
  [55_023, 53_957],
] as const;

test('a number that follows how long its exchange took says that, under any name', () => {
  expect(learned(took)).toEqual([['body.n', 'measure', 1]]);
  expect(learned(took.map(([us, n]) => [us, n * 1_000]))).toEqual([['body.n', 'measure', 1e-3]]);
  expect(learned(took.map(([us, n]) => [us * 100, Math.round(n / 10)]))).toEqual([
    ['body.n', 'measure', 1e3],
  ]);
});

test.each([
  ['once it is longer', [...took, [30_000, 30_001]]],
  ['once it is much less', [...took, [30_000, 3_000]]],
  ['once it is of another unit', [...took, [300_000, 280]]],
  ['of few digits', took.map(([us, n]) => [us, Math.round(n / 1_000)])],
  ['that comes again', [...took, [45_000, 40_147]]],
  ['in too few answers', took.slice(0, 3)],
  ['where all take as long', took.map(([, n]) => [54_000, n])],
  ['that is less where it took longer', took.map(([us], i) => [us, 24_900 - 1_000 * (us / 10_000) + i])],
] as [string, [number, number][]][])('it is a number as any other %s', (_, answers) => {
  expect(learned(answers)).toEqual([]);
});

test('what a client sends is none', () => {
  expect(learned(took, 35_429)).toEqual([]);
});
