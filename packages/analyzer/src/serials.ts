// Serial numbers that only answers show: revisions, versions of a store. Each write answers with the next one, and reads show
// later which write a thing is of. Nobody sends them, but writes that overlapped may swap theirs in a replay. Learned only of
// fields without names (numbered ones of messages), because a total or a count of a named field goes up as well. Of the same
// fields it learns the counters, which only ever go up from answer to answer: a read amid writes may see any of them. Pure.
import type { Leaf, Scalar } from '@echoplane/replay';
import type { Flow, FlowLink } from '@echoplane/traffic';
import { type Place, placeName } from './places.ts';
import { SaidNumbers } from './said-numbers.ts';
import { stableId } from './stable-id.ts';

const MIN_VALUES = 5;
const MIN_SHOWN = 3;
const MIN_SHARE = 0.8;
const MIN_COUNTED = 3;
const MAX_PLACES = 400;
const MAX_VALUES = 20_000;
/** Answers of overlapping writes come in another order than their numbers. */
const MAX_OVERLAP = 16;
const MAX_STEP = 64;
/** How often two fields take turns that count together. */
const MIN_TURNS = 3;

/** A place of answers, and what it held. */
interface Seen {
  place: Place;
  samples: number;
  /** With the number of the answer that had it first. */
  values: Map<number, number>;
  /** Greatest value that a write made here. */
  top: number;
  isSerial: boolean;
  /** Samples with a number that another answer had in this field before. */
  told: number;
  /** Samples with a number that the client said of the thing itself. */
  said: number;
  /** Never less than before. */
  isRising: boolean;
  /** An answer had several: those of the things in it. */
  isList: boolean;
  /** Places that held the same in every answer with this one. */
  twins: Set<Place>;
}

/** A number or text of an answer. */
export interface PlacedValue {
  place: Place;
  path: string;
  value: Scalar;
}

export interface SerialFlows {
  flows: Flow[];
  /** By operation. */
  links: Map<string, FlowLink[]>;
  /** Places that tell how far a counter is, by operation. */
  counters: Map<string, Set<string>>;
}

export class SerialLearner {
  readonly #seen = new Map<Place, Seen>();
  /** What any answer had so far, by field. */
  readonly #told = new Map<string, Set<number>>();
  readonly #said = new SaidNumbers();
  #answers = 0;

  /** The values in the answer of a write or a read, answers in order; `asked`: the request. */
  observe(answered: readonly PlacedValue[], isWrite: boolean, asked: readonly Leaf[]): void {
    const kept: { place: Place; path: string; value: number }[] = [];
    for (const { place, path, value: written } of answered) {
      const value = countOf(written);
      if (value !== null && isNumbered(path)) kept.push({ place, path, value });
    }
    if (kept.length === 0) return;
    this.#answers++;
    const sent = new Set(asked.map((leaf) => leaf.value));
    const said = this.#said.observe(answered, sent);
    const together = new Map<number, Set<Place>>();
    const lone = new Map<Place, number>();
    const listed = new Set<Place>();
    for (const { value, place } of kept) {
      together.set(value, (together.get(value) ?? new Set<Place>()).add(place));
      if ((lone.get(place) ?? value) !== value) listed.add(place);
      lone.set(place, value);
    }
    for (const { value, place, path } of kept) {
      const seen = this.#seenAt(place, value, isWrite, together.get(value)!);
      if (!seen) continue;
      seen.samples++;
      if (said.has(path)) seen.said++;
      seen.isList ||= listed.has(place);
      if (this.#told.get(place.path)?.has(value)) seen.told++;
      for (const twin of seen.twins) if (!together.get(value)!.has(twin)) seen.twins.delete(twin);
      seen.isRising &&= value >= seen.top && !sent.has(value);
      if (seen.isSerial) {
        // Comes again, goes back or jumps far: no serial number.
        const step = value - seen.top;
        seen.isSerial = !seen.values.has(value) && step > -MAX_OVERLAP && step <= MAX_STEP;
      }
      seen.top = Math.max(seen.top, value);
      if (seen.values.size < MAX_VALUES && !seen.values.has(value)) seen.values.set(value, this.#answers);
    }
    for (const { value, place } of kept) this.#tell(place.path, value);
  }

  #tell(path: string, value: number): void {
    const told = this.#told.get(path);
    if (!told && this.#told.size < MAX_PLACES) this.#told.set(path, new Set([value]));
    else if (told && told.size < MAX_VALUES) told.add(value);
  }

  #seenAt(place: Place, value: number, isSerial: boolean, together: ReadonlySet<Place>): Seen | undefined {
    const known = this.#seen.get(place);
    if (known || this.#seen.size >= MAX_PLACES) return known;
    const twins = new Set(together);
    twins.delete(place);
    const none = { samples: 0, told: 0, said: 0, values: new Map<number, number>() };
    const seen: Seen = { place, ...none, top: value, isSerial, isRising: true, isList: false, twins };
    this.#seen.set(place, seen);
    return seen;
  }

  /** One flow for each field in which several writes answer with the next number. */
  finish(): SerialFlows {
    const made: SerialFlows = { flows: [], links: new Map(), counters: new Map() };
    const followed = new Set<Seen>();
    const heads = new Set<string>();
    for (const { producers, values, paths } of this.#families()) {
      const isEcho = (one: Seen) =>
        !producers.includes(one) && !isState(one, paths) && !isSaid(one) && shows(one, values);
      const echoes = [...this.#seen.values()].filter(isEcho);
      if (echoes.length === 0) continue;
      addFlow(made, producers, echoes, values.size);
      for (const path of paths) heads.add(path);
      for (const one of [...producers, ...echoes]) followed.add(one);
    }
    made.flows.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const seen of this.#seen.values()) {
      const isCounter = isState(seen, heads) || (seen.isRising && seen.values.size >= MIN_COUNTED);
      if (!isCounter || followed.has(seen)) continue;
      const { operation, path } = seen.place;
      made.counters.set(operation.key, (made.counters.get(operation.key) ?? new Set()).add(path));
    }
    return made;
  }

  /** The fields of writes that tell one serial number: alike, or always equal to one that is. The greatest come first. */
  #families(): Family[] {
    const serials = [...this.#seen.values()].filter(isMaking);
    const groups = [...Map.groupBy(serials, ({ place }) => place.path)].map(([path, producers]): Family => {
      const values = new Map(producers.flatMap((one) => [...one.values]));
      return { producers, values, paths: new Set([path]) };
    });
    groups.sort((a, b) => b.values.size - a.values.size);
    const families: Family[] = [];
    for (const group of groups) {
      const kin = families.find(
        (family) =>
          group.producers.every((one) => isState(one, family.paths)) ||
          (areOneCount(family, group) && !isShown(family, families) && !isShown(group, families)),
      );
      if (!kin) {
        if (group.values.size >= MIN_VALUES) families.push(group);
        continue;
      }
      kin.producers.push(...group.producers);
      for (const [value, answer] of group.values) kin.values.set(value, answer);
    }
    return families;
  }
}

interface Family {
  producers: Seen[];
  values: Map<number, number>;
  paths: Set<string>;
}

/** Whether its numbers are those of another field: who repeats them counts nothing. */
function isShown({ producers }: Family, families: readonly Family[]): boolean {
  return families.some(
    (other) => other.producers !== producers && producers.every((one) => shows(one, other.values)),
  );
}

/** Whether what two fields show is counted by one counter: no number is of both, and they take turns in it. */
function areOneCount(one: Family, other: Family): boolean {
  if ([...other.values.keys()].some((value) => one.values.has(value))) return false;
  const both = [...one.values, ...other.values].sort(([a, was], [b, is]) => was - is || a - b);
  let [turns, top] = [0, both[0]![0]];
  for (const [n, [value]] of both.entries()) {
    const step = value - top;
    if (step <= -MAX_OVERLAP || step > MAX_STEP) return false;
    top = Math.max(top, value);
    if (n > 0 && one.values.has(value) !== one.values.has(both[n - 1]![0])) turns++;
  }
  return turns >= MIN_TURNS;
}

/** A quantity, a grade: it is what the client wrote, and equal to a serial number by chance. */
function isSaid({ said, samples }: Seen): boolean {
  return said >= MIN_SHARE * samples;
}

/** Each of its answers has a number of its own, which no answer had before. */
function isMaking({ isSerial, told, samples }: Seen): boolean {
  return isSerial && told <= (1 - MIN_SHARE) * samples;
}

/** The field in which writes answer with their number, or what always equals it: how far the counter is. */
function isState({ place, values, twins, isList }: Seen, heads: ReadonlySet<string>): boolean {
  if (heads.has(place.path)) return !isList;
  return values.size >= MIN_COUNTED && [...twins].some(({ path }) => heads.has(path));
}

/** A whole number from one on; those of 64 bits are texts, and shorter ones somebody wrote. */
function countOf(value: Scalar): number | null {
  const count = typeof value === 'string' && /^[1-9]\d{5,14}$/.test(value) ? Number(value) : value;
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 1 ? count : null;
}

/** A field that has a number for a name, `body[].1.3`. */
function isNumbered(path: string): boolean {
  return /^body\[\d+\](?:\.\d+|\[\d+\])+$/.test(path);
}

function shows({ values }: Seen, made: ReadonlyMap<number, number>): boolean {
  const shown = [...values.keys()].filter((value) => made.has(value)).length;
  return shown >= MIN_SHOWN && shown >= MIN_SHARE * values.size;
}

function addFlow(
  { flows, links }: SerialFlows,
  producers: readonly Seen[],
  echoes: readonly Seen[],
  values: number,
): void {
  const first = producers[0]!.place;
  const id = stableId('f', placeName(first), 'serial');
  const places = [...producers, ...echoes].map((seen): Flow['places'][number] => {
    const { operation, path } = seen.place;
    const at = { method: operation.method, endpoint: operation.endpoint, in: 'response' as const, path };
    return { ...at, role: producers.includes(seen) ? 'producer' : 'echo', count: seen.samples };
  });
  for (const { place } of [...producers, ...echoes]) {
    const list = links.get(place.operation.key) ?? [];
    if (!list.some(({ path }) => path === place.path))
      list.push({ in: 'response', path: place.path, flow: id });
    links.set(place.operation.key, list);
  }
  const evidence = `each of ${values} writes answers with another number at ${placeName(first)}, shown again in ${echoes.length} other places`;
  flows.push({ id, name: placeName(first), kind: 'serial', places, values, evidence, enabled: true });
}
