// The values of running expressions and what operators do with them: exactly what CEL says, as cel-js does it. An integer is
// a bigint, a double a number, a list an array, a map a Map or a JSON object. An operation that fails gives FAIL instead of
// throwing: in traffic, a key that is not there is the usual case.
import { type Scope, spend } from './cost.ts';

/** The value of what has none: an error of CEL. */
export const FAIL = Symbol('fail');

/** Pieces of work (texts, lists) are charged by this many characters or entries per unit of fuel. */
const CHARS_PER_UNIT = 16;
const MAX_INT = 2n ** 63n - 1n;

/** Charges a pass over `length` characters. */
export function charge(scope: Scope, length: number): void {
  spend(scope, 1 + Math.floor(length / CHARS_PER_UNIT));
}

/** `value.key` and `value[key]`. */
export function memberOf(value: unknown, key: unknown): unknown {
  if (Array.isArray(value)) {
    if (typeof key !== 'bigint' && typeof key !== 'number') return FAIL;
    return orFail(value[Number(key)]);
  }
  if (typeof value !== 'object' || value === null || typeof key === 'object' || typeof key === 'symbol')
    return FAIL;
  const name = String(key);
  if (value instanceof Map) return orFail(value.get(name));
  return Object.hasOwn(value, name) ? orFail((value as Record<string, unknown>)[name]) : FAIL;
}

function orFail(value: unknown): unknown {
  return value === undefined ? FAIL : value;
}

/** `a == b`, deep; numbers of different types are equal when they are the same number, other types never. */
export function equal(scope: Scope, a: unknown, b: unknown): boolean {
  if (typeof a === 'string') {
    if (typeof b !== 'string' || a.length !== b.length) return false;
    charge(scope, a.length);
    return a === b;
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    // biome-ignore lint/suspicious/noDoubleEquals: an integer (bigint) and a double (number) compare by value.
    return a === b || (isNumeric(a) && isNumeric(b) && a == b);
  if (a === b) return true;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    charge(scope, a.length);
    return a.every((item, i) => equal(scope, item, b[i]));
  }
  const keys = keysOf(a);
  charge(scope, keys.length);
  if (keys.length !== keysOf(b).length) return false;
  return keys.every((key) => {
    const other = memberOf(b, key);
    return other !== FAIL && equal(scope, memberOf(a, key), other);
  });
}

/** Keys of a map in its order. */
export function keysOf(map: object): string[] {
  return map instanceof Map ? [...map.keys()] : Object.keys(map);
}

function isNumeric(value: unknown): value is bigint | number {
  return typeof value === 'bigint' || typeof value === 'number';
}

export type Order = '<' | '<=' | '>' | '>=';
const ORDERS: Record<Order, (a: never, b: never) => boolean> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

/** The comparison of two values that have an order, else FAIL. */
export function orderOf(operator: Order): (a: unknown, b: unknown) => unknown {
  const compare = ORDERS[operator];
  return (a, b) => {
    const comparable = isNumeric(a)
      ? isNumeric(b)
      : typeof a === typeof b && (typeof a === 'string' || typeof a === 'boolean');
    return comparable ? compare(a as never, b as never) : FAIL;
  };
}

/** The same for plain numbers, without a check. */
export function numberOrder(operator: Order): (a: number, b: number) => boolean {
  return ORDERS[operator] as (a: number, b: number) => boolean;
}

/** `value in container` */
export function contains(scope: Scope, value: unknown, container: unknown): unknown {
  if (Array.isArray(container)) {
    charge(scope, container.length);
    return container.some((item) => equal(scope, value, item));
  }
  if (typeof container !== 'object' || container === null) return FAIL;
  return typeof value !== 'object' && memberOf(container, value) !== FAIL;
}

export type Arithmetic = '+' | '-' | '*' | '/' | '%';

/** `a operator b` for two values of the same type; overflow and division by zero are FAIL. */
export function calculate(scope: Scope, operator: Arithmetic, a: unknown, b: unknown): unknown {
  if (typeof a === 'bigint' && typeof b === 'bigint') return calculateInt(operator, a, b);
  if (typeof a === 'number' && typeof b === 'number') return calculateDouble(operator, a, b);
  if (operator !== '+') return FAIL;
  if (typeof a === 'string' && typeof b === 'string') {
    charge(scope, a.length + b.length);
    return a + b;
  }
  if (!Array.isArray(a) || !Array.isArray(b)) return FAIL;
  charge(scope, (a.length + b.length) * CHARS_PER_UNIT);
  return [...a, ...b];
}

function calculateInt(operator: Arithmetic, a: bigint, b: bigint): unknown {
  if (operator === '/') return b === 0n ? FAIL : a / b;
  if (operator === '%') return b === 0n ? FAIL : a % b;
  const result = operator === '+' ? a + b : operator === '-' ? a - b : a * b;
  return result > MAX_INT || result < -MAX_INT - 1n ? FAIL : result;
}

function calculateDouble(operator: Arithmetic, a: number, b: number): unknown {
  if (operator === '+') return a + b;
  if (operator === '-') return a - b;
  if (operator === '*') return a * b;
  return operator === '/' ? a / b : FAIL;
}
