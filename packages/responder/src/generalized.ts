// Generalised mocks: a request whose only news is the value of a parameter that a user named is answered with one of the
// recorded entities, always the same one for that value, with the asked-for value in its place. Pure; it must not know how
// requests are matched otherwise, and nothing it finds is ever called exact.
import { createHash } from 'node:crypto';
import { type Signature, signatureDigest, signatureOf } from '@echoplane/replay';
import { compileExpression, type Expression, type ExpressionView } from '@echoplane/rules';
import { leafPattern, type Mock, type OutboundRequest, type ResponderPlan } from '@echoplane/traffic';
import type { ReplacedValue } from './replaced-values.ts';

type Parameter = NonNullable<ResponderPlan['generalize']>[number];

/** A recorded entity: the values of its parameters, and its mocks by number, in the order of the file. */
interface Entity {
  values: readonly string[];
  mocks: number[];
}

export interface Generalized {
  /** The recorded answers of the entity chosen, by number. */
  mocks: readonly number[];
  /** Names the asked-for entity and what is asked of it: the cursor of its sequence. */
  cursor: string;
  replaced: ReplacedValue[];
}

/** Parameters of one request that are looked at; every set of them may be unknown. */
const MAX_PARAMETERS = 3;

/** The recorded entities by everything but their parameters. */
export class Generalizer {
  readonly #parameters: { when: Expression | null; path: string }[];
  readonly #entities = new Map<string, Map<string, Entity>>();
  /** Sets of volatile keys in use, by method and host. */
  readonly #volatileSets = new Map<string, Map<string, readonly string[]>>();

  /** Throws FilterError when a parameter's `when` is not an expression. */
  constructor(parameters: readonly Parameter[]) {
    this.#parameters = parameters.map(({ when, path }) => {
      return { when: when === undefined ? null : compileExpression(when), path };
    });
  }

  /** The entity for a request without a mock, or null. `viewOf` is asked by parameters with a condition. */
  find(request: OutboundRequest, viewOf: () => ExpressionView): Generalized | null {
    if (this.#entities.size === 0) return null;
    const signature = signatureOf(request);
    let view: ExpressionView | null = null;
    const holds = ({ when }: { when: Expression | null }) => {
      if (!when) return true;
      view ??= viewOf();
      return when.test(view);
    };
    const keys = this.#keysIn(signature, holds);
    const volatileSets = [...(this.#volatileSets.get(routeOf(signature))?.values() ?? [])];
    for (const unknown of subsets(keys)) {
      for (const volatile of volatileSets) {
        const digest = digestWithout(signature, unknown, volatile);
        const entities = this.#entities.get(digest);
        if (entities) return chosen([...entities.values()], signature, unknown, digest);
      }
    }
    return null;
  }

  /** Takes in a mock under its number. */
  add(n: number, { signature, volatile }: Pick<Mock, 'signature' | 'volatile'>): void {
    if (this.#parameters.length === 0) return;
    const route = routeOf(signature);
    const sets = this.#volatileSets.get(route) ?? new Map<string, readonly string[]>();
    this.#volatileSets.set(route, sets.set(volatile.join('\n'), volatile));
    for (const unknown of subsets(this.#keysIn(signature, () => true))) {
      const values = unknown.map((key) => signature[key]!);
      const digest = digestWithout(signature, unknown, volatile);
      const entities = this.#entities.get(digest) ?? new Map<string, Entity>();
      this.#entities.set(digest, entities);
      const name = values.join('\n');
      const entity = entities.get(name) ?? { values, mocks: [] };
      entities.set(name, entity);
      entity.mocks.push(n);
    }
  }

  #keysIn(signature: Signature, holds: (parameter: { when: Expression | null }) => boolean): string[] {
    const paths = new Set(this.#parameters.filter(holds).map(({ path }) => path));
    return Object.keys(signature)
      .filter((key) => paths.has(key) || paths.has(leafPattern(key)))
      .slice(0, MAX_PARAMETERS);
  }
}

/** The entity with the highest hash together with the asked-for values: taking one away moves only those it stood for. */
function chosen(
  entities: readonly Entity[],
  signature: Signature,
  unknown: readonly string[],
  digest: string,
): Generalized {
  const asked = unknown.map((key) => signature[key]!).join('\n');
  const scored = entities.map((entity) => ({
    entity,
    score: sha256(`${entity.values.join('\n')}\0${asked}`),
  }));
  const { entity } = scored.reduce((best, one) => (one.score > best.score ? one : best));
  const replaced = unknown.map((key, n) => ({
    recorded: printed(entity.values[n]!),
    live: printed(signature[key]!),
    name: nameOf(key, signature),
  }));
  return { mocks: entity.mocks, cursor: `${digest} ${sha256(asked)}`, replaced };
}

/** What the parameter is called: its last name, or in a path the collection it is an element of, `user` of `/users/17`. */
function nameOf(key: string, signature: Signature): string | null {
  const segment = /^path\[(\d+)\]$/.exec(key);
  if (!segment) return /([\w$-]+)(?:\[\d*\])?$/.exec(key)?.[1] ?? null;
  const collection = signature[`path[${Number(segment[1]) - 1}]`];
  return collection ? printed(collection).replace(/s$/, '') : null;
}

function routeOf(signature: Signature): string {
  return `${signature.method} ${signature.host}`;
}

/** Values stand as JSON in signatures. */
function printed(value: string): string {
  return String(JSON.parse(value));
}

function digestWithout(signature: Signature, left: readonly string[], volatile: readonly string[]): string {
  const rest = Object.fromEntries(Object.entries(signature).filter(([key]) => !left.includes(key)));
  const loose = volatile.filter((key) => !left.includes(key) && key in rest);
  return signatureDigest(rest, loose) + left.join();
}

/** All sets of one and more, smaller ones first: the fewer values are unknown, the nearer the entity. */
function subsets(keys: readonly string[]): string[][] {
  const all = Array.from({ length: (1 << keys.length) - 1 }, (_, n) =>
    keys.filter((_, i) => ((n + 1) >> i) & 1),
  );
  return all.sort((a, b) => a.length - b.length);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
