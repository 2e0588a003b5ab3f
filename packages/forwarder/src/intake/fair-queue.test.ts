import { expect, it } from 'vitest';
import { FairQueue } from './fair-queue.ts';

/** A task of `pairs` pairs that writes its name for each turn it gets. */
function task(name: string, pairs: number, log: string[]) {
  let left = pairs;
  return {
    bytes: pairs,
    step(n: number) {
      log.push(name);
      left -= n;
      return left <= 0;
    },
  };
}

it('a small batch is through after one turn of a large one that came first', () => {
  const log: string[] = [];
  const queue = new FairQueue(() => {});
  queue.add('abusive', task('large', 10_000, log));
  queue.add('honest', task('small', 1, log));
  queue.drain(10_000);
  expect(log.indexOf('small')).toBe(1);
});

it('batches of one stream are worked on strictly in order', () => {
  const log: string[] = [];
  const queue = new FairQueue(() => {});
  queue.add('s', task('first', 100, log));
  queue.add('s', task('second', 1, log));
  queue.drain(10_000);
  expect(log.lastIndexOf('first')).toBeLessThan(log.indexOf('second'));
});

it('bytes are held until the task is done, and given back once', () => {
  let done = 0;
  const queue = new FairQueue(() => done++);
  queue.add('a', task('a', 40, []));
  queue.add('b', task('b', 2, []));
  expect(queue.bytes).toBe(42);
  queue.drain(10_000);
  expect([queue.bytes, done]).toEqual([0, 2]);
});

it('works by itself, in the background', async () => {
  const finished = new Promise<void>((resolve) => {
    const queue = new FairQueue(resolve);
    queue.add('a', task('a', 1_000, []));
  });
  await expect(finished).resolves.toBeUndefined();
});

it('the last moments do not become long ones', () => {
  let turns = 0;
  const queue = new FairQueue(() => {});
  queue.add('endless', { bytes: 1, step: () => ++turns < 0 });
  queue.drain(20);
  expect(turns).toBeGreaterThan(0);
});
