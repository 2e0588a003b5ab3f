// Texts that list ids between commas, `annotations_ids: "9,3"`: each id by its live counterpart, in any order where the recording
// showed that there is none. Pure.
import type { Comparing } from './comparing.ts';
import type { AnswerLink } from './test-places.ts';

const ID_LIST = /^\d{1,12}(?:, ?\d{1,12})+$/;

/** Whether two texts list the same ids; `links`: of the whole text. */
export function areSameIds(
  comparing: Comparing,
  pattern: string,
  links: readonly AnswerLink[],
  [recorded, live]: readonly [string, string],
): boolean {
  if (!ID_LIST.test(recorded) || !ID_LIST.test(live)) return false;
  const flow = links.find(({ inside }) => inside === '')?.flow;
  const due = recorded
    .split(/, ?/)
    .map((id) =>
      flow === undefined ? id : (comparing.observed({ flow }, id) ?? comparing.values.flow(flow, id) ?? id),
    );
  const there = live.split(/, ?/);
  if (due.join() === there.join()) return true;
  return comparing.places.unordered.has(pattern) && due.sort().join() === there.sort().join();
}
