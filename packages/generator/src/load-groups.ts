// The stages of a load, in groups that run as one: neighbours of the same model, so that users stay and a schedule goes on;
// a stage that sends every test once is a group of its own, because it has its own end. Pure.
import type { LoadStage } from '@echoplane/traffic';
import { ArrivalSchedule, type RateStage } from './arrival-schedule.ts';
import { type LoadShare, usersOf, WHOLE } from './load-share.ts';
import { UserSchedule, type UserStage } from './user-schedule.ts';

export type LoadGroup =
  | { model: 'open'; isOnce: boolean; schedule: ArrivalSchedule }
  | { model: 'closed'; isOnce: boolean; schedule: UserSchedule };

/** Volumes are those of all workers together. `tests`: how many there are to send once; `share`: what of all this is ours. */
export function groupStages(
  stages: readonly LoadStage[],
  tests: number,
  share: LoadShare = WHOLE,
): LoadGroup[] {
  const groups: LoadGroup[] = [];
  for (let from = 0, to = 1; from < stages.length; from = to, to++) {
    while (to < stages.length && belongTogether(stages[from]!, stages[to]!)) to++;
    groups.push(groupOf(stages.slice(from, to), stages[from - 1], { tests, share }));
  }
  return groups;
}

function groupOf(
  stages: readonly LoadStage[],
  before: LoadStage | undefined,
  { tests, share }: { tests: number; share: LoadShare },
): LoadGroup {
  const isOnce = stages[0]!.durationS === undefined;
  if (isOpen(stages[0]!)) {
    const schedule = new ArrivalSchedule({
      stages: stages as RateStage[],
      once: tests,
      from: before?.rps ?? 0,
      share,
    });
    return { model: 'open', isOnce, schedule };
  }
  const own = stages.map((stage) => ({ ...stage, users: usersOf(share, stage.users!) }) as UserStage);
  const from = before?.users === undefined ? 0 : usersOf(share, before.users);
  return { model: 'closed', isOnce, schedule: new UserSchedule(own, from) };
}

function belongTogether(a: LoadStage, b: LoadStage): boolean {
  return isOpen(a) === isOpen(b) && a.durationS !== undefined && b.durationS !== undefined;
}

function isOpen({ rps }: LoadStage): boolean {
  return rps !== undefined;
}
