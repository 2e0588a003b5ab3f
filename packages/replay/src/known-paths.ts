// The paths of leaves, each made once: the messages of an operation have the same ones again and again, and a text that is there
// already needs neither room nor a new hash where it is looked up. Bounded: when there are too many, all are forgotten, and what is
// far along a list or one of very many fields is not remembered. It must not know what stands at a path. Pure.

const MAX_PATHS = 20_000;
const MAX_FIELDS = 200;
const MAX_ITEMS = 100;

/** A path, and those of what is in the object or array at it. */
export interface KnownPath {
  readonly path: string;
  readonly isKept: boolean;
  fields: Map<string, KnownPath> | null;
  names: Map<string, KnownPath> | null;
  items: KnownPath[] | null;
}

const ROOTS = new Map<string, KnownPath>();
let count = 0;

/** A path by its text. */
export function knownPath(path: string): KnownPath {
  const known = ROOTS.get(path);
  if (known) return known;
  const made = kept(path);
  ROOTS.set(path, made);
  return made;
}

/** The path of a field of the object at `at`. */
export function fieldOf(at: KnownPath, key: string): KnownPath {
  if (!at.isKept) return passing(at.path + keyStep(key));
  at.fields ??= new Map();
  return at.fields.get(key) ?? childOf(at, at.fields, key, keyStep(key));
}

/** The path of what has a name of a format's own at `at`, written as it is. */
export function nameOf(at: KnownPath, name: string): KnownPath {
  if (!at.isKept) return passing(`${at.path}.${name}`);
  at.names ??= new Map();
  return at.names.get(name) ?? childOf(at, at.names, name, `.${name}`);
}

/** The path of an element of the array at `at`. */
export function itemOf(at: KnownPath, index: number): KnownPath {
  if (!at.isKept || index >= MAX_ITEMS) return passing(`${at.path}[${index}]`);
  at.items ??= [];
  const known = at.items[index];
  if (known) return known;
  const made = kept(`${at.path}[${index}]`);
  // Elements are asked for in order, from the first.
  if (index === at.items.length) at.items.push(made);
  return made;
}

function childOf(at: KnownPath, children: Map<string, KnownPath>, key: string, step: string): KnownPath {
  const path = at.path + step;
  if (children.size >= MAX_FIELDS) return passing(path);
  const made = kept(path);
  children.set(key, made);
  return made;
}

function kept(path: string): KnownPath {
  if (count++ >= MAX_PATHS) {
    // Who is walking a tree goes on with the paths they have.
    ROOTS.clear();
    count = 1;
  }
  return { path, isKept: true, fields: null, names: null, items: null };
}

function passing(path: string): KnownPath {
  return { path, isKept: false, fields: null, names: null, items: null };
}

const PLAIN_KEY = /^[A-Za-z_$][\w$-]*$/;

/** `.name`, or `["a.b"]` for a key that would read as something else in a path. */
export function keyStep(key: string): string {
  return PLAIN_KEY.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
