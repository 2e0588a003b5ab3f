// Paths into JSON: dotted (`user.items.0.id`, `items[].id`, `["a.b"]`) and, when they begin with `$`, RFC 9535. Both give
// the locations of what they name, in document order.
import { compile as compileRfc9535 } from 'json-p3';
import type { Location } from './json-source.ts';

const MAX_LOCATIONS = 10_000;

/** The locations a path names in a value, none when it names nothing. */
export type JsonPath = (value: unknown) => Location[];

/** One step of a dotted path: a key, an index, or every element or member. */
type Step = string | number | typeof EVERY;
const EVERY = Symbol('every');

/** Throws an Error that says what is wrong with the path. */
export function compileJsonPath(path: string): JsonPath {
  if (path.startsWith('$')) return compileStandard(path);
  const steps = dottedSteps(path);
  return (value) => {
    const found: Location[] = [];
    walk(value, steps, [], found);
    return found;
  };
}

/** Keys and indexes of a dotted path without wildcards: what `json-add` may create. Null when it is another. */
export function plainSteps(path: string): Location | null {
  if (path.startsWith('$')) return null;
  const steps = dottedSteps(path);
  return steps.every((step) => step !== EVERY) ? (steps as Location) : null;
}

/** `.items[0]["a.b"]`, as leaf paths are written. */
export function shownLocation(location: Location): string {
  return location
    .map((step) => {
      if (typeof step === 'number') return `[${step}]`;
      return /^[A-Za-z_$][\w$-]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
    })
    .join('');
}

function compileStandard(path: string): JsonPath {
  try {
    const query = compileRfc9535(path);
    return (value) => found(() => query.query(value as Parameters<typeof query.query>[0]).locations());
  } catch (error) {
    throw new Error(`"${path}" is no JSON path of RFC 9535: ${(error as Error).message}`);
  }
}

/** What the library finds; what is nested too deeply for it, or compared wrongly, is not there. */
function found(locate: () => Location[]): Location[] {
  try {
    return locate().slice(0, MAX_LOCATIONS);
  } catch {
    return [];
  }
}

/** `a.b[0]["x.y"].#.c`; `\.` is a dot inside a key; `[]`, `#` and `*` are every element or member. */
function dottedSteps(path: string): Step[] {
  const steps: Step[] = [];
  const pattern = /\[("(?:[^"\\]|\\.)*")\]|\[(\d*|\*)\]|((?:[^.[\\]|\\.)+)|(\.)/gy;
  while (pattern.lastIndex < path.length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(path);
    if (!match) throw new Error(`"${path}" is no path: nothing can be read at character ${at + 1}`);
    const [, quoted, index, key] = match;
    if (quoted !== undefined) steps.push(JSON.parse(quoted) as string);
    else if (index !== undefined) steps.push(/^\d/.test(index) ? Number(index) : EVERY);
    else if (key !== undefined) steps.push(key === '#' || key === '*' ? EVERY : unescaped(key));
  }
  return steps;
}

function unescaped(key: string): string | number {
  return /^\d+$/.test(key) ? Number(key) : key.replace(/\\(.)/g, '$1');
}

function walk(value: unknown, steps: readonly Step[], location: Location, into: Location[]): void {
  const [step, ...rest] = steps;
  if (step === undefined) {
    if (into.length < MAX_LOCATIONS) into.push(location);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (step === EVERY) {
    const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
    for (const key of keys) walk((value as never)[key], rest, [...location, key], into);
    return;
  }
  const key = Array.isArray(value) ? step : String(step);
  if (!Object.hasOwn(value, key)) return;
  walk((value as Record<string | number, unknown>)[key], rest, [...location, key], into);
}
