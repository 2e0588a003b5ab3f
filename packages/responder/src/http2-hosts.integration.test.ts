import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { freePort } from '../../../test/ports.ts';
import { Http2Hosts } from './http2-hosts.ts';

test('a real host that resets the stream, or is not there, fails its question and nothing else', async () => {
  const server = createServer((_, response) => response.stream.close(0)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const hosts = new Http2Hosts((_, { all }, done) =>
    all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4),
  );
  const ask = (port: number) => {
    const origin = { scheme: 'http' as const, host: `real.test:${port}`, target: '/' };
    return hosts.ask(
      { origin, dialled: { host: 'real.test', port }, method: 'GET', headers: [], body: Buffer.alloc(0) },
      new AbortController().signal,
    );
  };
  await expect(ask((server.address() as AddressInfo).port)).rejects.toThrow('closed without an answer');
  await expect(ask(await freePort())).rejects.toThrow('ECONNREFUSED');
  hosts.close();
  server.close();
});
