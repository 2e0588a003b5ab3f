// The signature of an outbound request: the key=value map by which the responder recognises it. Method, host, path
// segments, query and body leaves, and the few headers that say what is asked; the others are left out, because clients
// differ in them from build to build. Pure.
import { hash } from 'node:crypto';
import { type Body, bodyText, type OutboundRequest, type ValueKind } from '@echoplane/traffic';
import { isTooDeep } from './json-text.ts';
import { kindOf, type Scalar } from './kinds.ts';
import { requestLeaves } from './leaves.ts';
import { digestOf } from './tree.ts';

export type Signature = Record<string, string>;

/** Headers that choose the operation or the part of an answer, as SOAP and some APIs of clouds have it. */
export const SIGNIFICANT_HEADERS = ['soapaction', 'x-amz-target', 'x-http-method-override', 'range'] as const;
const SIGNIFICANT = new Set<string>(SIGNIFICANT_HEADERS.map((name) => `header.${name}`));

/** The signature of a request. Values are printed as JSON, so that the number 17 and the text "17" differ. */
export function signatureOf(request: OutboundRequest): Signature {
  const signature: Signature = { host: request.host.toLowerCase() };
  const crowd = crowdOf(request.body);
  for (const { path, value } of requestLeaves(
    crowd ? { ...request, body: NOTHING } : withExactNumbers(request),
  )) {
    if ((path.startsWith('header.') && !SIGNIFICANT.has(path)) || path.startsWith('cookie.')) continue;
    signature[path] = path === 'method' ? String(value) : printed(value);
  }
  if (crowd !== null) signature.body = printed(digestOf(crowd, request.body.size));
  return signature;
}

const NOTHING: Body = { size: 0, encoding: 'identity' };
/** A body of more values is recognised as a whole: a million keys of their own would hold up everybody else. */
const MAX_VALUES = 50_000;
const BETWEEN_VALUES = new Set([...',&<\n'].map((c) => c.charCodeAt(0)));

/** The text of a body that may hold more values than are looked at one by one; null of any other. */
function crowdOf(body: Body): string | null {
  if (body.size <= MAX_VALUES) return null;
  const text = bodyText(body);
  if (text === undefined) return null;
  let values = 0;
  for (let at = 0; at < text.length; at++)
    if (BETWEEN_VALUES.has(text.charCodeAt(at)) && ++values > MAX_VALUES) return text;
  return null;
}

/** Stands before the digits of a number that JavaScript would round. */
const DIGITS = '\u0000';
const LONG_NUMBER = /\d{16}|\d\.\d{15}/;

/** Two ids of twenty digits must not become one: numbers that cannot be held exactly are carried as their digits. */
function withExactNumbers(request: OutboundRequest): OutboundRequest {
  const { body } = request;
  if (body.json !== undefined) return request;
  const text = bodyText(body);
  if (text === undefined || !LONG_NUMBER.test(text) || isTooDeep(text)) return request;
  try {
    const json = JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
      const source = context?.source;
      return typeof value === 'number' && source !== undefined && String(value) !== source && !isPlain(source)
        ? `${DIGITS}${source}`
        : value;
    }) as never;
    return { ...request, body: { size: body.size, encoding: 'identity', json } };
  } catch {
    return request;
  }
}

/** `1.0`, `1e3`: another spelling of a number, not another number. */
function isPlain(source: string): boolean {
  return source.replace(/\D/g, '').length < 16;
}

function printed(value: Scalar): string {
  return typeof value === 'string' && value.startsWith(DIGITS) ? value.slice(1) : JSON.stringify(value);
}

/**
 * Digest of a signature. The keys in `volatile` take part with the kind of their value only: any uuid for a uuid, but
 * never a word for a uuid or a number for a word.
 */
export function signatureDigest(signature: Signature, volatile: readonly string[] = []): string {
  const loose = new Set(volatile);
  const lines = Object.keys(signature)
    .sort()
    .map((key) => `${inOneLine(key)}=${loose.has(key) ? looseValue(signature[key]!) : signature[key]}`);
  return hash('sha256', lines.join('\n'), 'hex').slice(0, 32);
}

/** The name of a parameter may hold a line end, which must not read as the next key. */
function inOneLine(key: string): string {
  return key.includes('\n') ? key.replaceAll('\n', '\\n') : key;
}

/** What a value counts as where it may differ: its kind, `{uuid}`. */
export function looseValue(printedValue: string): string {
  return `{${looseKind(JSON.parse(printedValue) as Scalar)}}`;
}

/** Kinds that are one with other texts. */
const TEXTS: ReadonlySet<ValueKind> = new Set(['token', 'hex', 'mixed', 'email']);

/** Random words are one kind with other texts: that one is random cannot always be seen. */
function looseKind(value: Scalar): string {
  const kind = kindOf(value);
  return kind === null || TEXTS.has(kind) ? typeof value : kind;
}
