// The usual answer read in one go: HTTP/1.1, all of it in one chunk, framed by its length, on a connection that stays. What
// is anything else is left to the framer, which knows all of the protocol. Pure.
import { type HttpResponse, storeBody } from '@echoplane/traffic';

/** An answer, and how much of its chunk is head. */
export interface ReadAnswer {
  response: HttpResponse;
  headBytes: number;
}

const MAX_HEAD_BYTES = 16 << 10;
const STATUS_LINE = /HTTP\/1\.1 ([2-5]\d\d) ([^\r\n\0]*)\r\n/y;
/** Without continued lines. */
const FIELD_LINES = /(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\r\n\0]*\r\n)*\r\n/y;
const DIGITS = /^\d{1,15}$/;
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/** The answer that is all of `chunk`, or null; never of a request whose answer has a length and no body. Its JSON stays text. */
export function readAnswer(chunk: Buffer): ReadAnswer | null {
  const text = chunk.toString('latin1', 0, Math.min(chunk.length, MAX_HEAD_BYTES));
  STATUS_LINE.lastIndex = 0;
  const line = STATUS_LINE.exec(text);
  if (!line || NO_BODY.has(Number(line[1]))) return null;
  FIELD_LINES.lastIndex = line[0].length;
  if (!FIELD_LINES.test(text)) return null;
  const headBytes = FIELD_LINES.lastIndex;
  const fields = readFields(text, line[0].length, headBytes - 2);
  const size = chunk.length - headBytes;
  if (!fields || fields.length !== size) return null;
  const { headers, encoding } = fields;
  const body = storeBody(chunk.subarray(headBytes), encoding, { deferJson: true });
  return { response: { status: Number(line[1]), reason: line[2]!, headers, body }, headBytes };
}

interface Fields {
  headers: HttpResponse['headers'];
  encoding: string;
  /** What its one Content-Length says. */
  length: number;
}

/** Null when they frame the answer otherwise, or end the connection. */
function readFields(text: string, from: number, to: number): Fields | null {
  const fields: Fields = { headers: [], encoding: '', length: -1 };
  for (let at = from; at < to; ) {
    const end = text.indexOf('\r\n', at);
    const colon = text.indexOf(':', at);
    const name = text.slice(at, colon);
    const value = trimmed(text, colon + 1, end);
    fields.headers.push([name, value]);
    if (!note(fields, name, value)) return null;
    at = end + 2;
  }
  return fields.length < 0 ? null : fields;
}

/** Names are told by their length first: most need no lower case. False: not an answer of this kind. */
function note(fields: Fields, name: string, value: string): boolean {
  switch (name.length) {
    case 'content-length'.length:
      if (name.toLowerCase() !== 'content-length') return true;
      if (fields.length >= 0 || !DIGITS.test(value)) return false;
      fields.length = Number(value);
      return true;
    case 'content-encoding'.length:
      if (name.toLowerCase() !== 'content-encoding') return true;
      fields.encoding = fields.encoding === '' ? value : `${fields.encoding}, ${value}`;
      return true;
    case 'transfer-encoding'.length:
      return name.toLowerCase() !== 'transfer-encoding';
    case 'connection'.length:
      return name.toLowerCase() !== 'connection' || value.toLowerCase() === 'keep-alive';
    case 'upgrade'.length:
      return !/^(?:upgrade|trailer)$/i.test(name);
    default:
      return true;
  }
}

/** Spaces and tabs are no part of a value (RFC 9110 section 5.6.3). */
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
