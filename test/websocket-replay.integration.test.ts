// A WebSocket of a real client and server, recorded by a real sidecar, analyzed, and played by the responder in the server's
// place: what the client hears is the same.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { analyze } from '@echoplane/analyzer';
import { type RRPair, settleBody } from '@echoplane/traffic';
import type { CapturedPair } from '@echoplane/wire';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { ARRIVAL } from '../packages/forwarder/src/captured.fixture.ts';
import { decodePair } from '../packages/forwarder/src/intake/decode-pair.ts';
import { ResponderStage } from '../packages/responder/src/responder.fixture.ts';
import { until } from './program-stage.ts';

let world: ResponderStage;
let closers: (() => void)[];
beforeEach(async () => {
  closers = [];
  world = await ResponderStage.open();
});
afterEach(async () => {
  for (const close of closers) close();
  await world.close();
});

/** A feed that greets, answers every message, pings, and closes with a code of its own when it is told to. */
async function feed(): Promise<number> {
  const server = createServer();
  const sockets = new WebSocketServer({ server, perMessageDeflate: true });
  sockets.on('connection', (socket) => {
    socket.send('welcome');
    socket.on('message', (data: Buffer, isBinary) => {
      if (String(data) === 'bye') return socket.close(4_001, 'as you wish');
      socket.send(isBinary ? data : `re: ${data}`, { binary: isBinary });
      if (String(data) === 'prices?') socket.ping('beat');
    });
  });
  closers.push(() => sockets.close());
  return world.stage.serve(server);
}

/** The pair as a forwarder stores it. */
function stored(captured: CapturedPair): RRPair {
  const pair = decodePair(captured, { ...ARRIVAL, nowUs: Date.now() * 1000 }, { leftBytes: 1 << 20 })!;
  for (const message of [pair.request, pair.response]) if (message) settleBody(message.body);
  return pair;
}

/** What a client hears that reaches the feed through a proxy. */
async function conversation(proxyPort: number, feedPort: number): Promise<string[]> {
  const tunnel: Socket = connect(proxyPort, '127.0.0.1');
  tunnel.write(`CONNECT localhost:${feedPort} HTTP/1.1\r\nHost: localhost:${feedPort}\r\n\r\n`);
  const [answer] = (await once(tunnel, 'data')) as [Buffer];
  expect(answer.toString()).toContain(' 200 ');
  const socket = new WebSocket(`ws://localhost:${feedPort}/prices?of=berlin`, ['v1.feed'], {
    createConnection: () => tunnel,
  });
  closers.push(() => socket.terminate());
  const heard: string[] = [];
  const say = ['prices?', Buffer.from([0, 1, 2, 255]), 'x'.repeat(3_000), 'bye'];
  const next = () => socket.send(say.shift()!);
  socket.on('ping', (data) => heard.push(`ping ${data}`));
  socket.on('message', (data: Buffer, isBinary) => {
    heard.push(`${isBinary ? 'binary' : 'text'} ${data.toString('latin1')}`);
    next();
  });
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
  return [
    ...heard.filter((one) => !one.startsWith('ping')),
    ...heard.filter((one) => one.startsWith('ping')),
    `${socket.protocol} ${code} ${reason}`,
  ];
}

test('greeting, answers, a ping and the close are the same in the recording and in the replay', async () => {
  const { receiver, stage } = world;
  const feedPort = await feed();
  const sidecar = stage.start('sidecar', {
    ...{ ECHOPLANE_MODE: 'forward', ECHOPLANE_WORKLOAD: 'shop', ECHOPLANE_OUT_PORT: '0' },
    ...{ ECHOPLANE_ADMIN_PORT: '0', ECHOPLANE_FORWARDER_PORT: String(receiver.port) },
  });
  const ready = (await sidecar.event('ready')) as { ports?: { out?: number } } & Record<string, unknown>;
  const outPort = (ready.outPort ?? ready.ports?.out) as number;
  const live = await conversation(outPort, feedPort);
  expect(live.slice(0, 3)).toEqual(['text welcome', 'text re: prices?', 'binary \0\u0001\u0002ÿ']);
  expect(live.at(-1)).toBe('v1.feed 4001 as you wish');
  await until(() => receiver.pairs.some(({ part }) => part?.last));
  const { mocks } = analyze(receiver.pairs.map(stored));
  expect(mocks.map(({ protocol }) => protocol)).toEqual(['websocket']);
  const { port, page } = await world.start(mocks);
  expect(await conversation(port, feedPort)).toEqual(live);
  expect(await page('/stats')).toMatchObject({ exact: 1, miss: 0 });
});
