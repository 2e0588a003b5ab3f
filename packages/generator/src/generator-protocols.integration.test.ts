// Targets over TLS, HTTP/2, gRPC and WebSockets: what the service sees, and what is made of its answers.
import { createServer as createHttp2Server, createSecureServer } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import type { Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { createAuthority, loadAuthority } from '@echoplane/runtime';
import { type HeaderList, type StreamMessage, storeBody, TAG, type Test } from '@echoplane/traffic';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { GeneratorStage, jsonAnswer, newTest, voidButForPace } from './generator-stage.ts';

let stage: GeneratorStage;
beforeEach(async () => {
  stage = await GeneratorStage.open();
});
afterEach(() => stage.close());

const serve = (server: unknown) => stage.programs.serve(server as Server);

const [RECORDED, LIVE] = ['4d2c7f0e-6a51-4c0b-9d3e-0f1a2b3c4d5e', '9b1e3a7c-2f48-4e6d-8a90-5c6b7d8e9f01'];

/** An authority, a certificate for localhost and one for a client, as files and texts. */
async function certificates() {
  const { certPem, keyPem } = await createAuthority({ commonName: 'Test authority', days: 1 });
  const authority = await loadAuthority(certPem, keyPem);
  const [server, client] = [await authority.leaf('localhost'), await authority.leaf('client')];
  return {
    server: { cert: server.certPem, key: server.keyPem, ca: certPem },
    env: {
      ECHOPLANE_TARGET_CA_FILE: await stage.programs.file('ca.crt', certPem),
      ECHOPLANE_TARGET_CERT_FILE: await stage.programs.file('client.crt', client.certPem),
      ECHOPLANE_TARGET_KEY_FILE: await stage.programs.file('client.key', client.keyPem),
    },
  };
}

test('an https target is reached by its name, with our certificate, and the results say so', async () => {
  const { server, env } = await certificates();
  const seen: string[] = [];
  const port = await serve(
    createTlsServer({ ...server, requestCert: true, rejectUnauthorized: false }, (request, response) => {
      const socket = request.socket as TLSSocket & { servername: string };
      seen.push(`${socket.servername} ${request.headers.host} ${socket.getPeerCertificate().subject.CN}`);
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 2 }).end('{}');
    }),
  );
  const target = { ECHOPLANE_TARGET_URL: `https://localhost:${port}`, ...env };
  const run = await stage.replay(port, [newTest('a', {})], {
    env: { ...target, ECHOPLANE_HOST_HEADER: 'recorded' },
  });
  expect(seen).toEqual(['localhost shop.example client']);
  expect(run.asserted).toEqual({ passed: 1, failed: 0, headless: 0 });
  expect(stage.receiver.pairs[0]).toMatchObject({ scheme: 'https', tls: { sni: 'localhost' }, error: '' });
});

test('a certificate that is not trusted is one sentence, and taken when that was asked for', async () => {
  const { server } = await certificates();
  const port = await serve(
    createTlsServer({ cert: server.cert, key: server.key }, (_, response) => response.end('{}')),
  );
  const env = { ECHOPLANE_TARGET_URL: `https://localhost:${port}`, ECHOPLANE_START_TIMEOUT_MS: '0' };
  const { code, stderr } = await (await stage.start(port, [newTest('a', {})], { env })).ended;
  expect([code, stderr]).toEqual([1, expect.stringMatching(/cannot be reached; .*certificate/)]);
  const run = await stage.replay(port, [newTest('a', {})], { env: { ...env, ECHOPLANE_INSECURE: 'true' } });
  expect(run.sent).toBe(1);
});

test('HTTP/2 tests of a session share a connection, side by side, over TLS and without', async () => {
  const { server, env } = await certificates();
  const sessions = new Set<object>();
  const answer = (port: number, tls: boolean) => ({ port, tls });
  const handle = (stream: import('node:http2').ServerHttp2Stream, headers: Record<string, unknown>) => {
    sessions.add(stream.session!);
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    stream.end(JSON.stringify({ path: headers[':path'] }));
  };
  const plain = await serve(createHttp2Server().on('stream', handle));
  const secure = await serve(createSecureServer({ cert: server.cert, key: server.key }).on('stream', handle));
  const tests = [0, 1, 2].map((n) => http2Test(n, { path: `/${n}` }));
  for (const { port, tls } of [answer(plain, false), answer(secure, true)]) {
    sessions.clear();
    const url = `${tls ? 'https' : 'http'}://localhost:${port}`;
    const run = await stage.replay(port, tests, { env: { ...env, ECHOPLANE_TARGET_URL: url } });
    expect(run.asserted).toEqual({ passed: 3, failed: 0, headless: 0 });
    expect(sessions.size).toBe(1);
  }
  const { pairs } = stage.receiver;
  expect(pairs.map(({ protocol, error }) => [protocol, error])).toEqual(pairs.map(() => ['http/2', '']));
  // Side by side: whose answer is whole first is not said.
  const heads = pairs.map(({ request }) => Buffer.from(request!.head).toString()).toSorted();
  expect(heads[0]).toMatch(/^:method: GET\r\n:path: \/0\r\n/);
});

test('a gRPC stream is sent in its pieces, ended with the last, and its trailers come back', async () => {
  const frames = ['a', 'bb', 'ccc'].map((text) => {
    const frame = Buffer.alloc(5 + text.length, text);
    frame.writeUInt8(0, 0);
    frame.writeUInt32BE(text.length, 1);
    return frame;
  });
  const pieces: string[] = [];
  let hasEnded = false;
  const port = await serve(
    createHttp2Server().on('stream', (stream) => {
      stream.on('data', (piece: Buffer) => pieces.push(piece.toString('base64')));
      stream.on('end', () => {
        hasEnded = true;
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(frames[0]!);
      });
    }),
  );
  const bytes = Buffer.concat(frames);
  const chunks = frames.map((frame, n): [number, number] => [frame.length, n * 30_000]);
  const asked = { size: bytes.length, encoding: 'identity', base64: bytes.toString('base64'), chunks };
  const answered = { size: 6, encoding: 'identity', base64: frames[0]!.toString('base64') };
  const stream: Test = newTest(
    'a',
    {
      method: 'POST',
      target: '/shop.Cart/Add',
      headers: [
        ['content-type', 'application/grpc'],
        ['te', 'trailers'],
      ],
      body: asked,
    },
    {
      protocol: 'grpc',
      response: {
        status: 200,
        headers: [['content-type', 'application/grpc']],
        trailers: [['grpc-status', '0']],
        body: answered,
      },
    },
  );
  const run = await stage.replay(port, [stream]);
  expect(pieces).toEqual(frames.map((frame) => frame.toString('base64')));
  expect(hasEnded).toBe(true);
  expect(run.asserted).toEqual({ passed: 1, failed: 0, headless: 0 });
  const [pair] = stage.receiver.pairs;
  expect(pair).toMatchObject({ protocol: 'grpc', error: '' });
  expect(Buffer.from(pair!.response!.trailers).toString()).toContain('grpc-status: 0');
});

test('a WebSocket is talked to as it was: each message after those that had come before it', async () => {
  const server = new WebSocketServer({ noServer: true });
  const http = (await import('node:http')).createServer();
  http.on('upgrade', (request, socket, head) =>
    server.handleUpgrade(request, socket, head, (client) => {
      // Later than it was recorded: who does not listen speaks first.
      setTimeout(() => client.send('hello'), 100);
      client.on('message', (data) => client.send(`you said ${data}`));
    }),
  );
  const port = await serve(http);
  const said = (from: 'client' | 'server', text: string, offsetUs: number): StreamMessage => ({
    ...{ from, kind: 'text', offsetUs, size: text.length, text },
  });
  const talk = (last: string): Test =>
    newTest(
      'a',
      { target: '/ws' },
      {
        protocol: 'websocket',
        response: { status: 101, headers: [], body: storeBody(Buffer.alloc(0), '') },
        messages: [
          said('server', 'hello', 1_000),
          said('client', 'one', 2_000),
          said('server', 'you said one', 3_000),
          said('client', 'two', 4_000),
          said('server', last, 5_000),
        ],
      },
    );
  await stage.replay(port, [talk('you said two'), { ...talk('you said three'), order: 1, offsetUs: 9_000 }]);
  const [same, other] = stage.receiver.pairs;
  expect(same!.messages!.map(({ from, data }) => `${from} ${Buffer.from(data)}`)).toEqual([
    'server hello',
    'client one',
    'server you said one',
    'client two',
    'server you said two',
  ]);
  expect(same).toMatchObject({ protocol: 'websocket', error: '' });
  expect(other!.tags[TAG.verdict]).toBe('failed');
});

test('a WebSocket hears what others did meanwhile, once its client has said that it wants to', async () => {
  const seen: string[] = [];
  const watchers = new Set<import('ws').WebSocket>();
  const server = new WebSocketServer({ noServer: true });
  const http = (await import('node:http')).createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    if (request.method === 'POST') for (const watcher of watchers) watcher.send('an order');
    response.setHeader('content-type', 'application/json');
    response.end('{}');
  });
  http.on('upgrade', (request, socket, head) =>
    server.handleUpgrade(request, socket, head, (client) => {
      // Later than it was recorded.
      setTimeout(() => client.send('hello'), 100);
      client.on('message', (data) => {
        seen.push(String(data));
        if (String(data) === 'watch') watchers.add(client);
      });
    }),
  );
  const port = await serve(http);
  const said = (from: 'client' | 'server', text: string, offsetUs: number): StreamMessage => ({
    ...{ from, kind: 'text', offsetUs, size: text.length, text },
  });
  const watch = newTest(
    'a',
    { target: '/ws' },
    {
      ...{ protocol: 'websocket', durationUs: 1_000 },
      response: { status: 101, headers: [], body: storeBody(Buffer.alloc(0), '') },
      messages: [
        ...[said('server', 'hello', 2_000), said('client', 'watch', 3_000)],
        ...[said('server', 'an order', 62_000), said('client', 'thanks', 63_000)],
      ],
    },
  );
  const order = newTest('a', { method: 'POST', target: '/orders' }, { order: 1, offsetUs: 60_000 });
  const read = newTest('b', { target: '/orders' }, { offsetUs: 70_000 });
  await stage.replay(port, [watch, order, read]);
  expect(seen).toEqual(['watch', 'POST /orders', 'thanks', 'GET /orders']);
  const conversation = stage.receiver.pairs.find(({ protocol }) => protocol === 'websocket')!;
  expect(conversation.error).toBe('');
  expect(conversation.messages!.map(({ from, data }) => `${from} ${Buffer.from(data)}`)).toEqual([
    ...['server hello', 'client watch', 'server an order', 'client thanks'],
  ]);
});

test('what is handed out in a conversation is sent back in it, and by requests amid it', async () => {
  const server = new WebSocketServer({ noServer: true });
  const asked: string[] = [];
  const http = (await import('node:http')).createServer((request, response) => {
    asked.push(request.url!);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 2 }).end('{}');
    for (const client of server.clients) client.send('"seen"');
  });
  http.on('upgrade', (request, socket, head) =>
    server.handleUpgrade(request, socket, head, (client) => {
      client.send(JSON.stringify({ note: LIVE }));
      client.on('message', (data) => asked.push(String(data)));
    }),
  );
  const port = await serve(http);
  const said = (from: 'client' | 'server', json: unknown, offsetUs: number): StreamMessage => {
    const { encoding: _, ...body } = storeBody(Buffer.from(JSON.stringify(json)), '');
    return { from, kind: 'text', offsetUs, ...body };
  };
  const talk = newTest(
    'a',
    { target: '/ws' },
    {
      ...{
        protocol: 'websocket',
        consumes: ['t'],
        produces: [{ token: 't', path: 'messages[0].body.note' }],
      },
      response: { status: 101, headers: [], body: storeBody(Buffer.alloc(0), '') },
      messages: [
        said('server', { note: RECORDED }, 1_000),
        said('client', { open: RECORDED }, 2_000),
        said('server', 'seen', 900_000),
      ],
    },
  );
  const read = newTest(
    'a',
    { target: `/notes/${RECORDED}` },
    { order: 1, offsetUs: 600_000, consumes: ['t'] },
  );
  const producer = { test: talk.id, path: 'messages[0].body.note' };
  const token = {
    id: 't',
    kind: 'uuid' as const,
    session: 'a',
    value: RECORDED,
    consumers: [],
    evidence: '',
  };
  await stage.replay(port, [talk, read], { tokens: [{ ...token, producer, enabled: true }] });
  expect(asked).toEqual([`{"open":"${LIVE}"}`, `/notes/${LIVE}`]);
  expect(stage.receiver.pairs.map(({ tags }) => tags.unresolved)).toEqual([undefined, undefined]);
});

test('a WebSocket that was refused is refused again, with its answer; a Host that is signed stays', async () => {
  const http = (await import('node:http')).createServer((_, response) => response.writeHead(404).end('none'));
  const answer = '{"error":"who are you?"}';
  http.on('upgrade', (request, socket) =>
    socket.end(
      `HTTP/1.1 ${request.headers.host === 'shop.example' ? 401 : 400} Unauthorized\r\nContent-Type: application/json\r\nContent-Length: ${answer.length}\r\nConnection: close\r\n\r\n${answer}`,
    ),
  );
  const port = await serve(http);
  const headers: HeaderList = [
    ['host', 'shop.example'],
    ['connection', 'Upgrade'],
    ['upgrade', 'websocket'],
  ];
  await stage.replay(port, [newTest('a', { target: '/ws?X-Amz-SignedHeaders=host', headers })]);
  const [{ response, error }] = stage.receiver.pairs as [(typeof stage.receiver.pairs)[0]];
  expect(error).toBe('');
  expect(Buffer.from(response!.head).toString()).toMatch(/^HTTP\/1.1 401 /);
  expect(Buffer.from(response!.body).toString()).toBe(answer);
});

test('a message that is longer than may be heard ends its test, which has failed, and voids the run', async () => {
  const server = new WebSocketServer({ noServer: true });
  const http = (await import('node:http')).createServer();
  const long = 'x'.repeat(5_000);
  http.on('upgrade', (request, socket, head) =>
    server.handleUpgrade(request, socket, head, (client) => {
      client.send('short');
      client.send(long);
      client.on('error', () => {});
    }),
  );
  const port = await serve(http);
  const message = (text: string, offsetUs: number): StreamMessage => ({
    ...{ from: 'server', kind: 'text', offsetUs, size: text.length, text },
  });
  const talk = newTest(
    'a',
    { target: '/ws' },
    {
      protocol: 'websocket',
      response: { status: 101, headers: [], body: storeBody(Buffer.alloc(0), '') },
      messages: [message('short', 1_000), message(long, 2_000)],
    },
  );
  const assertions = JSON.stringify([{ type: 'status' }, { type: 'body' }]);
  const env = { ECHOPLANE_ASSERTIONS: assertions };
  const run = await stage.replay(port, [talk], { env: { ...env, ECHOPLANE_MESSAGE_LIMIT_BYTES: '4096' } });
  expect(run).toMatchObject({ sent: 1, asserted: { passed: 0, failed: 1 } });
  expect(voidButForPace(run)).toEqual([
    '1 conversations were ended by a message of more than 4096 bytes; raise ECHOPLANE_MESSAGE_LIMIT_BYTES',
  ]);
  const [cut] = stage.receiver.pairs.splice(0);
  expect(cut).toMatchObject({ gapReason: 'message-too-long', tags: { [TAG.verdict]: 'failed' } });
  expect(cut!.messages!.map(({ data }) => Buffer.from(data).toString())).toEqual(['short']);
  const heard = await stage.replay(port, [talk], { env });
  expect(heard).toMatchObject({ asserted: { passed: 1 } });
  expect(voidButForPace(heard)).toEqual([]);
});

test('what cannot be sent is counted with its reason and listed', async () => {
  const server = (await import('node:http')).createServer((_, response) => response.end('{}'));
  const port = await serve(server);
  const cut = { size: 8, encoding: 'identity' };
  const notKept: StreamMessage = { from: 'client', kind: 'binary', offsetUs: 0, size: 20_000_000 };
  const tests = [
    newTest('a', { method: 'POST', body: cut }),
    newTest('a', {}, { order: 1, offsetUs: 1, protocol: 'postgres' }),
    newTest('a', {}, { order: 2, offsetUs: 2, consumes: ['t'] }),
    newTest('a', {}, { order: 3, offsetUs: 3 }),
    newTest('a', {}, { order: 4, offsetUs: 4, protocol: 'websocket', messages: [notKept] }),
  ];
  const token = { id: 't', kind: 'uuid' as const, session: 'a', value: 'v', consumers: [], evidence: '' };
  const tokens = [{ ...token, producer: { test: tests[0]!.id, path: 'body.id' }, enabled: true }];
  const file = `${stage.programs.folder}/not-sent.jsonl`;
  const env = { ECHOPLANE_STRICT: 'true', ECHOPLANE_NOT_SENT_FILE: file };
  const run = await stage.replay(port, tests, { tokens, env });
  const wanted = { 'incomplete-request': 2, 'unsupported-protocol': 1, 'unresolved-token': 1 };
  expect(run).toMatchObject({ testsPlanned: 5, sent: 1, notSent: wanted });
  expect(voidButForPace(run)).toEqual([]);
  const lines = (await (await import('node:fs/promises')).readFile(file, 'utf8')).trim().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { test: tests[0]!.id, reason: 'incomplete-request' },
    { test: tests[1]!.id, reason: 'unsupported-protocol', detail: 'postgres' },
    { test: tests[2]!.id, reason: 'unresolved-token', detail: 't' },
    { test: tests[4]!.id, reason: 'incomplete-request', detail: '20000000 bytes' },
  ]);
});

function http2Test(order: number, body: unknown): Test {
  const response = jsonAnswer(body);
  const headers: Test['response']['headers'] = [['content-type', 'application/json']];
  return newTest(
    'a',
    { target: `/${order}`, headers: [['accept', '*/*']] },
    { order, offsetUs: order, durationUs: 1_000_000, protocol: 'http/2', response: { ...response, headers } },
  );
}
