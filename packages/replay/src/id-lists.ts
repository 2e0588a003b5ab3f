// Texts that list ids between commas, `annotations_ids: "9,3"`: each id by its live counterpart, in any order where the recording
// showed that there is none. Pure.
import type { Comparing } from './comparing.ts';
import type { AnswerLink } from './test-places.ts';

const ID_LIST = /^\d{1,12}(?:, ?\d{1,12})+$/;

/** The ids that a text lists, two or more; null of another text. */
export function idsListed(text: string): string[] | null {
  return ID_LIST.test(text) ? text.split(/, ?/) : null;
}

/** Whether two texts list the same ids; `links`: of the whole text. */
export function areSameIds(
  comparing: Comparing,
  pattern: string,
  links: readonly AnswerLink[],
  [recorded, live]: readonly [string, string],
): boolean {
  const [ids, there] = [idsListed(recorded), idsListed(live)];
  if (!ids || !there) return false;
  const flow = links.find(({ inside }) => inside === '')?.flow;
  const due = ids.map((id) =>
    flow === undefined ? id : (comparing.observed({ flow }, id) ?? comparing.values.flow(flow, id) ?? id),
  );
  if (due.join() === there.join()) return true;
  return comparing.places.unordered.has(pattern) && due.sort().join() === there.sort().join();
}
