// Reads the addresses out of a DNS response (RFC 1035, section 4; RFC 3596): which name was asked, and which addresses that
// led to, through its CNAMEs. Whatever is not a plain answer to one question is read as nothing. Pure.
import { ipText } from '@echoplane/wire';

/** An address that the asked name led to. */
export interface AnsweredAddress {
  /** As it was asked, lower case, without the dot of the root. */
  name: string;
  ip: string;
  ttlSeconds: number;
}

const HEADER_BYTES = 12;
const IS_RESPONSE = 0x8000;
const RESPONSE_CODE = 0x000f;
const [TYPE_A, TYPE_CNAME, TYPE_AAAA, CLASS_IN] = [1, 5, 28, 1];
const ADDRESS_BYTES: Record<number, number> = { [TYPE_A]: 4, [TYPE_AAAA]: 16 };
const MAX_NAME_CHARS = 253;
/** A name has at most 127 labels; each may be reached through a pointer. */
const MAX_HOPS = 255;
const POINTER = 0xc0;
/** More than these are not looked at. */
const MAX_RECORDS = 200;

/** The addresses of a response; none for a message that is not one, or is damaged. */
export function answeredAddresses(message: Buffer): AnsweredAddress[] {
  try {
    return read(message);
  } catch {
    return [];
  }
}

interface Cursor {
  message: Buffer;
  at: number;
}

function read(message: Buffer): AnsweredAddress[] {
  const flags = message.readUInt16BE(2);
  const isAnswer = (flags & IS_RESPONSE) !== 0 && (flags & RESPONSE_CODE) === 0;
  if (!isAnswer || message.readUInt16BE(4) !== 1) return [];
  const cursor = { message, at: HEADER_BYTES };
  const asked = readName(cursor);
  cursor.at += 4;
  /** The asked name and what it is called on the way; a server lists the CNAMEs in this order. */
  const names = new Set([asked]);
  const found: AnsweredAddress[] = [];
  const records = Math.min(message.readUInt16BE(6), MAX_RECORDS);
  for (let n = 0; n < records; n++) {
    const owner = readName(cursor);
    const type = message.readUInt16BE(cursor.at);
    const isInternet = message.readUInt16BE(cursor.at + 2) === CLASS_IN;
    const ttlSeconds = message.readUInt32BE(cursor.at + 4);
    const length = message.readUInt16BE(cursor.at + 8);
    const from = cursor.at + 10;
    if (from + length > message.length) throw new RangeError('a record ends beyond its message');
    if (isInternet && names.has(owner)) {
      if (type === TYPE_CNAME) names.add(readName({ message, at: from }));
      else if (length === ADDRESS_BYTES[type])
        found.push({ name: asked, ip: ipText(message.subarray(from, from + length)), ttlSeconds });
    }
    cursor.at = from + length;
  }
  return found;
}

/** Reads a name and leaves the cursor behind it. Throws RangeError for one that is damaged. */
function readName(cursor: Cursor): string {
  const { message } = cursor;
  const labels: string[] = [];
  let at = cursor.at;
  let end = -1;
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const length = message.readUInt8(at);
    if (length >= POINTER) {
      if (end < 0) end = at + 2;
      at = message.readUInt16BE(at) & 0x3fff;
    } else if (length > 63) {
      break;
    } else if (length > 0) {
      labels.push(message.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    } else {
      cursor.at = end < 0 ? at + 1 : end;
      const name = labels.join('.').toLowerCase();
      if (name.length > MAX_NAME_CHARS) break;
      return name;
    }
  }
  throw new RangeError('a name is damaged');
}
