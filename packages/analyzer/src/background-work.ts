// What a service makes by itself, some time after the write that it is about: by a timer, a queue, a job. A read that comes soon
// after the write finds it or does not, and when it was made is not said by the requests. Told by its times, which lie outside of
// the writes that name the thing, now in one of them and now in another; and by things that were made and changed alike, of
// which only some have it. Learned while pairs pass in order, settled at the end. Bounded. Pure.
import { type Leaf, readTime, type Scalar } from '@echoplane/replay';
import type { OptionalLeaf, VolatileLeaf } from '@echoplane/traffic';
import { type Exchange, isName, isWithin, Namings, pathNames, type Write } from './namings.ts';
import { holderOf } from './object-facts.ts';
import { type Operation, patternOf } from './places.ts';
import { SameThings } from './same-things.ts';
import { UnlikeHistories } from './unlike-histories.ts';

/** Times that no write explains, and their share of all times of a place, at least. */
const MIN_OUTSIDE = 2;
const MIN_SHARE = 0.2;
/** Times that are explained prove that the clocks agree. */
const MIN_EXPLAINED = 3;
const MAX_WAITING = 20_000;
const MAX_FIELDS = 2_000;
const MAX_TIMES = 200;
const MAX_SENT = 20_000;
/** A larger object is no note of when something was done. */
const MAX_NOTE_LEAVES = 8;
const SECOND_US = 1_000_000;
/** What has one is a thing of its own, made by writes that name that one. */
const IDENTITY = /\.(?:id|uid|uuid|guid|key|name|slug)$/i;
const MAX_SAMPLES = 500;
const WHY = 'is made by the service itself: no request says when, or whether it is there yet';

/** A time of an answer, judged once all writes are known that began before the answer came. */
interface Waiting {
  field: Field;
  us: number;
  /** The thing it is of; undefined when that is not known. */
  name: string | undefined;
  readUs: number;
  dueUs: number;
}

/** A time of a thing, and the writes that named it. */
interface Sample {
  /** Shapes of the writes that the time lies in. */
  within: readonly string[];
  /** Shapes of the writes between those and the read, of what the path names. */
  after: readonly string[];
}

/** The leaf that holds a time, by its key and that of the object around it; without one, by its place. */
interface Field {
  /** By time and thing: one that is read twice is one sample. */
  samples: Map<string, Sample>;
  /** `operation\tpattern`. */
  places: Set<string>;
  isEpoch: boolean;
  /** The key of the object around it; '' when it is an element or the body. */
  note: string;
}

interface Note {
  fields: Set<Field>;
  leaves: number;
  places: Set<string>;
}

export interface OwnDoing {
  /** By operation. */
  volatile: Map<string, VolatileLeaf[]>;
  optional: Map<string, OptionalLeaf[]>;
}

export class BackgroundWork {
  readonly #namings = new Namings();
  readonly #fields = new Map<string, Field>();
  readonly #notes = new Map<string, Note>();
  readonly #things = new SameThings();
  readonly #histories = new UnlikeHistories();
  /** Times that clients sent. */
  readonly #sent = new Set<Scalar>();
  #waiting: Waiting[] = [];
  #explained = 0;
  #fromUs = Number.POSITIVE_INFINITY;

  /** The next exchange, by the begin of its request. */
  observe(exchange: Exchange): void {
    // Nothing is told then.
    if (this.#namings.isFull) return;
    this.#fromUs = Math.min(this.#fromUs, exchange.fromUs);
    this.#judgeWaiting(exchange.fromUs);
    for (const { value } of exchange.asked)
      if (this.#sent.size < MAX_SENT && exactTime(value) !== null) this.#sent.add(value);
    if (!exchange.isOk) return;
    if (exchange.isWrite) this.#namings.add(exchange);
    else this.#read(exchange);
  }

  #read({ operation, fromUs, toUs, asked, answered }: Exchange): void {
    const objects = objectsOf(answered);
    const pathName = pathNames(operation, asked).at(-1);
    const has = new Set<string>();
    this.#things.next();
    let times = 0;
    for (const [path, { leaves, texts }] of objects) {
      this.#things.observe(operation.key, patternOf(path), texts);
      if (noteOf(path) !== '' && leaves.some((leaf) => IDENTITY.test(leaf.path))) continue;
      for (const leaf of leaves) {
        const us = exactTime(leaf.value);
        if (us === null || us < this.#fromUs || us > toUs || this.#sent.has(leaf.value)) continue;
        if (times++ >= MAX_TIMES) break;
        const field = this.#fieldOf(operation, leaf, { path, leaves: leaves.length });
        if (!field || this.#waiting.length >= MAX_WAITING) continue;
        const name = path.includes('[') ? this.#nameOf(objects.get(holderOf(path)), path) : pathName;
        this.#waiting.push({ field, us, name, readUs: fromUs, dueUs: toUs });
        if (!path.includes('[')) has.add(field.note === '' ? leaf.path : path);
      }
    }
    this.#remember(operation, fromUs, pathName, has);
  }

  /** What writes call the element of a list that has a note. */
  #nameOf(element: Thing | undefined, path: string): string | undefined {
    if (noteOf(path) === '') return undefined;
    const names = element?.texts.filter(([key]) => IDENTITY.test(key)) ?? [];
    return names.find(([, text]) => this.#namings.of(text) !== null)?.[1];
  }

  /** A read of one thing, with the writes to it that had ended. */
  #remember(
    { key }: Operation,
    fromUs: number,
    pathName: string | undefined,
    has: ReadonlySet<string>,
  ): void {
    const writes = pathName === undefined ? null : this.#namings.of(pathName);
    if (writes?.every(({ toUs }) => toUs <= fromUs)) this.#histories.observe(key, [...writes], has);
  }

  #fieldOf(
    { key }: Operation,
    { path, value }: Leaf,
    holder: { path: string; leaves: number },
  ): Field | undefined {
    const note = noteOf(holder.path);
    const own = path.slice(holder.path.length);
    const pattern = patternOf(path);
    const name = note === '' ? `${key}\t${pattern}` : `${note}${own}`;
    let field = this.#fields.get(name);
    if (!field) {
      if (this.#fields.size >= MAX_FIELDS) return undefined;
      const isEpoch = typeof value === 'number';
      field = { samples: new Map(), places: new Set(), isEpoch, note };
      this.#fields.set(name, field);
    }
    field.places.add(`${key}\t${pattern}`);
    if (note === '') return field;
    const known = this.#notes.get(note) ?? { fields: new Set(), leaves: 0, places: new Set() };
    this.#notes.set(note, known);
    known.fields.add(field);
    known.leaves = Math.max(known.leaves, holder.leaves);
    known.places.add(`${key}\t${patternOf(holder.path)}`);
    return field;
  }

  #judgeWaiting(nowUs: number): void {
    if (this.#waiting.length === 0) return;
    this.#waiting = this.#waiting.filter((one) => {
      if (one.dueUs >= nowUs) return true;
      this.#sample(one);
      return false;
    });
  }

  #sample({ field, us, name, readUs }: Waiting): void {
    if (field.samples.size >= MAX_SAMPLES) return;
    const named = name === undefined ? null : this.#namings.of(name);
    // Of what is not named, any write may be.
    const within = named ? named.filter((write) => isWithin(us, write)) : this.#namings.around(us);
    if (within.length > 0) this.#explained++;
    const sinceUs = within.at(-1)?.fromUs ?? us;
    const after = (named ?? []).filter(({ fromUs, toUs }) => fromUs > sinceUs && toUs <= readUs);
    const shapes = (writes: readonly Write[]) => writes.map(({ shape }) => shape);
    field.samples.set(`${us} ${name ?? ''}`, { within: shapes(within), after: shapes(after) });
  }

  finish(): OwnDoing {
    this.#judgeWaiting(Number.POSITIVE_INFINITY);
    const volatile = new Map<string, VolatileLeaf[]>();
    const optional = new Map<string, OptionalLeaf[]>();
    if (this.#explained < MIN_EXPLAINED || this.#namings.isFull) return { volatile, optional };
    const unlike = this.#histories.finish();
    for (const field of this.#fields.values()) {
      if (!isOwnDoing(field) && !isSeenIn(field.places, unlike) && !isNoted(field, this.#notes, unlike))
        continue;
      for (const place of field.places) {
        add(volatile, place, (path) => ({ path, kind: field.isEpoch ? 'epoch' : 'timestamp', why: WHY }));
        add(optional, place, (path) => ({ path, why: WHY }));
      }
    }
    for (const [key, { fields, leaves, places }] of this.#notes) {
      if (leaves > MAX_NOTE_LEAVES) continue;
      if (![...fields].every(isOwnDoing) && !isSeenIn(places, unlike)) continue;
      const holders = [...places].map((place) => place.slice(0, -key.length - 1));
      for (const holder of this.#things.like(holders))
        add(optional, `${holder}.${key}`, (path) => ({ path, why: WHY }));
    }
    return { volatile, optional };
  }
}

/** Neither is there one write that sets the time, nor is it set by the last of several. */
function isOwnDoing({ samples }: Field): boolean {
  const all = [...samples.values()];
  const isMany = (rest: readonly Sample[]) =>
    rest.length >= MIN_OUTSIDE && rest.length >= MIN_SHARE * all.length;
  const setting = new Set(all.flatMap(({ within }) => within));
  const notByLast = all.filter(
    ({ within, after }) => within.length === 0 || after.some((shape) => setting.has(shape)),
  );
  if (!isMany(notByLast)) return false;
  return [...setting].every((shape) => isMany(all.filter(({ within }) => !within.includes(shape))));
}

function isSeenIn(places: ReadonlySet<string>, found: ReadonlySet<string>): boolean {
  return [...places].some((place) => found.has(place));
}

function isNoted({ note }: Field, notes: ReadonlyMap<string, Note>, found: ReadonlySet<string>): boolean {
  return note !== '' && isSeenIn(notes.get(note)!.places, found);
}

function add<T>(found: Map<string, T[]>, place: string, made: (path: string) => T): void {
  const tab = place.indexOf('\t');
  const operation = place.slice(0, tab);
  found.set(operation, [...(found.get(operation) ?? []), made(place.slice(tab + 1))]);
}

interface Thing {
  leaves: Leaf[];
  /** Its own texts by key. */
  texts: [key: string, text: string][];
}

/** The objects of a body by path, each with the leaves that are directly in it. */
function objectsOf(leaves: readonly Leaf[]): Map<string, Thing> {
  const objects = new Map<string, Thing>();
  for (const leaf of leaves) {
    if (leaf.inner || (!leaf.path.startsWith('body.') && !leaf.path.startsWith('body['))) continue;
    const holder = holderOf(leaf.path);
    if (holder === '') continue;
    const object = objects.get(holder) ?? { leaves: [], texts: [] };
    objects.set(holder, object);
    object.leaves.push(leaf);
    if (isName(leaf.value)) object.texts.push([leaf.path.slice(holder.length), leaf.value]);
  }
  return objects;
}

/** The key of an object that is a field of another one; '' for the body itself and for elements of lists. */
function noteOf(path: string): string {
  return /\.([\w$-]+)$/.exec(path)?.[1] ?? '';
}

/** A time with a fraction of a second. */
function exactTime(value: Scalar): number | null {
  const us = readTime(value)?.us ?? null;
  return us === null || us % SECOND_US === 0 ? null : us;
}
