import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences } from './shifted-replay.fixture.ts';

const since = [{ path: 'body.uptime', kind: 'measure', since: 1_000_000, why: '' } as const];
/** Two readings: the second one, a second later. */
function read(live: [first: number, second: number], recorded: [number, number] = [4.163157, 5.170211]) {
  const values = new LiveValues(new Map());
  return recorded.flatMap((uptime, n) => {
    const was = { n: n + 1, atUs: n * 1_007_000, target: '/stats', body: { uptime }, volatile: since };
    return differences(was, { body: { uptime: live[n] } }, values).map((one) => `${n} ${one}`);
  });
}

test('a service that runs for another time does so by the same clock', () => {
  expect(read([7.941582, 8.948999])).toEqual([]);
  expect(read([0.61, 1.617])).toEqual([]);
  expect(read([8, 9], [4, 5])).toEqual([]);
});

test('a moment that moves, lies ahead, or was in another age is another one', () => {
  expect(read([7.941582, 9.948999])).toEqual(['1 body.uptime value']);
  expect(read([7.941582, 7.943])).toEqual(['1 body.uptime value']);
  expect(read([7_941_582, 7_942_589])).toContain('0 body.uptime value');
  expect(read([-7.941582, 8.948999])).toContain('0 body.uptime value');
});
