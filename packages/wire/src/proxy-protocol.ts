// The PROXY protocol, version 2 (haproxy doc/proxy-protocol.txt, section 2.2): who is really behind a connection, as a
// header before its first byte. Reader and writer; strict, bounded and pure. The reader keeps every TLV it does not know.
//
//   12 bytes signature │ version+command │ family │ length ‖ addresses │ TLVs: type, length, value …
import { asIpv6, ipBytes, ipText } from './ip-bytes.ts';

/** An end of the connection that is told of. */
export interface ProxyAddress {
  ip: string;
  port: number;
}

/** What a header says. */
export interface ProxyHeader {
  /** Null: the proxy speaks for itself (LOCAL), or of no TCP connection. */
  source: ProxyAddress | null;
  destination: ProxyAddress | null;
  /** The host name the client asked for (SNI, CONNECT, Host), PP2_TYPE_AUTHORITY. */
  authority?: string;
  /** The protocol chosen under TLS, as in ALPN, PP2_TYPE_ALPN. */
  alpn?: string;
  /** The client's connection to the proxy is TLS, PP2_TYPE_SSL. */
  tls?: { version: string };
  /** TLVs of other types, in their order. */
  others?: { type: number; value: Buffer }[];
}

export type ProxyHeaderResult =
  | { status: 'need-more' }
  | { status: 'ok'; header: ProxyHeader; sizeBytes: number }
  | { status: 'refused'; reason: string };

/** The longest header that is read or written, bytes. */
export const MAX_PROXY_HEADER_BYTES = 4_096;

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const FIXED_BYTES = 16;
const VERSION_2 = 0x20;
const LOCAL = 0;
const PROXY = 1;
const FAMILY = { unspecified: 0x00, tcp4: 0x11, tcp6: 0x21 };
const ADDRESS_BYTES = new Map([
  [FAMILY.unspecified, 0],
  [FAMILY.tcp4, 12],
  [FAMILY.tcp6, 36],
]);
const TLV = { alpn: 0x01, authority: 0x02, crc32c: 0x03, noop: 0x04, ssl: 0x20, sslVersion: 0x21 };
const CLIENT_SSL = 1;
const NO_CLIENT_CERTIFICATE = 1;

/** The header's bytes. Throws RangeError for an address, port or TLV that no header can carry. */
export function renderProxyHeader(header: ProxyHeader): Buffer {
  const addresses = renderAddresses(header);
  const tlvs = [
    header.alpn === undefined ? [] : [tlv(TLV.alpn, Buffer.from(header.alpn, 'latin1'))],
    header.authority === undefined ? [] : [tlv(TLV.authority, Buffer.from(header.authority, 'utf8'))],
    header.tls === undefined ? [] : [tlv(TLV.ssl, renderSsl(header.tls.version))],
    (header.others ?? []).map(({ type, value }) => tlv(type, value)),
  ].flat();
  const rest = Buffer.concat([addresses.bytes, ...tlvs]);
  const fixed = Buffer.alloc(FIXED_BYTES);
  SIGNATURE.copy(fixed);
  fixed[12] = VERSION_2 | (addresses.bytes.length === 0 ? LOCAL : PROXY);
  fixed[13] = addresses.family;
  fixed.writeUInt16BE(rest.length, 14);
  const bytes = Buffer.concat([fixed, rest]);
  if (bytes.length > MAX_PROXY_HEADER_BYTES) throw new RangeError('the PROXY header is too long');
  return bytes;
}

/** Reads the header at the start of a connection; what follows it is not looked at. */
export function parseProxyHeader(bytes: Buffer): ProxyHeaderResult {
  const compared = Math.min(bytes.length, SIGNATURE.length);
  if (bytes.compare(SIGNATURE, 0, compared, 0, compared) !== 0) return refused('no-signature');
  if (bytes.length < FIXED_BYTES) return { status: 'need-more' };
  const command = bytes[12]! & 0x0f;
  if ((bytes[12]! & 0xf0) !== VERSION_2 || command > PROXY) return refused('unknown-version');
  const sizeBytes = FIXED_BYTES + bytes.readUInt16BE(14);
  if (sizeBytes > MAX_PROXY_HEADER_BYTES) return refused('too-long');
  if (bytes.length < sizeBytes) return { status: 'need-more' };
  // What a LOCAL header says besides is to be ignored (section 2.2).
  if (command === LOCAL) return { status: 'ok', header: { source: null, destination: null }, sizeBytes };
  const family = bytes[13]!;
  const addressBytes = ADDRESS_BYTES.get(family);
  if (addressBytes === undefined) return refused('unknown-family');
  if (sizeBytes < FIXED_BYTES + addressBytes) return refused('too-short');
  const header = readAddresses(bytes.subarray(FIXED_BYTES, FIXED_BYTES + addressBytes));
  const reason = readTlvs(bytes.subarray(0, sizeBytes), FIXED_BYTES + addressBytes, header);
  return reason ? refused(reason) : { status: 'ok', header, sizeBytes };
}

function renderAddresses({ source, destination }: ProxyHeader): { family: number; bytes: Buffer } {
  if (!source || !destination) return { family: FAMILY.unspecified, bytes: Buffer.alloc(0) };
  const from = addressOf(source);
  const to = addressOf(destination);
  const isIpv4 = from.length === 4 && to.length === 4;
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  const ips = isIpv4 ? [from, to] : [asIpv6(from), asIpv6(to)];
  return { family: isIpv4 ? FAMILY.tcp4 : FAMILY.tcp6, bytes: Buffer.concat([...ips, ports]) };
}

function addressOf({ ip }: ProxyAddress): Buffer {
  const bytes = ipBytes(ip);
  if (!bytes) throw new RangeError(`${JSON.stringify(ip)} is not an IP address`);
  return bytes;
}

function readAddresses(bytes: Buffer): ProxyHeader {
  if (bytes.length === 0) return { source: null, destination: null };
  const size = bytes.length === 12 ? 4 : 16;
  const ip = (at: number) => ipText(ipBytes(ipText(bytes.subarray(at, at + size)))!);
  return {
    source: { ip: ip(0), port: bytes.readUInt16BE(size * 2) },
    destination: { ip: ip(size), port: bytes.readUInt16BE(size * 2 + 2) },
  };
}

function tlv(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(3);
  head[0] = type;
  head.writeUInt16BE(value.length, 1);
  return Buffer.concat([head, value]);
}

/** One byte of flags, four of the verification's result (not 0: no certificate was verified), then TLVs of its own. */
function renderSsl(version: string): Buffer {
  const fixed = Buffer.from([CLIENT_SSL, 0, 0, 0, NO_CLIENT_CERTIFICATE]);
  return Buffer.concat([fixed, tlv(TLV.sslVersion, Buffer.from(version, 'latin1'))]);
}

/** Reads the TLVs of `bytes` from `at` into `header`; why they cannot be read, or null. */
function readTlvs(bytes: Buffer, at: number, header: ProxyHeader): string | null {
  for (const [type, start, end] of walkTlvs(bytes, at)) {
    if (end > bytes.length) return 'broken-tlv';
    const value = bytes.subarray(start, end);
    if (type === TLV.alpn) header.alpn = value.toString('latin1');
    else if (type === TLV.authority) header.authority = value.toString('utf8');
    else if (type === TLV.ssl) {
      if (value.length < 5) return 'broken-tlv';
      if (value[0]! & CLIENT_SSL) header.tls = { version: sslVersion(value) };
    } else if (type === TLV.crc32c) {
      if (value.length !== 4 || value.readUInt32BE(0) !== checksum(bytes, start)) return 'bad-checksum';
    } else if (type !== TLV.noop) {
      header.others = [...(header.others ?? []), { type, value: Buffer.from(value) }];
    }
  }
  return null;
}

function sslVersion(ssl: Buffer): string {
  for (const [type, start, end] of walkTlvs(ssl, 5)) {
    if (type === TLV.sslVersion) return ssl.toString('latin1', start, Math.min(end, ssl.length));
  }
  return '';
}

/** Type, start and end of each TLV; an end past the last byte is that of a broken one, and the last. */
function* walkTlvs(bytes: Buffer, from: number): Generator<[type: number, start: number, end: number]> {
  for (let at = from; at < bytes.length; ) {
    const start = at + 3;
    const end = start > bytes.length ? start : start + bytes.readUInt16BE(at + 1);
    yield [bytes[at]!, start, end];
    at = end;
  }
}

/** CRC-32C (RFC 3309) of the whole header, with the four bytes at `hole` taken for zero. */
function checksum(bytes: Buffer, hole: number): number {
  let crc = 0xffffffff;
  for (let at = 0; at < bytes.length; at++) {
    crc ^= at >= hole && at < hole + 4 ? 0 : bytes[at]!;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function refused(reason: string): ProxyHeaderResult {
  return { status: 'refused', reason };
}
