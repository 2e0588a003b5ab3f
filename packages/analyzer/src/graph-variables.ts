// What a variable of a GraphQL request names: `id` of `order(id: $id)` is that of an order, which neither the variable nor the
// path says. Told by the field that is given it. Words of English and of programmers, none of any product. Pure.
import type { Leaf } from '@echoplane/replay';
import { type Naming, namingOf, wordsOf } from './names.ts';
import { type Operation, patternOf } from './places.ts';

const VARIABLE = /^body\.variables\.(\w+)(.*)$/;
const MAX_QUERY_CHARS = 64 << 10;
/** A field with what it is given. */
const FIELD = /(\w+)\s*\(([^()]*)\)/g;
/** `removeItemFromOrder(id:)`: the order's. */
const JOINING = new Set(['add', 'append', 'apply', 'assign', 'attach', 'detach', 'remove', 'unassign']);
const PREPOSITIONS = new Set(['as', 'at', 'by', 'for', 'from', 'in', 'into', 'of', 'on', 'to', 'with']);
const READING = new Set(['fetch', 'find', 'get', 'list', 'load', 'read', 'search']);

/** By its field, what an own id below the variables says; null where it is none, or says itself of which thing. */
export function variableNaming(operation: Operation, path: string, asked: readonly Leaf[]): Naming | null {
  const variable = VARIABLE.exec(path);
  if (!variable || operation.request.has(patternOf(path))) return null;
  const { role, entity } = namingOf(patternOf(path), '');
  if (role !== 'id' || entity !== '') return null;
  const query = asked.find((leaf) => leaf.path === 'body.query')?.value;
  if (typeof query !== 'string' || query.length > MAX_QUERY_CHARS) return null;
  const things = new Set(fieldsGiven(query, variable[1]!).map((field) => thingOf(field, query)));
  const [thing] = things;
  return things.size === 1 && thing
    ? namingOf(patternOf(`body.${thing}.${variable[1]}${variable[2]}`), '')
    : null;
}

function fieldsGiven(query: string, variable: string): string[] {
  const given = new RegExp(`:\\s*\\$${variable}\\b`);
  return [...query.matchAll(FIELD)].flatMap(([, field, list]) => (given.test(list!) ? [field!] : []));
}

/** `settlePayment` → payment, `addNoteToOrder` → order, `transitionFulfillmentToState` → fulfillment. */
function thingOf(field: string, query: string): string {
  const [verb = '', ...rest] = wordsOf(field);
  const hasVerb = rest.length > 0 && (/^\s*mutation\b/.test(query) || READING.has(verb));
  const words = hasVerb ? rest : [verb, ...rest];
  const at = words.findIndex((word) => PREPOSITIONS.has(word));
  if (at < 0) return words.join('_');
  return words.slice(...(hasVerb && JOINING.has(verb) ? [at + 1] : [0, at])).join('_');
}
