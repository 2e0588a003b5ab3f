// Functions on JSON texts: open a value, select by content, add, delete. Only what changes is respelled.
import { z } from 'zod';
import { defineFunction, defineMaker, text } from '../function-kind.ts';
import { compileJsonPath, plainSteps, shownLocation } from '../json-path.ts';
import { addAt, type Location, parseJson, putAt, removeAt, sourceAt } from '../json-source.ts';
import type { Next, Run } from '../run.ts';
import { JsonText, jsonSpelling, miss, sameValue, textOf, type Value } from '../value.ts';

const path = () =>
  z
    .string()
    .max(1_000)
    .describe('Dotted (`user.items[0].id`, `items[].id`) or, from `$` on, a JSONPath of RFC 9535.');

export const json = defineFunction(
  'json',
  'Opens values of a JSON text; their types are kept, and everything around them stays as it was written.',
  {
    path: path(),
    create: z
      .boolean()
      .default(false)
      .describe('Adds the last key of a dotted path, as null, when its object is there and it is not.'),
  },
  ({ path, create }) => {
    const find = compileJsonPath(path);
    const steps = plainSteps(path);
    if (create && !steps?.length) throw new Error('create wants a dotted path without wildcards');
    return (value, run, next) => {
      let source = textOf(value);
      let root = parseJson(source);
      let locations = find(root);
      if (locations.length === 0 && create) {
        source = added(source, steps!, 'null', false);
        root = JSON.parse(source);
        locations = find(root);
      }
      if (locations.length === 0) miss(`there is nothing at ${path}`);
      return openAll({ value, source, root, locations }, run, next);
    };
  },
);

export const jsonSelect = defineFunction(
  'json-select',
  'Opens values of a JSON text by key, or by key and value, wherever they are.',
  {
    key: z.string().min(1).max(1_000).describe('The key that is looked for.'),
    value: text().optional().describe('What must stand under it; embedded values are allowed.'),
    recursive: z.boolean().default(true).describe('At any depth instead of at the top only.'),
    levelsUp: z.int().min(0).max(100).default(0).describe('Opens what holds the hit, so many levels up.'),
    all: z.boolean().default(false).describe('Every hit instead of the first.'),
  },
  (config, at) => {
    const wanted = config.value === undefined ? null : at.text(config.value);
    return (value, run, next) => {
      const source = textOf(value);
      const root = parseJson(source);
      const hits: Location[] = [];
      select(root, config, wanted?.render(run), [], hits);
      if (hits.length === 0) miss(`no key ${config.key} matches`);
      const locations = (config.all ? hits : hits.slice(0, 1)).map((hit) =>
        hit.slice(0, Math.max(0, hit.length - config.levelsUp)),
      );
      return openAll({ value, source, root, locations }, run, next);
    };
  },
);

export const jsonDelete = defineMaker(
  'json-delete',
  'Removes members or elements of a JSON text.',
  { path: path() },
  (config) => {
    const find = compileJsonPath(config.path);
    return (value) => {
      const source = textOf(value);
      const locations = find(parseJson(source));
      if (locations.length === 0) miss(`there is nothing at ${config.path}`);
      // From the end, so that indexes before stay what they were.
      const edited = locations.toReversed().reduce((text, location) => removeAt(text, location), source);
      return like(value, edited);
    };
  },
);

export const jsonAdd = defineMaker(
  'json-add',
  'Adds a member to an object of a JSON text (or sets it), or an element to the end of an array (`items[]`).',
  {
    path: z.string().min(1).max(1_000).describe('Dotted, without wildcards; `items[]` appends.'),
    value: z.json().describe('Any JSON; a text may hold embedded values.'),
  },
  ({ path, value: addition }, at) => {
    const appends = path.endsWith('[]');
    const steps = plainSteps(appends ? path.slice(0, -2) : path);
    if (!steps) throw new Error('json-add wants a dotted path without wildcards');
    const template = typeof addition === 'string' ? at.text(addition) : null;
    return (value, run) => {
      const source = textOf(value);
      parseJson(source);
      const spelling = JSON.stringify(template ? template.render(run) : addition);
      return like(value, added(source, steps, spelling, appends));
    };
  },
);

/** The text with `spelling` at `steps`: replaced, added to its object, or appended to its array. */
function added(source: string, steps: Location, spelling: string, appends: boolean): string {
  if (appends) return addAt(source, steps, null, spelling);
  if (sourceAt(source, steps) !== undefined) return putAt(source, [{ location: steps, spelling }]);
  return addAt(source, steps.slice(0, -1), String(steps.at(-1)), spelling);
}

interface Opened {
  value: Value;
  source: string;
  root: unknown;
  locations: readonly Location[];
}

function openAll({ value, source, root, ...opened }: Opened, run: Run, next: Next): Value {
  const locations = outermost(opened.locations);
  const found = locations.map((location) => ({
    label: shownLocation(location),
    value: valueAt(root, source, location),
  }));
  const made = run.windows(found, next);
  const puts = made.flatMap((after, i) => {
    const before = found[i]!.value;
    if (sameValue(before, after)) return [];
    return [{ location: locations[i]!, spelling: jsonSpelling(before, after, run.strict) }];
  });
  const edited = puts.length === 0 ? source : putAt(source, puts);
  return edited === textOf(value) ? value : like(value, edited);
}

/** JSON stays JSON: a piece of it that was edited is still one. */
function like(value: Value, edited: string): Value {
  return value instanceof JsonText ? new JsonText(edited) : edited;
}

function valueAt(root: unknown, source: string, location: Location): Value {
  let value = root as never;
  for (const step of location) value = value[step];
  const found: unknown = value;
  if (typeof found === 'object' && found !== null) return new JsonText(sourceAt(source, location)!);
  return found as Value;
}

interface Selection {
  key: string;
  recursive: boolean;
}

function select(
  value: unknown,
  selection: Selection,
  wanted: string | undefined,
  location: Location,
  into: Location[],
): void {
  if (typeof value !== 'object' || value === null) return;
  const entries = Array.isArray(value) ? value.entries() : Object.entries(value);
  for (const [key, item] of entries) {
    const here = [...location, key];
    const text = typeof item === 'object' && item !== null ? JSON.stringify(item) : String(item);
    if (key === selection.key && (wanted === undefined || text === wanted)) into.push(here);
    if (selection.recursive) select(item, selection, wanted, here, into);
  }
}

/** None twice, and none inside another: editing the outer one would lose the inner. */
function outermost(locations: readonly Location[]): readonly Location[] {
  if (locations.length === 1) return locations;
  const all = new Map(locations.map((location) => [JSON.stringify(location), location]));
  return [...all.values()].filter(
    (location) => !location.some((_, length) => all.has(JSON.stringify(location.slice(0, length)))),
  );
}
