import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Outcome, Reconciler } from './contract.ts';
import { VirtualClock } from './virtual-clock.fixture.ts';
import { createWorkQueue, type WorkQueueOptions } from './work-queue.ts';

const DONE: Outcome = { again: 'no' };
let clock: VirtualClock;
let stop: AbortController;
let runs: Promise<void>[];

beforeEach(() => {
  clock = new VirtualClock();
  stop = new AbortController();
  runs = [];
});
afterEach(async () => {
  stop.abort();
  await Promise.all(runs);
});

/** A queue at work; `starts` holds each key and the ms after the start of the test at which it was taken. */
function working(
  reconcile: (key: string, run: number) => Outcome | Promise<Outcome>,
  { workers = 1, ...options }: WorkQueueOptions & { workers?: number } = {},
) {
  const queue = createWorkQueue({ clock, random: () => 1, ...options });
  const zero = clock.nowUs();
  const starts: [key: string, atMs: number][] = [];
  const reconciler: Reconciler = {
    name: 'test',
    async reconcile(key) {
      starts.push([key, (clock.nowUs() - zero) / 1000]);
      return reconcile(key, starts.filter(([each]) => each === key).length);
    },
  };
  runs.push(queue.run(reconciler, stop.signal, workers));
  return { queue, starts, reconciler };
}

test('a key that is added many times while it waits is reconciled once, in the order of first adding', async () => {
  const { queue, starts } = working(() => DONE);
  for (const key of ['b', 'a', 'b', 'a', 'b']) queue.add(key);
  expect(queue.length).toBe(2);
  await clock.pass(0);
  expect(starts.map(([key]) => key)).toEqual(['b', 'a']);
  expect(queue.length).toBe(0);
});

test('a key is never reconciled twice at once; added meanwhile, it comes again after', async () => {
  const gate = Promise.withResolvers<Outcome>();
  const { queue, starts } = working((_, run) => (run === 1 ? gate.promise : DONE), { workers: 4 });
  queue.add('a');
  await clock.pass(0);
  for (let i = 0; i < 3; i++) queue.add('a');
  await clock.pass(1_000);
  expect(starts).toHaveLength(1);
  gate.resolve(DONE);
  await clock.pass(1_000);
  expect(starts).toHaveLength(2);
});

test('no more keys are at work than there are workers', async () => {
  const gates = new Map<string, PromiseWithResolvers<Outcome>>();
  const { queue, starts } = working(
    (key) => {
      const gate = Promise.withResolvers<Outcome>();
      gates.set(key, gate);
      return gate.promise;
    },
    { workers: 2 },
  );
  for (const key of ['a', 'b', 'c']) queue.add(key);
  await clock.pass(10);
  expect(starts.map(([key]) => key)).toEqual(['a', 'b']);
  gates.get('a')!.resolve(DONE);
  await clock.pass(10);
  expect(starts.map(([key]) => key)).toEqual(['a', 'b', 'c']);
  for (const gate of gates.values()) gate.resolve(DONE);
});

test('a failing key comes back after 5 ms, doubling to 5 minutes, with its reason shown; a success forgets it', async () => {
  let broken = true;
  const { queue, starts } = working(() => {
    if (broken) throw new Error('no luck');
    return DONE;
  });
  queue.add('a');
  await clock.pass(3 * 3_600_000);
  const gaps = starts.slice(1).map(([, at], i) => at - starts[i]![1]);
  expect(gaps.slice(0, 5)).toEqual([5, 10, 20, 40, 80]);
  expect(Math.max(...gaps)).toBe(300_000);
  expect(queue.failing()).toEqual(new Map([['a', 'no luck']]));
  broken = false;
  await clock.pass(300_000);
  expect(queue.failing().size).toBe(0);
  const { length } = starts;
  await clock.pass(3_600_000);
  expect(starts).toHaveLength(length);
});

test('back-off is between half and the whole of its step, as the random number says', async () => {
  const { queue, starts } = working(
    () => {
      throw new Error('no');
    },
    { random: () => 0 },
  );
  queue.add('a');
  await clock.pass(30);
  expect(starts.map(([, at]) => at).slice(0, 4)).toEqual([0, 3, 8, 18]);
});

test('one failing key does not hold up another', async () => {
  const { queue, starts } = working((key) => {
    if (key === 'bad') throw new Error('no');
    return DONE;
  });
  queue.add('bad');
  await clock.pass(60_000);
  const before = starts.length;
  queue.add('good');
  await clock.pass(1);
  expect(starts.slice(before).map(([key]) => key)).toContain('good');
});

test('addAfter() waits, takes the earliest of several times, and is not lost to an earlier run', async () => {
  const { queue, starts } = working(() => DONE);
  queue.addAfter('a', 5_000);
  queue.addAfter('a', 2_000);
  queue.addAfter('b', 60_000);
  await clock.pass(1_000);
  expect(starts).toEqual([]);
  queue.add('b');
  await clock.pass(100_000);
  expect(starts).toEqual([
    ['b', 1_000],
    ['a', 2_000],
    ['b', 60_000],
  ]);
});

test('an outcome "after" comes again after its time; an add in between moves the whole plan', async () => {
  const { queue, starts } = working(() => ({ again: 'after', ms: 10_000 }));
  queue.add('a');
  await clock.pass(14_000);
  queue.add('a');
  await clock.pass(12_000);
  expect(starts.map(([, at]) => at)).toEqual([0, 10_000, 14_000, 24_000]);
});

test('starts are limited over all keys: a burst, then a rate', async () => {
  const { queue, starts } = working(() => DONE, { perSecond: 10, burst: 5, workers: 3 });
  for (let i = 0; i < 25; i++) queue.add(`k${i}`);
  await clock.pass(1_000);
  expect(starts).toHaveLength(15);
  await clock.pass(1_000);
  expect(starts).toHaveLength(25);
});

test('what is cut short by the end of a run, and what is added between runs, is taken up by the next', async () => {
  const first = new AbortController();
  const queue = createWorkQueue({ clock });
  const seen: string[] = [];
  const cut = queue.run(
    {
      name: 'test',
      reconcile: (_, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    },
    first.signal,
  );
  queue.add('a');
  await clock.pass(0);
  first.abort();
  await cut;
  queue.add('b');
  queue.addAfter('c', 1_000);
  expect(queue.failing().size).toBe(0);
  const reconcile = async (key: string) => {
    seen.push(key);
    return DONE;
  };
  runs.push(queue.run({ name: 'test', reconcile }, stop.signal));
  await clock.pass(1_000);
  expect(seen).toEqual(['a', 'b', 'c']);
});
