// Recorded values in a text replaced by live ones, wherever they stand and however they are written there: plain,
// percent-encoded, escaped, behind base64 or in an unsigned JWT. In one pass: a live value is never replaced again. Pure.
import { openValue } from './inner-leaves.ts';

/** A recorded value and its live counterpart. */
export type Replacement = readonly [recorded: string, live: string];
/** How a value is written in the text at hand. */
export type Carrier = 'plain' | 'url' | 'json' | 'xml';

const WORD = /[A-Za-z0-9]/;
const BASE64_RUN = /[A-Za-z0-9+/_-]{8,}(?:\.[\w-]+\.[\w-]*)?={0,2}/g;
const PORT = /:\d{2,5}$/;
const UNIT = /%[0-9A-Fa-f]{2}$/;

/** The text with every occurrence replaced; the same string when there is none. */
export function replaceValues(text: string, values: readonly Replacement[], carrier: Carrier): string {
  const written = values.flatMap((value) => writtenForms(value, carrier));
  const replaced = replaceWords(text, written);
  return replaced === text ? replaceInside(text, values) : replaced;
}

function replaceWords(text: string, values: readonly Replacement[]): string {
  const found: { at: number; end: number; live: string }[] = [];
  for (const [recorded, live] of values) {
    for (let at = text.indexOf(recorded); at >= 0; at = text.indexOf(recorded, at + 1))
      if (isWhole(text, at, at + recorded.length)) found.push({ at, end: at + recorded.length, live });
  }
  if (found.length === 0) return text;
  found.sort((a, b) => a.at - b.at || b.end - a.end);
  let replaced = '';
  let done = 0;
  for (const { at, end, live } of found) {
    if (at < done) continue;
    replaced += text.slice(done, at) + live;
    done = end;
  }
  return replaced + text.slice(done);
}

/** Not the beginning or end of a longer word; what `%3D` ends with is no word. */
function isWhole(text: string, start: number, end: number): boolean {
  const before = start > 0 && WORD.test(text[start - 1]!) && WORD.test(text[start]!);
  if (before && !UNIT.test(text.slice(Math.max(0, start - 3), start))) return false;
  if (end >= text.length || !WORD.test(text[end]!) || !WORD.test(text[end - 1]!)) return true;
  // A port ends where its digits do.
  return PORT.test(text.slice(start, end)) && !/\d/.test(text[end]!);
}

/** What was read from a url or a cookie is encoded already, what was read from JSON is not: both may be sent either way. */
function writtenForms([recorded, live]: Replacement, carrier: Carrier): Replacement[] {
  const forms: Replacement[] = [];
  const add = (from: string, to: string) => {
    if (from !== '' && !forms.some(([known]) => known === from)) forms.push([from, to]);
  };
  if (carrier === 'json') add(jsonEscaped(recorded), jsonEscaped(live));
  else if (carrier === 'xml') add(xmlEscaped(recorded), xmlEscaped(live));
  else if (carrier === 'url') add(recorded, percentEncoded(recorded) === recorded ? urlEncoded(live) : live);
  else add(recorded, live);
  add(percentEncoded(recorded), urlEncoded(live));
  const [plain, plainLive] = [urlDecoded(recorded), urlDecoded(live)];
  if (plain !== recorded)
    add(
      carrier === 'json' ? jsonEscaped(plain) : plain,
      carrier === 'json' ? jsonEscaped(plainLive) : plainLive,
    );
  return forms;
}

/** Behind base64, and in JWTs whose signature need not be right. */
function replaceInside(text: string, values: readonly Replacement[]): string {
  if (text.length < 8) return text;
  return text.replace(BASE64_RUN, (run) => {
    const opened = openValue(run);
    if (!opened) return run;
    const carrier = typeof opened.root === 'object' ? 'json' : 'plain';
    const changed = replaceWords(
      opened.text,
      values.flatMap((value) => writtenForms(value, carrier)),
    );
    return changed === opened.text ? run : opened.close(changed);
  });
}

export function jsonEscaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

export function xmlEscaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** What was read from a url, a Location or a link, is encoded already. */
export function urlEncoded(text: string): string {
  return /%[0-9A-Fa-f]{2}/.test(text) ? text : percentEncoded(text);
}

/** JSON may hold half a character, `"\ud800"`, which no url can. */
export function percentEncoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

function urlDecoded(text: string): string {
  if (!/%[0-9A-Fa-f]{2}/.test(text)) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
