// Serial numbers that only answers show: revisions, versions of a store. Each write answers with the next one, and reads show
// later which write a thing is of. Nobody sends them, but writes that overlapped may swap theirs in a replay. Learned only of
// fields without names (numbered ones of messages), because a total or a count of a named field goes up as well. Of the same
// fields it learns the counters, which only ever go up from answer to answer: a read amid writes may see any of them. Pure.
import type { Leaf, Scalar } from '@echoplane/replay';
import type { Flow, FlowLink } from '@echoplane/traffic';
import { type Place, placeName } from './places.ts';
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

/** A place of answers, and what it held. */
interface Seen {
  place: Place;
  samples: number;
  values: Set<number>;
  /** Greatest value that a write made here. */
  top: number;
  isSerial: boolean;
  /** Samples with a number that another answer had in this field before. */
  told: number;
  /** Never less than before. */
  isRising: boolean;
  /** Places that held the same in every answer with this one. */
  twins: Set<Place>;
}

/** A number of an answer. */
export interface PlacedNumber {
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

  /** The numbers in the answer of a write or a read, answers in order; `asked`: the request. */
  observe(numbers: readonly PlacedNumber[], isWrite: boolean, asked: readonly Leaf[]): void {
    const kept = numbers.filter(
      (one): one is PlacedNumber & { value: number } =>
        Number.isSafeInteger(one.value) && (one.value as number) >= 1 && isNumbered(one.path),
    );
    if (kept.length === 0) return;
    const sent = new Set(asked.map((leaf) => leaf.value));
    const together = new Map<number, Set<Place>>();
    for (const { value, place } of kept)
      together.set(value, (together.get(value) ?? new Set<Place>()).add(place));
    for (const { value, place } of kept) {
      const seen = this.#seenAt(place, value, isWrite, together.get(value)!);
      if (!seen) continue;
      seen.samples++;
      if (this.#told.get(place.path)?.has(value)) seen.told++;
      for (const twin of seen.twins) if (!together.get(value)!.has(twin)) seen.twins.delete(twin);
      seen.isRising &&= value >= seen.top && !sent.has(value);
      if (seen.isSerial) {
        // Comes again, goes back or jumps far: no serial number.
        const step = value - seen.top;
        seen.isSerial = !seen.values.has(value) && step > -MAX_OVERLAP && step <= MAX_STEP;
      }
      seen.top = Math.max(seen.top, value);
      if (seen.values.size < MAX_VALUES) seen.values.add(value);
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
    const none = { samples: 0, told: 0, values: new Set<number>() };
    const seen: Seen = { place, ...none, top: value, isSerial, isRising: true, twins };
    this.#seen.set(place, seen);
    return seen;
  }

  /** One flow for each field in which several writes answer with the next number. */
  finish(): SerialFlows {
    const made: SerialFlows = { flows: [], links: new Map(), counters: new Map() };
    const followed = new Set<Seen>();
    const heads = new Set<string>();
    for (const { producers, values, paths } of this.#families()) {
      const isEcho = (one: Seen) => !producers.includes(one) && !isState(one, paths) && shows(one, values);
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
      const values = new Set(producers.flatMap((one) => [...one.values]));
      return { producers, values, paths: new Set([path]) };
    });
    groups.sort((a, b) => b.values.size - a.values.size);
    const families: Family[] = [];
    for (const group of groups) {
      const kin = families.find(({ paths }) => group.producers.every((one) => isState(one, paths)));
      if (!kin) {
        if (group.values.size >= MIN_VALUES) families.push(group);
        continue;
      }
      kin.producers.push(...group.producers);
      for (const value of group.values) kin.values.add(value);
    }
    return families;
  }
}

interface Family {
  producers: Seen[];
  values: Set<number>;
  paths: Set<string>;
}

/** Each of its answers has a number of its own, which no answer had before. */
function isMaking({ isSerial, told, samples }: Seen): boolean {
  return isSerial && told <= (1 - MIN_SHARE) * samples;
}

/** The field in which writes answer with their number, or what always equals it: how far the counter is. */
function isState({ place, values, twins }: Seen, heads: ReadonlySet<string>): boolean {
  if (heads.has(place.path)) return true;
  return values.size >= MIN_COUNTED && [...twins].some(({ path }) => heads.has(path));
}

/** A field that has a number for a name, `body[].1.3`. */
function isNumbered(path: string): boolean {
  return /^body\[\d+\](?:\.\d+|\[\d+\])+$/.test(path);
}

function shows({ values }: Seen, made: ReadonlySet<number>): boolean {
  const shown = [...values].filter((value) => made.has(value)).length;
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
