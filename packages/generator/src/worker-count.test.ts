import type { LoadStage } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { type WorkerSettings, workersOf, workersProblem } from './worker-count.ts';

const stage = (volume: Partial<LoadStage>): LoadStage => ({ rampS: 0, ...volume });
const load = (...stages: LoadStage[]): WorkerSettings => ({ load: { stages } });
const sessions = (users: number): WorkerSettings => ({ load: { order: 'sessions', users } });

test.each<[string, WorkerSettings, number]>([
  ['one keeps the recorded order', {}, 1],
  ['a small rate needs one', load(stage({ rps: 5_000 })), 1],
  ['a rate that one may not keep needs more', load(stage({ rps: 9_000 }), stage({ users: 9 })), 2],
  ['there are no more than cores', load(stage({ rps: 100_000 })), 4],
  ['users need one', load(stage({ users: 500 })), 1],
  ['what is asked for counts', { workers: 6, ...load(stage({ rps: 10 })) }, 6],
  ['each has a user at least', { workers: 6, ...load(stage({ users: 9 }), stage({ users: 3 })) }, 3],
  ['so it is without stages', { workers: 6, ...sessions(2) }, 2],
])('%s', (_, settings, wanted) => {
  expect(workersOf(settings, 4)).toBe(wanted);
});

test('the recorded order is not shared', () => {
  expect(workersProblem({ workers: 2 })).toMatch(/^the recorded order is kept by one thread; leave it out/);
  expect(workersProblem({ workers: 1 })).toBeNull();
  expect(workersProblem({ workers: 2, ...sessions(4) })).toBeNull();
});
