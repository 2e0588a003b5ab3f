// Compares answers to equal requests with no write between them: arrays that only change their order, fields that differ
// although they do not look generated. Bounded: the first answer of so many requests, of so many values.
import { kindOf, type Leaf } from '@echoplane/replay';
import { bodyJson, leafPattern } from '@echoplane/traffic';
import { digest, type Exchange, type Sighting } from './recommend-sightings.ts';

const MAX_REQUESTS = 5_000;
const MAX_LEAVES = 100_000;
const MAX_ARRAYS = 1_000;

interface Answer {
  leaves: readonly Leaf[];
  root: unknown;
}

export class Answers {
  /** Of requests since the last write. */
  readonly #answers = new Map<string, Answer>();
  #leaves = 0;

  /** What this answer shows besides the first one to the same request. */
  compare({ pair, request, host, endpoint, answer }: Exchange): Sighting[] {
    if (pair.direction === 'OUT' || !pair.response || pair.response.status >= 400) return [];
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      this.#answers.clear();
      this.#leaves = 0;
      return [];
    }
    const key = digest(
      `${request.method} ${host} ${request.url} ${JSON.stringify(request.body)} ${pair.session}`,
    );
    const root = bodyJson(pair.response.body);
    const first = this.#answers.get(key);
    if (!first) {
      this.#keep(key, { leaves: answer, root });
      return [];
    }
    if (isAlike(first.leaves, answer)) return [];
    const place = { method: request.method, endpoint };
    const shuffled = shuffledIn(arraysOf(first.root), arraysOf(root));
    const unordered = shuffled.map((path) => sighting('unordered-array', place, path));
    const volatile = differing(first.leaves, answer)
      .filter((path) => !shuffled.some((array) => leafPattern(path).startsWith(array)))
      .map((path) => sighting('volatile-field', place, leafPattern(path)));
    return [...unordered, ...volatile];
  }

  #keep(key: string, answer: Answer): void {
    if (this.#answers.size >= MAX_REQUESTS || this.#leaves + answer.leaves.length > MAX_LEAVES) return;
    this.#leaves += answer.leaves.length;
    this.#answers.set(key, answer);
  }
}

function sighting(
  kind: Sighting['kind'],
  place: { method: string; endpoint: string },
  path: string,
): Sighting {
  return { kind, key: `${place.method} ${place.endpoint} ${path}`, detail: { ...place, path } };
}

function isAlike(a: readonly Leaf[], b: readonly Leaf[]): boolean {
  return (
    a.length === b.length && a.every(({ path, value }, i) => b[i]!.path === path && b[i]!.value === value)
  );
}

/** Leaves of bodies that stand in both answers, differ, and do not look generated: those are compared by kind anyway. */
function differing(first: readonly Leaf[], leaves: readonly Leaf[]): string[] {
  const before = new Map(first.map(({ path, value }) => [path, value]));
  return leaves.flatMap(({ path, value }) => {
    if (!path.startsWith('body')) return [];
    const was = before.get(path);
    return was !== undefined && was !== value && kindOf(value) === null ? [path] : [];
  });
}

/** By path: digest of the elements of an array as they stand, and in a fixed order. */
type Arrays = Map<string, { order: string; content: string }>;

function shuffledIn(first: Arrays, second: Arrays): string[] {
  const shuffled = new Set<string>();
  for (const [path, { order, content }] of second) {
    const before = first.get(path);
    if (before && before.content === content && before.order !== order) shuffled.add(leafPattern(path));
  }
  return [...shuffled];
}

function arraysOf(root: unknown): Arrays {
  const arrays: Arrays = new Map();
  const walk = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null || arrays.size >= MAX_ARRAYS) return;
    if (!Array.isArray(value)) {
      for (const [key, item] of Object.entries(value)) walk(item, `${path}.${key}`);
      return;
    }
    if (value.length > 1) {
      const items = value.map((item) => JSON.stringify(item));
      arrays.set(path, { order: digest(items.join()), content: digest(items.sort().join()) });
    }
    for (const [i, item] of value.entries()) walk(item, `${path}[${i}]`);
  };
  walk(root, 'body');
  return arrays;
}
