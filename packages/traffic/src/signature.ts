// The signature of an outbound request: the key=value map by which the responder recognises it. Method, host, path
// segments, query and body leaves; headers are left out, because clients differ in them from build to build. Pure.
import { createHash } from 'node:crypto';
import { kindOf, type Scalar } from './kinds.ts';
import { type RequestParts, requestLeaves } from './leaves.ts';
import type { ValueKind } from './snapshot.ts';

export interface OutboundRequest extends RequestParts {
  scheme: string;
  /** Host and port as the client named them. */
  host: string;
}

export type Signature = Record<string, string>;

/** The signature of a request. Values are printed as JSON, so that the number 17 and the text "17" differ. */
export function signatureOf(request: OutboundRequest): Signature {
  const signature: Signature = { host: request.host.toLowerCase() };
  for (const { path, value } of requestLeaves(request)) {
    if (path.startsWith('header.') || path.startsWith('cookie.')) continue;
    signature[path] = path === 'method' ? String(value) : JSON.stringify(value);
  }
  return signature;
}

/**
 * Digest of a signature. The keys in `volatile` take part with the kind of their value only: any uuid for a uuid, but
 * never a word for a uuid or a number for a word.
 */
export function signatureDigest(signature: Signature, volatile: readonly string[] = []): string {
  const loose = new Set(volatile);
  const lines = Object.keys(signature)
    .sort()
    .map(
      (key) => `${key}=${loose.has(key) ? `{${looseKind(JSON.parse(signature[key]!))}}` : signature[key]}`,
    );
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 32);
}

/** Kinds that are one with other texts. */
const TEXTS: ReadonlySet<ValueKind> = new Set(['token', 'hex', 'mixed', 'email']);

/** Random words are one kind with other texts: that one is random cannot always be seen. */
function looseKind(value: Scalar): string {
  const kind = kindOf(value);
  return kind === null || TEXTS.has(kind) ? typeof value : kind;
}
