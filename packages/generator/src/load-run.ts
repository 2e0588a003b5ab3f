// Plays the stages of a load, one group after the other, each by its model.
import type { Clock } from '@echoplane/runtime';
import type { LoadStage } from '@echoplane/traffic';
import { playUsers } from './closed-model.ts';
import type { LiveSpace } from './live-space.ts';
import { groupStages, type LoadGroup } from './load-groups.ts';
import { playArrivals } from './open-model.ts';
import type { Player } from './player.ts';
import { PreparedTests } from './prepared-tests.ts';
import type { TestFile } from './test-file.ts';
import { SessionRounds, VirtualUser, type VirtualUserOptions } from './virtual-user.ts';

export interface LoadOptions {
  tests: TestFile;
  space: LiveSpace;
  stages: readonly LoadStage[];
  /** Of stages that do not say. */
  thinkFactor: number;
  /** The number of a new virtual user. */
  nextUser: () => number;
  newClient: VirtualUserOptions['newClient'];
  newState: VirtualUserOptions['newState'];
  isClientPerSession: boolean;
  player: Player;
  /** Before a test is first played. */
  prepare: Player['prepare'];
  clock: Clock;
  signal: AbortSignal;
}

/** Resolves when every stage is over, with how many requests were to be sent: of stages by time, as many as were. */
export async function playLoad(options: LoadOptions): Promise<number> {
  const { tests, player, signal } = options;
  let [planned, round] = [0, 0];
  for (const group of groupStages(options.stages, tests.plannedOfAll, tests.share)) {
    if (signal.aborted && group.model === 'closed' && !group.isOnce) continue;
    const before = player.sent;
    if (!signal.aborted) round = await playGroup(group, options, round);
    if (group.model === 'open') planned += group.schedule.count;
    else planned += group.isOnce ? tests.planned : player.sent - before;
  }
  return planned;
}

/** Resolves with the number of the next round; no two of a run have the same. */
async function playGroup(group: LoadGroup, options: LoadOptions, round: number): Promise<number> {
  const { tests, space, player, prepare, thinkFactor, clock, signal } = options;
  const rounds = new SessionRounds(tests, space, { isOnce: group.isOnce, round });
  const prepared = new PreparedTests(tests, prepare);
  const of = { ...options, prepared, rounds };
  const newUser = () => new VirtualUser(options.nextUser(), of);
  const play = { newUser, player, clock, signal };
  if (group.model === 'closed') await playUsers({ ...play, schedule: group.schedule, thinkFactor });
  else await playArrivals({ ...play, schedule: group.schedule, hasSessions: () => rounds.hasMore });
  return rounds.round + 1;
}
