// The few fields of a request head that decide how it is recognised, read from its text without taking it apart: this is done
// for every request. Pure.
import { SIGNIFICANT_HEADERS } from '@echoplane/replay';

export interface AskedFields {
  /** Undefined when there is none. */
  host: string | undefined;
  hosts: number;
  /** Everything a signature can depend on beside line, host and body, as one text. */
  marks: string;
  /** Who asks: the credential it carries, or null. */
  credential: string | null;
}

const MARKS = new Set<string>(['content-type', 'content-encoding', ...SIGNIFICANT_HEADERS]);
const CREDENTIALS = new Set(['authorization', 'x-api-key', 'cookie']);
/** By length and first letter, to pass over most lines without cutting anything out. */
const SHAPES = new Set(
  ['host', ...MARKS, ...CREDENTIALS].map((name) => shape(name.length, name.charCodeAt(0))),
);
const MAX_CREDENTIAL_CHARS = 4_096;
const COLON = 0x3a;

/** `text`: a well-formed request head, latin1. */
export function readAskedFields(text: string): AskedFields {
  const fields: AskedFields = { host: undefined, hosts: 0, marks: '', credential: null };
  for (let at = text.indexOf('\n') + 1; at < text.length; ) {
    const end = text.indexOf('\n', at);
    if (end < 0) break;
    const colon = colonIn(text, at, end);
    if (colon > at && SHAPES.has(shape(colon - at, text.charCodeAt(at) | 0x20)))
      take(fields, text, at, colon, end);
    at = end + 1;
  }
  return fields;
}

function take(fields: AskedFields, text: string, at: number, colon: number, end: number): void {
  const name = text.slice(at, colon).toLowerCase();
  const value = text.slice(colon + 1, end).trim();
  if (name === 'host') {
    fields.hosts++;
    fields.host ??= value;
  } else if (MARKS.has(name)) {
    fields.marks += `${name}:${value}\n`;
  } else if (CREDENTIALS.has(name)) {
    fields.credential ??= value.slice(0, MAX_CREDENTIAL_CHARS);
  }
}

function shape(length: number, letter: number): number {
  return length * 256 + letter;
}

/** Names are short: looked for from their beginning. */
function colonIn(text: string, from: number, to: number): number {
  for (let i = from; i < to; i++) if (text.charCodeAt(i) === COLON) return i;
  return -1;
}
