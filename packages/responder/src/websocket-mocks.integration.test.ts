import { type Mock, type StreamMessage, storeBody, TAG } from '@echoplane/traffic';
import { afterEach, beforeEach, expect, test } from 'vitest';
import WebSocket from 'ws';
import { until } from '../../../test/program-stage.ts';
import { mock, uuid } from './mock.fixture.ts';
import { RECORDED_PORT, type ResponderParts, ResponderStage } from './responder.fixture.ts';

const HOST = `feed.test:${RECORDED_PORT}`;
let world: ResponderStage;
let sockets: WebSocket[];
beforeEach(async () => {
  sockets = [];
  world = await ResponderStage.open();
});
afterEach(async () => {
  for (const socket of sockets) socket.terminate();
  await world.close();
});

type Line = [from: 'client' | 'server', atMs: number, data: string | Buffer, kind?: string];

function conversation(
  lines: Line[],
  { protocol = '', scheme = 'ws', extensions = '', sequence = 0 } = {},
): Mock {
  const messages = lines.map(([from, atMs, data, kind = 'text']): StreamMessage => {
    const { encoding: _, decoded: __, chunks: ___, ref: ____, ...stored } = storeBody(Buffer.from(data), '');
    return { from, kind, offsetUs: atMs * 1000, ...stored };
  });
  const upgrade = mock('GET', `${scheme === 'ws' ? 'http' : 'https'}://${HOST}/feed`, { sequence });
  const headers: [string, string][] = [
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Sec-WebSocket-Accept', 'of the recording'],
    ['X-Feed', 'berlin'],
    ...(protocol ? [['Sec-WebSocket-Protocol', protocol] as [string, string]] : []),
    ...(extensions ? [['Sec-WebSocket-Extensions', extensions] as [string, string]] : []),
  ];
  const response = {
    status: 101,
    reason: 'Switching Protocols',
    headers,
    body: storeBody(Buffer.alloc(0), ''),
  };
  return { ...upgrade, protocol: 'websocket', response, messages };
}

interface Client {
  socket: WebSocket;
  /** `text hello`, `ping beat`. */
  heard: string[];
  headers: Record<string, unknown>;
  /** Code and reason of the end. */
  closed: Promise<[number, string]>;
}

function open(
  port: number,
  { path = '/feed', protocols = [] as string[], isSecure = false } = {},
): Promise<Client> {
  const url = `${isSecure ? 'wss' : 'ws'}://127.0.0.1:${port}${path}`;
  const options = { headers: { Host: HOST }, ca: world.caPem, servername: 'feed.test' };
  const socket = new WebSocket(url, protocols, options);
  sockets.push(socket);
  const heard: string[] = [];
  socket.on('message', (data: Buffer, isBinary) => heard.push(`${isBinary ? 'binary' : 'text'} ${data}`));
  socket.on('ping', (data) => heard.push(`ping ${data}`));
  socket.on('pong', (data) => heard.push(`pong ${data}`));
  const closed = new Promise<[number, string]>((resolve) => {
    socket.once('close', (code, reason) => resolve([code, reason.toString()]));
  });
  return new Promise((resolve, reject) => {
    let headers: Record<string, unknown> = {};
    socket.once('upgrade', (response) => {
      headers = response.headers;
    });
    socket.once('open', () => resolve({ socket, heard, headers, closed }));
    socket.once('error', reject);
  });
}

const start = (mocks: Mock[], parts: ResponderParts = {}) => world.start(mocks, parts);

test('the server says what it said: greeting, answers, a ping, and its close with code and reason', async () => {
  const feed = conversation(
    [
      ['server', 1, 'hello'],
      ['client', 5, 'sub'],
      ['server', 6, '{"tick":1}'],
      ['server', 7, Buffer.from([1, 2, 0xff]), 'binary'],
      ['server', 8, 'beat', 'ping'],
      ['client', 9, 'beat', 'pong'],
      ['client', 10, 'end'],
      ['server', 11, Buffer.concat([Buffer.from([0x0f, 0xa0]), Buffer.from('done')]), 'close'],
    ],
    { protocol: 'v2.feed' },
  );
  const { aliasPort, page } = await start([feed]);
  const { socket, heard, headers, closed } = await open(aliasPort, { protocols: ['v1.feed', 'v2.feed'] });
  expect([socket.protocol, headers['x-feed'], headers['x-echoplane-match']]).toEqual([
    'v2.feed',
    'berlin',
    'exact',
  ]);
  await until(() => heard.length === 1);
  socket.send('sub');
  await until(() => heard.length === 4);
  expect(heard).toEqual([
    'text hello',
    'text {"tick":1}',
    `binary ${Buffer.from([1, 2, 0xff])}`,
    'ping beat',
  ]);
  socket.send('end');
  expect(await closed).toEqual([4000, 'done']);

  await until(() => world.receiver.pairs.length === 1);
  const [pair] = world.receiver.pairs;
  expect(pair).toMatchObject({
    protocol: 'websocket',
    error: '',
    tags: { [TAG.match]: 'exact', [TAG.mock]: feed.id },
  });
  expect(
    pair!
      .messages!.filter(({ kind }) => kind === 'text')
      .map(({ from, data }) => `${from} ${Buffer.from(data)}`),
  ).toEqual(['server hello', 'client sub', 'server {"tick":1}', 'client end']);
  expect(await page('/stats')).toMatchObject({ exact: 1, miss: 0 });
});

test('over TLS, compressed as it was recorded', async () => {
  const extensions = 'permessage-deflate; server_no_context_takeover';
  const feed = conversation(
    [
      ['client', 1, 'sub'],
      ['server', 2, 'x'.repeat(5_000)],
    ],
    { scheme: 'wss', extensions },
  );
  const { aliasPort } = await start([feed]);
  const { socket, heard } = await open(aliasPort, { isSecure: true });
  expect(socket.extensions).toBe('permessage-deflate');
  socket.send('sub');
  await until(() => heard.length === 1);
  expect(heard[0]).toBe(`text ${'x'.repeat(5_000)}`);
});

test('a message that differs is a miss that names the first difference, and the conversation goes on', async () => {
  const feed = conversation([
    ['client', 1, '{"op":"sub","id":17}'],
    ['server', 2, 'one'],
    ['client', 3, 'b'],
    ['server', 4, 'two'],
  ]);
  const { aliasPort, page } = await start([feed]);
  const { socket, heard } = await open(aliasPort);
  socket.send('{"op":"sub","id":18}');
  await until(() => heard.length === 1);
  socket.send('b');
  await until(() => heard.length === 2);
  expect(heard).toEqual(['text one', 'text two']);
  socket.close(1000);
  await until(() => world.receiver.pairs.length === 1);
  expect(world.receiver.pairs[0]).toMatchObject({
    error: 'no-match',
    tags: { [TAG.match]: 'miss', [TAG.mock]: feed.id, [TAG.difference]: 'message[0].body.id: 17 → 18' },
  });
  expect(await page('/misses')).toMatchObject([
    { nearest: feed.id, difference: 'message[0].body.id: 17 → 18' },
  ]);
});

test('a message that is longer than may be heard is a miss that says so', async () => {
  const feed = conversation([['client', 1, 'x'.repeat(3_000)]]);
  const { aliasPort, page } = await start([feed], { env: { ECHOPLANE_MESSAGE_LIMIT_BYTES: '2048' } });
  const { socket, closed } = await open(aliasPort);
  socket.send('x'.repeat(3_000));
  expect(await closed).toEqual([1009, '']);
  await until(() => world.receiver.pairs.length === 1);
  const difference = 'a message of more than 2048 bytes came; raise ECHOPLANE_MESSAGE_LIMIT_BYTES';
  expect(await page('/misses')).toMatchObject([{ nearest: feed.id, difference }]);
});

test('what the client makes anew comes back as its own', async () => {
  const feed = conversation([
    ['client', 1, JSON.stringify({ op: 'sub', id: uuid(1) })],
    ['server', 2, JSON.stringify({ acknowledged: uuid(1) })],
  ]);
  const { aliasPort } = await start([feed]);
  const { socket, heard } = await open(aliasPort);
  socket.send(JSON.stringify({ op: 'sub', id: uuid(2) }));
  await until(() => heard.length === 1);
  expect(heard).toEqual([`text ${JSON.stringify({ acknowledged: uuid(2) })}`]);
});

test('messages keep their distance from the client’s message they followed, times the latency', async () => {
  const feed = conversation([
    ['client', 0, 'sub'],
    ['server', 400, 'one'],
    ['server', 800, 'two'],
  ]);
  const { aliasPort } = await start([feed], { env: { ECHOPLANE_LATENCY: '0.5' } });
  const { socket, heard } = await open(aliasPort);
  const sentAt = performance.now();
  socket.send('sub');
  await until(() => heard.length === 2);
  expect(performance.now() - sentAt).toBeGreaterThan(390);
});

test('an upgrade without a mock is refused as any miss; pings are answered', async () => {
  const { aliasPort, page } = await start([conversation([['client', 1, 'x']])]);
  await expect(open(aliasPort, { path: '/other' })).rejects.toThrow('501');
  expect(await page('/stats')).toMatchObject({ miss: 1 });
  const { socket, heard } = await open(aliasPort);
  socket.ping('are you there');
  await until(() => heard.length === 1);
  expect(heard).toEqual(['pong are you there']);
});

test('equal conversations are played in recorded order', async () => {
  const feeds = ['first', 'second'].map((text, sequence) =>
    conversation([['server', 1, text]], { sequence }),
  );
  const { aliasPort } = await start(feeds);
  for (const text of ['first', 'second', 'second']) {
    const { heard } = await open(aliasPort);
    await until(() => heard.length === 1);
    expect(heard).toEqual([`text ${text}`]);
  }
});

test('chaos cuts a conversation off in the middle, and it is no miss', async () => {
  const feed = conversation([
    ['server', 1, 'one'],
    ['server', 2, 'two'],
    ['server', 3, 'three'],
    ['server', 4, 'four'],
  ]);
  const plan = { chaos: [{ name: 'cut', toxicity: 1, action: { type: 'truncate' as const } }] };
  const { aliasPort, page } = await start([feed], { plan });
  const { heard, closed } = await open(aliasPort);
  expect((await closed)[0]).toBe(1006);
  expect(heard).toEqual(['text one', 'text two']);
  await until(() => world.receiver.pairs.length === 1);
  expect(world.receiver.pairs[0]!.tags).toMatchObject({ [TAG.match]: 'exact', [TAG.chaos]: 'cut' });
  expect(await page('/stats')).toMatchObject({ exact: 1, miss: 0, chaos: { cut: 1 } });
});
