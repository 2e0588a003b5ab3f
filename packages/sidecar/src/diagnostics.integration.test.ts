// The dump is read back by a small pcapng reader of this file; with Wireshark: `tshark -r dump-00000001.pcapng`.
import { mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@echoplane/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ConnectionFacts, ConnectionTap } from './capture.ts';
import { type Diagnostics, openDiagnostics } from './diagnostics.ts';
import { Metrics } from './metrics.ts';

let folder: string;
const metrics = new Metrics();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'diagnostics-'));
});
afterEach(() => rm(folder, { recursive: true }));

const FACTS: ConnectionFacts = {
  direction: 'IN',
  scheme: 'http',
  client: { ip: '10.0.0.9', port: 40_000, host: '' },
  server: { ip: '', port: 8080, host: '' },
  tls: null,
};

function openIn(limitBytes: number): Promise<Diagnostics | null> {
  return openDiagnostics({ folder: join(folder, 'dumps'), limitBytes, metrics }, silentLogger());
}

/** A tap that notes what it is told. */
function notingTap(): ConnectionTap & { notes: string[] } {
  const notes: string[] = [];
  let nowUs = 1_700_000_000_000_000;
  return {
    notes,
    isQuiet: true,
    nowUs: () => nowUs++,
    fromClient: (chunk) => notes.push(`> ${chunk}`),
    fromServer: (chunk) => notes.push(`< ${chunk}`),
    clientEnded: () => notes.push('client ended'),
    serverEnded: () => notes.push('server ended'),
    closed: (failed) => notes.push(`closed ${failed}`),
    connected: (ip, port) => notes.push(`connected ${ip} ${port}`),
    connectFailed: () => notes.push('failed'),
  };
}

interface Packet {
  from: string;
  to: string;
  seq: number;
  ack: number;
  flags: number;
  payload: string;
}

/** The IPv4 packets of a dump; checks the framing of every block and the checksums of every packet. */
function packetsOf(file: Buffer): Packet[] {
  const packets: Packet[] = [];
  for (let at = 0; at < file.length; ) {
    const length = file.readUInt32LE(at + 4);
    expect(file.readUInt32LE(at + length - 4)).toBe(length);
    if (file.readUInt32LE(at) === 6)
      packets.push(packetOf(file.subarray(at + 28, at + 28 + file.readUInt32LE(at + 20))));
    at += length;
  }
  return packets;
}

function packetOf(ip: Buffer): Packet {
  expect(ip[0]).toBe(0x45);
  expect(ip.readUInt16BE(2)).toBe(ip.length);
  expect(sumOf(ip.subarray(0, 20))).toBe(0xffff);
  const tcp = ip.subarray(20);
  const pseudo = Buffer.concat([ip.subarray(12, 20), Buffer.from([0, 6, tcp.length >> 8, tcp.length & 255])]);
  expect(sumOf(Buffer.concat([pseudo, tcp]))).toBe(0xffff);
  return {
    from: `${ip.subarray(12, 16).join('.')}:${tcp.readUInt16BE(0)}`,
    to: `${ip.subarray(16, 20).join('.')}:${tcp.readUInt16BE(2)}`,
    seq: tcp.readUInt32BE(4),
    ack: tcp.readUInt32BE(8),
    flags: tcp[13]!,
    payload: tcp.subarray(20).toString('latin1'),
  };
}

function sumOf(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

async function filesIn(path: string): Promise<Map<string, Buffer>> {
  const names = (await readdir(path)).sort();
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(path, name))] as const)),
  );
}

test('the dump is the conversation, under the address that is known only after the first bytes', async () => {
  const diagnostics = (await openIn(16 << 20))!;
  const inner = notingTap();
  const tap = diagnostics.diagnose(inner, FACTS);
  const chunk = Buffer.from('GET / HTTP/1.1\r\n\r\n');
  tap.fromClient(chunk, 1);
  chunk.fill(0);
  tap.connected('10.0.0.1', 8080);
  tap.fromServer(Buffer.from('HTTP/1.1 204 No Content\r\n\r\n'), 2);
  tap.clientEnded();
  tap.serverEnded();
  tap.closed(false);
  await diagnostics.close();
  expect(inner.notes.slice(1)).toEqual([
    'connected 10.0.0.1 8080',
    '< HTTP/1.1 204 No Content\r\n\r\n',
    'client ended',
    'server ended',
    'closed false',
  ]);
  const [client, server] = ['10.0.0.9:40000', '10.0.0.1:8080'];
  const file = await readFile(join(folder, 'dumps', 'dump-00000001.pcapng'));
  expect(packetsOf(file)).toEqual([
    { from: client, to: server, seq: 0, ack: 0, flags: 0x02, payload: '' },
    { from: server, to: client, seq: 0, ack: 1, flags: 0x12, payload: '' },
    { from: client, to: server, seq: 1, ack: 1, flags: 0x10, payload: '' },
    { from: client, to: server, seq: 1, ack: 1, flags: 0x18, payload: 'GET / HTTP/1.1\r\n\r\n' },
    { from: server, to: client, seq: 1, ack: 19, flags: 0x18, payload: 'HTTP/1.1 204 No Content\r\n\r\n' },
    { from: client, to: server, seq: 19, ack: 28, flags: 0x11, payload: '' },
    { from: server, to: client, seq: 28, ack: 20, flags: 0x11, payload: '' },
  ]);
  expect(file.includes('inbound, decrypted')).toBe(true);
});

test('bytes, keys and folder are for this user only, and the key log has its lines', async () => {
  const diagnostics = (await openIn(16 << 20))!;
  const tap = diagnostics.diagnose(notingTap(), { ...FACTS, server: { ip: '::1', port: 443, host: '' } });
  tap.fromClient(Buffer.alloc(100_000, 'x'), 1);
  tap.closed(true);
  diagnostics.onKeyLine(Buffer.from('CLIENT_RANDOM aa bb\n'));
  diagnostics.onKeyLine(Buffer.from('CLIENT_RANDOM cc dd\n'));
  await diagnostics.close();
  const path = join(folder, 'dumps');
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  const files = await filesIn(path);
  for (const name of files.keys()) expect((await stat(join(path, name))).mode & 0o777).toBe(0o600);
  expect(files.get('keys-00000001.log')!.toString()).toBe('CLIENT_RANDOM aa bb\nCLIENT_RANDOM cc dd\n');
  expect(files.get('dump-00000001.pcapng')!.length).toBeGreaterThan(100_000);
});

test('the folder keeps to its limit over two lives, the newest bytes stay, the rest is counted', async () => {
  const limit = 1 << 20;
  const lost = () => metrics.get('diagnostics_lost', 'no-room');
  const lostBefore = lost();
  for (const life of ['first', 'second']) {
    const diagnostics = (await openIn(limit))!;
    const tap = diagnostics.diagnose(notingTap(), {
      ...FACTS,
      server: { ip: '10.0.0.1', port: 1, host: '' },
    });
    for (let n = 0; n < 300; n++) tap.fromClient(Buffer.alloc(20_000, `${life} ${n} `), n);
    tap.fromServer(Buffer.from(`end of ${life}`), 301);
    for (let n = 0; n < 100; n++) diagnostics.onKeyLine(Buffer.alloc(4_000, 'k'));
    await diagnostics.close();
  }
  const files = await filesIn(join(folder, 'dumps'));
  const total = [...files.values()].reduce((sum, bytes) => sum + bytes.length, 0);
  expect(total).toBeLessThanOrEqual(limit);
  expect(total).toBeGreaterThan(limit / 2);
  for (const [name, bytes] of files) if (name.startsWith('dump')) packetsOf(bytes);
  // The queue took some 4 MiB of each life, what came at once beyond that was counted.
  expect(lost() - lostBefore).toBeGreaterThan(50);
  expect([...files.values()].some((bytes) => bytes.includes('second 200 '))).toBe(true);
});

test('a folder that is a link, or cannot be made, turns the mode off and nothing else', async () => {
  await symlink(folder, join(folder, 'dumps'));
  expect(await openIn(1 << 20)).toBeNull();
  const elsewhere = { folder: '/proc/echoplane', limitBytes: 1 << 20, metrics };
  expect(await openDiagnostics(elsewhere, silentLogger())).toBeNull();
});

test('a folder that is lost on the way loses the dump, counted, and not the connection', async () => {
  const diagnostics = (await openIn(16 << 20))!;
  await rm(join(folder, 'dumps'), { recursive: true });
  const inner = notingTap();
  const tap = diagnostics.diagnose(inner, FACTS);
  const before = metrics.get('diagnostics_lost', 'write-failed');
  tap.connected('10.0.0.1', 8080);
  tap.fromClient(Buffer.from('x'), 1);
  await diagnostics.close();
  expect(metrics.get('diagnostics_lost', 'write-failed') - before).toBe(4);
  expect(inner.notes).toContain('> x');
});
