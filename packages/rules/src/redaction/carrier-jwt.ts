// JSON Web Tokens: the header stays, claims are redacted one by one so that what reads the token still can, and the
// signature becomes token characters, by which a redacted JWT is known again.
import { isUtf8 } from 'node:buffer';
import { redactJson } from './carrier-json.ts';
import type { Inspection } from './inspection.ts';
import { TokenMinter } from './token-minter.ts';

const MAX_LENGTH = 64 << 10;
const SHAPE = /^eyJ[\w-]{5,}\.eyJ?[\w-]+\.[\w-]*$/;

/** Whether a whole value is written as a JWT. */
export function isJwt(value: string): boolean {
  return value.startsWith('eyJ') && value.length <= MAX_LENGTH && SHAPE.test(value);
}

/** A JWT with redacted claims; what only looks like one is replaced as a whole. */
export function redactJwt(jwt: string, inspection: Inspection, depth: number): string {
  if (TokenMinter.isToken(jwt)) return jwt;
  const [header, payload, signature] = jwt.split('.') as [string, string, string];
  const claims = jsonOf(payload);
  if (jsonOf(header) === null || claims === null) return inspection.mint('secret', jwt, 'shape:jwt');
  inspection.notes.enter('.claims');
  const redacted = redactJson(claims, inspection, depth + 1, { names: inspection.claims });
  inspection.notes.leave();
  const body = redacted === claims ? payload : Buffer.from(redacted, 'utf8').toString('base64url');
  const token = `${header}.${body}.${inspection.signature(jwt, signature.length)}`;
  if (token !== jwt) inspection.notes.replaced({ kind: 'jwt', rule: 'shape:jwt', token, value: jwt });
  return token;
}

function jsonOf(part: string): string | null {
  const bytes = Buffer.from(part, 'base64url');
  return bytes[0] === 0x7b && isUtf8(bytes) ? bytes.toString('utf8') : null;
}
