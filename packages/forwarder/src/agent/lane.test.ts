import { expect, test } from 'vitest';
import { Lane } from './lane.ts';

test('a lane runs so many at once, the others in turn, and goes on after one that fails', async () => {
  const lane = new Lane(2, 2);
  const begun: number[] = [];
  const ends: PromiseWithResolvers<void>[] = [];
  const runs = [0, 1, 2, 3].map((n) => {
    ends.push(Promise.withResolvers<void>());
    return lane.run(() => {
      begun.push(n);
      return ends[n]!.promise;
    });
  });
  expect([begun, lane.running, lane.waiting, lane.isFull]).toEqual([[0, 1], 2, 2, true]);
  ends[1]!.reject(new Error('no'));
  await expect(runs[1]).rejects.toThrow('no');
  expect([begun, lane.running, lane.waiting, lane.isFull]).toEqual([[0, 1, 2], 2, 1, false]);
  for (const end of ends) end.resolve();
  await Promise.all([runs[0], runs[2], runs[3]]);
  expect([begun, lane.running, lane.waiting]).toEqual([[0, 1, 2, 3], 0, 0]);
});
