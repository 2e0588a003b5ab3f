/**
 * From the verbatim bytes of one HTTP/1.1 head to what the framer must know: start line, how the body
 * is delimited (RFC 9112 section 6.3) and whether the connection lives on. Builds no header objects:
 * it looks only at the five fields that decide. Two readings of one head are never resolved by taste:
 * what a peer could frame differently is refused with a reason.
 */
import { areFieldLines, isOws, REQUEST_LINE, STATUS_LINE, trimOws } from './http-head.ts';

/** How the end of a message's body is found; `becomes`: what the connection is after this message. */
export type Http1Framing =
  | { kind: 'none'; becomes?: 'upgrade' | 'tunnel' }
  | { kind: 'length'; length: number }
  | { kind: 'chunked' }
  | { kind: 'until-close' };

/** Why a connection is no longer (or was never) framed. */
export type Http1OpaqueReason =
  | 'malformed-head'
  | 'bare-lf'
  | 'obs-fold'
  | 'head-too-large'
  | 'bad-content-length'
  | 'bad-transfer-encoding'
  | 'conflicting-framing'
  | 'bad-chunk'
  | 'chunk-line-too-long'
  | 'bad-trailers'
  | 'trailers-too-large'
  | 'truncated'
  | 'upgrade'
  | 'tunnel';

/** One message's head; one shape for both kinds, so that the capture path stays monomorphic. */
export interface Http1Head {
  /** Start line, field lines and blank line as sent: a view, valid during the call only. */
  raw: Buffer;
  /** `1.0` or `1.1`. */
  version: string;
  /** Empty in a response. */
  method: string;
  /** Empty in a response. */
  target: string;
  /** 0 in a request. */
  status: number;
  /** Empty in a request. */
  reason: string;
  framing: Http1Framing;
  keepAlive: boolean;
  /** Names an upgrade in both `Upgrade` and `Connection`. */
  upgrade: boolean;
  expectContinue: boolean;
}

/** The fields that decide, as sent; null when absent, lists joined with a comma. */
interface DecidingFields {
  contentLength: string | null;
  transferEncoding: string | null;
  connection: string;
  upgrade: boolean;
  expectContinue: boolean;
}

type DecidingName = 'content-length' | 'transfer-encoding' | 'connection' | 'upgrade' | 'expect';

const NO_BODY: Http1Framing = { kind: 'none' };
const UPGRADED: Http1Framing = { kind: 'none', becomes: 'upgrade' };
const TUNNELLED: Http1Framing = { kind: 'none', becomes: 'tunnel' };
const CHUNKED: Http1Framing = { kind: 'chunked' };
const UNTIL_CLOSE: Http1Framing = { kind: 'until-close' };

const COLON = 0x3a;
const PLAIN_LENGTH = /^[ \t]*(\d{1,15})[ \t]*$/;
const CLOSE = /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i;
const KEEP_ALIVE = /(?:^|,)[ \t]*keep-alive[ \t]*(?:,|$)/i;
const UPGRADE = /(?:^|,)[ \t]*upgrade[ \t]*(?:,|$)/i;

/** Reads a complete request head; a string is the reason why it cannot be framed. */
export function readRequestHead(raw: Buffer): Http1Head | Http1OpaqueReason {
  const text = raw.toString('latin1');
  const line = REQUEST_LINE.exec(text);
  if (!line || !areFieldLines(text, line[0].length)) return refusal(raw);
  const fields = readDecidingFields(text);
  if (typeof fields === 'string') return fields;
  const version = line[3]!;
  const framing = requestFraming(fields, version);
  if (typeof framing === 'string') return framing;
  return {
    raw,
    version,
    method: line[1]!,
    target: line[2]!,
    status: 0,
    reason: '',
    framing,
    keepAlive: isKeptAlive(fields.connection, version),
    upgrade: fields.upgrade && UPGRADE.test(fields.connection),
    expectContinue: fields.expectContinue,
  };
}

/** Reads a complete response head; `requestMethod` is asked only for a final status. */
export function readResponseHead(
  raw: Buffer,
  requestMethod: () => string | undefined,
): Http1Head | Http1OpaqueReason {
  const text = raw.toString('latin1');
  const line = STATUS_LINE.exec(text);
  if (!line || !areFieldLines(text, line[0].length)) return refusal(raw);
  const fields = readDecidingFields(text);
  if (typeof fields === 'string') return fields;
  const version = line[1]!;
  const status = Number(line[2]);
  const framing = responseFraming(fields, version, status, status < 200 ? undefined : requestMethod());
  if (typeof framing === 'string') return framing;
  return {
    raw,
    version,
    method: '',
    target: '',
    status,
    reason: line[3] ?? '',
    framing,
    keepAlive: framing !== UNTIL_CLOSE && isKeptAlive(fields.connection, version),
    upgrade: fields.upgrade && UPGRADE.test(fields.connection),
    expectContinue: false,
  };
}

/** Whether some LF (from `from` on) does not follow a CR. */
export function hasBareLf(bytes: Buffer, from = 0): boolean {
  for (let at = bytes.indexOf(0x0a, from); at >= 0; at = bytes.indexOf(0x0a, at + 1)) {
    if (at === 0 || bytes[at - 1] !== 0x0d) return true;
  }
  return false;
}

function refusal(raw: Buffer): Http1OpaqueReason {
  return hasBareLf(raw) ? 'bare-lf' : 'malformed-head';
}

/** `text`: a head that `areFieldLines`, so that every line has its colon and its end. */
function readDecidingFields(text: string): DecidingFields | Http1OpaqueReason {
  const fields: DecidingFields = {
    contentLength: null,
    transferEncoding: null,
    connection: '',
    upgrade: false,
    expectContinue: false,
  };
  for (let at = text.indexOf('\n') + 1, end = 0; at < text.length; at = end + 1) {
    end = text.indexOf('\n', at);
    const name = decidingName(text, at);
    if (name === null) continue;
    if (isOws(text.charCodeAt(end + 1))) return 'obs-fold';
    const value = text.slice(at + name.length + 1, end - 1);
    switch (name) {
      case 'content-length':
        fields.contentLength = fields.contentLength === null ? value : `${fields.contentLength},${value}`;
        break;
      case 'transfer-encoding':
        fields.transferEncoding =
          fields.transferEncoding === null ? value : `${fields.transferEncoding},${value}`;
        break;
      case 'connection':
        fields.connection += `,${value}`;
        break;
      case 'upgrade':
        fields.upgrade = true;
        break;
      default:
        fields.expectContinue ||= trimOws(value).toLowerCase() === '100-continue';
    }
  }
  return fields;
}

/** The deciding field whose line begins at `at`, or null: told by first letter and colon before anything is cut out. */
function decidingName(text: string, at: number): DecidingName | null {
  switch (text.charCodeAt(at) | 0x20) {
    case 0x63: // c
      return nameAt(text, at, 'connection') ?? nameAt(text, at, 'content-length');
    case 0x74: // t
      return nameAt(text, at, 'transfer-encoding');
    case 0x75: // u
      return nameAt(text, at, 'upgrade');
    case 0x65: // e
      return nameAt(text, at, 'expect');
    default:
      return null;
  }
}

function nameAt(text: string, at: number, name: DecidingName): DecidingName | null {
  if (text.charCodeAt(at + name.length) !== COLON) return null;
  return text.slice(at, at + name.length).toLowerCase() === name ? name : null;
}

function requestFraming(fields: DecidingFields, version: string): Http1Framing | Http1OpaqueReason {
  if (fields.transferEncoding === null) return lengthFraming(fields.contentLength, NO_BODY);
  if (fields.contentLength !== null) return 'conflicting-framing';
  const isChunked = endsChunked(fields.transferEncoding);
  return isChunked && version !== '1.0' ? CHUNKED : 'bad-transfer-encoding';
}

/** The order of RFC 9112 section 6.3: what has no body by definition is not judged by its fields. */
function responseFraming(
  fields: DecidingFields,
  version: string,
  status: number,
  requestMethod: string | undefined,
): Http1Framing | Http1OpaqueReason {
  if (status === 101) return UPGRADED;
  if (status < 200 || status === 204 || status === 304 || requestMethod === 'HEAD') return NO_BODY;
  if (requestMethod === 'CONNECT' && status < 300) return TUNNELLED;
  if (fields.transferEncoding === null) return lengthFraming(fields.contentLength, UNTIL_CLOSE);
  if (fields.contentLength !== null) return 'conflicting-framing';
  const isChunked = endsChunked(fields.transferEncoding);
  if (isChunked === undefined || version === '1.0') return 'bad-transfer-encoding';
  return isChunked ? CHUNKED : UNTIL_CLOSE;
}

/** Repeated lengths must be identical (RFC 9110 section 8.6); anything but digits is refused. */
function lengthFraming(value: string | null, absent: Http1Framing): Http1Framing | Http1OpaqueReason {
  if (value === null) return absent;
  const plain = PLAIN_LENGTH.exec(value);
  if (plain) return { kind: 'length', length: Number(plain[1]) };
  let length: number | undefined;
  for (const part of value.split(',')) {
    const digits = trimOws(part);
    if (!/^\d+$/.test(digits)) return 'bad-content-length';
    const next = Number(digits);
    if (!Number.isSafeInteger(next)) return 'bad-content-length';
    if (length !== undefined && next !== length) return 'conflicting-framing';
    length = next;
  }
  return { kind: 'length', length: length! };
}

/** Whether chunked is the last coding; undefined when it is applied twice, which no sender may do. */
function endsChunked(value: string): boolean | undefined {
  const codings = value.split(',').map((coding) => trimOws(coding).toLowerCase());
  const first = codings.indexOf('chunked');
  if (first >= 0 && codings.indexOf('chunked', first + 1) >= 0) return undefined;
  return codings.at(-1) === 'chunked';
}

function isKeptAlive(connection: string, version: string): boolean {
  if (connection === '') return version !== '1.0';
  if (CLOSE.test(connection)) return false;
  return version !== '1.0' || KEEP_ALIVE.test(connection);
}
