// Content codings, both ways: what `Content-Encoding` names is opened before and closed after, the way it was. Output is
// bounded, because a few bytes of gzip can hold gigabytes.
import { type Body, decoded, encoded, knownCodings } from '@echoplane/traffic';
import { fromBytes, miss, type Value } from './value.ts';

const MAX_OPENED_BYTES = 64 << 20;
/** How `deflate` begins by RFC 9110, for bodies of which only the plain text was kept. */
const ZLIB = Buffer.of(0x78);

/** The bytes behind one coding, and the way back; a miss when they are not in it. */
export function openCoding(name: string, bytes: Buffer): { plain: Buffer; close(plain: Buffer): Buffer } {
  const plain = decoded(bytes, name, MAX_OPENED_BYTES);
  if (plain === null) return miss(`the value is not ${name}`);
  return { plain, close: (changed) => encoded(changed, [name], bytes) };
}

/** The content behind all codings of `encoding` (`gzip, br`). */
export function openContent(bytes: Buffer, encoding: string): Value {
  let plain = bytes;
  if (plain.length > 0)
    for (const name of codingsOf(encoding).toReversed()) plain = openCoding(name, plain).plain;
  return fromBytes(plain);
}

/** Content under the codings of the body that it takes the place of. */
export function closeContent(bytes: Buffer, body: Pick<Body, 'encoding' | 'base64'>): Buffer {
  const named = codingsOf(body.encoding);
  const unknown = named.find((name) => knownCodings(name).length === 0);
  if (unknown !== undefined) return miss(`content coding ${unknown} is not known`);
  return encoded(bytes, named, body.base64 === undefined ? ZLIB : Buffer.from(body.base64, 'base64'));
}

function codingsOf(encoding: string): string[] {
  return encoding
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity');
}
