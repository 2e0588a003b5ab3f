// Flows: values that do not look generated (serial ids, slugs, cursors) and still are handed out by one response and sent
// back by later requests. Learned by statistics over places, because no single value shows it: each identifying place
// belongs to the space of a kind of thing, by its name, else by the values it shares with one. Only what was made during
// the recording counts: what a fresh database holds anyway is the same in a replay, and a client's own words are too. Pure.
import type { Flow, FlowLink } from '@echoplane/traffic';
import { evidenceOf, placesOf } from './flow-evidence.ts';
import { joinedSpaces } from './joined-spaces.ts';
import { isSameThing, NO_FACTS, type ObjectFacts } from './object-facts.ts';
import { type Place, placeName } from './places.ts';
import { isRare, isWeak } from './rare-texts.ts';
import { stableId } from './stable-id.ts';

const MAX_VALUES = 100_000;
/** Distinct values a place remembers for each space they may belong to. */
const MAX_VOTES = 8;
const MIN_VOTES = 3;
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

interface Known {
  space: string;
  byClient: boolean;
  marks: readonly number[];
}

interface PlaceStats {
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

/** `mayBear`: whether a value may have been made for this answer. */
interface Answering {
  isWrite: boolean;
  mayBear: boolean;
  asked: readonly FlowValue[];
  marks: readonly number[];
}

/** Watches pairs in order, then tells the flows. */
export class FlowLearner {
  readonly #known = new Map<string, Known[]>();
  readonly #stats = new Map<Place, PlaceStats>();
  readonly #spaceValues = new Map<string, { count: number; isSerial: boolean; isWeak: boolean }>();
  /** Other names of a space's things. */
  readonly #aliases = new Map<string, string[]>();
  readonly #flowOf = new Map<Place, string>();
  #pairs = 0;
  #lastWrite = -1;

  /** One exchange: `isWrite` may have made things, `isOk` its answer is no refusal. */
  observe(
    asked: readonly FlowValue[],
    answered: readonly FlowValue[],
    isWrite: boolean,
    isOk: boolean,
  ): void {
    const pair = this.#pairs++;
    for (const { place, value } of asked) {
      const stats = this.#statsOf(place, pair);
      if (isReference(place, value)) this.#referred(stats, value);
      else this.#asked(stats, value);
    }
    if (isOk) {
      for (const { place, value, facts = NO_FACTS } of answered) {
        const stats = this.#statsOf(place, pair);
        if (isReference(place, value)) {
          this.#referred(stats, value);
          continue;
        }
        const mayBear =
          isWrite ||
          (facts.isFresh && place.naming.isOwn) ||
          place.naming.role === 'cursor' ||
          this.#lastWrite > stats.since ||
          // A link holds what was made for whoever follows it.
          (place.path.includes('#') && isRare(value));
        this.#answered(stats, value, { isWrite, mayBear, asked, marks: facts.marks });
      }
    }
    if (isWrite) this.#lastWrite = pair;
  }

  /** A number under the name of a kind of thing. */
  #referred(stats: PlaceStats, value: string): void {
    count(stats, value);
    const { entity } = stats.place.naming;
    if (this.#known.get(value)?.some(({ space, byClient }) => space === entity && !byClient))
      stats.references++;
  }

  #asked(stats: PlaceStats, value: string): void {
    const space = spaceOf(stats.place);
    const known = this.#known.get(value);
    const own = known?.find((one) => one.space === space);
    count(stats, value);
    if (own) {
      if (!own.byClient) stats.hits++;
      return;
    }
    const others = known?.filter((one) => !one.byClient) ?? [];
    if (others.length > 0) vote(stats, others, value);
    else if (stats.place.naming.role !== 'other' || isWeak(value))
      this.#remember(value, { space, byClient: true, marks: [] });
  }

  #answered(stats: PlaceStats, value: string, { isWrite, mayBear, asked, marks }: Answering): void {
    const { place } = stats;
    const space = spaceOf(place);
    const known = this.#known.get(value);
    const own = known?.find((one) => one.space === space);
    count(stats, value);
    if (own) {
      if (!own.byClient) stats.hits++;
      if (own.marks.length === 0) own.marks = marks;
      return;
    }
    const echoed = asked.filter((one) => one.value === value && one.place.naming.role === 'id');
    const { role, isOwn } = place.naming;
    const made = known?.filter((one) => !one.byClient) ?? [];
    const same = isOwn ? made.find((one) => isSameThing(one.marks, marks)) : undefined;
    if (same) {
      vote(stats, [same], value);
      add(stats.same, same.space, value);
      return;
    }
    // An equal number of another thing, as what stands beside it says.
    const open =
      isOwn && !isRare(value) ? made.filter((one) => isSameThing(one.marks, marks) === null) : made;
    const others = candidates(open, echoed);
    if (others.length > 0) vote(stats, others, value);
    if (!mayBear || echoed.length > 0 || asked.some((one) => isSaidAgain(one, place, value))) return;
    // A word that a client chose is the same in a replay, under whatever name the service shows it.
    if (isRare(value) && known?.some(({ byClient }) => byClient)) return;
    // A reference to another thing, or a value that two things do not share by chance, does not come from here.
    if (others.length > 0 && (!isOwn || isRare(value))) return;
    if (role === 'other' && (!isWrite || known !== undefined || !isWeak(value))) return;
    stats.born++;
    this.#remember(value, { space, byClient: false, marks });
    const values = this.#spaceValues.get(space) ?? { count: 0, isSerial: true, isWeak: false };
    values.count++;
    values.isSerial &&= /^\d+$/.test(value);
    values.isWeak ||= isWeak(value);
    this.#spaceValues.set(space, values);
  }

  #statsOf(place: Place, pair: number): PlaceStats {
    let stats = this.#stats.get(place);
    if (!stats) {
      stats = {
        place,
        samples: 0,
        hits: 0,
        born: 0,
        references: 0,
        since: pair,
        votes: new Map(),
        same: new Map(),
        distinct: new Set(),
      };
      this.#stats.set(place, stats);
    }
    return stats;
  }

  #remember(value: string, known: Known): void {
    const list = this.#known.get(value);
    if (list) list.push(known);
    else {
      // The oldest is the least likely to come again.
      if (this.#known.size >= MAX_VALUES) this.#known.delete(this.#known.keys().next().value!);
      this.#known.set(value, [known]);
    }
  }

  /** The flows, in the order of their names. */
  finish(): Flow[] {
    const members = new Map<string, PlaceStats[]>();
    for (const stats of this.#stats.values()) {
      const space = sameOf(stats);
      if (space !== null)
        this.#aliases.set(space, [...(this.#aliases.get(space) ?? [space]), spaceOf(stats.place)]);
    }
    const joined = this.#joined();
    for (const stats of this.#stats.values()) {
      const own = this.#finalSpace(stats);
      if (own === null) continue;
      const space = joined.get(own) ?? own;
      const list = members.get(space) ?? [];
      list.push(stats);
      members.set(space, list);
    }
    const flows: Flow[] = [];
    for (const [space, list] of members) {
      const flow = this.#flow(space, list);
      if (flow) flows.push(flow);
    }
    return flows.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** By space, the one it is part of, which has its values from here on. */
  #joined(): Map<string, string> {
    const asked = [...this.#stats.values()].filter(({ place }) => place.in === 'request');
    const places = asked.map((stats) => {
      const isNamed = stats.hits > 0 && stats.place.naming.role === 'id';
      return { space: isNamed ? spaceOf(stats.place) : this.#voteOf(stats), votes: stats.votes };
    });
    const joined = joinedSpaces(places, isRare);
    for (const [from, to] of joined) {
      const [values, more] = [this.#spaceValues.get(to), this.#spaceValues.get(from)];
      if (!values || !more) continue;
      values.count += more.count;
      values.isSerial &&= more.isSerial;
      values.isWeak ||= more.isWeak;
    }
    return joined;
  }

  #finalSpace(stats: PlaceStats): string | null {
    const { references, samples, place } = stats;
    if (references > 0) return references === samples ? place.naming.entity : null;
    const recognized = sameOf(stats);
    if (recognized !== null) return recognized;
    const voted = this.#voteOf(stats) ?? this.#namedOf(stats);
    const { isOwn } = stats.place.naming;
    // Most of its values were known of another kind of thing: its name says little.
    if (voted !== null && stats.hits === 0 && 2 * stats.born < stats.distinct.size) return voted;
    return stats.hits > 0 || (stats.born > 0 && (isOwn || voted === null)) ? spaceOf(stats.place) : voted;
  }

  /** `createdByUserId`: a reference whose name ends with that of a kind of thing, and whose values are all such. */
  #namedOf({ place, votes, distinct }: PlaceStats): string | null {
    const { role, isOwn, entity } = place.naming;
    if (role !== 'id' || isOwn || entity === '') return null;
    const fits = [...votes].filter(
      ([space, values]) =>
        values.size === distinct.size &&
        (this.#aliases.get(space) ?? [space]).some((name) => name.length > 2 && entity.endsWith(name)),
    );
    return fits.length === 1 ? fits[0]![0] : null;
  }

  /** The other space that the values of a place belong to: most of them, and to no other as well. */
  #voteOf({ place, votes, distinct }: PlaceStats): string | null {
    const shareOf = ([space, values]: [string, Set<string>]) =>
      values.size / (this.#spaceValues.get(space)?.count ?? values.size);
    const [best, second] = [...votes].sort(
      (a, b) => b[1].size - a[1].size || shareOf(b) - shareOf(a) || (a[0] < b[0] ? -1 : 1),
    );
    if (!best) return null;
    const isRareOnly = [...best[1]].every(isRare);
    // What else a client names there may never have been: a rare value is known by itself.
    const isEnough = isRareOnly && place.in === 'request' && best[1].size >= MIN_VOTES;
    if (!isEnough && best[1].size < MIN_SHARE * distinct.size) return null;
    const isTie = second?.[1].size === best[1].size;
    if (isTie && (shareOf(best) < MOST_OF_A_SPACE || shareOf(second) > LITTLE_OF_A_SPACE)) return null;
    return best[1].size >= MIN_VOTES || isRareOnly ? best[0] : null;
  }

  #flow(space: string, list: PlaceStats[]): Flow | null {
    const producers = list
      .filter((stats) => stats.born > 0)
      .sort((a, b) => b.born - a.born || a.since - b.since);
    const first = producers.toSorted((a, b) => a.since - b.since)[0];
    // A value that appears in one place only comes from nowhere and goes nowhere.
    if (!first || (list.length < 2 && first.hits === 0)) return null;
    const { count: values, isSerial, isWeak } = this.#spaceValues.get(space)!;
    // Values that all look generated are tokens, followed wherever they occur.
    if (!isWeak) return null;
    const isCursor = first.place.naming.role === 'cursor';
    const consumers = list.filter((stats) => stats.place.in === 'request');
    if ((isCursor || first.place.naming.role === 'other') && consumers.length === 0) return null;
    // One number that is only read and nobody sends is a constant.
    if (isSerial && values < 2 && consumers.length === 0 && first.place.operation.method === 'GET')
      return null;
    if (
      first.place.naming.role === 'other' &&
      !consumers.some((stats) => stats.hits >= MIN_VOTES || this.#voteOf(stats))
    )
      return null;
    const id = stableId('f', placeName(first.place), first.place.in);
    for (const { place } of list) this.#flowOf.set(place, id);
    return {
      id,
      name: placeName(first.place),
      kind: isSerial ? 'serial' : isCursor ? 'token' : 'mixed',
      places: placesOf(list),
      values,
      evidence: evidenceOf(first, list, values),
      enabled: true,
    };
  }

  /** The id of the flow a place belongs to; after `finish`. */
  flowOf(place: Place): string | undefined {
    return this.#flowOf.get(place);
  }

  /** The links of every place that belongs to a flow, by operation; after `finish`. */
  links(): Map<string, FlowLink[]> {
    const links = new Map<string, FlowLink[]>();
    for (const [place, flow] of this.#flowOf) {
      const { key } = place.operation;
      const list = links.get(key) ?? [];
      list.push({ in: place.in, path: place.path, flow });
      links.set(key, list);
    }
    for (const list of links.values()) list.sort((a, b) => (a.in + a.path < b.in + b.path ? -1 : 1));
    return links;
  }
}

/** A parameter of the request, in an answer that says it again: `?page=2`, `page.number`. */
function isSaidAgain({ at, value }: FlowValue, { path }: Place, shown: string): boolean {
  return value === shown && at.startsWith('query.') && path.split(/[.[\]#]+/).includes(at.slice(6));
}

/** The spaces a value may be of: what the request named is the likeliest. */
function candidates(known: readonly Known[], echoed: readonly FlowValue[]): readonly Known[] {
  const named = new Set(echoed.map((one) => spaceOf(one.place)));
  const both = known.filter(({ space }) => named.has(space));
  return both.length > 0 ? both : known;
}

/** `labels: [3]`, `milestone: 7`: no id by its name, but of the name of what has ids. */
function isReference({ naming: { role, entity } }: Place, value: string): boolean {
  return role === 'other' && entity !== '' && /^[1-9]\d{0,11}$/.test(value);
}

/** Names of one kind of thing share a space; a place whose name says nothing is a space of its own. */
function spaceOf({ naming, id }: Place): string {
  if (naming.role === 'cursor') return 'cursor';
  return naming.role === 'id' && naming.entity !== '' ? naming.entity : `#${id}`;
}

function count(stats: PlaceStats, value: string): void {
  stats.samples++;
  if (stats.distinct.size < 10 * MAX_VOTES) stats.distinct.add(value);
}

function vote(stats: PlaceStats, spaces: readonly Known[], value: string): void {
  for (const { space } of spaces) {
    if (space !== spaceOf(stats.place)) add(stats.votes, space, value);
  }
}

function add(spaces: Map<string, Set<string>>, space: string, value: string): void {
  let values = spaces.get(space);
  if (!values) {
    if (spaces.size >= 4 * MAX_VOTES) return;
    values = new Set();
    spaces.set(space, values);
  }
  if (values.size < 10 * MAX_VOTES) values.add(value);
}

/** The space whose things the place shows again, as what stands beside the ids says of at least two and most of them. */
function sameOf({ same, hits, distinct }: PlaceStats): string | null {
  const [best] = [...same].sort((a, b) => b[1].size - a[1].size || (a[0] < b[0] ? -1 : 1));
  return best && hits === 0 && best[1].size >= 2 && 2 * best[1].size >= distinct.size ? best[0] : null;
}
