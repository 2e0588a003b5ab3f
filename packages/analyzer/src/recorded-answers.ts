// What the real host answered during a replay (miss policy `record`) as part of a recording, so that it becomes a mock. Pure; it
// must not know where such pairs are kept.
import { type HeaderList, type RRPair, TAG } from '@echoplane/traffic';

/** Says of a live answer how it was found; a recording has no such thing. */
const MATCH_HEADER = 'x-echoplane-match';
const OF_REPLAYS: readonly string[] = [
  TAG.replay,
  TAG.match,
  TAG.mock,
  TAG.difference,
  TAG.chaos,
  TAG.transform,
  TAG.state,
];

/** The pair as if it had been recorded; null of every other pair of a replay, and of answers that are not whole. */
export function recordedAnswer(pair: RRPair): RRPair | null {
  const { tags, response } = pair;
  if (tags[TAG.match] !== 'recorded' || !response || pair.error || pair.gaps) return null;
  const headers: HeaderList = response.headers.filter(([name]) => name.toLowerCase() !== MATCH_HEADER);
  const kept = Object.entries(tags).filter(([name]) => !OF_REPLAYS.includes(name));
  return { ...pair, tags: Object.fromEntries(kept), response: { ...response, headers } };
}
