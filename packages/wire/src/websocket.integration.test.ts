/** Real WebSocket and HTTP peers (ws, node:http) through a small recording relay: what they said is what is emitted. */
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { StreamMessage } from './capture-messages.ts';
import { Http1Exchange, type RawHttpPair } from './http1-exchange.ts';
import { type RawMessagesPair, WebSocketExchange, webSocketExtensionsOf } from './websocket-exchange.ts';

interface Recording {
  port: number;
  pairs: RawHttpPair[];
  parts: RawMessagesPair[];
  opaque: string[];
  /** Cuts the connections of the relay, as a cable would. */
  reset(): void;
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A relay to `port` that feeds what passes to an exchange, and after an upgrade to a WebSocket's. */
async function record(port: number, bodyLimitBytes = 65_536): Promise<Recording> {
  const sockets = new Set<Socket>();
  const recording: Recording = {
    ...{ port: 0, pairs: [], parts: [], opaque: [] },
    reset: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
  };
  const relay = createTcpServer((client) => {
    const server = connect(port, '127.0.0.1');
    for (const socket of [client, server]) sockets.add(socket.on('error', () => {}));
    tap(client, server, recording, bodyLimitBytes);
    client.pipe(server).pipe(client);
  });
  recording.port = await listening(relay);
  cleanups.push(() => {
    relay.close();
    recording.reset();
  });
  return recording;
}

function tap(
  client: Socket,
  server: Socket,
  { pairs, parts, opaque }: Recording,
  bodyLimitBytes: number,
): void {
  const nowUs = () => Math.round(performance.now() * 1000);
  const noteOpaque = (reason: string) => opaque.push(reason);
  let exchange: Http1Exchange | WebSocketExchange = new Http1Exchange(
    {
      pair: (pair) => pairs.push(pair),
      opaque: noteOpaque,
      upgraded: ({ seq, responseHead, clientRest, serverRest }) => {
        const extensions = webSocketExtensionsOf(responseHead);
        const sink = { pair: (part: RawMessagesPair) => parts.push(part), opaque: noteOpaque };
        exchange = new WebSocketExchange(sink, { seq: seq + 1, extensions, bodyLimitBytes });
        exchange.client(clientRest, nowUs());
        exchange.server(serverRest, nowUs());
      },
    },
    { bodyLimitBytes },
  );
  client.on('data', (chunk: Buffer) => exchange.client(chunk, nowUs()));
  server.on('data', (chunk: Buffer) => exchange.server(chunk, nowUs()));
  client.on('end', () => exchange.clientEnd(nowUs()));
  server.on('end', () => exchange.serverEnd(nowUs()));
  for (const socket of [client, server]) socket.on('close', () => exchange.abort('reset', nowUs()));
}

/** A ws server that sends everything back, and a client of it through the relay. */
async function webSocket(options: { perMessageDeflate?: object | boolean; bodyLimitBytes?: number } = {}) {
  const { perMessageDeflate = false, bodyLimitBytes } = options;
  const http = createServer();
  const sockets = new WebSocketServer({ server: http, perMessageDeflate });
  sockets.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on('error', () => {});
  });
  const recording = await record(await listening(http), bodyLimitBytes);
  cleanups.push(() => {
    http.close();
    http.closeAllConnections();
    for (const socket of sockets.clients) socket.terminate();
  });
  const client = new WebSocket(`ws://127.0.0.1:${recording.port}/chat?room=1`, { perMessageDeflate });
  client.on('error', () => {});
  await once(client, 'open');
  return { client, sockets, recording };
}

async function echoed(client: WebSocket, data: string | Buffer, options: object = {}): Promise<void> {
  client.send(data, options);
  await once(client, 'message');
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not come');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const isOver = ({ parts }: Recording) => parts.at(-1)?.part.last === true;
const messagesOf = ({ parts }: Recording): StreamMessage[] => parts.flatMap(({ messages }) => messages);
const told = (recording: Recording) =>
  messagesOf(recording).map(({ from, kind, data }) => [from, kind, Buffer.from(data).toString('latin1')]);

test('text, binary, fragments, pings and the closing handshake, after the pair of the upgrade', async () => {
  const { client, recording } = await webSocket();
  await echoed(client, 'grüße');
  await echoed(client, Buffer.from([0, 255, 10]));
  client.send('one ', { fin: false });
  client.send('two ', { fin: false });
  await echoed(client, 'three', { fin: true });
  client.ping('are you there');
  await once(client, 'pong');
  client.close(4001, 'done');
  await until(() => isOver(recording));
  const text = Buffer.from('grüße').toString('latin1');
  expect(told(recording)).toEqual([
    ...[
      ['client', 'text', text],
      ['server', 'text', text],
    ],
    ...[
      ['client', 'binary', '\x00\xff\n'],
      ['server', 'binary', '\x00\xff\n'],
    ],
    ...[
      ['client', 'text', 'one two three'],
      ['server', 'text', 'one two three'],
    ],
    ...[
      ['client', 'ping', 'are you there'],
      ['server', 'pong', 'are you there'],
    ],
    ...[
      ['client', 'close', '\x0f\xa1done'],
      ['server', 'close', '\x0f\xa1done'],
    ],
  ]);
  expect(recording.parts).toMatchObject([
    { seq: 1, error: null, gapReason: '', part: { index: 0, last: true } },
  ]);
  expect(recording.pairs).toHaveLength(1);
  expect(recording.pairs[0]!.requestHead.toString()).toMatch(/^GET \/chat\?room=1 HTTP/);
  expect(recording.pairs[0]!.responseHead!.toString()).toMatch(/^HTTP\/1\.1 101/);
  expect(recording.opaque).toEqual([]);
});

test.each([
  ['with context takeover', { threshold: 0 }],
  ['without', { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true }],
  ['with small windows', { threshold: 0, serverMaxWindowBits: 9, clientMaxWindowBits: 10 }],
])('compressed messages %s', async (_, perMessageDeflate) => {
  const { client, recording } = await webSocket({ perMessageDeflate });
  const texts = Array.from(
    { length: 50 },
    (_, at) => `{"order":${at},"note":"${'the same again '.repeat(at * 3)}"}`,
  );
  for (const text of texts) await echoed(client, text);
  client.send('frag', { fin: false });
  await echoed(client, 'ment', { fin: true });
  client.close();
  await until(() => isOver(recording));
  const expected = [...texts, 'fragment'].flatMap((text) => [
    ['client', 'text', text],
    ['server', 'text', text],
  ]);
  expect(told(recording).filter(([, kind]) => kind !== 'close')).toEqual(expected);
  const wireBytes = recording.parts.reduce((sum, part) => sum + part.receivedBytes, 0);
  expect(wireBytes).toBeLessThan(texts.join('').length);
  expect(recording.parts.map(({ gapReason }) => gapReason).join('')).toBe('');
});

test('a large message keeps its first bytes and its size, compressed or not', async () => {
  for (const perMessageDeflate of [false, { threshold: 0 }]) {
    const { client, recording } = await webSocket({ perMessageDeflate, bodyLimitBytes: 1_000 });
    const large = Buffer.alloc(900_000, 'abcdefg');
    await echoed(client, large);
    await echoed(client, 'after');
    client.close();
    await until(() => isOver(recording));
    const [up, down, ...after] = messagesOf(recording);
    for (const one of [up!, down!]) {
      expect(one).toMatchObject({ kind: 'binary', size: large.length });
      expect(Buffer.from(one.data).equals(large.subarray(0, 1_000))).toBe(true);
    }
    expect(
      after.filter(({ kind }) => kind === 'text').map(({ data }) => Buffer.from(data).toString()),
    ).toEqual(['after', 'after']);
  }
});

test('many messages come in parts that lose and repeat nothing', async () => {
  const { client, recording } = await webSocket();
  const texts = Array.from({ length: 1_000 }, (_, at) => `m${at}`);
  for (const text of texts) client.send(text);
  await until(() => messagesOf(recording).length >= 1_792);
  client.close();
  await until(() => isOver(recording));
  expect(recording.parts.map(({ part }) => part.index)).toEqual(recording.parts.map((_, at) => at));
  const sent = messagesOf(recording).filter(({ from, kind }) => from === 'client' && kind === 'text');
  expect(sent.map(({ data }) => Buffer.from(data).toString())).toEqual(texts);
});

test('a connection that breaks off leaves what was said, with the error', async () => {
  const { client, sockets, recording } = await webSocket();
  await echoed(client, 'last words');
  recording.reset();
  await until(() => isOver(recording));
  expect(recording.parts).toMatchObject([{ error: 'reset', part: { last: true } }]);
  expect(told(recording)[0]).toEqual(['client', 'text', 'last words']);
  await until(() => sockets.clients.size === 0);
});

test('messages a server sends in the same breath as its answer are recorded', async () => {
  const raw = createTcpServer((socket) => {
    socket.once('data', () => {
      const head = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';
      socket.end(Buffer.concat([Buffer.from(head), Buffer.from('810568656c6c6f8800', 'hex')]));
    });
  });
  const recording = await record(await listening(raw));
  cleanups.push(() => raw.close());
  const client = connect(recording.port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  client.resume();
  await until(() => isOver(recording));
  client.destroy();
  expect(told(recording)).toEqual([
    ['server', 'text', 'hello'],
    ['server', 'close', ''],
  ]);
});

test('an event stream of node:http is recorded in parts that hold all of it', async () => {
  const events = Array.from({ length: 40 }, (_, at) => `id: ${at}\ndata: ${'x'.repeat(at)}\n\n`);
  const http = createServer(async (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    for (const event of events) await new Promise<void>((resolve) => response.write(event, () => resolve()));
    response.end();
  });
  const recording = await record(await listening(http), 400);
  cleanups.push(() => http.close());
  const response = get({ port: recording.port, path: '/events', agent: false });
  const [incoming] = await once(response, 'response');
  incoming.resume();
  await until(() => recording.pairs.at(-1)?.part?.last === true);
  const bodies = recording.pairs.map(({ responseBody }) => Buffer.concat(responseBody.kept).toString());
  expect(bodies.join('')).toBe(events.join(''));
  expect(recording.pairs.map(({ part, seq }) => [part!.index, seq])).toEqual(bodies.map((_, at) => [at, 0]));
  expect(recording.pairs.length).toBe(Math.ceil(events.join('').length / 400));
});
