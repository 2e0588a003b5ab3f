// Free text: log lines, messages, values of fields. Three passes, each only where the text gives reason to: what is
// assigned to a sensitive name (`password=x`, `token: "x"`), what is encoded (JWT, base64, percent), what has a shape.

import { encodeLike, MIN_BASE64_LENGTH, openBase64 } from '@echoplane/traffic';
import type { SecretKind } from '../rules-document.ts';
import { endsInToken, MAX_DEPTH } from './bounds.ts';
import { startsWithScheme } from './carrier-authorization.ts';
import { redactComponent, redactUserinfo } from './carrier-form.ts';
import { isJwt, redactJwt } from './carrier-jwt.ts';
import { isGraphOperation, isGraphVariable } from './graph-variables.ts';
import type { Inspection } from './inspection.ts';
import { Splice } from './splice.ts';

/** Bits of what a text holds. */
const ASSIGNS = 1;
const PERCENT = 2;
const LONG_RUN = 4;
const AUTHORITY = 8;
/** Digits, `@`, `%`, `+`, `=` or a long word: no detector finds anything in a text without. */
const SHAPED = 16;
const CONTENT = ASSIGNS | PERCENT | LONG_RUN | AUTHORITY | SHAPED;
/** Of characters only: part of a run of base64, part of a word. */
const IN_RUN = 32;
const IN_WORD = 64;

/** 1: letters, digits, `-`, `_`; 2: `+` and `/`; 3: the rest of what stands in percent-encoded words. */
const RUN = new Uint8Array(128);
for (let code = 0; code < 128; code++) {
  const char = String.fromCharCode(code);
  if (/[A-Za-z0-9_-]/.test(char)) RUN[code] = 1;
  else if (char === '+' || char === '/') RUN[code] = 2;
  else if (/[.%~*!]/.test(char)) RUN[code] = 3;
}

/** What each character of ASCII adds to what a text holds. */
const BITS = new Uint8Array(128);
for (let code = 0x21; code < 127; code++) {
  const char = String.fromCharCode(code);
  let bits = `"',;()[]{}<>`.includes(char) ? 0 : IN_WORD;
  if (RUN[code] === 1 || RUN[code] === 2) bits |= IN_RUN;
  if (char === '=' || char === ':') bits |= ASSIGNS;
  if (char === '%') bits |= PERCENT;
  if (char === '@') bits |= AUTHORITY;
  if (/[0-9@%+=]/.test(char)) bits |= SHAPED;
  BITS[code] = bits;
}

export interface TextOptions {
  /** In programs only strings are values: `token = next()` is code. */
  quotedOnly?: boolean;
}

/** The text with its sensitive parts replaced; the same string when there is none. */
export function redactText(
  text: string,
  inspection: Inspection,
  depth: number,
  options: TextOptions = {},
): string {
  const holds = contentOf(text);
  if (holds === 0) return inspection.hasPatterns ? inspection.shapes(text) : text;
  let redacted = text;
  if (holds & AUTHORITY && text.includes('://')) redacted = redactAuthorities(redacted, inspection);
  if (holds & ASSIGNS) redacted = redactAssignments(redacted, inspection, depth, options);
  if (holds & PERCENT) redacted = redactPercent(redacted, inspection, depth);
  if (holds & LONG_RUN) redacted = redactRuns(redacted, inspection, depth);
  return holds & SHAPED || inspection.hasPatterns ? inspection.shapes(redacted) : redacted;
}

/** One look at every character tells which passes have anything to do; most values are words, and have none. */
export function contentOf(text: string): number {
  let holds = 0;
  let run = 0;
  let word = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const bits = code < 128 ? BITS[code]! : 0;
    // `://` assigns nothing.
    holds |= code === 0x3a && text.charCodeAt(at + 1) === 0x2f ? bits & ~ASSIGNS : bits;
    if ((bits & IN_WORD) === 0) word = 0;
    else if (++word === MIN_BASE64_LENGTH) holds |= SHAPED;
    if ((bits & IN_RUN) === 0) run = 0;
    else if (++run === MIN_BASE64_LENGTH) holds |= LONG_RUN;
  }
  return holds & CONTENT;
}

/** `scheme://user:password@host`. */
function redactAuthorities(text: string, inspection: Inspection): string {
  return text.replace(/:\/\/([^\s/?#"'<>]{1,500})@/g, (all: string, userinfo: string) => {
    const redacted = redactUserinfo(userinfo, inspection);
    return redacted === userinfo ? all : `://${redacted}@`;
  });
}

/** Name before the sign, in any quotes or escaped ones; the sign; what opens the value. */
const VALUE_END = /[\s&;,"'<>)\]}|\\]/g;
const LINE = /^[^\r\n"]*/;
/** A scheme and its credential stand in so many characters of a line. */
const MAX_LINE = 64;

function redactAssignments(
  text: string,
  inspection: Inspection,
  depth: number,
  { quotedOnly = false }: TextOptions,
): string {
  const splice = new Splice(text);
  const isOperation = isGraphOperation(text);
  for (let sign = nextSign(text, 0); sign >= 0; sign = nextSign(text, Math.max(sign + 1, splice.end))) {
    const kind = kindBefore(text, sign, inspection);
    if (kind === null) continue;
    const value = valueAfter(text, sign);
    if (value === null || (quotedOnly && !value.isQuoted)) continue;
    const written = text.slice(value.start, value.end);
    if (isOperation && !value.isQuoted && isGraphVariable(text, sign, written)) continue;
    if (text.charCodeAt(sign) === 0x3a && !value.isQuoted && !standsAlone(text, value, kind)) continue;
    if (/^\d{1,3}$/.test(written) && kind !== 'password') continue;
    const redacted = redactComponent(written, kind, inspection, depth);
    if (redacted === written) continue;
    splice.put(value.start, value.end, redacted);
  }
  return splice.done();
}

/** The next `=` or `:` that could assign; `://` and `::` do not. */
function nextSign(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x3d) return at;
    if (code === 0x3a && text.charCodeAt(at + 1) !== 0x2f && text.charCodeAt(at + 1) !== 0x3a) return at;
  }
  return -1;
}

function kindBefore(text: string, sign: number, inspection: Inspection): SecretKind | null {
  let end = sign;
  while (end > 0 && ' "\'\\:'.includes(text[end - 1]!) && sign - end < 4) end--;
  let start = end;
  while (start > 0 && end - start < 64 && isNameCode(text.charCodeAt(start - 1))) start--;
  if (end - start < 3) return null;
  const name = text.slice(start, end);
  const dot = name.lastIndexOf('.');
  return inspection.fields.kindOf(dot < 0 ? name : name.slice(dot + 1));
}

function isNameCode(code: number): boolean {
  return code < 128 && (RUN[code] === 1 || code === 0x2e);
}

interface Assigned {
  start: number;
  end: number;
  isQuoted: boolean;
}

function valueAfter(text: string, sign: number): Assigned | null {
  let start = sign + 1;
  let quote = '';
  while (start < text.length && ' \\"\'>='.includes(text[start]!) && start - sign < 6) {
    const char = text[start]!;
    if (char === '\\' && text[start + 1] !== '"' && text[start + 1] !== "'") break;
    start++;
    if (char === '"' || char === "'") {
      quote = char;
      break;
    }
  }
  if (quote !== '') {
    const end = endOfQuoted(text, start, quote);
    return end > start ? { start, end, isQuoted: true } : null;
  }
  const line = LINE.exec(text.slice(start, start + MAX_LINE))![0];
  if (startsWithScheme(line)) {
    const end = endOfValue(text, start + line.indexOf(' ') + 1, text.length);
    return { start, end, isQuoted: true };
  }
  const end = endOfValue(text, text[start] === '\\' ? start + 1 : start, text.length);
  return end > start ? { start, end, isQuoted: false } : null;
}

/** The quote that closes, or the backslash before it: the text may stand in a string itself. */
function endOfQuoted(text: string, start: number, quote: string): number {
  for (let at = start; at < text.length; at++) {
    const char = text[at]!;
    if (char === quote || char === '\n' || (char === '\\' && text[at + 1] === quote)) return at;
  }
  return text.length;
}

function endOfValue(text: string, start: number, most: number): number {
  VALUE_END.lastIndex = start;
  const found = VALUE_END.exec(text);
  return found === null ? most : Math.min(found.index, most);
}

/** After a colon a bare word is prose, unless it does not look like a word or is all that comes. */
function standsAlone(text: string, { start, end }: Assigned, kind: SecretKind): boolean {
  if (/[\d_+/=@!#$%^*~-]/.test(text.slice(start, end))) return true;
  return kind === 'password' && (end === text.length || text[end] === '\n' || text[end] === '\r');
}

const PERCENT_WORD = /[\w.~+*!-]*(?:%[0-9A-Fa-f]{2}[\w.~+*!-]*)+/g;

function redactPercent(text: string, inspection: Inspection, depth: number): string {
  return text.replace(PERCENT_WORD, (word) => {
    const redacted = redactComponent(word, null, inspection, depth);
    // Of a form, perhaps: then it is a space.
    return redacted === word && word.includes('+')
      ? redactComponent(word, null, inspection, depth, true)
      : redacted;
  });
}

/** Runs of the alphabets of base64; such a run may be one value, or a path of several. */
function redactRuns(text: string, inspection: Inspection, depth: number): string {
  const splice = new Splice(text);
  for (let at = 0; at < text.length; ) {
    const start = at;
    while (at < text.length && isRunCode(text.charCodeAt(at))) at++;
    if (at - start >= MIN_BASE64_LENGTH) {
      const end = endOfRun(text, start, at);
      const run = text.slice(start, end);
      const redacted = redactRun(run, inspection, depth);
      if (redacted !== run) splice.put(start, end, redacted);
      at = end;
    } else if (at === start) at++;
  }
  return splice.done();
}

function isRunCode(code: number): boolean {
  const kind = code < 128 ? RUN[code]! : 0;
  return kind === 1 || kind === 2;
}

/** With the other parts of a JWT, or the padding. */
function endOfRun(text: string, start: number, end: number): number {
  let at = end;
  if (text.startsWith('eyJ', start) && text[at] === '.') {
    for (let part = 0; part < 2 && text[at] === '.'; part++) {
      at++;
      while (at < text.length && RUN[Math.min(text.charCodeAt(at), 127)] === 1) at++;
    }
    return at;
  }
  while (at < end + 2 && text[at] === '=') at++;
  return at;
}

function redactRun(run: string, inspection: Inspection, depth: number): string {
  if (isJwt(run)) return inspection.isOff('jwt') ? run : redactJwt(run, inspection, depth);
  const opened = openBase64(run);
  if (opened !== null) {
    if (depth >= MAX_DEPTH) return inspection.mint('secret', run, 'depth');
    const redacted = inspection.value(opened.text, null, depth + 1);
    return redacted === opened.text && !opened.hasNotes ? run : encodeLike(redacted, opened);
  }
  const splice = new Splice(run);
  for (let start = 0; start < run.length; ) {
    let end = run.indexOf('/', start);
    if (end < 0) end = run.length;
    if (end - start >= MIN_BASE64_LENGTH && end - start < run.length) {
      const piece = run.slice(start, end);
      const redacted = redactRun(piece, inspection, depth);
      if (redacted !== piece) splice.put(start, end, redacted);
    }
    start = end + 1;
  }
  return splice.done();
}

/** What the last word of a cut text begins behind; no backslash, which may begin an escape. */
const TAIL_DELIMITERS = ' \t\r\n"\'=,;&()<>[]{}';
const MIN_TAIL = 5;

/**
 * The end of a text that was cut: a value may have been cut in two, and half of it has no shape any more. The last word
 * is replaced, whatever it is: a cut text is no test, and one word of it is a small price.
 */
export function redactTail(text: string, inspection: Inspection): string {
  if (endsInToken(text)) return text;
  const key = text.lastIndexOf('-----BEGIN ');
  if (key >= 0 && text.indexOf('PRIVATE KEY', key) > 0 && !text.includes('-----END ', key))
    return text.slice(0, key) + inspection.mint('secret', text.slice(key), 'cut');
  let start = wordStart(text, text.length);
  // The groups of a number are one value.
  while (
    /^[\d.+-]+(?: |$)/.test(text.slice(start, start + 20)) &&
    text[start - 1] === ' ' &&
    /\d/.test(text[start - 2] ?? '')
  )
    start = wordStart(text, start - 1);
  const tail = text.slice(start);
  return tail.length < MIN_TAIL ? text : text.slice(0, start) + inspection.mint('secret', tail, 'cut');
}

function wordStart(text: string, end: number): number {
  let start = end;
  while (start > 0 && !TAIL_DELIMITERS.includes(text[start - 1]!)) start--;
  return start;
}
