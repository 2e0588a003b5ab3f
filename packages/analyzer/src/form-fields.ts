// What the fields of a form name: all of them are texts, and a number in one says which thing, as one of a query does. Pure.
import type { Leaf } from '@echoplane/replay';
import { type Naming, namingOf } from './names.ts';
import { type Operation, patternOf } from './places.ts';

const FORM = /^(?:application\/x-www-form-urlencoded|multipart\/form-data)\b/i;
const FIELD = /^body\.(?:part\.)?/;

/** Whether a request's body is a form. */
export function isFormLeaves(asked: readonly Leaf[]): boolean {
  const type = asked.find(({ path }) => path === 'header.content-type')?.value;
  return typeof type === 'string' && FORM.test(type);
}

/** A field that has the name of a kind of thing; null of another leaf. */
export function fieldNaming(operation: Operation, path: string): Naming | null {
  if (!FIELD.test(path) || operation.request.has(patternOf(path))) return null;
  const named = namingOf(patternOf(path), operation.endpoint);
  if (named.role !== 'other') return named;
  return namingOf(patternOf(path).replace(FIELD, 'query.'), operation.endpoint);
}
