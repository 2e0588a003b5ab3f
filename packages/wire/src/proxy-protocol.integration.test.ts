// The PROXY protocol against haproxy, both ways.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../../../test/ports.ts';
import { parseProxyHeader, renderProxyHeader } from './proxy-protocol.ts';

const START_MS = 30_000;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (let close = closers.pop(); close; close = closers.pop()) await close();
});

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** haproxy with one frontend, on a free port; resolves with it. */
async function startHaproxy(bind: string, lines: readonly string[]): Promise<number> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'haproxy-'));
  closers.push(() => rm(folder, { recursive: true }));
  const file = join(folder, 'haproxy.cfg');
  const defaults = ['defaults', 'timeout client 10s', 'timeout server 10s', 'timeout connect 10s'];
  const frontend = ['listen it', `bind 127.0.0.1:${port} ${bind}`, ...lines];
  await writeFile(file, `${[...defaults, ...frontend].join('\n')}\n`);
  const child: ChildProcess = spawn('haproxy', ['-db', '-f', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  closers.push(() => child.kill('SIGKILL'));
  const deadline = Date.now() + START_MS;
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await new Promise((resolve) =>
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false)),
    );
    socket.destroy();
    if (isOpen) return port;
    if (Date.now() > deadline || child.exitCode !== null) throw new Error('haproxy does not start');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function talk(port: number, bytes: Buffer | string): Promise<{ answer: string; from: number }> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk)).on('error', () => {});
  await once(socket, 'connect');
  const from = socket.localPort!;
  socket.write(bytes);
  await once(socket, 'close');
  return { answer: Buffer.concat(chunks).toString(), from };
}

const REQUEST = 'GET / HTTP/1.0\r\n\r\n';

test('haproxy reads what we write', async () => {
  const say = 'http-request return status 200 content-type text/plain lf-string';
  const port = await startHaproxy('accept-proxy', [
    'mode http',
    `${say} "%[src] %[src_port] %[dst] %[dst_port] %[fc_pp_authority]"`,
  ]);
  const ask = async (source: string, destination: string) => {
    const header = renderProxyHeader({
      source: { ip: source, port: 4_321 },
      destination: { ip: destination, port: 443 },
      authority: 'api.test',
      alpn: 'http/1.1',
      tls: { version: 'TLSv1.3' },
      others: [{ type: 0xe0, value: Buffer.from('ours') }],
    });
    return (await talk(port, Buffer.concat([header, Buffer.from(REQUEST)]))).answer.split('\r\n\r\n')[1];
  };
  expect(await ask('192.0.2.1', '198.51.100.1')).toBe('192.0.2.1 4321 198.51.100.1 443 api.test');
  expect(await ask('2001:db8::1', '2001:db8::2')).toBe('2001:db8::1 4321 2001:db8::2 443 api.test');
});

test('we read what haproxy writes, its checksum too', async () => {
  let received = Buffer.alloc(0);
  const origin = await listening(
    createServer((socket) => {
      let bytes = Buffer.alloc(0);
      socket
        .on('error', () => {})
        .on('data', (chunk) => {
          bytes = Buffer.concat([bytes, chunk]);
          if (!bytes.toString('latin1').endsWith(REQUEST)) return;
          received = bytes;
          socket.end('done');
        });
    }),
  );
  const options = 'send-proxy-v2 proxy-v2-options crc32c,unique-id';
  const port = await startHaproxy('', [
    'mode tcp',
    'unique-id-format abc',
    `server a 127.0.0.1:${origin} ${options}`,
  ]);
  const { answer, from } = await talk(port, REQUEST);
  expect(answer).toBe('done');
  const parsed = parseProxyHeader(received);
  expect(parsed).toMatchObject({
    status: 'ok',
    header: { source: { ip: '127.0.0.1', port: from }, destination: { ip: '127.0.0.1', port } },
  });
  const size = parsed.status === 'ok' ? parsed.sizeBytes : 0;
  expect(received.subarray(size).toString()).toBe(REQUEST);
  expect(received.subarray(0, size).includes(Buffer.from([3, 0, 4]))).toBe(true);
  received[size - 1]! ^= 1;
  expect(parseProxyHeader(received)).toEqual({ status: 'refused', reason: 'bad-checksum' });
});
