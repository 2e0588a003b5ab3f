// Reverse mode against real sockets: what passes through the sidecar is, byte for byte and in every way a connection can
// end, what passes without it.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '../../../test/ports.ts';
import {
  atEnd,
  bodyOf,
  closeAll,
  converse,
  headOf,
  listening,
  run,
  startTestSidecar,
  until,
} from './sidecar.fixture.ts';

afterEach(closeAll);

/** A sender that made no progress in so many polls is held back. */
const STALLED_POLLS = 40;

/** An ordinary HTTP server whose answers depend on the request only. */
async function startOrigin(): Promise<number> {
  const server = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      response.sendDate = false;
      const body = `${request.method} ${request.url} ${JSON.stringify(request.rawHeaders)} ${Buffer.concat(chunks)}`;
      if (request.url === '/none') response.writeHead(204).end();
      else if (request.url === '/cached') response.writeHead(304, { ETag: '"a"' }).end();
      else if (request.url === '/hints') {
        response.writeEarlyHints({ link: '</a.css>; rel=preload' });
        response.end(body);
      } else if (request.url === '/trailers') {
        response.writeHead(200, { Trailer: 'X-Sum' });
        response.write(body);
        response.addTrailers({ 'X-Sum': '1' });
        response.end();
      } else response.writeHead(200, 'Fine, thanks', { 'X-Odd': ['a', 'b'] }).end(body);
    });
  });
  return listening(server);
}

const CLOSE = 'Connection: close\r\n\r\n';
const LAST = `GET /last HTTP/1.1\r\nHost: a\r\n${CLOSE}`;

/** Name, what the client sends in pieces, how many pairs that is. */
const CORPUS: [name: string, pieces: string[], pairs: number][] = [
  ['a plain GET', [LAST], 1],
  [
    'odd case, repeated and empty headers',
    [`GET /x HTTP/1.1\r\nhOsT: a\r\nX-A: 1\r\nx-a:\r\nX-A:  2 \r\n${CLOSE}`],
    1,
  ],
  ['a head byte by byte', [...LAST], 1],
  ['keep-alive, then close', ['GET /one HTTP/1.1\r\nHost: a\r\n\r\n', LAST], 2],
  [
    'pipelining in one write',
    [`GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n${LAST}`],
    3,
  ],
  ['a body with a length', [`POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n${CLOSE}he`, 'llo'], 1],
  [
    'chunks with extensions and trailers',
    [
      `POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n${CLOSE}5;x=y\r\nhel`,
      'lo\r\n0\r\nX-T: 1\r\n\r\n',
    ],
    1,
  ],
  [
    '100-continue',
    [`PUT /c HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n${CLOSE}`, 'ok'],
    1,
  ],
  [
    'HEAD, 204 and 304',
    [
      'HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n',
      'GET /none HTTP/1.1\r\nHost: a\r\n\r\n',
      'GET /cached HTTP/1.1\r\nHost: a\r\n\r\n',
      LAST,
    ],
    4,
  ],
  ['103 early hints', [`GET /hints HTTP/1.1\r\nHost: a\r\n${CLOSE}`], 1],
  ['response trailers', [`GET /trailers HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n${CLOSE}`], 1],
  ['HTTP/1.0', ['GET /old HTTP/1.0\r\n\r\n'], 1],
  [
    'a length and chunks at once',
    [`POST /s HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n${CLOSE}0\r\n\r\n`],
    1,
  ],
  ['bare line feeds', ['GET /lf HTTP/1.1\nHost: a\n\n'], 1],
  ['what is not HTTP at all', ['\x00\x01\x02 hello \xff'], 1],
];

describe('reverse mode', () => {
  test.each(CORPUS)('the answer to %s is the same as without the sidecar', async (_, pieces, pairs) => {
    const origin = await startOrigin();
    const sidecar = await startTestSidecar({ MODE: 'reverse', TARGET_PORT: origin });
    const bytes = pieces.map((piece) => Buffer.from(piece, 'latin1'));
    const direct = await converse(origin, bytes);
    const through = await converse(sidecar.ports.in!, bytes);
    expect(through.received.toString('latin1')).toBe(direct.received.toString('latin1'));
    expect(through.error).toBe(direct.error);
    expect(await sidecar.captured(pairs)).toHaveLength(pairs);
  });

  test('a pair says what passed: heads verbatim, bodies without framing, addresses, times and tags', async () => {
    const origin = await startOrigin();
    const sidecar = await startTestSidecar({
      MODE: 'reverse',
      TARGET_PORT: origin,
      TAGS: 'build=v1',
      BODY_LIMIT: 4,
    });
    const head = `POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n${CLOSE}`;
    const { received } = await converse(sidecar.ports.in!, [`${head}5\r\nhello\r\n0\r\n\r\n`]);
    const [pair] = await sidecar.captured(1);
    expect(pair).toMatchObject({
      direction: 'IN',
      scheme: 'http',
      protocol: 'http/1.1',
      seq: 0,
      error: '',
      gapReason: '',
    });
    expect(pair).toMatchObject({
      tags: { build: 'v1' },
      server: { ip: '127.0.0.1', port: origin },
      tls: null,
    });
    expect(pair!.client.port).toBeGreaterThan(0);
    expect(headOf(pair!.request)).toBe(head);
    expect(bodyOf(pair!.request)).toBe('hell');
    expect(pair!.request!.bodySize).toBe(5);
    expect(received.toString('latin1').startsWith(headOf(pair!.response))).toBe(true);
    expect(pair!.ttfbUs).toBeGreaterThan(0);
    expect(pair!.durationUs).toBeGreaterThanOrEqual(pair!.ttfbUs);
  });

  test('curl uploads in chunks, over one connection, with 100-continue', async () => {
    const origin = await startOrigin();
    const sidecar = await startTestSidecar({ MODE: 'reverse', TARGET_PORT: origin });
    const url = `http://127.0.0.1:${sidecar.ports.in}/up`;
    const upload = [
      '-sS',
      '-H',
      'Transfer-Encoding: chunked',
      '-H',
      'Expect: 100-continue',
      '-d',
      'payload',
      url,
    ];
    const { code, stdout } = await run('curl', [...upload, '--next', '-sS', '-I', url]);
    expect(code).toBe(0);
    expect(stdout).toContain('payload');
    const [post, head] = await sidecar.captured(2);
    expect(bodyOf(post!.request)).toBe('payload');
    expect(headOf(head!.request)).toMatch(/^HEAD \/up /);
    expect(head!.connection).toBe(post!.connection);
    expect(head!.seq).toBe(1);
  });

  test('a slow reader gets 64 MB byte for byte, and the sender is held back meanwhile', async () => {
    const block = randomBytes(1 << 20);
    const blocks = 64;
    let sent = 0;
    const origin = await listening(
      createServer((socket) => {
        socket.write(
          `HTTP/1.1 200 OK\r\nContent-Length: ${blocks * block.length}\r\nConnection: close\r\n\r\n`,
        );
        const more = () => {
          let isFull = false;
          for (; sent < blocks && !isFull; sent++) isFull = !socket.write(block);
          if (sent === blocks) socket.end();
        };
        socket.on('drain', more).once('data', more);
      }),
    );
    const sidecar = await startTestSidecar({ MODE: 'reverse', TARGET_PORT: origin });
    const client = connect(sidecar.ports.in!, '127.0.0.1').pause();
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    let before = -1;
    let stillFor = 0;
    await until(() => {
      stillFor = sent > 0 && sent === before ? stillFor + 1 : 0;
      before = sent;
      return stillFor === STALLED_POLLS;
    }, 'the sender to stall');
    // What the kernel holds for two loopback connections, and not the whole body.
    expect(sent).toBeLessThan(blocks - 8);
    const hash = createHash('sha256');
    let headed = false;
    client.on('data', (chunk) => {
      hash.update(headed ? chunk : chunk.subarray(chunk.indexOf('\r\n\r\n') + 4));
      headed = true;
      client.pause();
      setImmediate(() => client.resume());
    });
    await once(client.resume(), 'close');
    const expected = createHash('sha256');
    for (let i = 0; i < blocks; i++) expected.update(block);
    expect(hash.digest('hex')).toBe(expected.digest('hex'));
    const [pair] = await sidecar.captured(1);
    expect(pair!.response!.bodySize).toBe(blocks * block.length);
    expect(pair!.response!.body.length).toBe(64 << 10);
  });

  test('a half-closed client still gets its answer', async () => {
    let wasEnded = false;
    const origin = await listening(
      createServer({ allowHalfOpen: true }, (socket) => {
        socket.resume().on('end', () => {
          wasEnded = true;
          socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        });
      }),
    );
    const sidecar = await startTestSidecar({ MODE: 'reverse', TARGET_PORT: origin });
    const { received } = await converse(sidecar.ports.in!, ['GET / HTTP/1.1\r\nHost: a\r\n\r\n'], {
      halfClose: true,
    });
    expect(wasEnded).toBe(true);
    expect(received.toString()).toMatch(/\r\n\r\nok$/);
    expect((await sidecar.captured(1))[0]!.error).toBe('');
  });

  test('a reset in the middle of a body reaches the other side as a reset, both ways', async () => {
    const sockets: Socket[] = [];
    const errors: string[] = [];
    const origin = await listening(
      createServer((socket) => {
        sockets.push(socket);
        socket.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code ?? ''));
        socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'));
      }),
    );
    const sidecar = await startTestSidecar({ MODE: 'reverse', TARGET_PORT: origin });
    const dial = () => {
      const client = connect(sidecar.ports.in!, '127.0.0.1');
      client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      return client;
    };
    const first = dial();
    await once(first, 'data');
    sockets[0]!.resetAndDestroy();
    const [error] = (await once(first, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
    const second = dial();
    await once(second, 'data');
    second.resetAndDestroy();
    await until(() => errors.includes('ECONNRESET'), 'the reset at the server');
    const pairs = await sidecar.captured(2);
    expect(pairs.map((pair) => [pair.error, bodyOf(pair.response)])).toEqual([
      ['reset', 'half'],
      ['reset', 'half'],
    ]);
  });

  test('an app that does not listen looks like a reset connection', async () => {
    const sidecar = await startTestSidecar({ MODE: 'reverse', TARGET_PORT: await freePort() });
    const { received, error } = await converse(sidecar.ports.in!, ['GET / HTTP/1.1\r\nHost: a\r\n\r\n']);
    expect(received).toHaveLength(0);
    expect(error).toBe('ECONNRESET');
    expect(sidecar.metrics.get('connect_failures', 'IN')).toBe(1);
  });

  test('a server that speaks first is heard at once, and is one opaque pair', async () => {
    const origin = await listening(
      createServer((socket) => {
        socket.write('220 ready\r\n');
        socket.on('data', () => socket.end('221 bye\r\n'));
      }),
    );
    const sidecar = await startTestSidecar({ MODE: 'reverse', TARGET_PORT: origin });
    const client = connect(sidecar.ports.in!, '127.0.0.1');
    const [banner] = (await once(client, 'data')) as [Buffer];
    expect(banner.toString()).toBe('220 ready\r\n');
    client.end('QUIT\r\n');
    const [pair] = await sidecar.captured(1);
    expect(pair).toMatchObject({
      protocol: 'opaque',
      gapReason: 'server-first',
      request: null,
      response: null,
    });
    expect(pair).toMatchObject({ sentBytes: 6, receivedBytes: 20, error: '' });
  });

  test('traffic does not notice a forwarder that is absent, or that accepts and never reads', async () => {
    const origin = await startOrigin();
    const hole = await listening(createServer((socket) => socket.pause()));
    for (const FORWARDER_PORT of [await freePort(), hole]) {
      const sidecar = await startTestSidecar({ MODE: 'reverse', TARGET_PORT: origin, FORWARDER_PORT });
      for (let i = 0; i < 50; i++) {
        const { received } = await converse(sidecar.ports.in!, [LAST]);
        expect(received.toString()).toMatch(/^HTTP\/1.1 200 /);
      }
      expect(sidecar.sender.counters()).toMatchObject({ captured: 50, delivered: 0 });
      sidecar.sender.close();
    }
  });

  test('stops: a request in progress is answered, an idle connection is closed, then nothing is accepted', async () => {
    let finish = () => {};
    const server = createHttpServer((request, response) => {
      if (request.url === '/idle') response.end('idle');
      else finish = () => response.end('done');
    });
    const target = await listening(server);
    // A port of its own, that nobody else is given once the sidecar has left it.
    const env = { IN_PORT: await freePort(), TARGET_PORT: target, DRAIN_DEADLINE: 10 };
    const sidecar = await startTestSidecar({ MODE: 'reverse', ...env });
    const idle = connect(sidecar.ports.in!, '127.0.0.1');
    idle.write('GET /idle HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(idle, 'data');
    atEnd(() => void idle.destroy());
    const busy = converse(sidecar.ports.in!, [`GET /busy HTTP/1.1\r\nHost: a\r\n${CLOSE}`]);
    const isBusy = once(server, 'request');
    await isBusy;
    const idleClosed = once(idle.resume(), 'end');
    const stopped = sidecar.stop();
    await idleClosed;
    finish();
    expect((await busy).received.toString()).toMatch(/done/);
    await stopped;
    expect((await converse(sidecar.ports.in!, [LAST])).error).toBe('ECONNREFUSED');
    expect(sidecar.sender.counters()).toMatchObject({ captured: 2, delivered: 2 });
  });

  test('connections above the limit pass unseen and are counted', async () => {
    const origin = await startOrigin();
    const sidecar = await startTestSidecar({ MODE: 'reverse', TARGET_PORT: origin, MAX_CONNECTIONS: 1 });
    const first = connect(sidecar.ports.in!, '127.0.0.1');
    first.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(first, 'data');
    expect((await converse(sidecar.ports.in!, [LAST])).received.toString()).toMatch(/^HTTP\/1.1 200 /);
    expect(sidecar.metrics.get('connections_unseen', 'IN')).toBe(1);
    first.destroy();
    await sidecar.captured(1);
    expect(sidecar.pairs).toHaveLength(1);
  });
});
