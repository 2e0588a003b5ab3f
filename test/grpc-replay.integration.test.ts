// Calls of a real gRPC client and server, recorded on the wire, analyzed, and answered by the responder in the server's place:
// what the client sees is the same.
import { promisify } from 'node:util';
import { analyze } from '@echoplane/analyzer';
import type { RRPair } from '@echoplane/traffic';
import { capturedHttpPair, type RawHttpPair } from '@echoplane/wire';
import { Metadata, Server, ServerCredentials, type ServerDuplexStream, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { decoded, idOf, NOW_US } from '../packages/forwarder/src/captured.fixture.ts';
import {
  HOST,
  OrdersClient,
  type Seen,
  textMessage,
  textOf,
} from '../packages/responder/src/grpc.fixture.ts';
import { ResponderStage } from '../packages/responder/src/responder.fixture.ts';
import { Tap } from '../packages/wire/src/http2-tap.fixture.ts';
import { until } from './program-stage.ts';

const bytes = (value: Buffer) => value;
const method = (name: string) => ({
  ...{ path: `/shop.Orders/${name}`, requestStream: true, responseStream: true },
  ...{
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  },
});
type Call = ServerDuplexStream<Buffer, Buffer>;

const trailers = new Metadata();
trailers.set('x-shop', 'berlin');
/** Answers every message as it comes. */
const chat = (call: Call) => {
  call.on('data', (message: Buffer) => call.write(textMessage(`re: ${textOf(message)}`)));
  call.on('end', () => call.end(trailers));
};
/** Answers when all was said. */
const sum = (call: Call) => {
  const said: string[] = [];
  call.on('data', (message: Buffer) => said.push(textOf(message)));
  call.on('end', () => {
    call.write(textMessage(said.join('+')));
    call.end(trailers);
  });
};
const watch = (call: Call) => {
  call.on('data', () => {
    for (const text of ['x', 'y', 'z']) call.write(textMessage(text));
  });
  call.on('end', () => call.end(trailers));
};
const fail = (call: Call) => {
  const error = Object.assign(new Error('no such order'), { code: status.NOT_FOUND });
  call.on('data', () => call.emit('error', error));
};

let world: ResponderStage;
let server: Server;
let tap: Tap;
let clients: OrdersClient[];
beforeEach(async () => {
  clients = [];
  world = await ResponderStage.open();
  server = new Server();
  const definition = {
    chat: method('Chat'),
    sum: method('Sum'),
    watch: method('Watch'),
    fail: method('Fail'),
  };
  server.addService(definition, { chat, sum, watch, fail });
  const port = await promisify(server.bindAsync.bind(server))(
    '127.0.0.1:0',
    ServerCredentials.createInsecure(),
  );
  tap = new Tap(port!);
});
afterEach(async () => {
  for (const client of clients) client.close();
  server.forceShutdown();
  await tap.close();
  await world.close();
});

/** The RRPair that a sidecar and a forwarder would make of it. */
function pairOf(raw: RawHttpPair, n: number): RRPair {
  const [host, port] = HOST.split(':') as [string, string];
  const moved = raw.startedUs - (NOW_US + n * 1_000_000);
  const captured = capturedHttpPair(raw, {
    ...{ id: idOf(n), direction: 'OUT', scheme: 'http', tls: null, connection: 'c1', tags: {} },
    client: { ip: '127.0.0.1', port: 1, host: '' },
    server: { ip: '127.0.0.1', port: Number(port), host },
  });
  return decoded({ ...captured, tsUs: raw.startedUs - moved })!;
}

async function conversation(port: number): Promise<Omit<Seen, 'atMs'>[]> {
  const client = new OrdersClient(port);
  clients.push(client);
  const seen = [
    await client.call('Chat', ['one', 'two', 'three'], { isPaced: true }),
    await client.call('Sum', ['1', '2']),
    await client.call('Watch', ['all']),
    await client.call('Fail', ['17']),
  ];
  // Of a failure without messages the trailers are the head, which says how it was found.
  const own = ['date', 'x-echoplane-match'];
  return seen.map(({ atMs: _, trailers, ...rest }) => {
    const kept = Object.entries(trailers).filter(([name]) => !own.includes(name));
    return { ...rest, trailers: Object.fromEntries(kept) };
  });
}

test('chat, sum, watch and a failure look the same to their client in the recording and in the replay', async () => {
  const live = await conversation(await tap.listen());
  expect(live[0]).toMatchObject({ texts: ['re: one', 're: two', 're: three'], code: 0 });
  expect(live[3]).toMatchObject({ code: status.NOT_FOUND, details: 'no such order' });
  await until(() => tap.pairs.length === 4);
  const { mocks } = analyze(tap.pairs.map(pairOf));
  expect(mocks).toHaveLength(4);
  const { aliasPort, page } = await world.start(mocks);
  expect(await conversation(aliasPort)).toEqual(live);
  expect(await page('/stats')).toMatchObject({ exact: 4, miss: 0 });
});
