// Names and values of queries and forms, and the urls around them. Only what changes is written anew, percent-encoded as it
// was; every other byte stays.
import type { SecretKind } from '../rules-document.ts';
import { MAX_DEPTH } from './bounds.ts';
import type { Inspection } from './inspection.ts';
import { Splice } from './splice.ts';

const MIN_NAME_LENGTH = 5;

export interface FormOptions {
  /** What stands before the name in a note: `.query.`. */
  step: string;
  /** Names whose values stay. */
  kept?: ReadonlySet<string>;
}

/** `a=1&b=2`, of a query, a fragment or a form body. */
export function redactForm(
  form: string,
  inspection: Inspection,
  depth: number,
  options: FormOptions,
): string {
  const splice = new Splice(form);
  for (let start = 0; start < form.length; ) {
    let end = form.indexOf('&', start);
    if (end < 0) end = form.length;
    if (end > start) redactPair(form, start, end, { splice, inspection, depth, options });
    start = end + 1;
  }
  return splice.done();
}

interface FormPass {
  splice: Splice;
  inspection: Inspection;
  depth: number;
  options: FormOptions;
}

function redactPair(
  form: string,
  start: number,
  end: number,
  { splice, inspection, depth, options }: FormPass,
): void {
  const equals = form.indexOf('=', start);
  const hasName = equals >= 0 && equals < end;
  if (hasName && options.kept === undefined && isPlainPair(form, start, equals, end, inspection)) return;
  const name = hasName ? plain(form.slice(start, equals), true) : '';
  if (hasName && options.kept?.has(name)) return;
  const named = name.length < MIN_NAME_LENGTH ? name : inspection.keyText(name);
  if (named !== name) splice.put(start, equals, encodeURIComponent(named));
  const from = hasName ? equals + 1 : start;
  const isShown = inspection.isShown(form, from, end);
  const kind = isShown ? 'credential' : hasName ? kindOfName(name, inspection) : null;
  inspection.notes.enter(options.step + named);
  const written = form.slice(from, end);
  const redacted = redactComponent(written, kind, inspection, depth, true);
  if (redacted !== written) splice.put(from, end, redacted);
  inspection.notes.leave();
}

/** The commonest pair, told without cutting it out: a name that says nothing, and a plain value. */
function isPlainPair(
  form: string,
  start: number,
  equals: number,
  end: number,
  inspection: Inspection,
): boolean {
  const known = inspection.knownKey(form, start, equals);
  if (known?.kind !== null || !known.isSimple || inspection.isShown(form, equals + 1, end)) return false;
  return inspection.isPlain(form, equals + 1, end);
}

/** `user[password]` and `user.password` are passwords too. */
function kindOfName(name: string, inspection: Inspection): SecretKind | null {
  const kind = inspection.fields.kindOf(name);
  if (kind !== null) return kind;
  const last = /(?:[[.])([^[\].]+)\]?$/.exec(name)?.[1];
  return last === undefined ? null : inspection.fields.kindOf(last);
}

/** One percent-encoded value; given back as it was when nothing in it changed. */
export function redactComponent(
  written: string,
  kind: SecretKind | null,
  inspection: Inspection,
  depth: number,
  plusIsSpace = false,
): string {
  const value = plain(written, plusIsSpace);
  if (value === written) return inspection.value(written, kind, depth);
  if (depth >= MAX_DEPTH) return inspection.mint('secret', written, 'depth');
  const redacted = inspection.value(value, kind, depth + 1);
  return redacted === value ? written : encodeURIComponent(redacted);
}

/** Decoded as far as it can be. */
function plain(written: string, plusIsSpace: boolean): string {
  const text = plusIsSpace && written.includes('+') ? written.replaceAll('+', ' ') : written;
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    // A broken escape hides none of the others; bytes that are no UTF-8 are taken for Latin-1.
    return text.replace(/%([0-9A-Fa-f]{2})/g, (_all, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  }
}

/** `user:password` before the `@` of an authority. */
export function redactUserinfo(userinfo: string, inspection: Inspection): string {
  const colon = userinfo.indexOf(':');
  const user = colon < 0 ? userinfo : userinfo.slice(0, colon);
  const named = redactComponent(user, null, inspection, 0);
  if (colon < 0) return named;
  return `${named}:${redactComponent(userinfo.slice(colon + 1), 'password', inspection, 0)}`;
}
