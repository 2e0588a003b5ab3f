// Flows: values that do not look generated (serial ids, slugs, cursors) and still are handed out by one response and sent
// back by later requests. Learned by statistics over places, because no single value shows it: each identifying place
// belongs to the space of a kind of thing, by its name, else by the values it shares with one. Only what was made during
// the recording counts: what a fresh database holds anyway is the same in a replay, and a client's own words are too. Pure.
import type { Leaf } from '@echoplane/replay';
import type { Flow, FlowLink } from '@echoplane/traffic';
import { AskedBy, pathPrefix } from './asked-by.ts';
import { CollectiveMarks } from './collective-marks.ts';
import { evidenceOf, placesOf } from './flow-evidence.ts';
import { joinedSpaces } from './joined-spaces.ts';
import { isSameThing, NO_FACTS } from './object-facts.ts';
import {
  add,
  type Ballot,
  candidates,
  codesLast,
  count,
  type FlowValue,
  isOtherAnswer,
  isReference,
  isSaidAgain,
  type Known,
  MIN_VOTES,
  namesakeSpace,
  newStats,
  type PlaceStats,
  pooledBallots,
  sameOf,
  spaceOf,
  spacesByName,
  vote,
  votedSpace,
} from './place-stats.ts';
import { type Place, placeName } from './places.ts';
import { isRare, isWeak } from './rare-texts.ts';
import { stableId } from './stable-id.ts';
import { TwoCounters } from './two-counters.ts';
import { UnseenMakers } from './unseen-makers.ts';

const MAX_VALUES = 100_000;

/** `isWrite`: it may have made things; `isLed`: a write led to it; `isOk`: the answer is no refusal. */
interface ExchangeFacts {
  isWrite: boolean;
  isLed?: boolean;
  isOk: boolean;
  /** All leaves of the answer. */
  leaves: readonly Leaf[];
}

/** `mayBear`: whether a value may have been made for this answer. */
interface Answering {
  isWrite: boolean;
  mayBear: boolean;
  /** A thing's own id, beside times that say that it was made during the recording. */
  isFresh: boolean;
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
  readonly #counters = new TwoCounters();
  readonly #collectiveMarks = new CollectiveMarks();
  readonly #askedBy = new AskedBy();
  readonly #unseen = new UnseenMakers();
  #pools: ReadonlyMap<string, Ballot> = new Map();
  #pairs = 0;
  #lastWrite = -1;

  /** One exchange. */
  observe(
    asked: readonly FlowValue[],
    answered: readonly FlowValue[],
    { isWrite, isLed = false, isOk, leaves }: ExchangeFacts,
  ): void {
    if (isOk) {
      this.#askedBy.observe(asked, leaves, answered);
      const named = answered.filter(({ place: { naming } }) => naming.role === 'id' && naming.entity !== '');
      const numberOf = ({ place, at, value }: FlowValue) => ({ at, value, space: spaceOf(place) });
      this.#counters.observe(named.map(numberOf), isWrite);
    }
    const pair = this.#pairs++;
    for (const { place, value } of asked) {
      const stats = this.#statsOf(place, pair);
      if (isReference(place, value) && !this.#isCode(value)) this.#referred(stats, value);
      else this.#asked(stats, value, isOk);
    }
    if (isOk) {
      this.#mark(answered);
      for (const { place, value, facts = NO_FACTS } of codesLast(answered)) {
        const stats = this.#statsOf(place, pair);
        if (isReference(place, value)) {
          this.#referred(stats, value);
          continue;
        }
        const mayBear =
          isWrite ||
          isLed ||
          (facts.isFresh && place.naming.isOwn) ||
          place.naming.role === 'cursor' ||
          this.#lastWrite > stats.since ||
          // A link holds what was made for whoever follows it.
          (place.path.includes('#') && isRare(value));
        const isFresh = facts.isFresh && place.naming.isOwn;
        this.#answered(stats, value, { isWrite, mayBear, isFresh, asked, marks: facts.marks });
      }
    }
    if (isWrite) this.#lastWrite = pair;
  }

  /** What an answer says of known things, before any other number in it is taken for one of them. */
  #mark(answered: readonly FlowValue[]): void {
    for (const { place, value, facts = NO_FACTS } of answered) {
      if (facts.marks.length === 0 || isReference(place, value)) continue;
      const own = this.#known.get(value)?.find(({ space }) => space === spaceOf(place));
      if (own?.marks.length === 0) own.marks = facts.marks;
    }
  }

  /** A number under the name of a kind of thing. */
  #referred(stats: PlaceStats, value: string): void {
    count(stats, value, true);
    const { entity } = stats.place.naming;
    if (this.#known.get(value)?.some(({ space, byClient }) => space === entity && !byClient))
      stats.references++;
  }

  /** Whether a place without a name told a number that two things do not share by chance. */
  #isCode(value: string): boolean {
    const known = isRare(value) ? this.#known.get(value) : undefined;
    return known?.some(({ space, byClient }) => !byClient && space.startsWith('#')) ?? false;
  }

  #asked(stats: PlaceStats, value: string, isOk: boolean): void {
    const space = spaceOf(stats.place);
    const known = this.#known.get(value);
    const own = known?.find((one) => one.space === space);
    count(stats, value, isOk || known !== undefined);
    if (own) {
      if (!own.byClient) stats.hits++;
      return;
    }
    const others = this.#made(known, space);
    if (others.length > 0) vote(stats, others, value);
    // A number that is asked for before there is such a thing is the service's once it is given out.
    else if ((isOk || !/^\d{1,9}$/.test(value)) && (stats.place.naming.role !== 'other' || isWeak(value)))
      this.#remember(value, { space, byClient: true, marks: [] });
  }

  #answered(stats: PlaceStats, value: string, answering: Answering): void {
    const { isWrite, mayBear, isFresh, asked, marks } = answering;
    const { place } = stats;
    const { role, isOwn } = place.naming;
    const space = spaceOf(place);
    const known = this.#known.get(value);
    const own = known?.find((one) => one.space === space);
    count(stats, value, true);
    if (isOwn && role === 'id') this.#collectiveMarks.observe(space, value, marks);
    if (own) {
      // A Location says no words of the thing; what stands behind it in the same answer does.
      if (own.marks.length === 0) own.marks = marks;
      if (!own.byClient) stats.hits++;
      else if (isFresh) this.#madeUnseen(own, value, { stats, asked, marks });
      return;
    }
    const echoed = asked.filter((one) => one.value === value && one.place.naming.role === 'id');
    const made = this.#made(known, space);
    const same = isOwn ? made.find((one) => this.#isSameThing(one.marks, marks)) : undefined;
    if (same) {
      vote(stats, [same], value);
      add(stats.same, same.space, value);
      return;
    }
    // An equal number of another thing, as what stands beside it says.
    const open =
      isOwn && !isRare(value) ? made.filter((one) => this.#isSameThing(one.marks, marks) === null) : made;
    const others = candidates(open, echoed);
    if (others.length > 0) vote(stats, others, value);
    // The request named another thing, of an equal number.
    const isChance = made.length > 0 && open.length === 0;
    const isEchoed = echoed.length > 0 && !isChance;
    if (isOwn && role === 'id' && !mayBear && others.length === 0) this.#unseen.show(space, value, stats);
    if (!mayBear || isEchoed || asked.some((one) => isSaidAgain(one, place, value))) return;
    // A word that a client chose is the same in a replay, under whatever name the service shows it.
    if (isRare(value) && known?.some(({ byClient }) => byClient)) return;
    // A reference to another thing, or a value that two things do not share by chance, does not come from here.
    if (others.length > 0 && (!isOwn || isRare(value))) return;
    // A code in a message may be read off there first.
    const mayBegin = isWrite || place.path.includes('#');
    if (role === 'other' && (!mayBegin || known !== undefined || !isWeak(value))) return;
    stats.born++;
    this.#remember(value, { space, byClient: false, marks });
    this.#countMade(space, value);
  }

  /** An id that a client took from an answer, to be told that its thing was made during the recording: by nobody who was seen. */
  #madeUnseen(
    own: Known,
    value: string,
    { stats, asked, marks }: Pick<Answering, 'asked' | 'marks'> & { stats: PlaceStats },
  ): void {
    const from = this.#unseen.showed(own.space, value, stats);
    if (!from) return;
    own.byClient = false;
    own.marks = marks;
    from.born++;
    const named = asked.filter((one) => one.value === value && spaceOf(one.place) === own.space);
    for (const shown of [...named.map(({ place }) => this.#stats.get(place)!), from, stats]) shown.hits++;
    this.#countMade(own.space, value);
  }

  #countMade(space: string, value: string): void {
    const values = this.#spaceValues.get(space) ?? { count: 0, isSerial: true, isWeak: false };
    values.count++;
    values.isSerial &&= /^\d+$/.test(value);
    values.isWeak ||= isWeak(value);
    this.#spaceValues.set(space, values);
  }

  #isSameThing(a: readonly number[], b: readonly number[]): boolean | null {
    return isSameThing(this.#collectiveMarks.own(a), this.#collectiveMarks.own(b));
  }

  /** What the service made, of which a value of `space` may be. */
  #made(known: readonly Known[] | undefined, space: string): Known[] {
    return known?.filter((one) => !one.byClient && !this.#counters.areTwo(one.space, space)) ?? [];
  }

  #statsOf(place: Place, pair: number): PlaceStats {
    let stats = this.#stats.get(place);
    if (!stats) {
      stats = newStats(place, pair);
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
    this.#pools = pooledBallots(this.#stats.values());
    for (const stats of this.#stats.values()) {
      const space = sameOf(stats);
      if (space === null) continue;
      this.#aliases.set(space, [...(this.#aliases.get(space) ?? [space]), spaceOf(stats.place)]);
    }
    const joined = this.#joined();
    const found = [...this.#stats.values()].map((stats) => ({ stats, own: this.#finalSpace(stats) }));
    const namesakes = spacesByName(found);
    for (const { stats, own: told } of found) {
      const own = told ?? namesakeSpace(stats, namesakes);
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
    if (this.#askedBy.isOther(place) || isOtherAnswer(stats)) return null;
    if (references > 0) return references === samples || this.#areMade(stats) ? place.naming.entity : null;
    const recognized = sameOf(stats);
    if (recognized !== null) return recognized;
    const voted = this.#voteOf(stats) ?? this.#namedOf(stats);
    // Most of its values were known of another kind of thing: its name says little.
    if (voted !== null && stats.hits === 0 && 2 * stats.born < stats.distinct.size) return voted;
    const isNamed = stats.hits > 0 || (stats.born > 0 && (place.naming.isOwn || voted === null));
    return isNamed || this.#isEarly(stats) ? spaceOf(place) : voted;
  }

  /** Ids that were read before any place was known to make such, maybe in the same answer: all of them turned up there later. */
  #isEarly(stats: PlaceStats): boolean {
    const { in: side, naming } = stats.place;
    return side === 'response' && naming.role === 'id' && naming.entity !== '' && this.#areMade(stats);
  }

  #areMade({ place, distinct }: PlaceStats): boolean {
    const isMade = (value: string) =>
      this.#known.get(value)?.some(({ space, byClient }) => space === place.naming.entity && !byClient);
    return distinct.size > 0 && [...distinct].every(isMade);
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

  #voteOf({ place, votes, distinct }: PlaceStats): string | null {
    const pooled = this.#pools.get(pathPrefix(place) ?? '') ?? { votes, distinct };
    const own = spaceOf(place);
    const open = new Map([...pooled.votes].filter(([space]) => !this.#counters.areTwo(space, own)));
    return votedSpace(
      { votes: open, distinct: pooled.distinct },
      place.in,
      (space) => this.#spaceValues.get(space)?.count,
    );
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
