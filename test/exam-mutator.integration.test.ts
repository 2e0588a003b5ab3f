// The exam's mutators on real sockets: what has no fault passes byte by byte, and every fault of the wire does what it says.
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import {
  connect,
  constants,
  createServer as createHttp2Server,
  type Http2Server,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { Answer } from './exam/faults/answer.ts';
import { CATALOGUE } from './exam/faults/catalogue.ts';
import { startGrpcMutator } from './exam/faults/grpc-mutator.ts';
import { type Mutator, Planted, startMutator } from './exam/faults/mutator.ts';
import { writeFields } from './exam/faults/protobuf.ts';
import { SLOW_MS, WIRE_FAULTS } from './exam/faults/wire-faults.ts';

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const planted = (name: string, target: string, usual: Answer[] = []) => {
  const fault = [...CATALOGUE, ...WIRE_FAULTS].find((one) => one.name === name)!;
  return new Planted({ fault, target, place: 'here', touches: 1, isFollowed: false }, usual);
};
const portOf = (server: Server | Http2Server) => (server.address() as AddressInfo).port;

/** A service that answers `{"n":1}` under gzip at `/json` and counts what it was asked; `/plain` is never a place. */
async function service(plant?: Planted): Promise<{ mutator: Mutator; asked: () => number }> {
  let asked = 0;
  const server = createServer((incoming, out) => {
    asked++;
    out.sendDate = false;
    if (incoming.url === '/plain')
      return void out
        .writeHead(203, 'So So', ['X-One', '1', 'x-one', '2', 'Content-Length', '3'])
        .end('a\n\xff', 'latin1');
    const body = gzipSync('{"n":1,"words":"a longer text than twenty"}');
    out.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Encoding': 'gzip',
      'Content-Length': body.length,
    });
    out.end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  const routes = (_method: string, target: string) => (target === '/json' ? 'here' : null);
  const places = new Map(plant ? [['here', plant]] : []);
  const mutator = await startMutator(`http://127.0.0.1:${portOf(server)}`, routes, places);
  open.push(() => mutator.close());
  return { mutator, asked: () => asked };
}

async function ask(url: string): Promise<{ answer: IncomingMessage; body: Buffer }> {
  const sent = request(url, { agent: false }).end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { answer, body: Buffer.concat(chunks) };
}

test('a WebSocket passes as it is, and ends with the mutator', async () => {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`re: ${data}`)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(async () => server.close());
  const mutator = await startMutator(`http://127.0.0.1:${portOf(server)}`, () => 'here', new Map());
  const socket = new WebSocket(mutator.url.replace('http', 'ws'));
  await once(socket, 'open');
  socket.send('hello');
  const [data] = await once(socket, 'message');
  expect(String(data)).toBe('re: hello');
  const closed = once(socket, 'close');
  await mutator.close();
  await closed;
});

test('what has no fault passes as it is: reason, names of headers, their order, bytes', async () => {
  const { mutator } = await service(planted('number +1', 'body.n'));
  const { answer, body } = await ask(`${mutator.url}/plain`);
  expect([answer.statusCode, answer.statusMessage]).toEqual([203, 'So So']);
  expect(answer.rawHeaders.slice(0, 4)).toEqual(['X-One', '1', 'x-one', '2']);
  expect(body.toString('latin1')).toBe('a\n\xff');
});

test('a fault of a value stands in the answer under its coding and with its own length, and is counted', async () => {
  const plant = planted('number +1', 'body.n');
  const { mutator } = await service(plant);
  const { answer, body } = await ask(`${mutator.url}/json`);
  expect(gunzipSync(body).toString()).toBe('{"n":2,"words":"a longer text than twenty"}');
  expect(answer.headers).toMatchObject({ 'content-encoding': 'gzip', 'content-length': String(body.length) });
  expect(plant).toMatchObject({ touched: 1, changes: [{ before: { status: 200 }, after: { status: 200 } }] });
  expect(plant.firstUs).toBeGreaterThan(0);
});

test('a fault that finds nothing to change is not counted', async () => {
  const plant = planted('number +1', 'body.elsewhere');
  const { mutator } = await service(plant);
  await ask(`${mutator.url}/json`);
  expect(plant).toMatchObject({ touched: 0, firstUs: null, changes: [] });
});

test('a slow answer comes later, whole', async () => {
  const { mutator } = await service(planted('slow', 'latency'));
  const began = performance.now();
  const { body } = await ask(`${mutator.url}/json`);
  expect(performance.now() - began).toBeGreaterThanOrEqual(SLOW_MS - 1);
  expect(gunzipSync(body).toString()).toContain('"n":1');
});

test('a lost write is answered as ever and never reaches the service, as long as there are usual answers', async () => {
  const headers: [string, string][] = [['content-length', '2']];
  const usual = { status: 201, headers, trailers: [], body: Buffer.from('ok') };
  const plant = planted('lost write', 'later', [usual]);
  const { mutator, asked } = await service(plant);
  const { answer, body } = await ask(`${mutator.url}/json`);
  expect([answer.statusCode, body.toString(), asked()]).toEqual([201, 'ok', 0]);
  await ask(`${mutator.url}/json`);
  expect([asked(), plant.touched]).toEqual([1, 1]);
});

test('an answer is cut before its length, and a connection is reset instead of one', async () => {
  const cut = await service(planted('content length', 'no-response'));
  await expect(ask(`${cut.mutator.url}/json`)).rejects.toThrow('aborted');
  const reset = await service(planted('connection reset', 'no-response'));
  await expect(ask(`${reset.mutator.url}/json`)).rejects.toThrow('ECONNRESET');
});

const frame = (n: bigint) => {
  const message = writeFields([{ number: 1, value: n }]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

/** Answers with two messages, in pieces that end inside of one, then OK. */
function twoMessages(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  const bytes = Buffer.concat([frame(1n), frame(2n)]);
  stream.write(bytes.subarray(0, 9), () => stream.end(bytes.subarray(9)));
}

async function call(
  plant: Planted,
): Promise<{ status: unknown; build: unknown; trailer: unknown; body: Buffer }> {
  const server = createHttp2Server();
  server.on('stream', (stream) => twoMessages(stream));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const places = new Map([['here', plant]]);
  const mutator = await startGrpcMutator(`http://127.0.0.1:${portOf(server)}`, () => 'here', places);
  const client = connect(mutator.url);
  open.push(
    async () => server.close(),
    () => mutator.close(),
    async () => client.destroy(),
  );
  const stream = client.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: '/a.B/C',
  });
  stream.end(frame(7n));
  let trailers: Record<string, unknown> = {};
  stream.on('trailers', (read) => {
    trailers = read;
  });
  const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return { status: head[':status'], build: head['x-debug-build'], trailer: trailers['grpc-status'], body };
}

test('a fault of gRPC is put into every message, and the answer counts once', async () => {
  const plant = planted('gRPC number +1', 'body[].1');
  const { status, trailer, body } = await call(plant);
  expect(body).toEqual(Buffer.concat([frame(2n), frame(3n)]));
  expect([status, trailer, plant.touched, plant.changes.length]).toEqual([200, '0', 1, 2]);
});

test('faults of the head and of the trailers of gRPC leave the messages alone', async () => {
  const added = await call(planted('header added', 'header.x-debug-build'));
  expect(added).toMatchObject({ status: 200, build: 'internal-17', trailer: '0' });
  const unavailable = await call(planted('gRPC unavailable', 'trailer.grpc-status'));
  expect(unavailable).toMatchObject({ status: 200, trailer: '14' });
  expect(unavailable.body).toEqual(Buffer.concat([frame(1n), frame(2n)]));
});
