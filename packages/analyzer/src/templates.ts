// Endpoint templates that the shape of a segment does not show: `/articles/my-first-post` is `/articles/{id}` when
// `my-first-post` is what some message calls the slug, name or id of something. Learned from the paths and from the short
// texts of messages; a segment that is no such value stays as it is. Pure.
import { bodyJson, endpointOf, isParameter, type RRPair, splitUrl } from '@echoplane/traffic';
import { attributeOf } from './names.ts';

const MAX_NODES = 50_000;
const MAX_NAMED = 100_000;
const MAX_VALUE_CHARS = 200;
const MAX_DEPTH = 12;
const MAX_KEYS = 10_000;
/** From so many values in one place, the unknown ones beside them are values too. */
const MANY = 20;

/** What follows a segment, by segment. */
interface Node extends Map<string, Node> {}

/** Endpoint of a path, with learned parameters. */
export type Templates = (path: string) => string;

/** Watches pairs, then tells the templates. Bounded: beyond the bounds nothing more is learned. */
export class TemplateLearner {
  readonly #root: Node = new Map();
  readonly #named = new Set<string>();
  readonly #namingKeys = new Map<string, boolean>();
  #nodes = 0;

  observe(pair: RRPair): void {
    if (!pair.request || pair.direction !== 'IN') return;
    this.#path(splitUrl(pair.request.url).path);
    if (this.#named.size >= MAX_NAMED) return;
    this.#names(bodyJson(pair.request.body), '');
    if (pair.response && pair.response.status < 400) this.#names(bodyJson(pair.response.body), '');
  }

  /** Once, at the end. `given`: templates that a user wrote, `/articles/{slug}`; they go first. */
  finish(given: readonly string[] = []): Templates {
    const parameters = new Map<string, { literals: ReadonlySet<string>; isOpen: boolean }>();
    this.#decide(this.#root, '', parameters);
    // What the templates do not need is not kept while they are used.
    this.#root.clear();
    this.#named.clear();
    this.#namingKeys.clear();
    const own = given.map((template) =>
      template.split('/').map((part) => (/^[{:]/.test(part) ? null : part)),
    );
    const cache = new Map<string, string>();
    const templateOf = (path: string): string => {
      const segments = path.split('/');
      const written = own.findIndex((parts) => fits(parts, segments));
      if (written >= 0) return given[written]!;
      let prefix = '';
      for (const [i, segment] of segments.entries()) {
        if (i === 0) continue;
        const node = parameters.get(prefix);
        const learned =
          node && segment !== '' && (node.isOpen ? !node.literals.has(segment) : node.literals.has(segment));
        prefix += `/${isParameter(segment) || learned ? '{id}' : segment}`;
      }
      return segments.length > 1 ? prefix : endpointOf(path);
    };
    return (path) => {
      const known = cache.get(path);
      if (known !== undefined) return known;
      if (cache.size >= MAX_NODES) cache.clear();
      const made = templateOf(path);
      cache.set(path, made);
      return made;
    };
  }

  #path(path: string): void {
    let node = this.#root;
    for (const segment of path.split('/').slice(1, MAX_DEPTH)) {
      const key = isParameter(segment) ? '{id}' : segment;
      let child = node.get(key);
      if (!child) {
        if (this.#nodes >= MAX_NODES) return;
        this.#nodes++;
        child = new Map();
        node.set(key, child);
      }
      node = child;
    }
  }

  #names(value: unknown, key: string): void {
    if (typeof value === 'string') {
      if (
        this.#named.size < MAX_NAMED &&
        value.length <= MAX_VALUE_CHARS &&
        (this.#isNaming(key) || isUnlikeAWord(value)) &&
        !/[\s/]/.test(value)
      )
        this.#named.add(value);
    } else if (Array.isArray(value)) {
      for (const item of value) this.#names(item, key);
    } else if (typeof value === 'object' && value !== null) {
      for (const name of Object.keys(value)) this.#names((value as Record<string, unknown>)[name], name);
    }
  }

  #isNaming(key: string): boolean {
    let known = this.#namingKeys.get(key);
    if (known === undefined) {
      known = isNaming(key);
      if (this.#namingKeys.size < MAX_KEYS) this.#namingKeys.set(key, known);
    }
    return known;
  }

  #decide(
    node: Node,
    prefix: string,
    into: Map<string, { literals: ReadonlySet<string>; isOpen: boolean }>,
  ): void {
    const values = new Set<string>();
    // A collection stands before its members: the first segment names no entity.
    if (prefix !== '') for (const key of node.keys()) if (this.#isValue(key)) values.add(key);
    if (values.size > 0) {
      const others = new Set([...node.keys()].filter((key) => !values.has(key)));
      const isOpen = values.size >= MANY;
      into.set(prefix, { literals: isOpen ? others : values, isOpen });
    }
    const merged: Node = new Map();
    for (const [key, child] of node) {
      if (values.has(key) || key === '{id}') mergeInto(merged, child);
      else this.#decide(child, `${prefix}/${key}`, into);
    }
    if (merged.size > 0) this.#decide(merged, `${prefix}/{id}`, into);
  }

  #isValue(segment: string): boolean {
    if (segment === '{id}' || segment === '') return false;
    if (this.#named.has(segment)) return true;
    return segment.includes('%') && this.#named.has(decoded(segment));
  }
}

/** Keys whose value names one thing among its like; a plain name may be that of a kind of thing. */
function isNaming(key: string): boolean {
  return attributeOf(key) !== null || /^(?:login|user_?name|e?mail)$/i.test(key);
}

/** A text that is a value whatever its key: no kind of thing is called so. */
function isUnlikeAWord(text: string): boolean {
  return text.length >= 8 && /\d/.test(text) && /[a-z]/i.test(text);
}

function mergeInto(target: Node, source: Node): void {
  for (const [key, child] of source) {
    const there = target.get(key);
    if (there) mergeInto(there, child);
    else target.set(key, child);
  }
}

function fits(parts: readonly (string | null)[], segments: readonly string[]): boolean {
  return (
    parts.length === segments.length &&
    parts.every((part, i) => (part === null ? segments[i] !== '' : part === segments[i]))
  );
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
