// What passes between extractor and functions: a text, bytes, a scalar of JSON, or a piece of JSON in its own spelling.
// Keeping objects and arrays as they were written is what leaves every byte alone that nobody changed.
import { isUtf8 } from 'node:buffer';

/** JSON in the spelling it had, or that a function gave it. It is written back as it stands. */
export class JsonText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Value = string | number | boolean | null | Buffer | JsonText;

/**
 * Thrown when a chain does not apply to a message: nothing found, wrong form, a type that would change. Not an Error: it is
 * an ordinary outcome, and taking a stack for each would cost more than the rest of the chain.
 */
export class Miss {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

export function miss(reason: string): never {
  throw new Miss(reason);
}

export function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (a instanceof JsonText) return b instanceof JsonText && a.text === b.text;
  return Buffer.isBuffer(a) && Buffer.isBuffer(b) && a.equals(b);
}

/** A value as text; bytes that are no UTF-8 are a miss. */
export function textOf(value: Value): string {
  if (typeof value === 'string') return value;
  if (value instanceof JsonText) return value.text;
  if (!Buffer.isBuffer(value)) return String(value);
  return isUtf8(value) ? value.toString('utf8') : miss('the value is binary where text is needed');
}

export function bytesOf(value: Value): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(textOf(value), 'utf8');
}

/** Bytes as text where they are text, so that later functions and previews can read them. */
export function fromBytes(bytes: Buffer): Value {
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes;
}

/** A value as users see it in a change; bytes by their size. */
export function shownValue(value: Value): string {
  if (Buffer.isBuffer(value) && !isUtf8(value)) return `${value.length} bytes`;
  return textOf(value);
}

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * The JSON spelling of `next` where `before` stood. The type stays: a number takes a text that is a number. What would
 * change the type is a miss when `strict`, else written as what it is; a JsonText says itself what it is.
 */
export function jsonSpelling(before: Value, next: Value, strict: boolean): string {
  if (next instanceof JsonText) return next.text;
  if (typeof before === 'string' || before === null || Buffer.isBuffer(before))
    return before === null && typeof next !== 'string' && !Buffer.isBuffer(next)
      ? String(next)
      : JSON.stringify(textOf(next));
  if (before instanceof JsonText) {
    const text = textOf(next);
    if (isContainer(text)) return text;
  } else if (typeof next === typeof before) {
    if (typeof next !== 'number' || Number.isFinite(next)) return String(next);
  } else if (typeof next === 'string') {
    if (typeof before === 'number' ? JSON_NUMBER.test(next) : next === 'true' || next === 'false')
      return next;
  }
  if (strict) miss(`a ${typeName(before)} would become a ${typeName(next)}`);
  return typeof next === 'number' && !Number.isFinite(next) ? 'null' : naturalJson(next);
}

function naturalJson(value: Value): string {
  if (value instanceof JsonText) return value.text;
  return Buffer.isBuffer(value) ? JSON.stringify(textOf(value)) : JSON.stringify(value);
}

function isContainer(text: string): boolean {
  if (!/^\s*[{[]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function typeName(value: Value): string {
  if (value === null) return 'null';
  if (Buffer.isBuffer(value)) return 'binary';
  if (value instanceof JsonText) return value.text.trimStart().startsWith('[') ? 'array' : 'object';
  return typeof value === 'string' ? 'text' : typeof value;
}
