// Objects of different answers that show the same things: two of them, at least, under the same key. What two objects of one answer
// share tells no thing from another. Bounded. Pure.

const MAX_OBJECTS = 2_000;
const MAX_TEXTS = 100;
const MIN_SHARED = 2;

type Texts = readonly (readonly [key: string, text: string])[];

interface ObjectsAt {
  /** `operation\tpattern`. */
  place: string;
  /** Of all objects there, with their keys. */
  texts: Set<string>;
  /** Keys under which two objects of one answer had the same. */
  shared: Set<string>;
  /** The latest answer with an object there, and that object while it is the only one. */
  answer: number;
  first: Texts | null;
  /** Of the objects of that answer, when there are several. */
  seen: Set<string>;
}

export class SameThings {
  /** In the order in which they were first seen. */
  readonly #places: ObjectsAt[] = [];
  readonly #byOperation = new Map<string, Map<string, ObjectsAt>>();
  #answer = 0;

  /** The next answer begins. */
  next(): void {
    this.#answer++;
  }

  /** The texts of an object of the answer at `pattern`. */
  observe(operation: string, pattern: string, texts: Texts): void {
    const at = this.#at(operation, pattern);
    if (!at) return;
    for (const [key, text] of texts) {
      if (at.texts.size >= MAX_TEXTS) break;
      at.texts.add(`${key}\t${text}`);
    }
    if (at.answer !== this.#answer) {
      // Hardly ever does another one come: nothing is made of it before.
      at.answer = this.#answer;
      at.first = texts;
      at.seen.clear();
      return;
    }
    for (const [key, text] of at.first ?? []) at.seen.add(`${key}\t${text}`);
    at.first = null;
    for (const [key, text] of texts) {
      if (at.shared.has(key)) continue;
      const held = `${key}\t${text}`;
      if (at.seen.has(held)) at.shared.add(key);
      else at.seen.add(held);
    }
  }

  #at(operation: string, pattern: string): ObjectsAt | undefined {
    const patterns = this.#byOperation.get(operation);
    const known = patterns?.get(pattern);
    if (known || this.#places.length >= MAX_OBJECTS) return known;
    const made = { place: `${operation}\t${pattern}`, ...nothingSeen() };
    if (patterns) patterns.set(pattern, made);
    else this.#byOperation.set(operation, new Map([[pattern, made]]));
    this.#places.push(made);
    return made;
  }

  /** The places themselves, and others that show the same things. */
  like(places: readonly string[]): Set<string> {
    const shown = new Set(places.flatMap((place) => this.#namesAt(place)));
    const found = new Set(places);
    for (const { place, texts } of this.#places) if (hasSame(texts, shown)) found.add(place);
    return found;
  }

  #namesAt(place: string): string[] {
    const at = this.#places.find((one) => one.place === place);
    return [...(at?.texts ?? [])].filter((text) => !at!.shared.has(text.slice(0, text.indexOf('\t'))));
  }
}

function nothingSeen(): Omit<ObjectsAt, 'place'> {
  return { texts: new Set(), shared: new Set(), answer: 0, first: null, seen: new Set() };
}

/** Under one key, several of the same texts. */
function hasSame(texts: ReadonlySet<string>, shown: ReadonlySet<string>): boolean {
  const shared = new Map<string, number>();
  for (const text of texts) {
    if (!shown.has(text)) continue;
    const key = text.slice(0, text.indexOf('\t'));
    const count = (shared.get(key) ?? 0) + 1;
    if (count >= MIN_SHARED) return true;
    shared.set(key, count);
  }
  return false;
}
