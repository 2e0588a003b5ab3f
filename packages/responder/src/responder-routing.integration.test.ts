// How requests of a cluster reach the responder: sidecars' connections with a PROXY header, and host aliases without one.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createAuthority } from '@echoplane/runtime';
import { type Mock, TAG } from '@echoplane/traffic';
import { type ProxyHeader, parseHttp2Head, renderProxyHeader } from '@echoplane/wire';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ProgramStage, type Receiver, until } from '../../../test/program-stage.ts';
import { mock } from './mock.fixture.ts';

const CLIENT = { ip: '10.0.0.9', port: 50_123 };
const TO_PAY: ProxyHeader = {
  source: CLIENT,
  destination: { ip: '10.96.0.4', port: 8443 },
  authority: 'pay.test',
};

let stage: ProgramStage;
let receiver: Receiver;
let authority: { caFile: string; keyFile: string };
beforeEach(async () => {
  stage = await ProgramStage.open();
  receiver = await stage.receiver();
  const { certPem, keyPem } = await createAuthority({ commonName: 'Test authority', days: 1 });
  authority = { caFile: await stage.file('ca.pem', certPem), keyFile: await stage.file('ca.key', keyPem) };
});
afterEach(() => stage.close());

describe('from a sidecar', () => {
  test('plain bytes after a header with TLS are an https request of the client named there', async () => {
    const charge = mock('GET', 'https://pay.test:8443/v1', { response: { body: 'paid' } });
    const { sidecarPort } = await start([charge]);
    const answer = await say(sidecarPort, [
      renderProxyHeader({ ...TO_PAY, tls: { version: 'TLSv1.3' }, alpn: 'http/1.1' }),
      get('/v1', 'pay.test:8443'),
    ]);
    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n.*x-echoplane-match: exact\r\n.*\r\n\r\npaid$/s);
    await until(() => receiver.pairs.length === 1);
    expect(receiver.pairs[0]).toMatchObject({
      ...{ scheme: 'https', client: CLIENT, server: { host: 'pay.test', port: 8443 } },
      tls: { sni: 'pay.test', version: 'TLSv1.3', alpn: 'http/1.1' },
      tags: { [TAG.mock]: charge.id },
    });
  });

  test('a request without a Host is found by the name in the header, and by the address when there is no name', async () => {
    const { sidecarPort } = await start([
      mock('GET', 'http://rates.test:8080/', { response: { body: 'by name' } }),
      mock('GET', 'http://10.96.0.7:8080/', { response: { body: 'by address' } }),
    ]);
    const destination = { ip: '10.96.0.7', port: 8080 };
    const bare = Buffer.from('GET / HTTP/1.0\r\n\r\n');
    const named = renderProxyHeader({ source: CLIENT, destination, authority: 'rates.test' });
    expect(await say(sidecarPort, [named, bare])).toMatch(/by name$/);
    expect(await say(sidecarPort, [renderProxyHeader({ source: CLIENT, destination }), bare])).toMatch(
      /by address$/,
    );
  });

  test('a header that arrives byte by byte is read, and two requests share its connection', async () => {
    const { sidecarPort } = await start([
      mock('GET', 'http://pay.test:8443/a'),
      mock('GET', 'http://pay.test:8443/b'),
    ]);
    const bytes = [...renderProxyHeader(TO_PAY)].map((byte) => Buffer.from([byte]));
    const answer = await say(sidecarPort, [
      ...bytes,
      get('/a', 'pay.test:8443', 'keep-alive'),
      get('/b', 'pay.test:8443'),
    ]);
    expect(answer.match(/x-echoplane-match: exact/g)).toHaveLength(2);
    await until(() => receiver.pairs.length === 2);
    expect(receiver.pairs.map(({ seq }) => seq)).toEqual([0, 1]);
    expect(new Set(receiver.pairs.map(({ connection }) => connection)).size).toBe(1);
  });

  test('TLS that nobody ended is ended here, by SNI', async () => {
    const { sidecarPort } = await start([
      mock('GET', 'https://pay.test:8443/v1', { response: { body: 'paid' } }),
    ]);
    const socket = connect(sidecarPort, '127.0.0.1');
    socket.write(renderProxyHeader(TO_PAY));
    const secured = connectTls({ socket, servername: 'pay.test', ca: await readFile(authority.caFile) });
    expect(await exchange(secured, [get('/v1', 'pay.test:8443')])).toMatch(/paid$/);
    await until(() => receiver.pairs.length === 1);
    expect(receiver.pairs[0]).toMatchObject({ scheme: 'https', tls: { sni: 'pay.test' }, client: CLIENT });
  });

  test('without an authority of its own it serves sidecars, and TLS is refused with what to do', async () => {
    const { sidecarPort } = await start([mock('GET', 'http://pay.test:8443/')], {
      ...{ ECHOPLANE_CA_CERT_FILE: '', ECHOPLANE_CA_KEY_FILE: '' },
    });
    const header = renderProxyHeader(TO_PAY);
    expect(await say(sidecarPort, [header, get('/', 'pay.test:8443')])).toContain('match: exact');
    const socket = connect(sidecarPort, '127.0.0.1');
    socket.write(header);
    const secured = connectTls({ socket, servername: 'pay.test' });
    await once(secured, 'error');
    await until(() => receiver.pairs.length === 2);
    expect(receiver.pairs[1]).toMatchObject({ error: 'tls-failed' });
    expect(receiver.pairs[1]!.tags[TAG.difference]).toContain('tls-out');
  });

  test('HTTP/2 is answered, its trailers and repeated fields too, and the pair is one of HTTP/2', async () => {
    const charge = mock('POST', 'https://pay.test:8443/v1', {
      request: { a: 1 },
      response: { body: '{"b":2}' },
    });
    charge.response.headers.push(['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2'], ['Connection', 'close']);
    charge.response.trailers = [['x-sum', '7']];
    const { sidecarPort } = await start([charge]);
    const socket = connect(sidecarPort, '127.0.0.1');
    socket.write(renderProxyHeader({ ...TO_PAY, tls: { version: 'TLSv1.3' }, alpn: 'h2' }));
    const session = connectHttp2('http://pay.test:8443', { createConnection: () => socket });
    const ask = async (path: string) => {
      const stream = session.request({
        ...{ ':method': 'POST', ':path': path, ':scheme': 'https', ':authority': 'pay.test:8443' },
        'content-type': 'application/json',
      });
      stream.end('{"a":1}');
      const [[headers], trailers, body] = await Promise.all([
        once(stream, 'response'),
        path === '/v1' ? once(stream, 'trailers') : [{}],
        stream.toArray(),
      ]);
      return { headers, trailers: trailers[0], text: Buffer.concat(body).toString() };
    };
    const found = await ask('/v1');
    expect(found).toMatchObject({
      headers: { ':status': 200, 'x-echoplane-match': 'exact', 'set-cookie': ['a=1', 'b=2'] },
      ...{ trailers: { 'x-sum': '7' }, text: '{"b":2}' },
    });
    expect((await ask('/v2')).headers).toMatchObject({ ':status': 501, 'x-echoplane-match': 'miss' });
    session.close();
    await until(() => receiver.pairs.length === 2);
    const [pair] = receiver.pairs;
    expect(pair).toMatchObject({ protocol: 'http/2', scheme: 'https', error: '', tls: { alpn: 'h2' } });
    const head = parseHttp2Head(Buffer.from(pair!.request!.head))!;
    expect(Object.fromEntries(head.pseudo)).toEqual({
      ...{ method: 'POST', scheme: 'https', authority: 'pay.test:8443', path: '/v1' },
    });
    expect(parseHttp2Head(Buffer.from(pair!.response!.head))!.pseudo.get('status')).toBe('200');
  });

  test('what has no header is closed and counted, and another protocol is a recorded miss', async () => {
    const { sidecarPort, admin } = await start([]);
    expect(await say(sidecarPort, [get('/', 'pay.test')])).toBe('');
    expect(await admin('GET', '/metrics')).toContain(
      'echoplane_responder_refused_connections_total{reason="proxy-header"} 1',
    );
    expect(receiver.pairs).toEqual([]);
    expect(
      await say(sidecarPort, [
        renderProxyHeader(TO_PAY),
        Buffer.from('\0\0\0\x08\x04\xd2\x16\x2f', 'latin1'),
      ]),
    ).toBe('');
    await until(() => receiver.pairs.length === 1);
    expect(receiver.pairs[0]).toMatchObject({ error: 'no-match', server: { host: 'pay.test', port: 8443 } });
  });
});

describe('host aliases', () => {
  test('curl finds mocks by SNI and by Host on recorded ports, and a name without mocks is a miss', async () => {
    const mocks = [
      mock('GET', 'https://pay.test/v1', { response: { body: 'paid' } }),
      mock('GET', 'http://rates.test:8080/', { response: { body: '1.1' } }),
    ];
    const { aliasPorts, curl } = await start(mocks, { ECHOPLANE_LISTEN_PORTS: '443=0,8080=0' });
    const secure = await curl(
      '--connect-to',
      `pay.test:443:127.0.0.1:${aliasPorts[443]}`,
      '--cacert',
      authority.caFile,
      'https://pay.test/v1',
    );
    expect(secure).toMatch(/match: exact.*paid$/s);
    const via = ['--connect-to', `::127.0.0.1:${aliasPorts[8080]}`];
    expect(await curl(...via, 'http://rates.test:8080/')).toMatch(/match: exact.*1\.1$/s);
    expect(await curl(...via, 'http://other.test:8080/')).toContain('match: miss');
  });

  test('only what is to pass is dialled: by name beside mocks, at once on a port without any', async () => {
    let dialled = 0;
    const real = createServer((socket) => {
      dialled++;
      socket.on('error', () => {});
      // The server begins, as a database's does.
      socket.write('hello from the real one\n');
      socket.once('data', () =>
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nreal'),
      );
    });
    const port = await stage.serve(real);
    const other = await stage.serve(createServer((socket) => socket.end('other')));
    const { aliasPorts } = await start([mock('GET', `http://rates.test:${port}/`)], {
      ECHOPLANE_LISTEN_PORTS: `${port}=0,${other}=0,1=0`,
      ECHOPLANE_PASS_THROUGH: `localhost:${port},localhost:${other}`,
    });
    expect(await say(aliasPorts[port]!, [get('/', `rates.test:${port}`)])).toContain('match: exact');
    expect(await say(aliasPorts[port]!, [get('/', `elsewhere.test:${port}`)])).toContain('match: miss');
    expect(await say(aliasPorts[1]!, [get('/', 'localhost:1')])).toContain('match: miss');
    expect(dialled).toBe(0);
    expect(await say(aliasPorts[port]!, [get('/', `LOCALHOST:${port}`)])).toMatch(/^hello from.*real$/s);
    expect(dialled).toBe(1);
    expect(await exchange(connect(aliasPorts[other]!, '127.0.0.1'), [])).toBe('other');
  });
});

test('/stats says what the operator asks for, and POST /drain waits until everything is acknowledged', async () => {
  const { sidecarPort, admin } = await start([mock('GET', 'http://pay.test:8443/')]);
  for (const path of ['/', '/', '/x'])
    await say(sidecarPort, [renderProxyHeader(TO_PAY), get(path, 'pay.test:8443')]);
  expect(JSON.parse(await admin('POST', '/drain'))).toEqual({
    ...{ delivered: 3, undelivered: 0, exact: 2, volatile: 0, miss: 1 },
  });
  expect(receiver.pairs).toHaveLength(3);
  expect(JSON.parse(await admin('GET', '/stats'))).toMatchObject({
    ...{ exact: 2, volatile: 0, miss: 1, delivered: 3, mocks: 1 },
    pairs: { captured: 3, delivered: 3, dropped: {} },
  });
  // It serves on.
  expect(await say(sidecarPort, [renderProxyHeader(TO_PAY), get('/', 'pay.test:8443')])).toContain('exact');
  await until(() => receiver.pairs.length === 4);
});

test('mocks and rules that are no files are fetched', async () => {
  const asked: (string | undefined)[] = [];
  const found = mock('GET', 'http://pay.test:8443/', { response: { body: 'fetched' } });
  const artifacts = createHttpServer((request, response) => {
    asked.push(request.url);
    if (request.url === '/a/mocks.jsonl') return response.end(`${JSON.stringify(found)}\n`);
    return response.writeHead(404).end();
  });
  const { sidecarPort } = await start([], {
    ...{ ECHOPLANE_MOCKS_FILE: '', ECHOPLANE_ARTIFACTS_FOLDER: `${stage.folder}/artifacts` },
    ECHOPLANE_ARTIFACTS_URL: `http://127.0.0.1:${await stage.serve(artifacts)}/a`,
  });
  expect(await say(sidecarPort, [renderProxyHeader(TO_PAY), get('/', 'pay.test:8443')])).toMatch(/fetched$/);
  expect(asked).toEqual(['/a/mocks.jsonl', '/a/rules.json', '/a/transforms.json']);
});

test('ports and destinations that are none are said, all at once', async () => {
  const { code, stderr } = await stage.start('responder', {
    ECHOPLANE_WORKLOAD: 'shop',
    ECHOPLANE_LISTEN_PORTS: '80,http',
    ECHOPLANE_PASS_THROUGH: 'db',
  }).ended;
  expect(code).toBe(64);
  expect(stderr).toContain('ECHOPLANE_LISTEN_PORTS is not valid (http is not port or recorded=port)');
  expect(stderr).toContain('ECHOPLANE_PASS_THROUGH is not valid (db is not host:port)');
});

async function start(mocks: Mock[], env: Record<string, string> = {}) {
  const lines = mocks.map((line) => `${JSON.stringify(line)}\n`).join('');
  const program = stage.start('responder', {
    ...{ ECHOPLANE_CA_CERT_FILE: authority.caFile, ECHOPLANE_CA_KEY_FILE: authority.keyFile },
    ...{ ECHOPLANE_MOCKS_FILE: await stage.file('mocks.jsonl', lines), ECHOPLANE_SIDECAR_PORT: '0' },
    ...{
      ECHOPLANE_LATENCY: 'none',
      ECHOPLANE_FORWARDER_PORT: String(receiver.port),
      ECHOPLANE_WORKLOAD: 'shop',
    },
    ...env,
  });
  const ready = (await program.event('ready')) as {
    sidecarPort: number;
    aliasPorts: Record<string, number>;
    adminPort: number;
  };
  return {
    ...ready,
    admin: async (method: string, path: string) =>
      (await fetch(`http://127.0.0.1:${ready.adminPort}${path}`, { method })).text(),
    async curl(...args: string[]): Promise<string> {
      const all = ['-sS', '-i', '--max-time', '20', ...args];
      const { code, stdout, stderr } = await stage.run('curl', all, { PATH: process.env.PATH ?? '' }).ended;
      if (code !== 0) throw new Error(stderr);
      return stdout;
    },
  };
}

function get(path: string, host: string, connection = 'close'): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: ${connection}\r\n\r\n`);
}

const say = (port: number, parts: Buffer[]) =>
  exchange(connect({ port, host: '127.0.0.1', noDelay: true }), parts);

/** Everything that comes back until the other side closes. */
async function exchange(socket: Socket, parts: Buffer[]): Promise<string> {
  let text = '';
  socket.setEncoding('latin1').on('data', (part) => {
    text += part;
  });
  socket.on('error', () => {});
  const closed = once(socket, 'close');
  for (const part of parts) await new Promise((resolve) => socket.write(part, resolve));
  await closed;
  return text;
}
