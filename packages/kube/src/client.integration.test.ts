// What the client does with answers that a healthy API server does not give: busy ones, and some that are none.
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@echoplane/runtime';
import { afterEach, expect, test } from 'vitest';
import { createKubeClient } from './client.ts';
import type { KubeClient } from './contract.ts';

let server: Server;
let client: KubeClient;
let slept: number[];

async function answering(listener: RequestListener): Promise<void> {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  slept = [];
  const clock = { ...systemClock(), sleep: async (ms: number) => void slept.push(ms) };
  const access = {
    server: `http://127.0.0.1:${port}/base`,
    credentials: async () => ({ headers: { authorization: 'Bearer x' }, tls: {} }),
  };
  client = createKubeClient(access, { clock });
}
afterEach(() => {
  client.close();
  server.close();
});

test('429 with Retry-After is asked again after that time; without it, and for ever, it is the answer', async () => {
  let asked = 0;
  await answering(({ url, headers }, response) => {
    asked++;
    expect([url, headers.authorization]).toEqual(['/base/x?a=1', 'Bearer x']);
    if (asked === 3) return void response.setHeader('content-type', 'application/json').end('{"done":true}');
    response.writeHead(429, { 'retry-after': '2' }).end();
  });
  expect(await client.call('POST', '/x', { query: { a: '1' }, body: {} })).toEqual({ done: true });
  expect(slept).toEqual([2_000, 2_000]);
  asked = -100;
  await expect(client.call('GET', '/x', { query: { a: '1' } })).rejects.toMatchObject({ status: 429 });
  expect(asked).toBe(-94);
});

test('a server error is the answer to one request: who calls decides about another', async () => {
  let asked = 0;
  await answering((_, response) => {
    asked++;
    response.writeHead(503, { 'retry-after': '1' }).end('down for a moment');
  });
  await expect(client.call('GET', '/x')).rejects.toMatchObject({ status: 503, reason: '' });
  await expect(client.stream('/x')).rejects.toThrow('down for a moment');
  expect(asked).toBe(2);
});

test('an answer that breaks off is an operating error, not half an object', async () => {
  await answering((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
    response.write('{"half":');
    setImmediate(() => response.destroy());
  });
  await expect(client.call('GET', '/x')).rejects.toMatchObject({ code: 'kube_unreachable' });
});

test('JSON that is none is an operating error that names what was asked', async () => {
  await answering(
    (_, response) => void response.setHeader('content-type', 'application/json').end('{"half":'),
  );
  await expect(client.call('GET', '/x')).rejects.toMatchObject({ code: 'kube_bad_answer' });
});
