// What an `@` can mean: an e-mail address, or the password before the host of a URL. Both are read outwards from the `@`,
// never further than an address can be long.

import { TOKEN_DOMAIN } from '@echoplane/traffic';
import { CLASS, DIGIT, escapeTail, isDigitAt, LETTER } from './char-class.ts';
import type { Finding } from './finding.ts';
import { isTokenShape, TOKEN_PREFIX } from './token-shape.ts';

/** `u-` and twelve characters. */
const TOKEN_LOCAL = 14;
const MAX_LOCAL = 64;
const MAX_DOMAIN = 253;
const MAX_USERINFO = 300;
const DASH = 0x2d;
const DOT = 0x2e;
const PERCENT = 0x25;
/** `+ - . _` and the bytes of letters beyond ASCII, percent-encoded. */
const LOCAL_ESCAPE = /^(?:2[BbDdEe]|5[Ff]|[C-Fc-f89A-Ba-b][0-9A-Fa-f])/;

/** Names of files that look like domains: `icon@2x.png`. */
const FILE_ENDINGS = new Set(
  'png jpg jpeg gif svg webp avif ico bmp css scss less js mjs cjs ts tsx jsx map json html htm txt xml yml yaml woff ttf'.split(
    ' ',
  ),
);
/** Passwords that are none: variables, masks, our own tokens. */
const PLACEHOLDER = /^(?:\$|\{|<|%7B|\*+$|x+$|rdx_)/i;

/** The finding around an `@` (or a `%40` of three characters) whose value starts at `floor` at the earliest. */
export function addressAt(text: string, at: number, width: 1 | 3, floor: number): Finding | undefined {
  if (width === 1) {
    const scheme = schemeBefore(text, at, floor);
    if (scheme >= 0) return passwordIn(text, scheme);
  }
  return emailAt(text, at, width, floor);
}

/** The e-mail address around an `@`, which is not that of a URL. */
export function emailAt(text: string, at: number, width: 1 | 3, floor: number): Finding | undefined {
  const start = localStart(text, at, floor);
  if (start === at) return undefined;
  // A token that took the place of a password is followed by the host.
  if (text.startsWith(TOKEN_PREFIX, start) && isTokenShape(text.slice(start, at))) return undefined;
  const end = domainEnd(text, at + width);
  if (end === 0) return undefined;
  // `git@github.com:owner/repository`
  if (
    text.charCodeAt(end) === 0x3a &&
    !isDigitAt(text, end + 1) &&
    text.startsWith('git', at - 3) &&
    start === at - 3
  ) {
    return undefined;
  }
  return { start, end, kind: 'email' };
}

/** Where the e-mail token around an `@` starts, -1 when there is none. */
export function emailTokenStart(text: string, at: number, width: number): number {
  if (!text.startsWith(TOKEN_DOMAIN, at + width)) return -1;
  const start = at - TOKEN_LOCAL;
  return isTokenShape(text.slice(start, at + width + TOKEN_DOMAIN.length)) ? start : -1;
}

/** Where the user information of a URL starts that runs up to this `@`; -1 when this is no URL. */
function schemeBefore(text: string, at: number, floor: number): number {
  const first = Math.max(floor, at - MAX_USERINFO, 1);
  for (let index = at - 1; index >= first; index--) {
    const code = text.charCodeAt(index);
    if (code <= 0x20 || code === 0x22 || code === 0x40 || code === 0x3c || code === 0x3e) return -1;
    // A path or a query lies between.
    if (code === 0x3f || code === 0x23) return -1;
    if (code === 0x2f) {
      return text.charCodeAt(index - 1) === 0x2f && text.charCodeAt(index - 2) === 0x3a ? index + 1 : -1;
    }
  }
  return -1;
}

/** `user:password@`: the password, up to the last `@` of the authority. */
function passwordIn(text: string, start: number): Finding | undefined {
  let colon = 0;
  let last = 0;
  for (let index = start; index - start < MAX_USERINFO; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x3a && colon === 0) colon = index;
    if (code === 0x40) last = index;
    // white space " < > \ , / ? # or the end
    if (!(code > 0x20) || code === 0x22 || code === 0x3c || code === 0x3e || code === 0x5c) break;
    if (code === 0x2f || code === 0x3f || code === 0x23 || (last > 0 && code === 0x2c)) break;
  }
  if (colon === 0 || last <= colon + 1) return undefined;
  if (PLACEHOLDER.test(text.slice(colon + 1, last))) return undefined;
  return { start: colon + 1, end: last, kind: 'password' };
}

function localStart(text: string, at: number, floor: number): number {
  let start = at;
  const first = Math.max(floor, at - MAX_LOCAL);
  while (start > first && isLocal(text, start - 1)) start -= 1;
  if (text.charCodeAt(start - 1) === PERCENT && start > first) start = Math.min(at, start + 2);
  start += escapeTail(text, start);
  // No address starts with a sign or ends in a dot.
  while (start < at && isSign(text.charCodeAt(start))) start += 1;
  return text.charCodeAt(at - 1) === DOT ? at : Math.min(start, at);
}

function isSign(code: number): boolean {
  return code === DASH || code === DOT || code === 0x2b || code === 0x27;
}

function isLocal(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code >= 128) return isLetterBeyondAscii(code);
  if ((CLASS[code]! & (LETTER | DIGIT)) !== 0) return true;
  if (code === 0x2b || code === DASH || code === DOT || code === 0x5f) return true;
  if (code === PERCENT) return LOCAL_ESCAPE.test(text.slice(at + 1, at + 3));
  // The apostrophe of O'Brien.
  return code === 0x27 && isAlphanumeric(text.charCodeAt(at - 1)) && isAlphanumeric(text.charCodeAt(at + 1));
}

/** The end of a domain with at least two labels, the last one of letters; 0 for none. */
function domainEnd(text: string, start: number): number {
  let labels = 0;
  let end = 0;
  let at = start;
  while (at - start < MAX_DOMAIN) {
    let labelEnd = at;
    while (labelEnd - at < 64 && isDomain(text.charCodeAt(labelEnd))) labelEnd += 1;
    if (labelEnd === at || text.charCodeAt(at) === DASH || text.startsWith(TOKEN_PREFIX, at)) break;
    const top = topLabelEnd(text, at, labelEnd);
    if (labels > 0 && top > 0) end = top;
    labels += 1;
    if (text.charCodeAt(labelEnd) !== DOT) break;
    at = labelEnd + 1;
  }
  return end;
}

/** The end of a label as the last one of a domain: letters only, `-` and digits behind it are no part; 0 if it cannot be. */
function topLabelEnd(text: string, at: number, labelEnd: number): number {
  if (text.startsWith('xn--', at)) return labelEnd;
  let end = at;
  while (end < labelEnd && !isDigitAt(text, end) && text.charCodeAt(end) !== DASH) end += 1;
  if (end - at < 2 || (end < labelEnd && text.charCodeAt(end) !== DASH)) return 0;
  return end - at <= 5 && FILE_ENDINGS.has(text.slice(at, end).toLowerCase()) ? 0 : end;
}

function isDomain(code: number): boolean {
  return isAlphanumeric(code) || code === DASH || (code >= 128 && isLetterBeyondAscii(code));
}

function isAlphanumeric(code: number): boolean {
  return code < 128 && (CLASS[code]! & (LETTER | DIGIT)) !== 0;
}

/** Not the spaces, quotes, dashes and full-width signs that stand between words. */
function isLetterBeyondAscii(code: number): boolean {
  if (code < 0xc0 || code === 0xd7 || code === 0xf7) return false;
  return (
    !(code >= 0x2000 && code <= 0x2bff) &&
    !(code >= 0x3000 && code <= 0x303f) &&
    !(code >= 0xfe10 && code <= 0xff0f) &&
    !(code >= 0xff1a && code <= 0xff20)
  );
}
