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
