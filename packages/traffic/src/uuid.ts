// UUID version 7 (RFC 9562): ids that sort by time. Pure: the time and the ten random bytes are the caller's.

/** A UUIDv7 for `tsUs` (µs since the epoch) from ten random bytes; the sub-millisecond µs go into rand_a so ids keep µs order. */
export function uuidV7(tsUs: number, random: Uint8Array): string {
  const ms = Math.floor(tsUs / 1000);
  const subMs = Math.floor(((tsUs % 1000) * 4096) / 1000);
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(ms, 0, 6);
  bytes.writeUInt16BE(0x7000 | subMs, 6);
  bytes.set(random.subarray(0, 8), 8);
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Not a Buffer: the dashboard imports this package. */
const HEX = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
const DASH = 0x2d;

/** The 36 characters of `uuidV7`, written at `at`; `random` holds its ten bytes from `from` on. */
export function writeUuidV7(into: Buffer, at: number, tsUs: number, random: Uint8Array, from: number): void {
  const ms = Math.floor(tsUs / 1000);
  const subMs = Math.floor(((tsUs % 1000) * 4096) / 1000);
  let high = Math.floor(ms / 0x10000);
  for (let digit = 7; digit >= 0; digit--, high >>>= 4) into[at + digit] = HEX[high & 15]!;
  into[at + 8] = DASH;
  let low = ms & 0xffff;
  for (let digit = 12; digit >= 9; digit--, low >>>= 4) into[at + digit] = HEX[low & 15]!;
  into[at + 13] = DASH;
  let version = 0x7000 | subMs;
  for (let digit = 17; digit >= 14; digit--, version >>>= 4) into[at + digit] = HEX[version & 15]!;
  into[at + 18] = DASH;
  writeByte(into, at + 19, (random[from]! & 0x3f) | 0x80);
  writeByte(into, at + 21, random[from + 1]!);
  into[at + 23] = DASH;
  for (let byte = 2; byte < 8; byte++) writeByte(into, at + 20 + byte * 2, random[from + byte]!);
}

function writeByte(into: Buffer, at: number, byte: number): void {
  into[at] = HEX[byte >> 4]!;
  into[at + 1] = HEX[byte & 15]!;
}
