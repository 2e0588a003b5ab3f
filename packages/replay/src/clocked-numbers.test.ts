import { expect, test } from 'vitest';
import { isRareNumber, spanUnit } from './clocked-numbers.ts';
import { LiveValues } from './live-values.ts';
import { differences } from './shifted-replay.fixture.ts';
import type { TestSketch } from './test.fixture.ts';

const answer = (ended: string, run: number, sum = run) => ({
  body: { started: '2026-03-01T10:00:00.100000Z', ended: `2026-03-01T10:00:0${ended}Z`, run, sum },
});
const clocked = { kind: 'measure', clocked: true, why: '' } as const;
const against = (was: ReturnType<typeof answer>, live: ReturnType<typeof answer>) => {
  const volatile = ['body.run', 'body.sum'].map((path) => ({ path, ...clocked }));
  const recorded: TestSketch = { method: 'GET', target: '/runs/1', ...was, volatile };
  return differences(recorded, live, new LiveValues(new Map())).filter(
    (one) => !one.startsWith('body.ended'),
  );
};

test('what lies between two times does so again, and is the same wherever it stands', () => {
  const was = answer('1.223456', 1.123456);
  expect(against(was, answer('0.312345', 0.212345))).toEqual([]);
  expect(against(was, answer('0.312345', 0.212346, 0.31))).toContain('body.sum value');
  expect(against(was, answer('0.312345', 2.212345))).toContain('body.run value');
});

test('of another duration only the sign is known', () => {
  const was = answer('1.223456', 0.912345);
  expect(against(was, answer('0.312345', 0.081234))).toEqual([]);
  expect(against(was, answer('0.312345', 0))).toContain('body.run value');
  expect(against(was, answer('0.312345', 0.081234, 0.081235))).toEqual(['body.sum value']);
});

test('numbers of few digits may be equal by chance', () => {
  expect([0.0123, 12.345, 0.123456].map(isRareNumber)).toEqual([false, true, true]);
  expect([5, 0.5, '0.123456'].map(isRareNumber)).toEqual([false, false, false]);
  expect(spanUnit(0.123456, [1_000_000, 1_123_456])).toBe(1_000_000);
  expect(spanUnit(0.123456, [1_000_000, 1_123_459])).toBe(null);
});
