// Forward mode without TLS against real sockets and real clients: absolute-form requests and CONNECT.
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '../../../test/ports.ts';
import { closeAll, converse, headOf, listening, run, startTestSidecar, until } from './sidecar.fixture.ts';

afterEach(closeAll);

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** An HTTP server that says what it was asked; `seen` is every request's head as Node read it. */
async function startOrigin(name = 'origin') {
  const seen: string[] = [];
  let connections = 0;
  const server = createHttpServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.rawHeaders.join('|')}`);
    request.resume().on('end', () => response.end(`${name} ${request.method} ${request.url}`));
  });
  server.on('connection', () => connections++);
  return { port: await listening(server), seen, connections: () => connections };
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

describe('absolute-form requests', () => {
  test('only the request line and Host change and the proxy fields go; the rest arrives verbatim', async () => {
    let received = '';
    const origin = await listening(
      createServer((socket) => {
        socket.on('data', (chunk) => {
          received += chunk.toString('latin1');
          if (received.endsWith('0\r\n\r\n')) socket.end(OK);
        });
      }),
    );
    const sidecar = await startTestSidecar({ MODE: 'forward' });
    const fields = `X-A:  1 \r\nx-a:\r\nTransfer-Encoding: chunked\r\n`;
    const body = '5;e=1\r\nhello\r\n0\r\n\r\n';
    const { received: answer } = await converse(sidecar.ports.out!, [
      `POST http://127.0.0.1:${origin}/p?q=%20#x HTTP/1.1\r\n`.replace('#x', ''),
      `hOST: odd\r\nProxy-Connection: keep-alive\r\n${fields}Proxy-Authorization: Basic x\r\n\r\n`,
      ...body,
    ]);
    const head = `POST /p?q=%20 HTTP/1.1\r\nHost: 127.0.0.1:${origin}\r\n${fields}\r\n`;
    expect(received).toBe(head + body);
    expect(answer.toString()).toBe(OK);
    const [pair] = await sidecar.captured(1);
    expect(headOf(pair!.request)).toBe(head);
    expect(pair).toMatchObject({ direction: 'OUT', scheme: 'http', tls: null, error: '' });
    expect(pair!.server).toEqual({ ip: '127.0.0.1', port: origin, host: '127.0.0.1' });
  });

  test('curl -x reaches hosts one after the other over one proxy connection, reusing the upstream of the same host', async () => {
    const [a, b] = [await startOrigin('a'), await startOrigin('b')];
    const sidecar = await startTestSidecar({ MODE: 'forward' });
    const urls = [
      `http://one.localhost:${a.port}/1`,
      `http://one.localhost:${a.port}/2`,
      `http://127.0.0.1:${b.port}/3`,
    ];
    const proxy = ['-sS', '-x', `http://127.0.0.1:${sidecar.ports.out}`];
    const { stdout, code } = await run('curl', [...proxy, '-w', '%{num_connects} ', ...urls]);
    expect(code).toBe(0);
    expect(stdout).toBe('a GET /11 a GET /20 b GET /30 ');
    expect([a.connections(), b.connections()]).toEqual([1, 1]);
    const pairs = await sidecar.captured(3);
    expect(pairs.map(({ server, seq }) => [server.host, seq])).toEqual([
      ['one.localhost', 0],
      ['one.localhost', 1],
      ['127.0.0.1', 0],
    ]);
  });

  test('pipelined requests for different hosts are answered in order', async () => {
    const [a, b] = [await startOrigin('a'), await startOrigin('b')];
    const sidecar = await startTestSidecar({ MODE: 'forward' });
    const get = (port: number, path: string, last = '') =>
      `GET http://127.0.0.1:${port}${path} HTTP/1.1\r\nHost: h\r\n${last}\r\n`;
    const requests = [
      get(a.port, '/1'),
      get(a.port, '/2'),
      get(b.port, '/3'),
      get(a.port, '/4', 'Connection: close\r\n'),
    ];
    const { received } = await converse(sidecar.ports.out!, [requests.join('')]);
    expect(received.toString().match(/[ab] GET \/\d/g)).toEqual([
      'a GET /1',
      'a GET /2',
      'b GET /3',
      'a GET /4',
    ]);
    await sidecar.captured(4);
  });

  test('a request to upgrade that is not upgraded leaves the next one its own host', async () => {
    const [a, b] = [await startOrigin('a'), await startOrigin('b')];
    const sidecar = await startTestSidecar({ MODE: 'forward' });
    const proxy = ['-sS', '--http2', '-x', `http://127.0.0.1:${sidecar.ports.out}`];
    const urls = [`http://127.0.0.1:${a.port}/1`, `http://127.0.0.1:${b.port}/2`];
    const { stdout } = await run('curl', [...proxy, '-w', '%{num_connects} ', ...urls]);
    expect(stdout).toBe('a GET /11 b GET /20 ');
    const upgrade = `GET ${urls[0]} HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n`;
    const last = `GET ${urls[1]} HTTP/1.1\r\nConnection: close\r\n\r\n`;
    const { received } = await converse(sidecar.ports.out!, [upgrade + last]);
    expect(received.toString().match(/[ab] GET \/\d/g)).toEqual(['a GET /1', 'b GET /2']);
  });

  test.each([
    ['is full', 'GET', { MAX_CONNECTIONS: 1 }],
    ['cannot frame the request', `GET${'X'.repeat(40)}`, {}],
  ])('a capture that %s delays no request for another host', async (_, method, env) => {
    const origins = await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        listening(
          createServer((socket) => socket.on('data', () => socket.write(OK.replace('ok', `${name}!`)))),
        ),
      ),
    );
    const sidecar = await startTestSidecar({ MODE: 'forward', ...env });
    const client = await connected(sidecar.ports.out!);
    const other = await connected(sidecar.ports.out!);
    const ask = async (from: Socket, port: number) => {
      from.write(`${method} http://127.0.0.1:${port}/ HTTP/1.1\r\n\r\n`);
      const [answer] = (await once(from, 'data')) as [Buffer];
      return answer.toString().slice(-2);
    };
    expect(await ask(other, origins[0]!)).toBe('a!');
    for (const at of [1, 2, 0]) expect(await ask(client, origins[at]!)).toBe(`${'abc'[at]}!`);
    client.destroy();
    other.destroy();
  });

  test.each([
    ['cannot be framed', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok'],
    ['is more than was asked for', OK + OK],
    ['changes the protocol unasked', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
  ])('when an answer %s, the client is closed instead of sent to another host', async (_, said) => {
    const a = await listening(createServer((socket) => socket.once('data', () => socket.write(said))));
    const b = await startOrigin('b');
    const sidecar = await startTestSidecar({ MODE: 'forward' });
    const client = await connected(sidecar.ports.out!);
    let heard = '';
    client.on('data', (chunk) => {
      heard += chunk;
    });
    client.write(`GET http://127.0.0.1:${a}/1 HTTP/1.1\r\n\r\n`);
    await until(() => heard === said, 'the answer');
    client.write(`GET http://127.0.0.1:${b.port}/2 HTTP/1.1\r\n\r\n`);
    await once(client, 'close');
    expect([heard, b.connections()]).toEqual([said, 0]);
  });

  test('a host that ends without an answer is not answered for by the next one', async () => {
    const a = await listening(createServer((socket) => socket.once('data', () => socket.end())));
    const b = await startOrigin('b');
    const sidecar = await startTestSidecar({ MODE: 'forward' });
    const requests = [a, b.port].map((port) => `GET http://127.0.0.1:${port}/ HTTP/1.1\r\n\r\n`);
    const { received } = await converse(sidecar.ports.out!, [requests.join('')]);
    expect([received.toString(), b.connections()]).toEqual(['', 0]);
  });

  test('a CONNECT waits for the answers before it', async () => {
    const [a, b] = [await startOrigin('a'), await startOrigin('b')];
    const sidecar = await startTestSidecar({ MODE: 'forward' });
    const { received } = await converse(sidecar.ports.out!, [
      `GET http://127.0.0.1:${a.port}/1 HTTP/1.1\r\n\r\nCONNECT 127.0.0.1:${b.port} HTTP/1.1\r\n\r\n`,
      'GET /2 HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n',
    ]);
    expect(received.toString().match(/[ab] GET \/\d|established/g)).toEqual([
      'a GET /1',
      'established',
      'b GET /2',
    ]);
  });

  test('after an upgrade the bytes of both sides pass untouched', async () => {
    const origin = await listening(
      createServer((socket) => {
        socket.once('data', () => {
          socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
          socket.on('data', (chunk) => socket.end(chunk));
        });
      }),
    );
    const sidecar = await startTestSidecar({ MODE: 'forward' });
    const client = connect(sidecar.ports.out!, '127.0.0.1');
    client.write(
      `GET http://127.0.0.1:${origin}/ HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`,
    );
    await once(client, 'data');
    client.write('\x00raw');
    const [echoed] = (await once(client, 'data')) as [Buffer];
    expect(echoed.toString()).toBe('\x00raw');
    client.end();
    const [upgrade, opaque] = await sidecar.captured(2);
    expect(headOf(upgrade!.response)).toMatch(/^HTTP\/1.1 101/);
    expect(opaque).toMatchObject({ protocol: 'opaque', gapReason: 'upgrade', seq: 1 });
  });

  test('a host that cannot be reached is a 502 and a pair that says so', async () => {
    const port = await freePort();
    const sidecar = await startTestSidecar({ MODE: 'forward' });
    const { received } = await converse(sidecar.ports.out!, [
      `GET http://127.0.0.1:${port}/x HTTP/1.1\r\nHost: h\r\n\r\n`,
    ]);
    expect(received.toString()).toMatch(/^HTTP\/1.1 502 Bad Gateway\r\n[\s\S]*ECONNREFUSED/);
    const [pair] = await sidecar.captured(1);
    expect(pair).toMatchObject({ error: 'connect-failed', response: null, ttfbUs: -1 });
    expect(headOf(pair!.request)).toMatch(/^GET \/x /);
  });

  test.each([
    ['origin-form', 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['an https URL', 'GET https://h/ HTTP/1.1\r\nHost: h\r\n\r\n'],
    ['a bad CONNECT', 'CONNECT nowhere HTTP/1.1\r\n\r\n'],
    ['two framings', 'POST http://h/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ])('%s is answered with 400', async (_, request) => {
    const sidecar = await startTestSidecar({ MODE: 'forward' });
    const { received } = await converse(sidecar.ports.out!, [request]);
    expect(received.toString()).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
  });
});

describe('CONNECT', () => {
  test('carries HTTP verbatim, for curl and for a fetch of Node that takes the proxy from its environment', async () => {
    const origin = await startOrigin();
    const sidecar = await startTestSidecar({ MODE: 'forward' });
    const proxy = `http://127.0.0.1:${sidecar.ports.out}`;
    const url = `http://rates.localhost:${origin.port}/v1`;
    const curl = await run('curl', ['-sS', '-p', '-x', proxy, url, url]);
    expect(curl.stdout).toBe('origin GET /v1origin GET /v1');
    const script = `console.log(await (await fetch('${url}')).text())`;
    const env = { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy };
    const node = await run(process.execPath, ['--input-type=module', '-e', script], env);
    expect(node.stdout).toBe('origin GET /v1\n');
    const pairs = await sidecar.captured(3);
    for (const pair of pairs) {
      expect(pair.server).toEqual({ ip: '127.0.0.1', port: origin.port, host: 'rates.localhost' });
      expect(headOf(pair.request)).toMatch(/^GET \/v1 HTTP\/1.1\r\n/);
    }
    expect(pairs[1]!.connection).toBe(pairs[0]!.connection);
  });

  test('passes bytes that follow it at once, and a server that speaks first', async () => {
    const origin = await listening(
      createServer((socket) => {
        socket.write('220 hi\r\n');
        socket.on('data', (chunk) => socket.end(chunk));
      }),
    );
    const sidecar = await startTestSidecar({ MODE: 'forward' });
    const open = `CONNECT 127.0.0.1:${origin} HTTP/1.1\r\nHost: h\r\n\r\n`;
    const early = await converse(sidecar.ports.out!, [`${open}EHLO`]);
    expect(early.received.toString()).toBe('HTTP/1.1 200 Connection established\r\n\r\n220 hi\r\nEHLO');
    const silent = connect(sidecar.ports.out!, '127.0.0.1');
    let heard = '';
    silent.on('data', (chunk) => {
      heard += chunk;
    });
    silent.write(open);
    await until(() => heard.endsWith('220 hi\r\n'), 'the banner');
    silent.end('bye');
    await sidecar.captured(2);
  });

  test('to a destination that cannot be reached, or to the sidecar itself, is a 502', async () => {
    const sidecar = await startTestSidecar({ MODE: 'dual', TARGET_PORT: 9 });
    const { out, in: inbound, admin } = sidecar.ports;
    const targets = [
      `127.0.0.1:${await freePort()}`,
      `127.0.0.1:${out}`,
      `localhost:${inbound}`,
      `[::ffff:127.0.0.1]:${admin}`,
      `self.localhost:${out}`,
    ];
    for (const target of targets) {
      const { received } = await converse(out!, [`CONNECT ${target} HTTP/1.1\r\n\r\n`]);
      expect(received.toString()).toMatch(/^HTTP\/1.1 502 [\s\S]*(ECONNREFUSED|ELOOP)/);
    }
    expect(sidecar.metrics.get('proxy_answers', '502')).toBe(targets.length);
    expect(sidecar.metrics.get('connections_captured', 'IN')).toBe(0);
  });
});
