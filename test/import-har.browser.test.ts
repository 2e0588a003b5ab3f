// A HAR file as a real browser writes it, imported into a real forwarder: every request that the servers saw is there as
// it was, over HTTP/1.1, HTTP/2 and a WebSocket, and what never was on the network is not.
import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createAuthority, loadAuthority } from '@echoplane/runtime';
import { bodyBytes, bodyText, header, type RRPair, splitUrl } from '@echoplane/traffic';
import { chromium } from 'playwright-core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { CliStage } from './cli-stage.ts';
import { ForwarderStage } from './forwarder-stage.ts';

const LIST = JSON.stringify({ items: Array.from({ length: 50 }, (_, n) => ({ n, name: `thing ${n} ✓` })) });
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/** Ends what hangs; it is no judgement of how fast the machine is. */
const PATIENCE_MS = 120_000;

let stage: ForwarderStage;
let cli: CliStage;
const closing: (() => unknown)[] = [];

beforeEach(async () => {
  stage = await ForwarderStage.open({ verbatim: true });
  cli = new CliStage();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await cli.close();
  await stage.close();
});

function page(secureOrigin: string): string {
  return `<!doctype html><img src="/pixel.png"><img src="data:image/png;base64,${PIXEL.toString('base64')}"><script>
    (async () => {
      const post = (url, body, type) => fetch(url, { method: 'POST', body, headers: { 'content-type': type } });
      await (await fetch('/list?page=1&q=a%20b')).text();
      await (await post('/orders?dry=1', JSON.stringify({ sku: 'tea', note: 'grün' }), 'application/json')).text();
      await (await post('/form', 'a=1&b=%C3%BC', 'application/x-www-form-urlencoded')).text();
      await (await fetch('/old')).text();
      await (await fetch('/missing')).text();
      await (await post('${secureOrigin}/second', '{"over":"h2"}', 'text/plain')).text();
      await fetch('http://127.0.0.1:1/nobody').catch(() => {});
      const socket = new WebSocket('ws://' + location.host + '/chat');
      socket.binaryType = 'arraybuffer';
      await new Promise((resolve) => { socket.onopen = () => { socket.send('hello ✓'); socket.send(new Uint8Array([1, 2, 255])); };
        let seen = 0; socket.onmessage = () => { if (++seen === 2) resolve(); }; });
      socket.close();
      await new Promise((resolve) => { socket.onclose = resolve; });
      // The picture is asked for beside all of it.
      if (document.readyState !== 'complete') await new Promise((resolve) => addEventListener('load', resolve));
      document.title = 'done';
    })();
  </script>`;
}

async function listening(server: Server | ReturnType<typeof createSecureServer>): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function startPlain(secureOrigin: string): Promise<string> {
  const server = createHttpServer((request, response) => {
    request.resume();
    const path = request.url!.split('?')[0];
    const answer = (status: number, type: string, body: string | Buffer, headers = {}) =>
      response.writeHead(status, { 'content-type': type, ...headers }).end(body);
    if (path === '/') answer(200, 'text/html; charset=utf-8', page(secureOrigin));
    else if (path === '/list')
      answer(200, 'application/json', gzipSync(LIST), { 'content-encoding': 'gzip', 'x-seen': 'yes' });
    else if (path === '/orders') answer(201, 'application/json', '{"order":7}');
    else if (path === '/pixel.png') answer(200, 'image/png', PIXEL);
    else if (path === '/old') answer(302, 'text/plain', '', { location: '/new' });
    else if (path === '/missing') answer(404, 'text/plain', 'no');
    else answer(200, 'text/plain', 'ok');
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) =>
    socket.on('message', (data, binary) => socket.send(data as Buffer, { binary })),
  );
  return `http://127.0.0.1:${await listening(server)}`;
}

async function startSecure(): Promise<string> {
  const root = await createAuthority({ commonName: 'A test', days: 1 });
  const authority = await loadAuthority(root.certPem, root.keyPem);
  const { certPem, keyPem } = await authority.issue({ names: ['127.0.0.1'], days: 1 });
  const server = createSecureServer({ cert: certPem, key: keyPem }, (request, response) => {
    const headers = { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'content-type' };
    (request as unknown as IncomingMessage).resume();
    response.writeHead(200, { ...headers, 'content-type': 'text/plain' });
    response.end('second');
  });
  return `https://127.0.0.1:${await listening(server)}`;
}

async function recordHar(origin: string): Promise<string> {
  const path = join(cli.folder, 'session.har');
  const args = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args, timeout: PATIENCE_MS });
  closing.push(() => browser.close());
  const context = await browser.newContext({
    recordHar: { path, content: 'embed' },
    ignoreHTTPSErrors: true,
  });
  const tab = await context.newPage();
  tab.setDefaultTimeout(PATIENCE_MS);
  await tab.goto(origin);
  await tab.waitForFunction('document.title === "done"');
  await context.close();
  return path;
}

test('what Chromium recorded is imported as it was', async () => {
  const secureOrigin = await startSecure();
  const origin = await startPlain(secureOrigin);
  const file = await recordHar(origin);

  const command = ['import', 'har', file, '--home', stage.home, '--service', 'shop', '--tag', 'build=42'];
  const run = cli.run(command);
  expect(await run.exit, run.output()).toBe(0);
  expect(run.output()).toMatch(/Imported \d+ of \d+ entries as \d+ RRPairs of laptop\/default\/shop, IN\./);
  expect(run.output()).toMatch(/Skipped \d+: had no response/);
  expect(run.output()).not.toMatch(/damaged|Dropped/);

  const pairs = await stage.stored();
  const at = (path: string): RRPair => {
    const found = pairs.filter(({ request }) => request && splitUrl(request.url).path === path);
    expect(found, path).toHaveLength(1);
    return found[0]!;
  };
  for (const pair of pairs) {
    const { source, direction, tags, protocol } = pair;
    expect(source).toMatchObject({ cluster: 'laptop', namespace: 'default', workload: { name: 'shop' } });
    expect({ direction, tags }).toEqual({ direction: 'IN', tags: { build: '42' } });
    if (protocol !== 'websocket') expect(pair.durationUs).toBeGreaterThanOrEqual(pair.ttfbUs!);
  }
  const list = at('/list');
  expect(list.request!.url).toBe(`${origin}/list?page=1&q=a%20b`);
  expect(bodyText(list.response!.body)).toBe(LIST);
  expect(header(list.response!.headers, 'content-encoding')).toBeUndefined();
  expect(header(list.response!.headers, 'x-seen')).toBe('yes');
  const order = at('/orders');
  expect([order.request!.method, order.response!.status]).toEqual(['POST', 201]);
  expect(order.request!.body.json).toEqual({ sku: 'tea', note: 'grün' });
  expect(order.response!.body.json).toEqual({ order: 7 });
  expect(bodyText(at('/form').request!.body)).toBe('a=1&b=%C3%BC');
  expect(bodyBytes(at('/pixel.png').response!.body)).toEqual(PIXEL);
  expect(at('/old').response!.status).toBe(302);
  expect(at('/missing').response!.status).toBe(404);
  const second = pairs.filter(({ request }) => request?.method === 'POST' && request.url.endsWith('/second'));
  expect(second).toMatchObject([{ protocol: 'http/2', tls: { sni: '127.0.0.1', alpn: 'h2' } }]);
  expect(bodyText(second[0]!.response!.body)).toBe('second');
  expect(at('/chat')).toMatchObject({ protocol: 'http/1.1', response: { status: 101 } });
  const [messages, ...more] = pairs.filter(({ protocol }) => protocol === 'websocket');
  expect(more).toEqual([]);
  expect(messages!.connection).toEqual({
    id: at('/chat').connection.id,
    seq: at('/chat').connection.seq + 1,
  });
  expect(messages!.messages!.map(({ from, text, base64 }) => [from, text ?? base64])).toEqual([
    ['client', 'hello ✓'],
    ['client', 'AQL/'],
    ['server', 'hello ✓'],
    ['server', 'AQL/'],
  ]);
  expect(stage.cloud.report('import')!.counters).toMatchObject({
    ...{ captured: pairs.length, delivered: pairs.length, dropped: {} },
  });
});
