// Real clients and servers that carry the canaries: HTTP/1.1 and HTTP/2 by Node, curl, WebSockets by ws, gRPC by grpc-js,
// and bytes by hand for what none of them would say. The sidecar stands between; it must not be known here.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import {
  connect as connectHttp2,
  createServer as createHttp2Server,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { promisify } from 'node:util';
import {
  Client,
  credentials,
  Server as GrpcServer,
  type handleUnaryCall,
  Metadata,
  ServerCredentials,
} from '@grpc/grpc-js';
import { WebSocket, WebSocketServer } from 'ws';
import * as c from './canaries.ts';
import type { Plant } from './canary-plant.ts';
import { PLANTS } from './canary-plants.ts';

export const BY_NAME = new Map(PLANTS.map((plant) => [plant.name, plant]));
const json = JSON.stringify(c.everyCanary());
const log = c.canaryLog();
const PLAIN = PLANTS.filter(({ raw }) => raw === undefined);
/** Large bodies go one way only: what is cut does not depend on the way, and there is less to search. */
const SMALL = PLAIN.filter(({ body }) => (body?.length ?? 0) < 64 << 10);
/** HTTP/2 has none of these. */
const CONNECTION = new Set([
  'keep-alive',
  'connection',
  'upgrade',
  'host',
  'content-length',
  'transfer-encoding',
]);

const plantOf = (url: string) => BY_NAME.get(/\/c\/([\w-]+)/.exec(url)?.[1] ?? '');
const answerOf = (plant: Plant | undefined) => plant?.answer ?? plant?.headers ?? [];

/** One port for HTTP/1.1, HTTP/2, WebSockets and raw bytes: everything that is sent comes back. */
export async function serveOrigin(): Promise<{ port: number; close(): void }> {
  const http = createHttpServer({ maxHeaderSize: 64 << 10 }, answerHttp1);
  http.on('upgrade', (asked: IncomingMessage, socket: Socket, head) => {
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: { threshold: 0 } });
    sockets.handleUpgrade(asked, socket, head, (ws) => {
      ws.on('message', (data: Buffer, isBinary) => ws.send(data, { binary: isBinary }));
      ws.on('close', () => sockets.close());
    });
  });
  const http2 = createHttp2Server({ settings: { maxHeaderListSize: 64 << 10 } });
  http2.on('stream', (stream, headers) => {
    const plant = plantOf(String(headers[':path']));
    stream.on('wantTrailers', () => stream.sendTrailers(http2Headers(plant?.trailers ?? [])));
    const waitForTrailers = plant?.trailers !== undefined;
    stream.on('end', () => {
      stream.respond({ ':status': 200, ...http2Headers(answerOf(plant)) }, { waitForTrailers });
      stream.end(plant?.body);
    });
    stream.on('error', () => {}).resume();
  });
  const ports = { http: await listening(http), http2: await listening(http2) };
  const sockets = new Set<Socket>();
  const front = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', (first) => {
      const text = first.toString('latin1');
      const raw = PLANTS.find((plant) => plant.raw?.request === text)?.raw;
      if (raw) return socket.end(raw.response, 'latin1');
      const far = connect(text.startsWith('PRI') ? ports.http2 : ports.http, '127.0.0.1');
      far.setNoDelay().write(first);
      far.on('error', () => {}).on('close', () => socket.destroy());
      socket.on('close', () => far.destroy());
      return socket.pipe(far).pipe(socket);
    });
  });
  const port = await listening(front);
  return {
    port,
    close() {
      for (const socket of sockets) socket.destroy();
      for (const server of [front, http, http2]) server.close();
    },
  };
}

function answerHttp1(asked: IncomingMessage, response: ServerResponse): void {
  const plant = plantOf(asked.url ?? '');
  const { trailers, body = Buffer.alloc(0) } = plant ?? {};
  asked.resume().on('end', () => {
    const framing: [string, string] = trailers
      ? ['Transfer-Encoding', 'chunked']
      : ['Content-Length', String(body.length)];
    response.writeHead(200, [...answerOf(plant), framing].flat());
    if (trailers) {
      response.write(body);
      response.addTrailers(trailers);
      response.end();
    } else response.end(body);
  });
}

function http2Headers(list: readonly (readonly [string, string])[]): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of list) {
    const lower = name.toLowerCase();
    if (CONNECTION.has(lower)) continue;
    const before = headers[lower];
    headers[lower] = before === undefined ? value : [before, value].flat();
  }
  return headers;
}

/** Every plant over HTTP/1.1; through a proxy when `origin` is given. */
export async function sendHttp1(port: number, origin?: number): Promise<number> {
  const authority = `127.0.0.1:${origin ?? port}`;
  const plants = origin === undefined ? PLAIN : SMALL;
  for (const plant of plants) {
    const path = `${origin === undefined ? '' : `http://${authority}`}/c/${plant.name}${plant.target ?? ''}`;
    const { body = Buffer.alloc(0), trailers } = plant;
    const framing: [string, string] = trailers
      ? ['Transfer-Encoding', 'chunked']
      : ['Content-Length', String(body.length)];
    const headers = [['Host', authority], ...(plant.headers ?? []), framing];
    const asked = request({ host: '127.0.0.1', port, method: 'POST', path, headers: headers.flat() });
    if (trailers) {
      asked.write(body);
      asked.addTrailers(trailers);
      asked.end();
    } else asked.end(body);
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'end');
  }
  return plants.length;
}

export async function sendHttp2(port: number): Promise<number> {
  const session = connectHttp2(`http://127.0.0.1:${port}`, { settings: { maxHeaderListSize: 64 << 10 } });
  for (const plant of SMALL) {
    const path = `/c/${plant.name}${plant.target ?? ''}`;
    const headers = { ':method': 'POST', ':path': path, ...http2Headers(plant.headers ?? []) };
    const stream = session.request(headers, { waitForTrailers: plant.trailers !== undefined });
    stream.on('wantTrailers', () => stream.sendTrailers(http2Headers(plant.trailers ?? [])));
    stream.end(plant.body);
    stream.resume();
    await once(stream, 'end');
  }
  session.close();
  return SMALL.length;
}

/** What no client says. */
export async function sendRaw(port: number): Promise<number> {
  const raws = PLANTS.flatMap(({ raw }) => (raw ? [raw] : []));
  for (const raw of raws) {
    const socket = connect(port, '127.0.0.1');
    socket.write(raw.request, 'latin1');
    socket.resume();
    await once(socket, 'close');
  }
  return raws.length;
}

export async function sendCurl(port: number): Promise<number> {
  const url = (name: string) => `http://127.0.0.1:${port}/c/${name}`;
  const calls = [
    ['-u', `${c.EMAIL.value}:${c.PASSWORD.value}:x`, '--compressed', url('gzip')],
    ['-d', `password=${c.PASSWORD.value}`, '--data-urlencode', `note=${log}`, url('form')],
    ['-F', `password=${c.PASSWORD.value}`, '-F', `doc=${json};type=application/json`, url('multipart')],
    ['-G', '--data-urlencode', `token=${c.TOKEN.value}`, '--data-urlencode', `f=${json}`, url('query')],
    [
      '-b',
      `session=${c.TOKEN.value}; mail=${c.EMAIL.value}`,
      '-H',
      `X-API-KEY: ${c.TOKEN.value}`,
      url('cookies'),
    ],
    ['--http2-prior-knowledge', '-d', json, '-H', 'content-type: application/json', url('json')],
    ['-A', `bot ${c.EMAIL.value}`, '-e', `http://h/?password=${c.PASSWORD.value}`, url('br')],
    ['-T', '/dev/null', '-H', `Authorization: token ${c.TOKEN.value}`, url('zstd')],
  ];
  for (const call of calls)
    await promisify(execFile)('curl', ['-sS', '--max-time', '20', '-o', '/dev/null', '--globoff', ...call]);
  return calls.length;
}

/** Messages of every kind, compressed, one of them in fragments; the last word of the connection too. */
export async function sendWebSocket(port: number): Promise<number> {
  const options = { perMessageDeflate: { threshold: 0 }, headers: { 'X-Api-Key': c.TOKEN.value } };
  for (const perMessageDeflate of [options.perMessageDeflate, false]) {
    const path = `/c/websocket?access_token=${c.TOKEN.value}`;
    const ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, { ...options, perMessageDeflate });
    await once(ws, 'open');
    let answers = 0;
    const all = Promise.withResolvers<void>();
    ws.on('message', () => ++answers === 4 && all.resolve());
    ws.send(json);
    ws.send(log);
    ws.send(Buffer.from(json), { binary: true });
    const middle = Math.floor(json.length / 2);
    ws.send(json.slice(0, middle), { fin: false });
    ws.send(json.slice(middle), { fin: true });
    ws.ping(c.EMAIL.value);
    await all.promise;
    ws.close(4000, `bye ${c.EMAIL.value}`);
    await once(ws, 'close');
  }
  return 2;
}

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
function field(number: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes]);
}

/** What gRPC carries, six messages deep. */
export function grpcMessage(): Buffer {
  let deep = Buffer.concat(c.SHAPED.map(({ value }, at) => field(at + 1, value)));
  for (let depth = 0; depth < 6; depth++) deep = Buffer.concat([field(1, deep), Buffer.from([0x10, 7])]);
  return Buffer.concat([field(2, json), field(3, `password=${c.PASSWORD.value}`), field(16, deep)]);
}

const bytes = (value: Buffer) => value;

const say: handleUnaryCall<Buffer, Buffer> = (call, done) => {
  call.sendMetadata(metadata());
  if (call.request.length > 0) done(null, call.request, metadata());
  else done({ code: 16, details: `no ${c.EMAIL.value} ${c.CARD.value}`, metadata: metadata() });
};

export async function serveGrpc(): Promise<{ port: number; close(): void }> {
  const server = new GrpcServer();
  const method = { requestStream: false, responseStream: false, path: '/c.grpc/Say' } as const;
  const codec = {
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
  server.addService({ say: { ...method, ...codec } }, { say });
  const port = await promisify(server.bindAsync.bind(server))(
    '127.0.0.1:0',
    ServerCredentials.createInsecure(),
  );
  return { port: port as number, close: () => server.forceShutdown() };
}

function metadata(): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${c.TOKEN.value}`);
  metadata.set('x-api-key', c.TOKEN.value);
  metadata.set('x-note', `${c.EMAIL.value} ${c.CARD.value}`);
  metadata.set('x-doc-bin', Buffer.from(json));
  return metadata;
}

export async function sendGrpc(port: number): Promise<number> {
  const message = grpcMessage();
  for (const algorithm of [0, 2]) {
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.default_compression_algorithm': algorithm,
    });
    for (const request of [message, Buffer.alloc(0)]) {
      const { promise, resolve } = Promise.withResolvers<void>();
      client.makeUnaryRequest('/c.grpc/Say', bytes, bytes, request, metadata(), () => resolve());
      await promise;
    }
    client.close();
  }
  return 4;
}

export async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
