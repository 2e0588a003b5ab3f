// Times that answers showed of a thing and that a client sends back: the version of what it changes, a bound of a search. Of one
// recorded second there are many, and their live ones need not be one: a time that is sent is that of the thing which the request
// names, of the field of the same name. Bounded: beyond it the oldest goes. Pure.
import type { HttpResponse, Test } from '@echoplane/traffic';
import type { PlacedValue } from './fill-request.ts';
import { leafAt, requestLeaves, responseLeaves } from './leaves.ts';
import { readTime } from './times.ts';
import type { Leaf } from './tree.ts';

/** A time at its place, and by what it is known again, the surest first. */
interface PlacedTime {
  path: string;
  recorded: string;
  keys: readonly string[];
}

/** Times kept of one request or answer. */
const MAX_TIMES = 1_000;
/** Names by which a time is looked for: of a long path the last. */
const MAX_NAMES = 16;
const MIN_SEGMENT_CHARS = 4;
/** What names the object it stands in. */
const NAMES_OBJECT = /^(?:_?id|uuid|guid|uid|key|slug|number|code)$/i;

const asked = new WeakMap<Test, readonly PlacedTime[]>();
const shown = new WeakMap<Test, readonly PlacedTime[]>();
const followed = new WeakMap<ReadonlyMap<string, string>, ReadonlySet<string>>();

/** Of the recorded values of tokens those that are times. */
export function timesAmong(tokens: ReadonlyMap<string, string>): ReadonlySet<string> {
  const known = followed.get(tokens);
  if (known) return known;
  const times = new Set([...tokens.values()].filter((text) => readTime(text) !== null));
  followed.set(tokens, times);
  return times;
}

export class ShownTimes {
  /** Of the recorded texts these are followed. */
  readonly #times: ReadonlySet<string>;
  readonly #live = new Map<string, string>();
  readonly #limit: number;

  constructor(times: ReadonlySet<string>, limit: number) {
    this.#times = times;
    this.#limit = limit;
  }

  /** Takes the times of a live answer; `livePath` tells where a recorded leaf stands in it. */
  learn(test: Test, live: HttpResponse, livePath: (path: string) => string): void {
    if (this.#times.size === 0) return;
    for (const { path, recorded, keys } of shownTimes(test)) {
      const is = this.#times.has(recorded) ? leafAt(live, livePath(path)) : undefined;
      if (is !== undefined && readTime(is)) for (const key of keys) this.#set(key, is);
    }
  }

  /** The live time by one of its keys. */
  live(key: string): string | undefined {
    return this.#live.get(key);
  }

  #set(key: string, live: string): void {
    this.#live.delete(key);
    if (this.#live.size >= this.#limit) this.#live.delete(this.#live.keys().next().value!);
    this.#live.set(key, live);
  }
}

/** The times of a request that were shown before, with what they are now; `liveOf` looks one up by its key. */
export function placedTimes(test: Test, liveOf: (key: string) => string | undefined): PlacedValue[] {
  return askedTimes(test).flatMap(({ path, recorded, keys }) => {
    for (const key of keys) {
      const live = liveOf(key);
      if (live !== undefined) return live === recorded ? [] : [{ path, inside: '', live }];
    }
    return [];
  });
}

function askedTimes(test: Test): readonly PlacedTime[] {
  const known = asked.get(test);
  if (known) return known;
  const leaves = requestLeaves(test.request).filter(({ inner }) => !inner);
  const sent = leaves.filter(({ path }) => /^(?:body|query)\b/.test(path));
  const times = timesIn(sent, namedIn(leaves));
  asked.set(test, times);
  return times;
}

/** What a request's path names, the last first. */
function namedIn(leaves: readonly Leaf[]): string[] {
  const segments = leaves.flatMap(({ path, value }) =>
    path.startsWith('path[') && String(value).length >= MIN_SEGMENT_CHARS ? [String(value)] : [],
  );
  return segments.reverse().slice(0, MAX_NAMES);
}

function shownTimes(test: Test): readonly PlacedTime[] {
  const known = shown.get(test);
  if (known) return known;
  const leaves = responseLeaves(test.response).filter(({ path }) => path.startsWith('body'));
  // The fields of a page's forms are those of the thing that the page shows.
  const fields = leaves.filter(({ inner, path }) => inner && path.startsWith('body.input.'));
  const about = fields.length > 0 ? namedIn(requestLeaves(test.request)) : [];
  const times = [
    ...timesIn(
      leaves.filter(({ inner }) => !inner),
      [],
    ),
    ...timesIn(fields, about),
  ];
  shown.set(test, times);
  return times;
}

/** The times among leaves; `about` names the thing where nothing beside a time does. */
function timesIn(leaves: readonly Leaf[], about: readonly string[]): PlacedTime[] {
  const all = leaves.filter(({ value }) => value !== null && readTime(String(value)));
  const times = all.slice(0, MAX_TIMES);
  if (times.length === 0) return [];
  const names = new Map<string, string[]>();
  for (const { path, value } of leaves) {
    const [object, name] = split(path);
    if (value === null || !NAMES_OBJECT.test(name)) continue;
    names.set(object, [...(names.get(object) ?? []), String(value)]);
  }
  return times.map(({ path, value }) => {
    const [object, name] = split(path);
    const recorded = String(value);
    const things = [...(names.get(object) ?? []), ...about, ''];
    return { path, recorded, keys: things.map((thing) => `${name}\0${recorded}\0${thing}`) };
  });
}

/** The object of a leaf, and its name there. */
function split(path: string): [object: string, name: string] {
  const dot = path.lastIndexOf('.');
  return [path.slice(0, Math.max(0, dot)), path.slice(dot + 1)];
}
