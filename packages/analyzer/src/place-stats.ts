// What is counted of one place of a recording while pairs pass, and which other space its values then vote for. Bounded. Pure.
import { pathPrefix } from './asked-by.ts';
import type { ObjectFacts } from './object-facts.ts';
import { isBareAnswer, type Place } from './places.ts';
import { isRare } from './rare-texts.ts';

/** Distinct values a place remembers for each space they may belong to. */
const MAX_VOTES = 8;
const MAX_DISTINCT = 10 * MAX_VOTES;
export const MIN_VOTES = 3;
const MIN_SHARE = 0.8;
/** Of two spaces that know the same values the one is meant of whose values these are at least and at most such a share. */
const MOST_OF_A_SPACE = 0.6;
const LITTLE_OF_A_SPACE = 0.3;

/** One identifying value in a message. */
export interface FlowValue {
  place: Place;
  /** The leaf itself, where the place is a pattern. */
  at: string;
  value: string;
  /** What stands beside it in an answer. */
  facts?: ObjectFacts | undefined;
}

export interface Known {
  space: string;
  byClient: boolean;
  marks: readonly number[];
}

export interface PlaceStats {
  place: Place;
  samples: number;
  /** Values the space of its name had already. */
  hits: number;
  /** Values that appeared here first. */
  born: number;
  /** Samples that were the id of a thing of the place's name. */
  references: number;
  /** First pair with it, counted. */
  since: number;
  votes: Map<string, Set<string>>;
  /** Spaces that knew the same thing, by what stands beside the value. */
  same: Map<string, Set<string>>;
  distinct: Set<string>;
}

export function newStats(place: Place, since: number): PlaceStats {
  const nothing = { samples: 0, hits: 0, born: 0, references: 0 };
  return { place, ...nothing, since, votes: new Map(), same: new Map(), distinct: new Set() };
}

/** Which spaces know the values of a place. */
export interface Ballot {
  votes: Map<string, Set<string>>;
  distinct: Set<string>;
}

/** What the places of requests below one path vote together: `/orders/{id}` and `/orders/{id}/items` name one kind of thing. */
export function pooledBallots(all: Iterable<PlaceStats>): Map<string, Ballot> {
  const pools = new Map<string, Ballot>();
  for (const { place, votes, distinct } of all) {
    const path = pathPrefix(place);
    if (path === null) continue;
    const pool = pools.get(path) ?? { votes: new Map(), distinct: new Set() };
    pools.set(path, pool);
    for (const value of distinct) pool.distinct.add(value);
    for (const [space, values] of votes) for (const value of values) add(pool.votes, space, value);
  }
  return pools;
}

/** The other space that the values of a place belong to: most of them, and to no other as well. */
export function votedSpace(
  { votes, distinct }: Ballot,
  side: Place['in'],
  sizeOf: (space: string) => number | undefined,
): string | null {
  const shareOf = ([space, values]: [string, Set<string>]) => values.size / (sizeOf(space) ?? values.size);
  const [best, second] = [...votes].sort(
    (a, b) => b[1].size - a[1].size || shareOf(b) - shareOf(a) || (a[0] < b[0] ? -1 : 1),
  );
  if (!best) return null;
  const isRareOnly = [...best[1]].every(isRare);
  // What else a client names there may never have been: a rare value is known by itself.
  const isRareAsked = isRareOnly && side === 'request';
  const isEnough = isRareAsked && (best[1].size >= MIN_VOTES || 2 * best[1].size >= distinct.size);
  if (!isEnough && best[1].size < MIN_SHARE * distinct.size) return null;
  const isTie = second?.[1].size === best[1].size;
  if (isTie && (shareOf(best) < MOST_OF_A_SPACE || shareOf(second) > LITTLE_OF_A_SPACE)) return null;
  return best[1].size >= MIN_VOTES || isRareOnly ? best[0] : null;
}

/** By the space of a name, the other spaces that places of the name turned out to hold things of. */
export function spacesByName(
  places: Iterable<{ stats: PlaceStats; own: string | null }>,
): Map<string, ReadonlySet<string>> {
  const spaces = new Map<string, Set<string>>();
  for (const { stats, own } of places) {
    const name = spaceOf(stats.place);
    if (own !== null && own !== name) spaces.set(name, (spaces.get(name) ?? new Set()).add(own));
  }
  return spaces;
}

/** Where too few values came to tell: what other places of the name hold, and nothing else, when all of its values are such. */
export function namesakeSpace(
  { place, votes, distinct, hits, born }: PlaceStats,
  namesakes: ReadonlyMap<string, ReadonlySet<string>>,
): string | null {
  const [space, ...others] = namesakes.get(spaceOf(place)) ?? [];
  if (space === undefined || others.length > 0 || hits + born > 0) return null;
  return distinct.size > 0 && votes.get(space)?.size === distinct.size ? space : null;
}

/** A parameter of the request, in an answer that says it again: `?page=2`, `page.number`. */
export function isSaidAgain({ at, value }: FlowValue, { path }: Place, shown: string): boolean {
  return value === shown && at.startsWith('query.') && path.split(/[.[\]#]+/).includes(at.slice(6));
}

/** The spaces a value may be of: what the request named is the likeliest. */
export function candidates(known: readonly Known[], echoed: readonly FlowValue[]): readonly Known[] {
  const named = new Set(echoed.map((one) => spaceOf(one.place)));
  const both = known.filter(({ space }) => named.has(space));
  return both.length > 0 ? both : known;
}

/** `labels: [3]`, `milestone: 7`: no id by its name, but of the name of what has ids. */
export function isReference({ naming: { role, entity } }: Place, value: string): boolean {
  return role === 'other' && entity !== '' && /^[1-9]\d{0,11}$/.test(value);
}

/** Whether it is a whole answer that is something else than new numbers: a text, or how many there are, which comes again. */
export function isOtherAnswer({ place, samples, distinct }: PlaceStats): boolean {
  if (!isBareAnswer(place)) return false;
  const isAgain = distinct.size < Math.min(samples, MAX_DISTINCT);
  return isAgain || ![...distinct].every((value) => /^[1-9]\d*$/.test(value));
}

/** Names of one kind of thing share a space; a place whose name says nothing is a space of its own. */
export function spaceOf({ naming, id }: Place): string {
  if (naming.role === 'cursor') return naming.entity;
  return naming.role === 'id' && naming.entity !== '' ? naming.entity : `#${id}`;
}

/** `isReal`: what a refused request asked for may never have been. */
export function count(stats: PlaceStats, value: string, isReal: boolean): void {
  stats.samples++;
  if (isReal && stats.distinct.size < MAX_DISTINCT) stats.distinct.add(value);
}

export function vote(stats: PlaceStats, spaces: readonly Known[], value: string): void {
  for (const { space } of spaces) {
    if (space !== spaceOf(stats.place)) add(stats.votes, space, value);
  }
}

export function add(spaces: Map<string, Set<string>>, space: string, value: string): void {
  let values = spaces.get(space);
  if (!values) {
    if (spaces.size >= 4 * MAX_VOTES) return;
    values = new Set();
    spaces.set(space, values);
  }
  if (values.size < 10 * MAX_VOTES) values.add(value);
}

/** The space whose things the place shows again, as what stands beside the ids says of at least two and most of them. */
export function sameOf({ same, hits, distinct }: PlaceStats): string | null {
  const [best] = [...same].sort((a, b) => b[1].size - a[1].size || (a[0] < b[0] ? -1 : 1));
  return best && hits === 0 && best[1].size >= 2 && 2 * best[1].size >= distinct.size ? best[0] : null;
}

/** A code in a message is that of the thing which the same answer names by it. */
export function codesLast(answered: readonly FlowValue[]): readonly FlowValue[] {
  const isCode = ({ place: { naming, path } }: FlowValue) => naming.role === 'other' && path.includes('#');
  const codes = answered.filter(isCode);
  return codes.length === 0 ? answered : [...answered.filter((one) => !isCode(one)), ...codes];
}
