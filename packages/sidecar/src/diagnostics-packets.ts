// A connection written as a packet capture (pcapng): TCP/IP packets are made up around the bytes that passed, with the
// real addresses, ports, times and running sequence numbers, so that Wireshark shows the conversation. Pure.
//
//   fileHeader  then per connection  SYN, SYN-ACK, ACK, data …, FIN (or RST)
import { asIpv6, ipBytes } from '@echoplane/wire';

/** What an interface of the file stands for; `decrypted`: the bytes were TLS on the wire. */
export const INTERFACES = ['inbound', 'outbound', 'inbound, decrypted', 'outbound, decrypted'] as const;

/** One end of a conversation; an address that is none is written as 0.0.0.0. */
export interface PacketEnd {
  ip: string;
  port: number;
}

/** More would not fit the 16-bit length of an IP packet. */
const MAX_PAYLOAD = 32 << 10;
const TCP_HEADER = 20;
const [FIN, SYN, RST, PSH, ACK] = [0x01, 0x02, 0x04, 0x08, 0x10];
const LINKTYPE_RAW = 101;
const INTERFACE_NAME = 2;

/** The blocks a file begins with: section and interfaces (draft-ietf-opsawg-pcapng, sections 4.1 and 4.2). */
export function fileHeader(): Buffer {
  const section = Buffer.alloc(16);
  section.writeUInt32LE(0x1a2b3c4d, 0);
  section.writeUInt16LE(1, 4);
  section.writeBigInt64LE(-1n, 8);
  const interfaces = INTERFACES.map((name) => {
    const text = Buffer.from(name);
    const body = Buffer.alloc(8 + 4 + padded(text.length) + 4);
    body.writeUInt16LE(LINKTYPE_RAW, 0);
    body.writeUInt16LE(INTERFACE_NAME, 8);
    body.writeUInt16LE(text.length, 10);
    text.copy(body, 12);
    return block(1, body);
  });
  return Buffer.concat([block(0x0a0d0d0a, section), ...interfaces]);
}

/** The packets of one connection. */
export class PacketConversation {
  readonly #interface: number;
  readonly #ends: Record<'client' | 'server', { ip: Buffer; port: number; sent: number }>;

  constructor(on: (typeof INTERFACES)[number], client: PacketEnd, server: PacketEnd) {
    this.#interface = INTERFACES.indexOf(on);
    const ips = [client, server].map(({ ip }) => ipBytes(ip) ?? Buffer.alloc(4));
    const [clientIp, serverIp] = ips[0]!.length === ips[1]!.length ? ips : ips.map(asIpv6);
    this.#ends = {
      client: { ip: clientIp!, port: client.port, sent: 0 },
      server: { ip: serverIp!, port: server.port, sent: 0 },
    };
  }

  /** The handshake. */
  open(atUs: number): Buffer[] {
    const packets = [this.#packet('client', SYN, atUs)];
    this.#ends.client.sent = 1;
    packets.push(this.#packet('server', SYN | ACK, atUs));
    this.#ends.server.sent = 1;
    return [...packets, this.#packet('client', ACK, atUs)];
  }

  /** Bytes sent by one end; the buffer is copied. */
  data(from: 'client' | 'server', bytes: Uint8Array, atUs: number): Buffer[] {
    const packets: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += MAX_PAYLOAD) {
      const payload = bytes.subarray(at, at + MAX_PAYLOAD);
      packets.push(this.#packet(from, PSH | ACK, atUs, payload));
      this.#ends[from].sent += payload.length;
    }
    return packets;
  }

  end(from: 'client' | 'server', atUs: number): Buffer[] {
    const packet = this.#packet(from, FIN | ACK, atUs);
    this.#ends[from].sent++;
    return [packet];
  }

  reset(atUs: number): Buffer[] {
    return [this.#packet('client', RST | ACK, atUs)];
  }

  #packet(from: 'client' | 'server', flags: number, atUs: number, payload: Uint8Array = NOTHING): Buffer {
    const source = this.#ends[from];
    const target = this.#ends[from === 'client' ? 'server' : 'client'];
    const tcp = Buffer.alloc(TCP_HEADER + payload.length);
    tcp.writeUInt16BE(source.port, 0);
    tcp.writeUInt16BE(target.port, 2);
    tcp.writeUInt32BE(source.sent >>> 0, 4);
    tcp.writeUInt32BE(flags & ACK ? target.sent >>> 0 : 0, 8);
    tcp[12] = (TCP_HEADER / 4) << 4;
    tcp[13] = flags;
    tcp.writeUInt16BE(0xffff, 14);
    tcp.set(payload, TCP_HEADER);
    tcp.writeUInt16BE(checksum([pseudoHeader(source.ip, target.ip, tcp.length), tcp]), 16);
    const packet = Buffer.concat([ipHeader(source.ip, target.ip, tcp.length), tcp]);
    const header = Buffer.alloc(20);
    header.writeUInt32LE(this.#interface, 0);
    header.writeUInt32LE(Math.floor(atUs / 2 ** 32), 4);
    header.writeUInt32LE(atUs % 2 ** 32, 8);
    header.writeUInt32LE(packet.length, 12);
    header.writeUInt32LE(packet.length, 16);
    return block(6, header, packet);
  }
}

const NOTHING = new Uint8Array(0);

function ipHeader(source: Buffer, target: Buffer, tcpLength: number): Buffer {
  if (source.length === 16) {
    const fixed = Buffer.from([0x60, 0, 0, 0, 0, 0, 6, 64]);
    fixed.writeUInt16BE(tcpLength, 4);
    return Buffer.concat([fixed, source, target]);
  }
  const fixed = Buffer.from([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0]);
  fixed.writeUInt16BE(20 + tcpLength, 2);
  fixed.writeUInt16BE(checksum([fixed, source, target]), 10);
  return Buffer.concat([fixed, source, target]);
}

function pseudoHeader(source: Buffer, target: Buffer, tcpLength: number): Buffer {
  const tail = Buffer.alloc(8);
  tail.writeUInt32BE(tcpLength, 0);
  tail.writeUInt32BE(6, 4);
  return Buffer.concat([source, target, tail]);
}

/** The Internet checksum (RFC 1071); every part but the last has an even length. */
function checksum(parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) sum += (part[at]! << 8) | (part[at + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** A pcapng block: type, length, body padded to 32 bits, length. */
function block(type: number, ...body: readonly Buffer[]): Buffer {
  const length = body.reduce((sum, part) => sum + part.length, 0);
  const whole = Buffer.alloc(12 + padded(length));
  whole.writeUInt32LE(type, 0);
  whole.writeUInt32LE(whole.length, 4);
  let at = 8;
  for (const part of body) at += part.copy(whole, at);
  whole.writeUInt32LE(whole.length, whole.length - 4);
  return whole;
}

function padded(length: number): number {
  return (length + 3) & ~3;
}
