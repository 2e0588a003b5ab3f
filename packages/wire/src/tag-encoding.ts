// One tag of a captured pair, encoded by hand: for a value that is another with nearly each pair. Pure.
import { HIGH, varint, varintSize } from './pair-encoding.ts';

/** `tags` of `Captured`, and what a map's entry has: key and value. */
const TAGS = 0x9a;
const KEY = 0x0a;
const VALUE = 0x12;

/** The field of a tag, as `encodeCaptured({ tags: { [name]: value } })` gives it. */
export function encodeTag(name: string, value: string): Uint8Array {
  const [nameBytes, valueBytes] = [Buffer.byteLength(name), Buffer.byteLength(value)];
  const entryBytes = 2 + varintSize(nameBytes) + nameBytes + varintSize(valueBytes) + valueBytes;
  const into = Buffer.allocUnsafe(2 + varintSize(entryBytes) + entryBytes);
  into[0] = TAGS;
  into[1] = HIGH;
  let at = varint(into, 2, entryBytes);
  into[at++] = KEY;
  at = varint(into, at, nameBytes);
  at += into.write(name, at);
  into[at++] = VALUE;
  at = varint(into, at, valueBytes);
  into.write(value, at);
  return into;
}
