// The HTTP/2 decoder beside nghttp2's load generator, which encodes and cuts frames differently from node:http2.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { Tap } from '../packages/wire/src/http2-tap.fixture.ts';

test('Http2Exchange records every request of h2load', async () => {
  const server = createServer();
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200 });
    stream.end('x'.repeat(300));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const tap = new Tap((server.address() as AddressInfo).port);
  try {
    const url = `http://127.0.0.1:${await tap.listen()}/load`;
    const load = ['-n', '3000', '-c', '4', '-m', '50', url];
    const { stdout } = await promisify(execFile)('h2load', load, { timeout: 300_000 });
    expect(stdout).toContain('3000 succeeded');
    await tap.until(() => tap.pairs.length === 3_000);
    const kinds = new Set(tap.pairs.map((pair) => `${pair.error} ${pair.responseBody.size}`));
    expect(kinds).toEqual(new Set(['null 300']));
    await tap.until(() => tap.connections.every(({ isClosed }) => isClosed));
    const left = tap.connections.map(({ opaque, exchange }) => [opaque, exchange.outstanding]);
    expect(left).toEqual(Array(4).fill([null, 0]));
  } finally {
    await tap.close();
    server.close();
  }
});
