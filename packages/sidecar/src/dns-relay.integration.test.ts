import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@echoplane/runtime';
import { afterEach, expect, test, vi } from 'vitest';
import { freePort } from '../../../test/ports.ts';
import { askedName, type DnsRecord, dnsResponse, startDnsServer } from './dns.fixture.ts';
import { type DnsRelay, openDnsRelay, readDnsServer } from './dns-relay.ts';
import { Metrics } from './metrics.ts';
import { atEnd, closeAll, listening, until } from './sidecar.fixture.ts';

afterEach(closeAll);
const metrics = new Metrics();

async function relayTo(port: number): Promise<DnsRelay> {
  const server = { ip: '127.0.0.1', port };
  const relay = await openDnsRelay({ port: 0, ipv6: true, server, clock: systemClock(), metrics });
  atEnd(() => relay.close());
  return relay;
}

function resolver(relay: DnsRelay, timeout = 20_000): Resolver {
  const asks = new Resolver({ timeout, tries: 1 });
  asks.setServers([`127.0.0.1:${relay.port}`]);
  return asks;
}

async function udpClient(): Promise<{ socket: Socket; received: Buffer[] }> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  atEnd(() => void socket.close());
  const received: Buffer[] = [];
  socket.on('message', (message) => received.push(message));
  return { socket, received };
}

const RECORDS: DnsRecord[] = [
  { owner: 'shop.test', to: 'shop.cdn.test' },
  { owner: 'shop.cdn.test', to: '192.0.2.7' },
];

test('a resolver gets its answer, and the relay knows the name it asked for', async () => {
  const relay = await relayTo(
    await startDnsServer((query) => [dnsResponse(query.readUInt16BE(0), askedName(query), RECORDS)]),
  );
  expect(await resolver(relay).resolve4('shop.test')).toEqual(['192.0.2.7']);
  expect(relay.names.nameOf('192.0.2.7')).toBe('shop.test');
});

test('over IPv6 it answers too, by UDP and TCP, and only where that is wanted', async () => {
  const answer = (query: Buffer) => [dnsResponse(query.readUInt16BE(0), askedName(query), RECORDS)];
  const server = { ip: '127.0.0.1', port: await startDnsServer(answer) };
  for (const ipv6 of [true, false]) {
    const relay = await openDnsRelay({ port: 0, ipv6, server, clock: systemClock(), metrics });
    atEnd(() => relay.close());
    const asks = new Resolver({ timeout: 20_000, tries: 1 });
    asks.setServers([`[::1]:${relay.port}`]);
    const answered = asks.resolve4('shop.test');
    if (ipv6) expect(await answered).toEqual(['192.0.2.7']);
    else await expect(answered).rejects.toThrow(/ECONNREFUSED/);
    const tcp = connect(relay.port, '::1');
    const outcome = once(tcp, 'connect').then(
      () => 'connected',
      (error) => error.code,
    );
    expect(await outcome).toBe(ipv6 ? 'connected' : 'ECONNREFUSED');
    tcp.destroy();
  }
});

test('an answer too long for UDP is fetched over TCP, and learned there', async () => {
  const records = Array.from({ length: 200 }, (_, n) => ({ owner: 'big.test', to: `192.0.2.${n}` }));
  const server = await startDnsServer((query, transport) => [
    transport === 'udp'
      ? dnsResponse(query.readUInt16BE(0), askedName(query), [], 0x8380)
      : dnsResponse(query.readUInt16BE(0), askedName(query), records),
  ]);
  const relay = await relayTo(server);
  expect(await resolver(relay).resolve4('big.test')).toHaveLength(200);
  await until(() => relay.names.nameOf('192.0.2.199') === 'big.test', 'the last address');
});

test('every byte passes as it is, whether it is DNS or not, to the port that asked', async () => {
  const odd = Buffer.from([0, 1, 0xff, 0xfe, 0, 0, 7]);
  const seen: Buffer[] = [];
  const relay = await relayTo(
    await startDnsServer((query) => {
      seen.push(Buffer.from(query));
      return [Buffer.concat([query, odd])];
    }),
  );
  const clients = await Promise.all([udpClient(), udpClient()]);
  const queries = [Buffer.from([0, 1]), Buffer.from([0, 2, 3, 4, 5]), Buffer.from([9])];
  for (const { socket } of clients) for (const query of queries) socket.send(query, relay.port, '127.0.0.1');
  await until(() => clients.every(({ received }) => received.length === 3), 'all answers');
  const inOrder = (list: Buffer[]) => list.map((bytes) => bytes.toString('hex')).sort();
  for (const { received } of clients)
    expect(inOrder(received)).toEqual(inOrder(queries.map((query) => Buffer.concat([query, odd]))));
  expect(inOrder(seen)).toEqual(inOrder([...queries, ...queries]));
});

test('two questions of one port get both answers, in whatever order they come', async () => {
  const held: Buffer[] = [];
  const relay = await relayTo(
    await startDnsServer((query) => {
      held.push(Buffer.from(query));
      if (held.length < 2) return [];
      return held.reverse().map((one) => dnsResponse(one.readUInt16BE(0), askedName(one), []));
    }),
  );
  const { socket, received } = await udpClient();
  for (const id of [1, 2]) socket.send(dnsResponse(id, 'a.test', [], 0x0100), relay.port, '127.0.0.1');
  await until(() => received.length === 2, 'both answers');
  expect(received.map((message) => message.readUInt16BE(0))).toEqual([2, 1]);
});

test('a dead server answers nothing, and the number of ports that wait is bounded', async () => {
  const dead = await startDnsServer(() => []);
  await expect(resolver(await relayTo(dead), 50).resolve4('a.test')).rejects.toThrow(/ETIMEOUT/);
  // No port is given up while the others are opened, however long that takes.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  atEnd(() => void vi.useRealTimers());
  // A relay of its own: the port of the resolver, closed by now, could be given to a client again.
  const relay = await relayTo(dead);
  const counts = () => ['query', 'lost'].map((kind) => metrics.get('dns_messages', kind));
  const [queriesBefore = 0, lostBefore = 0] = counts();
  const seen = () => counts().reduce((a, b) => a + b) - queriesBefore - lostBefore;
  const clients = await Promise.all(Array.from({ length: 1_050 }, udpClient));
  const ask = async (some: typeof clients) => {
    const before = seen();
    for (const { socket } of some) socket.send(Buffer.from([0, 1]), relay.port, '127.0.0.1');
    await vi.waitUntil(() => seen() === before + some.length, { timeout: 30_000, interval: 5 });
  };
  for (let sent = 0; sent < clients.length; sent += 50) await ask(clients.slice(sent, sent + 50));
  expect(counts()).toEqual([queriesBefore + 1_000, lostBefore + 50]);
  // Ten seconds without an answer, and others may wait.
  vi.advanceTimersByTime(10_000);
  await ask(clients.slice(-50));
  expect(counts()).toEqual([queriesBefore + 1_050, lostBefore + 50]);
  expect(clients.every(({ received }) => received.length === 0)).toBe(true);
});

test('a TCP server that is gone closes the connection', async () => {
  const relay = await relayTo(await freePort());
  const socket = connect(relay.port, '127.0.0.1');
  socket.on('error', () => {});
  await new Promise((resolve) => socket.on('close', resolve));
});

test('a port in use is one sentence', async () => {
  const taken = await listening(createServer());
  const server = { ip: '127.0.0.1', port: 53 };
  const opening = openDnsRelay({ port: taken, ipv6: true, server, clock: systemClock(), metrics });
  await expect(opening).rejects.toThrow(
    new RegExp(`^Port ${taken} on 127.0.0.1 is in use, so the DNS relay`),
  );
  const udp = await udpClient();
  const busy = openDnsRelay({
    port: udp.socket.address().port,
    ipv6: true,
    server,
    clock: systemClock(),
    metrics,
  });
  await expect(busy).rejects.toThrow(/is in use, so the DNS relay cannot start/);
});

test('the server is the setting, else the first of resolv.conf, else a bad configuration', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dns-'));
  atEnd(() => rm(folder, { recursive: true }));
  const file = join(folder, 'resolv.conf');
  await writeFile(file, '# nameserver 9.9.9.9\nsearch a\nnameserver 10.96.0.10\nnameserver 10.96.0.11\n');
  expect(await readDnsServer(undefined, file)).toEqual({ ip: '10.96.0.10', port: 53 });
  expect(await readDnsServer('10.0.0.1:5353')).toEqual({ ip: '10.0.0.1', port: 5353 });
  expect(await readDnsServer('fd00:0::1')).toEqual({ ip: 'fd00::1', port: 53 });
  expect(await readDnsServer('[fd00::1]:54')).toEqual({ ip: 'fd00::1', port: 54 });
  await expect(readDnsServer(undefined, join(folder, 'none'))).rejects.toThrow(
    /ECHOPLANE_DNS_SERVER is missing/,
  );
  for (const bad of ['dns.example', '10.0.0.1:0', '10.0.0.1:99999', '[fd00::1'])
    await expect(readDnsServer(bad)).rejects.toThrow(/ECHOPLANE_DNS_SERVER is not valid/);
});
