// The places of a recording: a leaf pattern in the requests or the responses of one operation. What is learned is learned
// of places, so this is what grows with the variety of a recording and not with its length. Bounded: a place beyond the
// bound is not learned of. Pure.
import { leafPattern } from '@echoplane/traffic';
import { type Naming, namingOf } from './names.ts';

const MAX_PLACES = 40_000;
const MAX_PATTERNS = 20_000;

/** Requests that are alike: method, endpoint template, operation behind it. */
export interface Operation {
  /** Null beyond the bound. */
  number: number | null;
  key: string;
  method: string;
  endpoint: string;
  request: Map<string, Place>;
  response: Map<string, Place>;
}

export interface Place {
  id: number;
  operation: Operation;
  in: 'request' | 'response';
  /** A leaf pattern. */
  path: string;
  naming: Naming;
}

export class Places {
  readonly operations = new Map<string, Operation>();
  readonly #byNumber: Operation[] = [];
  readonly all: Place[] = [];

  /** `suffix`: as of `operationIn`. */
  operation(method: string, endpoint: string, suffix: string): Operation {
    const key = `${method} ${endpoint}${suffix}`;
    let operation = this.operations.get(key);
    if (!operation) {
      const isKept = this.#byNumber.length < MAX_PLACES;
      const number = isKept ? this.#byNumber.length : null;
      operation = { number, key, method, endpoint, request: new Map(), response: new Map() };
      if (isKept) {
        this.operations.set(key, operation);
        this.#byNumber.push(operation);
      }
    }
    return operation;
  }

  operationAt(number: number): Operation {
    return this.#byNumber[number]!;
  }

  /** The place of a leaf; undefined beyond the bound. */
  place(operation: Operation, side: Place['in'], path: string): Place | undefined {
    return this.linkedPlace(operation, side, path, null);
  }

  /** The place of a piece of a leaf, whose name the leaf's path does not say. */
  linkedPlace(
    operation: Operation,
    side: Place['in'],
    path: string,
    given: Naming | null,
  ): Place | undefined {
    const pattern = patternOf(path);
    const known = operation[side].get(pattern);
    if (known || this.all.length >= MAX_PLACES) return known;
    const named = isNamedByPath(operation, side, pattern) ? 'body.ids[]' : pattern;
    const naming = given ?? namingOf(named, operation.endpoint);
    const place: Place = { id: this.all.length, operation, in: side, path: pattern, naming };
    operation[side].set(pattern, place);
    this.all.push(place);
    return place;
  }
}

/**
 * A request that is a list says of which things it speaks by its path alone, `DELETE /orders` of `[3, 5]`, and so does an answer
 * that is nothing but what was made: `POST /orders` and `7`, or `["7", "8"]`.
 */
function isNamedByPath(operation: Operation, side: Place['in'], pattern: string): boolean {
  return side === 'request' ? pattern === 'body[]' : isBare(operation, pattern);
}

function isBare({ method, endpoint }: Operation, pattern: string): boolean {
  return method === 'POST' && !endpoint.endsWith('}') && (pattern === 'body' || pattern === 'body[]');
}

/** Whether a place of an answer is the whole answer to what makes things. */
export function isBareAnswer({ operation, in: side, path }: Place): boolean {
  return side === 'response' && isBare(operation, path);
}

const PATTERNS = new Map<string, string>();

/** `leafPattern`, remembered for the paths that come again and again. */
export function patternOf(path: string): string {
  const known = PATTERNS.get(path);
  if (known !== undefined) return known;
  if (PATTERNS.size >= MAX_PATTERNS) PATTERNS.clear();
  const pattern = leafPattern(path);
  PATTERNS.set(path, pattern);
  return pattern;
}

/** `POST /orders body.id` as people name a place. */
export function placeName({ operation, path }: Place): string {
  return `${operation.key} ${path}`;
}
