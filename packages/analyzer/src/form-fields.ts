// What the fields of a form name: all of them are texts, and a number in one says which thing, as one of a query does. Pure.
import { type Leaf, Recent } from '@echoplane/replay';
import type { RRPair } from '@echoplane/traffic';
import { clientKeys } from './askers.ts';
import { CHOSEN } from './linked-pieces.ts';
import { type Naming, namingOf } from './names.ts';
import type { FlowValue } from './place-stats.ts';
import { type Operation, patternOf } from './places.ts';

const FORM = /^(?:application\/x-www-form-urlencoded|multipart\/form-data)\b/i;
const MAX_CLIENTS = 10_000;
const FIELD = /^body\.(?:part\.)?/;

/** Whether a request's body is a form. */
export function isFormLeaves(asked: readonly Leaf[]): boolean {
  const type = asked.find(({ path }) => path === 'header.content-type')?.value;
  return typeof type === 'string' && FORM.test(type);
}

/** What the boxes of the pages that clients saw last choose. Bounded. */
export class FormFields {
  readonly #boxes = new Recent<string, ReadonlyMap<string, Naming>>(MAX_CLIENTS);

  /** The numbers of an answer. */
  observe(pair: RRPair, answered: readonly FlowValue[]): void {
    const boxes = answered.filter(({ place }) => place.path.startsWith(CHOSEN));
    if (boxes.length === 0) return;
    const named = new Map(
      boxes.map(({ place: { path, naming } }) => [path.slice(CHOSEN.length, path.indexOf('"]')), naming]),
    );
    for (const key of clientKeys(pair)) this.#boxes.set(key, named, 1);
  }

  /** What a field of a form names: what the page said, or the kind of thing whose name it has; null of another leaf. */
  naming(pair: RRPair, operation: Operation, path: string): Naming | null {
    const pattern = patternOf(path);
    if (!FIELD.test(path) || operation.request.has(pattern)) return null;
    const field = pattern.replace(FIELD, '');
    for (const key of clientKeys(pair)) {
      const naming = this.#boxes.get(key)?.get(field.replace(/\[\]$/, ''));
      if (naming) return naming;
    }
    const named = namingOf(pattern, operation.endpoint);
    return named.role === 'other' ? namingOf(`query.${field}`, operation.endpoint) : named;
  }
}
