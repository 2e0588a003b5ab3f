// The functions of the filter language, on values. Each gets what it is called on and its arguments, none of them FAIL, and
// gives FAIL for what it cannot take.
import { type Scope, spend } from './cost.ts';
import { charge, FAIL, keysOf } from './values.ts';

export type Call = (scope: Scope, args: readonly unknown[]) => unknown;

/** Searching costs up to this many times as much as copying. */
const SEARCH = 4;

/** A function of texts, FAIL for any other argument; `weight`: its cost per character of the first, as times that of copying. */
function ofTexts(apply: (texts: readonly string[]) => unknown, weight = 1): Call {
  return (scope, args) => {
    for (const arg of args) if (typeof arg !== 'string') return FAIL;
    charge(scope, (args[0] as string).length * weight);
    return apply(args as readonly string[]);
  };
}

const MAX_INT = 2n ** 63n - 1n;

/** Called on a value: `x.name(…)`; the value is the first argument. */
export const METHODS: Readonly<Record<string, Call>> = {
  startsWith: ofTexts(([text, part]) => text!.startsWith(part!)),
  endsWith: ofTexts(([text, part]) => text!.endsWith(part!)),
  contains: ofTexts(([text, part]) => text!.includes(part!), SEARCH),
  lowerAscii: ofTexts(([text]) => text!.toLowerCase()),
  upperAscii: ofTexts(([text]) => text!.toUpperCase()),
  trim: ofTexts(([text]) => text!.trim()),
  indexOf: ofTexts(([text, part]) => BigInt(text!.indexOf(part!)), SEARCH),
  split: (scope, [text, separator]) => {
    if (typeof text !== 'string' || typeof separator !== 'string') return FAIL;
    charge(scope, text.length * SEARCH);
    const parts = text.split(separator);
    spend(scope, parts.length * 2);
    return parts;
  },
  substring: (scope, [text, start, end = null]) => {
    if (typeof text !== 'string' || typeof start !== 'bigint') return FAIL;
    const to = end === null ? text.length : typeof end === 'bigint' ? Number(end) : -1;
    if (start < 0n || start > text.length || to < start || to > text.length) return FAIL;
    charge(scope, to - Number(start));
    return text.substring(Number(start), to);
  },
  join: (scope, [list, separator = '']) => {
    if (!Array.isArray(list) || typeof separator !== 'string') return FAIL;
    let length = 0;
    for (const item of list) {
      if (typeof item !== 'string') return FAIL;
      length += item.length + separator.length;
    }
    charge(scope, length);
    return list.join(separator);
  },
  size: sizeOf,
};

/** Called by name: `name(…)`. */
export const FREE: Readonly<Record<string, Call>> = {
  size: sizeOf,
  dyn: (_scope, [value]) => value,
  int: (_scope, [value]) => {
    if (typeof value === 'bigint') return value;
    if (typeof value === 'number') return Number.isFinite(value) ? BigInt(Math.trunc(value)) : FAIL;
    if (typeof value !== 'string' || !/^[+-]?\d{1,19}$/.test(value) || value.startsWith('+')) return FAIL;
    const int = BigInt(value);
    return int <= MAX_INT && int >= -MAX_INT - 1n ? int : FAIL;
  },
  double: (_scope, [value]) => {
    if (typeof value === 'bigint' || typeof value === 'number') return Number(value);
    if (typeof value !== 'string') return FAIL;
    if (/^(nan|[+-]?inf)$/i.test(value)) return Number(value.replace(/inf/i, 'Infinity'));
    return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : FAIL;
  },
  string: (_scope, [value]) =>
    typeof value === 'string' ||
    typeof value === 'bigint' ||
    typeof value === 'number' ||
    typeof value === 'boolean'
      ? String(value).replace(/^(-?)Infinity$/, (_, sign) => (sign ? '-Inf' : '+Inf'))
      : FAIL,
};

function sizeOf(scope: Scope, [value]: readonly unknown[]): unknown {
  if (typeof value === 'string') {
    charge(scope, value.length * 4);
    let characters = 0;
    for (const _ of value) characters++;
    return BigInt(characters);
  }
  if (Array.isArray(value)) return BigInt(value.length);
  return typeof value === 'object' && value !== null ? BigInt(keysOf(value).length) : FAIL;
}
