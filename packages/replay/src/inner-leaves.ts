// Values inside values: the claims of a JWT, the JSON or text behind base64. Their paths go on behind the value that holds
// them, `header.authorization#1!jwt.sub`, `body.after!b64.id`. Pure; signatures are not checked.
import { encodeLike, openBase64 } from '@echoplane/traffic';
import { atomsOfText } from './atoms-of-text.ts';
import { parseJson } from './json-text.ts';
import { type Leaf, type TreeNode, treeLeaves } from './tree.ts';

const JWT = /^(eyJ[\w-]+)\.([\w-]+)\.([\w-]*)$/;
const BASE64 = /^[A-Za-z0-9+/_-]{8,}={0,2}$/;
/** Short words are base64 only when they hold a typed id, `Order:17`. */
const SHORT = 16;
const TYPED_ID = /^[A-Za-z][\w.-]*[:|][\x21-\x7e]+$/;
const MAX_OPENED_CHARS = 65_536;

/** What a value holds: `jwt` with its claims, `b64` with JSON or text; null when nothing is inside. */
export interface Opened {
  step: '!jwt' | '!b64';
  root: TreeNode;
  /** Of base64: the text, and another text written as this one was. */
  text: string;
  close(text: string): string;
}

/** The value inside a whole text, if there is one. */
export function openValue(value: string): Opened | null {
  if (value.length < 8 || value.length > MAX_OPENED_CHARS) return null;
  if (value.startsWith('eyJ') && value.includes('.')) return openJwt(value);
  if (!BASE64.test(value)) return null;
  return value.length < SHORT ? openShort(value) : openLong(value);
}

function openJwt(value: string): Opened | null {
  const [, head, payload, signature] = JWT.exec(value) ?? [];
  const claims =
    payload === undefined ? undefined : parseJson(Buffer.from(payload, 'base64url').toString('utf8'));
  if (typeof claims !== 'object' || claims === null) return null;
  const text = Buffer.from(payload!, 'base64url').toString('utf8');
  // A signature over other claims would be wrong; without one they can be changed.
  const close = (changed: string) =>
    signature === '' ? `${head}.${Buffer.from(changed).toString('base64url')}.` : value;
  return { step: '!jwt', root: claims, text, close };
}

function openLong(value: string): Opened | null {
  const opened = openBase64(value);
  if (!opened) return null;
  const json = /^\s*[{[]/.test(opened.text) ? parseJson(opened.text) : undefined;
  // Whole groups do not tell whether others would have been padded; outside of urls most are.
  const isPadded = opened.isPadded || (value.length % 4 === 0 && !opened.isUrlSafe);
  return {
    step: '!b64',
    root: json ?? opened.text,
    text: opened.text,
    close: (text) => encodeLike(text, { ...opened, isPadded }),
  };
}

function openShort(value: string): Opened | null {
  const text = Buffer.from(value, 'base64').toString('latin1');
  if (!TYPED_ID.test(text)) return null;
  const isPadded = value.endsWith('=') || text.length % 3 === 0;
  const form = { isUrlSafe: /[-_]/.test(value), isPadded, isGzip: false, hasNotes: false, text };
  const close = (changed: string) => encodeLike(changed, form);
  return close(text) === value ? { step: '!b64', root: text, text, close } : null;
}

/** The leaves inside the texts of `leaves`, flagged `inner`. */
export function innerLeaves(leaves: readonly Leaf[]): Leaf[] {
  const inner: Leaf[] = [];
  for (const { path, value } of leaves) {
    if (typeof value !== 'string' || value.length < 8) continue;
    const whole = openValue(value);
    if (whole) addLeaves(path, whole, inner);
    else if (/[\s/?&=;,"'<>:()]/.test(value) && value.length < MAX_OPENED_CHARS)
      for (const [i, piece] of atomsOfText(value).entries()) {
        const opened = openValue(piece);
        if (opened) addLeaves(`${path}#${i}`, opened, inner);
      }
  }
  return inner;
}

function addLeaves(path: string, { step, root }: Opened, into: Leaf[]): void {
  for (const leaf of treeLeaves(path + step, root)) into.push({ ...leaf, inner: true });
}
