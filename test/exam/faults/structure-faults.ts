// Faults of objects and lists: fields, names, order, elements, pages.
import { isObject, type Json } from './answer.ts';
import { type Fault, nodeFault } from './fault.ts';

type Fields = { [key: string]: Json };

const list = (name: string, what: string, change: (list: Json[]) => Json | undefined): Fault =>
  nodeFault(name, what, 'nothing', (value) => (Array.isArray(value) ? change(value) : undefined));
const object = (name: string, what: string, change: (fields: Fields) => Json | undefined): Fault =>
  nodeFault(`object: ${name}`, what, 'nothing', (value) =>
    isObject(value) && Object.keys(value).length > 0 ? change(value) : undefined,
  );

const renamed = (fields: Fields, rename: (key: string) => string): Fields =>
  Object.fromEntries(Object.entries(fields).map(([key, value]) => [rename(key), value]));
const snake = (key: string) => key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const camel = (key: string) => key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** By the first field whose values are not in order already. */
function byAnotherKey(all: Json[]): Json | undefined {
  const keys = isObject(all[0]) ? Object.keys(all[0]) : [''];
  const fieldOf = (one: Json, key: string) => (key === '' ? one : isObject(one) ? one[key] : null);
  for (const key of keys) {
    const values = all.map((one) => fieldOf(one, key));
    if (!values.every((one) => typeof one === 'string' || typeof one === 'number')) continue;
    const sorted = all.toSorted((a, b) =>
      fieldOf(a, key)! < fieldOf(b, key)! ? -1 : fieldOf(a, key)! > fieldOf(b, key)! ? 1 : 0,
    );
    if (JSON.stringify(sorted) !== JSON.stringify(all)) return sorted;
  }
  return undefined;
}

function swapped(fields: Fields): Json | undefined {
  const texts = Object.entries(fields).filter(([, value]) => typeof value === 'string');
  for (const [a, one] of texts)
    for (const [b, two] of texts) if (one !== two) return { ...fields, [a]: two, [b]: one };
  return undefined;
}

function flattened(fields: Fields): Json | undefined {
  const inner = Object.entries(fields).find(([, value]) => isObject(value) && Object.keys(value).length > 0);
  if (!inner) return undefined;
  const { [inner[0]]: _gone, ...rest } = fields;
  return { ...rest, ...renamed(inner[1] as Fields, (key) => `${inner[0]}_${key}`) };
}

export const STRUCTURE_FAULTS: readonly Fault[] = [
  list('list reversed', 'a list in the other direction', (all) => all.toReversed()),
  list('list by another key', 'a list sorted by another field', byAnotherKey),
  list('list turned by one', 'the first element comes last', (all) => [...all.slice(1), ...all.slice(0, 1)]),
  list('first element lost', 'a page begins one too late', (all) =>
    all.length > 0 ? all.slice(1) : undefined,
  ),
  list('last element lost', 'a page ends one too early', (all) =>
    all.length > 0 ? all.slice(0, -1) : undefined,
  ),
  list('element twice', 'an element is listed twice', (all) =>
    all.length > 0 ? [...all, all.at(-1)!] : undefined,
  ),
  list('list emptied', 'nothing is listed', (all) => (all.length > 0 ? [] : undefined)),
  list('list null', 'null instead of a list', () => null),
  list('empty list null', 'null instead of an empty list', (all) => (all.length === 0 ? null : undefined)),
  list('one instead of a list', 'its element instead of a list of one', (all) =>
    all.length === 1 ? all[0] : undefined,
  ),
  list('list as object', 'an object by index instead of a list', (all) =>
    all.length > 0 ? ({ ...all } as Json) : undefined,
  ),
  list('fields of neighbours', 'two elements have changed one of their fields', (all) => {
    const [a, b] = all;
    if (!isObject(a) || !isObject(b)) return undefined;
    const key = Object.keys(a).findLast((one) => one in b && typeof a[one] !== 'object' && a[one] !== b[one]);
    return key === undefined
      ? undefined
      : [{ ...a, [key]: b[key]! }, { ...b, [key]: a[key]! }, ...all.slice(2)];
  }),
  nodeFault(
    'element of another page',
    'the last element is one of an earlier answer',
    'nothing',
    (value, { other }) => {
      if (!Array.isArray(value) || value.length === 0) return undefined;
      // What stands at this place in another answer need not be a list.
      const page = other(value);
      if (!Array.isArray(page)) return undefined;
      const strange = page.find((one) => !value.some((own) => JSON.stringify(own) === JSON.stringify(one)));
      return strange === undefined ? undefined : [...value.slice(0, -1), strange];
    },
  ),
  nodeFault('total wrong', 'a count of all is one short', 'value', (value, { key }) =>
    typeof value === 'number' && /total|count|size|pages|length/i.test(key) ? value - 1 : undefined,
  ),

  object('field added', 'an inner field is shown', (fields) => ({ ...fields, internal_note: 'x' })),
  object('null field added', 'a field more, which is null', (fields) => ({ ...fields, extra: null })),
  object('field renamed', 'the last field has another name', (fields) => {
    const last = Object.keys(fields).at(-1)!;
    return renamed(fields, (key) => (key === last ? `${key}_v2` : key));
  }),
  object('snake case', 'snake case instead of camel case', (fields) => renamed(fields, snake)),
  object('camel case', 'camel case instead of snake case', (fields) => renamed(fields, camel)),
  object('names in capitals', 'names of fields begin with a capital', (fields) =>
    renamed(fields, (key) => key[0]!.toUpperCase() + key.slice(1)),
  ),
  object('fields swapped', 'two texts have changed places', swapped),
  object('flattened', 'an inner object is flattened', flattened),
  object('emptied', 'an object without its fields', () => ({})),
  object('null instead', 'null instead of an object', () => null),
  object('in a list', 'a list of one instead of an object', (fields) => [fields]),
  object('in an envelope', 'an object is wrapped', (fields) => ({ data: fields })),
];
