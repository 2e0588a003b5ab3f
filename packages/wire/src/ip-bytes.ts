// IP addresses as bytes and as text (RFC 4291, RFC 5952). Pure; zones (`fe80::1%eth0`) are dropped, for they mean nothing
// elsewhere.

/** The 4 or 16 bytes of an address, IPv4 also when it was written as IPv4-mapped IPv6; null when it is none. */
export function ipBytes(text: string): Buffer | null {
  const ip = text.replace(/%.*$/, '');
  if (!ip.includes(':')) return ipv4Bytes(ip);
  const bytes = ipv6Bytes(ip);
  return bytes && isMapped(bytes) ? bytes.subarray(12) : bytes;
}

/** The text of 4 or 16 bytes. */
export function ipText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, at) =>
    ((bytes[at * 2]! << 8) | bytes[at * 2 + 1]!).toString(16),
  );
  const run = longestZeros(groups);
  if (run.length < 2) return groups.join(':');
  return `${groups.slice(0, run.start).join(':')}::${groups.slice(run.start + run.length).join(':')}`;
}

/** 4 bytes as IPv4-mapped IPv6; 16 bytes as they are. */
export function asIpv6(bytes: Buffer): Buffer {
  return bytes.length === 16 ? bytes : Buffer.concat([Buffer.alloc(10), Buffer.from([0xff, 0xff]), bytes]);
}

function ipv4Bytes(text: string): Buffer | null {
  const parts = text.split('.');
  const isValid =
    parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return isValid ? Buffer.from(parts.map(Number)) : null;
}

function ipv6Bytes(text: string): Buffer | null {
  const [, front, embedded] = /^(.*:)(\d[\d.]*\.[\d.]+)$/.exec(text) ?? [];
  if (embedded === undefined) return groupBytes(text);
  const ipv4 = ipv4Bytes(embedded);
  return (
    ipv4 && groupBytes(`${front}${ipv4.readUInt16BE(0).toString(16)}:${ipv4.readUInt16BE(2).toString(16)}`)
  );
}

function groupBytes(text: string): Buffer | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [before = [], after = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - before.length - after.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...before, ...Array<string>(missing).fill('0'), ...after];
  if (!groups.every((group) => /^[\da-f]{1,4}$/i.test(group))) return null;
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function isMapped(bytes: Buffer): boolean {
  return bytes.readUInt16BE(10) === 0xffff && bytes.subarray(0, 10).every((byte) => byte === 0);
}

function longestZeros(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}
