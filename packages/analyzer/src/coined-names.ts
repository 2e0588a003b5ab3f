// Names that the service coins when the client gives none: two words or three that nobody said before, another in every answer
// to a write. Learned of places whose writes answered with several; the places where such names come again are followed, too.
// Bounded; it knows the exchanges one at a time. Pure.
import { isCoinedName, type Leaf, type Scalar } from '@echoplane/replay';
import type { Flow, FlowLink } from '@echoplane/traffic';
import { type Place, placeName } from './places.ts';
import { stableId } from './stable-id.ts';

/** Fewer names under one field prove nothing. */
const MIN_NAMES = 4;
/** Share of the words of all names that come once: states and roles have theirs in common. */
const MIN_VARIETY = 0.7;
const MAX_WORDS = 20_000;
const MAX_NAMES = 10_000;
const MAX_TEXT_CHARS = 256;
const CARRYING = /^(?:header|cookie)\./;

interface Shown {
  place: Place;
  count: number;
}

interface Coining {
  place: Place;
  names: Set<string>;
  /** Whether a later write answered with an old name: then it is a state or a kind. */
  isTold: boolean;
}

export interface CoinedFlow {
  flows: Flow[];
  /** By operation. */
  links: Map<string, FlowLink[]>;
}

export class CoinedNames {
  /** Words that clients said; full, nothing is coined any more. */
  readonly #said = new Set<string>();
  /** Names by the place that coined them; null: told by a read first, or said by a client. */
  readonly #names = new Map<string, Coining | null>();
  readonly #coining = new Map<Place, Coining>();
  readonly #shown = new Map<string, Map<Place, Shown>>();

  /** `told`: the values of the answer; `isMaking`: to a write that succeeded. */
  observe(asked: readonly Leaf[], told: readonly { place: Place; value: Scalar }[], isMaking: boolean): void {
    for (const { path, value } of asked)
      if (typeof value === 'string' && !CARRYING.test(path)) this.#say(value);
    const here = new Set<string>();
    for (const { place, value } of told) {
      if (typeof value !== 'string' || !isCoinedName(value)) continue;
      if (this.#names.has(value)) this.#again(value, place, isMaking && !here.has(value));
      else this.#first(value, place, isMaking);
      here.add(value);
    }
  }

  #say(text: string): void {
    if (text.length > MAX_TEXT_CHARS || this.#said.size >= MAX_WORDS || this.#names.get(text)) return;
    for (const word of wordsOf(text)) this.#said.add(word);
  }

  #first(name: string, place: Place, isMaking: boolean): void {
    if (this.#names.size >= MAX_NAMES || this.#said.size >= MAX_WORDS) return;
    const isSaid = wordsOf(name).some((word) => this.#said.has(word));
    if (!isMaking || isSaid) return void this.#names.set(name, null);
    let coining = this.#coining.get(place);
    if (!coining) {
      coining = { place, names: new Set(), isTold: false };
      this.#coining.set(place, coining);
    }
    coining.names.add(name);
    this.#names.set(name, coining);
    this.#show(name, place);
  }

  #again(name: string, place: Place, isMaking: boolean): void {
    const coining = this.#names.get(name);
    if (!coining) return;
    if (isMaking && coining.place === place) coining.isTold = true;
    this.#show(name, place);
  }

  #show(name: string, place: Place): void {
    let places = this.#shown.get(name);
    if (!places) {
      places = new Map();
      this.#shown.set(name, places);
    }
    const shown = places.get(place);
    if (shown) shown.count++;
    else places.set(place, { place, count: 1 });
  }

  /** One flow of all coined names. */
  finish(): CoinedFlow {
    const made: CoinedFlow = { flows: [], links: new Map() };
    const coining = [...this.#coining.values()].filter(({ isTold }) => !isTold);
    for (const family of Map.groupBy(coining, ({ place }) => fieldOf(place)).values()) {
      const names = family.flatMap((one) => [...one.names]);
      if (names.length >= MIN_NAMES && isVaried(names)) this.#addFlow(made, family, names);
    }
    made.flows.sort((a, b) => (a.name < b.name ? -1 : 1));
    return made;
  }

  #addFlow({ flows, links }: CoinedFlow, family: readonly Coining[], names: readonly string[]): void {
    const name = placeName(family[0]!.place);
    const id = stableId('f', name, 'coined');
    const counts = new Map<Place, number>();
    for (const { place, count } of names.flatMap((one) => [...this.#shown.get(one)!.values()]))
      counts.set(place, (counts.get(place) ?? 0) + count);
    const coiners = new Set(family.map(({ place }) => place));
    const places = [...counts].map(([place, count]): Flow['places'][number] => {
      const { operation, path } = place;
      const list = links.get(operation.key) ?? [];
      list.push({ in: 'response', path, flow: id, like: 'words' });
      links.set(operation.key, list);
      const role = coiners.has(place) ? 'producer' : 'echo';
      return { method: operation.method, endpoint: operation.endpoint, in: 'response', path, role, count };
    });
    const evidence = `${names.length} writes answered with a name each that nobody had said before`;
    flows.push({ id, name, kind: 'token', places, values: names.length, evidence, enabled: true });
  }
}

function fieldOf({ path }: Place): string {
  return /[^.[\]]*$/.exec(path)![0];
}

function isVaried(names: readonly string[]): boolean {
  const words = names.flatMap(wordsOf);
  return new Set(words).size >= MIN_VARIETY * words.length;
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[a-z]{3,}/g) ?? [];
}
