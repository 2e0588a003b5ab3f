// An answer as faults see it: content without its coding, headers in order, and its JSON with a place for every node. It knows
// nothing of proxies, recordings or single faults.
import type { HeaderList } from '@echoplane/traffic';

export interface Answer {
  status: number;
  headers: HeaderList;
  trailers: HeaderList;
  /** Content, not under a content coding. */
  body: Buffer;
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Stands for a node that is taken out. */
export const GONE = Symbol('gone');

export function headerOf(answer: { headers: HeaderList }, name: string): string | undefined {
  return answer.headers.find(([one]) => one.toLowerCase() === name)?.[1];
}

export function contentType(answer: Answer): string {
  return (headerOf(answer, 'content-type') ?? '').toLowerCase();
}

/** The answer with a header changed; taken out with `undefined`, added where it was not. */
export function withHeader(answer: Answer, name: string, value: string | undefined): Answer {
  const at = answer.headers.findIndex(([one]) => one.toLowerCase() === name);
  const headers = answer.headers.filter(([one]) => one.toLowerCase() !== name);
  if (value !== undefined)
    headers.splice(at < 0 ? headers.length : at, 0, [answer.headers[at]?.[0] ?? name, value]);
  return { ...answer, headers };
}

/**
 * The body's JSON, `undefined` when it is none. Numbers that a double does not hold are kept by their digits, so that
 * `withJson` changes nothing but what a fault changes.
 */
export function jsonOf(answer: Answer): Json | undefined {
  if (!contentType(answer).includes('json') || answer.body.length === 0) return undefined;
  try {
    return JSON.parse(answer.body.toString('utf8'), keepDigits) as Json;
  } catch {
    return undefined;
  }
}

/** What Node's JSON knows and TypeScript's does not yet. */
const raw = JSON as unknown as { rawJSON(text: string): Json; isRawJSON(value: unknown): boolean };

function keepDigits(this: unknown, _key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  return typeof value === 'number' && source !== undefined && String(value) !== source
    ? raw.rawJSON(source)
    : value;
}

/** The digits of a number that a double does not hold or write alike. */
export function digitsOf(value: Json): string | undefined {
  return raw.isRawJSON(value) ? (value as { rawJSON: string }).rawJSON : undefined;
}

export const rawNumber = (digits: string): Json => raw.rawJSON(digits);

export function withJson(answer: Answer, json: Json): Answer {
  return { ...answer, body: Buffer.from(JSON.stringify(json)) };
}

export const isObject = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && digitsOf(value) === undefined;

/** As leaf paths write a key. */
const stepOf = (key: string) => (/^[A-Za-z_$][\w$-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`);

/** Every node with its pattern: `body`, `body.items`, `body.items[]`, `body.items[].id`. */
export function* nodesOf(json: Json, pattern = 'body'): Iterable<[pattern: string, value: Json]> {
  yield [pattern, json];
  if (Array.isArray(json)) for (const one of json) yield* nodesOf(one, `${pattern}[]`);
  else if (isObject(json))
    for (const [key, one] of Object.entries(json)) yield* nodesOf(one, pattern + stepOf(key));
}

/** The JSON with every node at `target` replaced by what `change` makes of it. */
export function mapNodes(
  json: Json,
  target: string,
  change: (value: Json) => Json | typeof GONE,
  pattern = 'body',
): Json | typeof GONE {
  if (pattern === target) return change(json);
  if (!target.startsWith(pattern)) return json;
  if (Array.isArray(json))
    return json
      .map((one) => mapNodes(one, target, change, `${pattern}[]`))
      .filter((one): one is Json => one !== GONE);
  if (!isObject(json)) return json;
  const made: [string, Json][] = [];
  for (const [key, value] of Object.entries(json)) {
    const changed = mapNodes(value, target, change, pattern + stepOf(key));
    if (changed !== GONE) made.push([key, changed]);
  }
  return Object.fromEntries(made);
}
