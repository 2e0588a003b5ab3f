// The search box's shorthand, `status:>=500 path:/api/* -direction:OUT "free text"`, to an expression of the filter
// language. Terms are separated by blanks and must all hold; `-` turns one around.
import { compileExpression, type Expression } from './compile.ts';
import { FIELDS } from './fields.ts';
import { FilterError } from './filter-error.ts';

/** The shorthand as a checked expression. Throws FilterError; its column points into the shorthand. */
export function compileShorthand(text: string): Expression {
  const source = expressionOf(text);
  try {
    return compileExpression(source);
  } catch (error) {
    if (!(error instanceof FilterError) || error.code !== 'too_large') throw error;
    throw new FilterError('too_large', 'this search is too long; leave out some terms', text, 0);
  }
}

/** The expression that a shorthand stands for; without a term it holds for every pair. Throws FilterError. */
export function expressionOf(text: string): string {
  const conditions = termsOf(text).map((term) => {
    const condition = conditionOf(term, text);
    return term.negative ? `!(${condition})` : condition;
  });
  return conditions.length === 0 ? 'true' : conditions.join(' && ');
}

interface Value {
  text: string;
  /** In quotes nothing has a meaning of its own. */
  quoted: boolean;
  offset: number;
}
interface Term {
  negative: boolean;
  /** Null for free text. */
  key: string | null;
  offset: number;
  /** One of these must fit. */
  values: Value[];
}

const TERM = /(-?)(?:([A-Za-z][\w.-]*):)?/y;
const BARE = /[^\s,"]+/y;
const BARE_TEXT = /[^\s"]+/y;

function termsOf(text: string): Term[] {
  const terms: Term[] = [];
  let at = skipBlanks(text, 0);
  while (at < text.length) {
    TERM.lastIndex = at;
    const [all, minus, key] = TERM.exec(text)!;
    const offset = at + minus!.length;
    const term: Term = { negative: minus !== '', key: key ?? null, offset, values: [] };
    at += all.length;
    do {
      const [value, end] = readValue(text, text[at] === ',' && term.values.length > 0 ? at + 1 : at, term);
      term.values.push(value);
      at = end;
    } while (term.key !== null && text[at] === ',');
    terms.push(term);
    at = skipBlanks(text, at);
  }
  return terms;
}

function readValue(text: string, at: number, term: Term): [Value, number] {
  if (text[at] === '"') {
    const end = text.indexOf('"', at + 1);
    if (end < 0) throw new FilterError('syntax', 'this text has no closing quote; add it', text, at);
    return [{ text: text.slice(at + 1, end), quoted: true, offset: at }, end + 1];
  }
  const pattern = term.key === null ? BARE_TEXT : BARE;
  pattern.lastIndex = at;
  const bare = pattern.exec(text)?.[0];
  if (bare === undefined) {
    const reason = term.key
      ? `${term.key}: has no value; write it right behind the colon`
      : 'a word is missing here';
    throw new FilterError('syntax', reason, text, at);
  }
  return [{ text: bare, quoted: false, offset: at }, at + bare.length];
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && /\s/.test(text[at]!)) at++;
  return at;
}

const EVERYWHERE = ['path', 'host', 'request.query', 'request.text', 'response.text'];
const MAPS: Readonly<Record<string, string>> = {
  tag: 'tags',
  request: 'request.headers',
  response: 'response.headers',
};

function conditionOf({ key, values, offset }: Term, source: string): string {
  const alternatives = values.map((value) => {
    if (key === null)
      return EVERYWHERE.map((field) => `${field}.contains(${quote(value.text)})`).join(' || ');
    const type = FIELDS[key]?.type;
    if (type === 'string') return fits(key, { ...value, text: inItsCase(key, value.text) });
    if (type === 'int' || type === 'double') return numberFits(key, type, value, source);
    const [, prefix = '', name = ''] = /^(\w+)\.(.+)$/.exec(key) ?? [];
    const map = Object.hasOwn(MAPS, prefix) ? MAPS[prefix] : undefined;
    if (map === undefined) throw unknownKey(key, source, offset);
    const entry = quote(map === 'tags' ? name : name.toLowerCase());
    return `${entry} in ${map} && ${fits(`${map}[${entry}]`, value)}`;
  });
  return alternatives.length === 1
    ? `(${alternatives[0]})`
    : `(${alternatives.map((one) => `(${one})`).join(' || ')})`;
}

function unknownKey(key: string, source: string, offset: number): FilterError {
  const known = Object.entries(FIELDS).filter(([, { type }]) => /^(string|int|double)$/.test(type));
  const names = [...known.map(([name]) => name), 'tag.NAME', 'request.HEADER', 'response.HEADER'];
  const reason = `there is no field ${key}; there are ${names.join(', ')}; put free text in quotes`;
  return new FilterError('unknown_name', reason, source, offset);
}

/** Methods and directions are always in capitals. */
function inItsCase(key: string, text: string): string {
  return key === 'method' || key === 'direction' ? text.toUpperCase() : text;
}

/** A text against a value in which `*` stands for anything. */
function fits(field: string, { text, quoted }: Value): string {
  const parts = quoted ? [text] : text.split('*');
  if (parts.length === 1) return `${field} == ${quote(text)}`;
  const [first, last] = [parts[0]!, parts.at(-1)!];
  if (parts.every((part) => part === '')) return `${field} != ""`;
  if (parts.length === 2 && last === '') return `${field}.startsWith(${quote(first)})`;
  if (parts.length === 2 && first === '') return `${field}.endsWith(${quote(last)})`;
  if (parts.length === 3 && first === '' && last === '') return `${field}.contains(${quote(parts[1]!)})`;
  const pattern = `(?s)^${parts.map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('.*')}$`;
  return `${field}.matches(${quote(pattern)})`;
}

const NUMBER = /^(>=|<=|>|<|=)?(-?\d{1,15}(?:\.\d{1,9})?)$/;
const RANGE = /^(\d{1,15}(?:\.\d{1,9})?)\.\.(\d{1,15}(?:\.\d{1,9})?)$/;

function numberFits(field: string, type: 'int' | 'double', { text, offset }: Value, source: string): string {
  const literal = (digits: string) => (type === 'double' && !digits.includes('.') ? `${digits}.0` : digits);
  const hundreds = type === 'int' ? /^([1-5])xx$/i.exec(text)?.[1] : undefined;
  if (hundreds) return `${field} >= ${hundreds}00 && ${field} <= ${hundreds}99`;
  const range = RANGE.exec(text);
  const number = NUMBER.exec(text);
  if ((!range && !number) || (type === 'int' && text.replace('..', '').includes('.'))) {
    const example = type === 'int' ? '404, >=500, 500..599 or 5xx' : '100, >=250.5 or 100..200';
    throw new FilterError('type', `${field} wants a number: ${example}`, source, offset);
  }
  if (range) return `${field} >= ${literal(range[1]!)} && ${field} <= ${literal(range[2]!)}`;
  const [, operator = '=', digits] = number!;
  return `${field} ${operator === '=' ? '==' : operator} ${literal(digits!)}`;
}

function quote(text: string): string {
  return JSON.stringify(text.toWellFormed());
}
