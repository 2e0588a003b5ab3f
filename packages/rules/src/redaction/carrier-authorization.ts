// The values of Authorization and Proxy-Authorization by their schemes: what proves the caller is replaced, what names the
// scheme, the realm or the algorithm stays. https://www.rfc-editor.org/rfc/rfc9110#section-11.6.2
import { isUtf8 } from 'node:buffer';
import { encodeLike, openBase64 } from '@echoplane/traffic';
import type { Inspection } from './inspection.ts';
import { TokenMinter } from './token-minter.ts';

const SCHEME =
  /^(?:bearer|basic|digest|token|apikey|api-key|key|negotiate|ntlm|hawk|signature|dpop|oauth|googlelogin|hmac|sharedkey|sharedkeylite|sharedaccesssignature|aws|aws4-[\w-]+) +\S/i;
/** `name=value` and `name="value"`, as in Digest, SigV4, Hawk and OAuth. */
const PARAMETER = /([\w-]+)(=)("(?:[^"\\]|\\.)*"|[^\s,"]+)/g;
/** Parameters that prove the caller, beside those whose names say so. */
const PROOFS = new Set(
  'response signature mac auth token hash oauth_signature oauth_token oauth_consumer_key rspauth sig'.split(
    ' ',
  ),
);
/** What any other scheme may be called, and the one word behind it that nobody would write. */
const OTHER_SCHEME = /^[A-Za-z][A-Za-z-]{1,31}$/;
const MADE_WORD = /^(?=\D*\d)(?=[^A-Za-z]*[A-Za-z])[\w.~+/=:-]{20,}$/;
const RULE = 'key:authorization';

/** Whether a value begins with the name of an authentication scheme. */
export function startsWithScheme(value: string): boolean {
  return value.indexOf(' ') > 0 && SCHEME.test(value);
}

/** `Bearer x` → `Bearer TOKEN`; a value without a scheme is a credential itself. */
export function redactAuthorization(value: string, inspection: Inspection): string {
  const space = value.indexOf(' ');
  if (space < 0) return redactGlued(value, inspection) ?? inspection.secret(value, 'credential', 0, RULE);
  const scheme = value.slice(0, space).toLowerCase();
  const start = space + 1 + /^ */.exec(value.slice(space + 1))![0].length;
  const rest = value.slice(start);
  if (scheme === 'basic') return value.slice(0, start) + redactBasic(rest, inspection);
  if (scheme !== 'bearer' && /^[\w-]+="?[^=]/.test(rest))
    return value.slice(0, start) + redactParameters(rest, inspection);
  const isScheme = SCHEME.test(value) || (OTHER_SCHEME.test(scheme) && MADE_WORD.test(rest));
  const glued = isScheme ? redactGlued(rest, inspection) : null;
  if (glued !== null) return value.slice(0, start) + glued;
  const credential = isScheme ? rest : value;
  const redacted = inspection.secret(credential, 'credential', 0, RULE);
  return isScheme ? value.slice(0, start) + redacted : redacted;
}

/** The password goes; the user stays unless it is a person's address. */
function redactBasic(encoded: string, inspection: Inspection): string {
  const bytes = Buffer.from(encoded, 'base64');
  const plain = bytes.toString('utf8');
  const colon = plain.indexOf(':');
  if (!isUtf8(bytes) || colon < 0) return inspection.mint('credential', encoded, RULE);
  const user = inspection.value(plain.slice(0, colon), null, 0);
  const before = plain.slice(colon + 1);
  const password = before === '' ? '' : inspection.mint('password', before, RULE);
  const redacted = `${user}:${password}`;
  if (redacted === plain) return encoded;
  const value = Buffer.from(redacted, 'utf8').toString('base64');
  inspection.notes.alsoSealed(value, encoded);
  inspection.notes.endOfRecord();
  return value;
}

/** A number that says who calls. */
const USER_NUMBER = /^\d{1,12}$/;

/** `ada:7:2f669738…` behind base64: of what a client glued together each piece is what it is alone; null: it is nothing such. */
function redactGlued(encoded: string, inspection: Inspection): string | null {
  const opened = openBase64(encoded);
  const pieces = opened === null ? null : gluedPieces(opened.text);
  if (pieces === null) return null;
  const redacted = pieces.map((piece, i) => {
    if (USER_NUMBER.test(piece)) return piece;
    return i === 0 ? inspection.value(piece, null, 0) : inspection.mint('credential', piece, RULE);
  });
  const value = encodeLike(redacted.join(':'), opened!);
  inspection.notes.alsoSealed(value, encoded);
  inspection.notes.endOfRecord();
  return value;
}

/** Words between colons, or a name and all that is behind the first colon; null: no name, or nothing that proves it. */
function gluedPieces(text: string): string[] | null {
  const words = text.split(':');
  if (words.length < 2 || !GLUED_PIECE.test(words[0]!)) return null;
  const last = words.at(-1)!;
  if (words.every((word) => GLUED_PIECE.test(word)))
    return MADE_WORD.test(last) || TokenMinter.isToken(last) ? words : null;
  const rest = words.slice(1).join(':');
  return rest.length >= MIN_PROOF_CHARS ? [words[0]!, rest] : null;
}

const MIN_PROOF_CHARS = 16;
const GLUED_PIECE = /^[\w.@+~/=-]{1,1024}$/;

function redactParameters(rest: string, inspection: Inspection): string {
  return rest.replace(PARAMETER, (all: string, name: string, equals: string, written: string) => {
    const isQuoted = written.startsWith('"');
    const value = isQuoted ? written.slice(1, -1) : written;
    const redacted = parameter(name.toLowerCase(), value, inspection);
    if (redacted === value) return all;
    return `${name}${equals}${isQuoted ? `"${redacted}"` : redacted}`;
  });
}

function parameter(name: string, value: string, inspection: Inspection): string {
  if (name === 'credential') {
    const slash = value.indexOf('/');
    const id = slash < 0 ? value : value.slice(0, slash);
    if (TokenMinter.isToken(id)) return value;
    return inspection.mint('credential', id, RULE) + value.slice(id.length);
  }
  const kind = PROOFS.has(name) ? 'credential' : inspection.fields.kindOf(name);
  if (kind !== null) return inspection.secret(value, kind, 0, RULE);
  return name === 'username' || name === 'id' ? inspection.value(value, null, 0) : value;
}
