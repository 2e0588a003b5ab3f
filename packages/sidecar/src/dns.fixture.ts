// DNS messages and a small DNS server for the relay's tests, with nothing of the relay in it.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { ipBytes } from '@echoplane/wire';
import { freePort } from '../../../test/ports.ts';
import { atEnd, listening } from './sidecar.fixture.ts';

/** A record of an answer: an address, or the name a CNAME leads to. */
export interface DnsRecord {
  owner: string;
  to: string;
  ttl?: number;
}

function nameBytes(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

/** A response to `name`; the owner of a record that is the asked name is written as a pointer. */
export function dnsResponse(id: number, name: string, records: readonly DnsRecord[], flags = 0x8180): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(flags, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  const question = Buffer.concat([nameBytes(name), Buffer.from([0, 1, 0, 1])]);
  const answers = records.map(({ owner, to, ttl = 30 }) => {
    const ip = ipBytes(to);
    const data = ip ?? nameBytes(to);
    const fixed = Buffer.alloc(10);
    fixed.writeUInt16BE(ip === null ? 5 : ip.length === 4 ? 1 : 28, 0);
    fixed.writeUInt16BE(1, 2);
    fixed.writeUInt32BE(ttl, 4);
    fixed.writeUInt16BE(data.length, 8);
    return Buffer.concat([owner === name ? Buffer.from([0xc0, 12]) : nameBytes(owner), fixed, data]);
  });
  return Buffer.concat([header, question, ...answers]);
}

/** A server on one port of 127.0.0.1 for UDP and TCP; `answer` gives the messages sent for a query. */
export async function startDnsServer(
  answer: (query: Buffer, transport: 'udp' | 'tcp') => Buffer[],
): Promise<number> {
  const port = await listening(
    createServer((socket) => {
      let held: Buffer = Buffer.alloc(0);
      socket.on('data', (chunk) => {
        held = Buffer.concat([held, chunk]);
        while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
          const end = 2 + held.readUInt16BE(0);
          for (const message of answer(held.subarray(2, end), 'tcp')) {
            const framed = Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]);
            socket.write(framed.subarray(0, 5));
            setImmediate(() => socket.write(framed.subarray(5)));
          }
          held = held.subarray(end);
        }
      });
    }),
    // One the kernel gives to nobody: a port that is free for TCP may be taken for UDP.
    await freePort(),
  );
  const udp = createSocket('udp4').bind(port, '127.0.0.1');
  await once(udp, 'listening');
  udp.on('message', (query, client) => {
    for (const message of answer(query, 'udp')) udp.send(message, client.port, client.address);
  });
  atEnd(() => void udp.close());
  return port;
}

/** The name a query asks for. */
export function askedName(query: Buffer): string {
  const labels: string[] = [];
  for (let at = 12; query[at] !== 0; at += 1 + query[at]!)
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]!));
  return labels.join('.');
}
