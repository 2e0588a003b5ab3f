// Errors of expressions: where, what, and what to do about it. The parser's and the type checker's own words are turned
// into sentences for people who write filters, not parsers.
import { FIELDS, FUNCTIONS, REQUEST, RESPONSE } from './fields.ts';

/** A filter that cannot be used. `line` and `column` count from 1 and point into the text that was given. */
export class FilterError extends Error {
  /** `syntax`, `unknown_name`, `type`, `unsupported`, `too_large` or `pattern`. */
  readonly code: FilterErrorCode;
  readonly line: number;
  readonly column: number;
  /** The sentence without its position. */
  readonly reason: string;

  constructor(code: FilterErrorCode, reason: string, source: string, offset: number) {
    const before = source.slice(0, offset).split('\n');
    const column = before.at(-1)!.length + 1;
    super(`${before.length > 1 ? `line ${before.length}, ` : ''}column ${column}: ${reason}`);
    this.code = code;
    this.line = before.length;
    this.column = column;
    this.reason = reason;
  }
}
export type FilterErrorCode = 'syntax' | 'unknown_name' | 'type' | 'unsupported' | 'too_large' | 'pattern';

/** What cel-js throws and returns of a bad expression, as far as it is used here. */
export interface CelError {
  readonly code: string;
  readonly summary: string;
  readonly range?: { readonly start: number } | undefined;
}

/** The error of cel-js as ours. */
export function explain(error: CelError, source: string): FilterError {
  const offset = error.range?.start ?? 0;
  const make = (code: FilterErrorCode, reason: string) => new FilterError(code, reason, source, offset);
  const { code, summary } = error;
  const subject = /: '?([\w.]+)/.exec(summary)?.[1] ?? '';
  if (code === 'unknown_variable')
    return make('unknown_name', unknownName(subject, 'field', Object.keys(FIELDS)));
  if (code === 'reserved_identifier')
    return make(
      'unknown_name',
      `${subject} is a reserved word${subject === 'namespace' ? '; write ns' : ''}`,
    );
  if (code === 'no_such_key') {
    const parts = Object.keys(source.slice(0, offset).trimEnd().endsWith('request.') ? REQUEST : RESPONSE);
    return make('unknown_name', unknownName(subject, 'part of a message', parts));
  }
  if (code === 'no_matching_overload') return make(...badCall(summary));
  if (code === 'no_such_overload') return make('type', badOperands(summary));
  if (code === 'limit_exceeded')
    return make('too_large', `too large (${summary}); split it into several rules`);
  if (code.startsWith('invalid_') && !/number|integer|exponent|escape|unicode/.test(code))
    return make('type', sentence(summary));
  if (/heterogeneous|incompatible|cannot_index/.test(code)) return make('type', sentence(summary));
  return make('syntax', syntaxError(error, source));
}

function syntaxError({ summary, code, range }: CelError, source: string): string {
  if (source.trim() === '') return 'the expression is empty; write a condition such as status >= 500';
  if (code.startsWith('unterminated')) return 'this text has no closing quote; add it';
  const word = /^(and|or)\b/i.exec(source.slice(range?.start ?? 0))?.[1]?.toLowerCase();
  if (word !== undefined)
    return `${word} is not a word of the language; write ${word === 'and' ? '&&' : '||'}`;
  if (/character: =/.test(summary)) return 'a single = means nothing; write == to compare';
  if (/character: [&|]/.test(summary)) return 'conditions are joined by && and ||; write the sign twice';
  if (/EOF/.test(summary)) {
    const wanted = /Expected (\w+)/.exec(summary)?.[1];
    return `the expression ends too early${wanted ? `; ${TOKENS[wanted] ?? wanted} is missing` : '; complete it'}`;
  }
  return `${sentence(summary).replace(/\b[A-Z]{3,}\b/g, (token) => TOKENS[token] ?? token)}; join conditions with && or ||, put texts in quotes`;
}

const TOKENS: Readonly<Record<string, string>> = {
  RPAREN: 'a closing )',
  LPAREN: 'an opening (',
  RBRACKET: 'a closing ]',
  RBRACE: 'a closing }',
  IDENTIFIER: 'a name',
  COLON: 'a :',
  STRING: 'a text',
  NUMBER: 'a number',
  ASSIGN: '=',
  EOF: 'the end',
};

function unknownName(name: string, what: string, known: readonly string[]): string {
  const near = known.find((one) => distance(one.toLowerCase(), name.toLowerCase()) <= 2);
  return `there is no ${what} ${name}; ${near ? `did you mean ${near}?` : `there are ${known.join(', ')}`}`;
}

function badCall(summary: string): [FilterErrorCode, string] {
  const [, call = '', args = ''] = /'([\w.<>, ]+)\((.*)\)'/.exec(summary) ?? [];
  const name = call.split('.').at(-1)!;
  if (!Object.hasOwn(FUNCTIONS, name))
    return ['unknown_name', unknownName(name, 'function', Object.keys(FUNCTIONS))];
  return [
    'type',
    `${name} cannot be called like this (${call}(${args})); it goes ${FUNCTIONS[name]!.replaceAll('`', '')}`,
  ];
}

function badOperands(summary: string): string {
  const [, left, operator, right] = /overload: (\S+(?:<.*>)?) (\S+) (\S+)/.exec(summary) ?? [];
  if (left === undefined) return `${sentence(summary)}; this operator does not take that type`;
  const kinds = [left, right];
  if (kinds.includes('double') && kinds.includes('int'))
    return `${operator} wants numbers of one type, and these are ${left} and ${right}; write 100.0 instead of 100, or convert with double()`;
  if (operator === 'in') return 'in looks into a list or a map; for a part of a text write x.contains("a")';
  return `${left} ${operator} ${right} does not work: both sides must be of one type; convert with int(), double() or string()`;
}

function sentence(summary: string): string {
  return summary.charAt(0).toLowerCase() + summary.slice(1);
}

/** Edit distance, for short names. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}
