/**
 * HTTP/1.1 head grammar: the start lines, the field lines, and turning verbatim head bytes into
 * ordered name/value pairs. It works on one complete head (or trailer section) and knows nothing of
 * bodies, connections or framing.
 */

/** One header field: its name in the case it was sent, its value as latin1 without surrounding spaces. */
export type HeaderPair = [name: string, value: string];

export interface ParsedRequestHead {
  kind: 'request';
  method: string;
  target: string;
  version: string;
  headers: HeaderPair[];
}

export interface ParsedResponseHead {
  kind: 'response';
  version: string;
  status: number;
  reason: string;
  headers: HeaderPair[];
}

export type ParsedHead = ParsedRequestHead | ParsedResponseHead;

/** `method SP target SP HTTP/1.x CRLF` (RFC 9112 section 3); the target's octets are not judged beyond being visible. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: a target must not hold any
export const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([^\x00-\x20\x7f]+) HTTP\/(1\.\d)\r\n/;

/** `HTTP/1.x SP status [SP reason] CRLF`; servers that leave out the second space are understood. */
export const STATUS_LINE = /^HTTP\/(1\.\d) ([1-9]\d\d)(?: ([^\r\n\0]*))?\r\n/;

/**
 * All field lines (with obs-fold continuations) and the blank line, anchored at `lastIndex`. A space
 * before the colon, a NUL, a lone CR or a lone LF does not match. Linear: no two parts can match the same byte.
 */
const FIELD_LINES = /(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\r\n\0]*\r\n(?:[ \t][^\r\n\0]*\r\n)*)*\r\n$/y;

/** Whether `text` from `from` on is well-formed field lines closed by a blank line. */
export function areFieldLines(text: string, from: number): boolean {
  FIELD_LINES.lastIndex = from;
  return FIELD_LINES.test(text);
}

/** Takes a head's verbatim bytes apart; null when it does not start with an HTTP/1.x start line. */
export function parseHead(raw: Buffer): ParsedHead | null {
  const text = raw.toString('latin1');
  const request = REQUEST_LINE.exec(text);
  if (request) {
    const headers = parseFields(text, request[0].length);
    return { kind: 'request', method: request[1]!, target: request[2]!, version: request[3]!, headers };
  }
  const response = STATUS_LINE.exec(text);
  if (!response) return null;
  const headers = parseFields(text, response[0].length);
  return {
    kind: 'response',
    version: response[1]!,
    status: Number(response[2]),
    reason: response[3] ?? '',
    headers,
  };
}

/** Takes a trailer section's verbatim bytes apart, in order. */
export function parseTrailers(raw: Buffer): HeaderPair[] {
  return parseFields(raw.toString('latin1'), 0);
}

/** Removes optional whitespace (space and tab, nothing else) from both ends. */
export function trimOws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isOws(text.charCodeAt(start))) start++;
  while (end > start && isOws(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** Whether a character code is optional whitespace (RFC 9110 section 5.6.3). */
export function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** An obs-fold becomes one space (RFC 9112 section 5.2); a line without a name is passed over. */
function parseFields(text: string, from: number): HeaderPair[] {
  const headers: HeaderPair[] = [];
  for (let at = from; at < text.length; ) {
    const eol = text.indexOf('\r\n', at);
    const line = text.slice(at, eol < 0 ? text.length : eol);
    at = eol < 0 ? text.length : eol + 2;
    const last = headers.at(-1);
    if (isOws(line.charCodeAt(0)) && last) {
      last[1] = trimOws(`${last[1]} ${trimOws(line)}`);
      continue;
    }
    const colon = line.indexOf(':');
    if (colon > 0) headers.push([line.slice(0, colon), trimOws(line.slice(colon + 1))]);
  }
  return headers;
}
