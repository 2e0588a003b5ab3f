import { request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { createAuthority } from '@echoplane/runtime';
import { type Mock, TAG } from '@echoplane/traffic';
import { parseHead } from '@echoplane/wire';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Program, ProgramStage, type Receiver, until } from '../../../test/program-stage.ts';
import { mock, uuid } from './mock.fixture.ts';

const REPLAY = '019c0000-0000-7000-8000-00000000000f';

let stage: ProgramStage;
let receiver: Receiver;
let caFile: string;
let keyFile: string;
beforeEach(async () => {
  stage = await ProgramStage.open();
  receiver = await stage.receiver();
  const { certPem, keyPem } = await createAuthority({ commonName: 'Test authority', days: 1 });
  caFile = await stage.file('ca.pem', certPem);
  keyFile = await stage.file('ca.key', keyPem);
});
afterEach(() => stage.close());

test('curl through the proxy gets the recorded answer over http and https, and the pairs say so', async () => {
  const charge = mock('GET', 'https://pay.test:8443/v1/charges/1', {
    response: { status: 418, reason: 'Teapot', body: '{"a": 1}' },
  });
  const rate = mock('GET', 'http://rates.test/eur?to=usd', { response: { body: '1.1' } });
  const responder = await start([charge, rate]);
  const https = await responder.curl('--cacert', caFile, 'https://pay.test:8443/v1/charges/1');
  expect(https).toContain('HTTP/1.1 418 Teapot\r\nContent-Type: application/json\r\n');
  expect(https).toContain('x-echoplane-match: exact\r\n');
  expect(https.endsWith('\r\n\r\n{"a": 1}')).toBe(true);
  expect((await responder.curl('http://rates.test/eur?to=usd')).endsWith('\r\n\r\n1.1')).toBe(true);

  await until(() => receiver.pairs.length === 2);
  const [first, second] = receiver.pairs;
  const tags = { [TAG.replay]: REPLAY, [TAG.match]: 'exact' };
  expect(first).toMatchObject({
    direction: 'OUT',
    scheme: 'https',
    error: '',
    server: { host: 'pay.test', port: 8443 },
  });
  expect(first).toMatchObject({
    tls: { sni: 'pay.test', alpn: 'http/1.1' },
    tags: { ...tags, [TAG.mock]: charge.id },
  });
  expect(parseHead(Buffer.from(first!.request!.head))).toMatchObject({
    method: 'GET',
    target: '/v1/charges/1',
  });
  expect(parseHead(Buffer.from(first!.response!.head))).toMatchObject({ status: 418, reason: 'Teapot' });
  expect(second).toMatchObject({ scheme: 'http', tls: null, tags: { ...tags, [TAG.mock]: rate.id } });
  expect(parseHead(Buffer.from(second!.request!.head))).toMatchObject({
    target: 'http://rates.test/eur?to=usd',
  });
  expect(receiver.hellos[0]).toMatchObject({ hop: 'responder', workload: 'shop' });
});

test('requests of one tunnel share its connection and are counted on it', async () => {
  const responder = await start([mock('GET', 'https://pay.test/1'), mock('GET', 'https://pay.test/2')]);
  await responder.curl('--cacert', caFile, 'https://pay.test/1', 'https://pay.test/2');
  await until(() => receiver.pairs.length === 2);
  expect(receiver.pairs.map(({ seq }) => seq)).toEqual([0, 1]);
  expect(new Set(receiver.pairs.map(({ connection }) => connection)).size).toBe(1);
});

test('fetch in an unchanged Node program: what it makes anew is matched by kind and comes back as the live value', async () => {
  const charges = 'https://pay.test:8443/v1/charges';
  const recordedReference = uuid(1);
  const responder = await start([
    mock('POST', charges, {
      request: { amount: 5, reference: recordedReference },
      volatile: ['body.reference'],
      response: { status: 201, body: JSON.stringify({ id: 'ch_1', reference: recordedReference }) },
    }),
    mock('GET', `${charges}/ch_1`, { response: { body: JSON.stringify({ reference: recordedReference }) } }),
  ]);
  const answers = await responder.fetch([
    [
      charges,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ amount: 5, reference: uuid(2) }),
      },
    ],
    [`${charges}/ch_1`, {}],
    [
      charges,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ amount: 5, reference: 17 }),
      },
    ],
  ]);
  expect(answers.slice(0, 2)).toEqual([
    { status: 201, match: 'volatile', text: JSON.stringify({ id: 'ch_1', reference: uuid(2) }) },
    { status: 200, match: 'exact', text: JSON.stringify({ reference: uuid(2) }) },
  ]);
  expect(answers[2]).toMatchObject({ status: 501, match: 'miss' });
});

test('equal requests are answered in recorded order and the last answer stays; callers do not take each other’s', async () => {
  const sequence = (url: string) =>
    ['one', 'two', 'three'].map((body, n) =>
      mock('GET', url, { sequence: n, response: { body: `${url} ${body}` } }),
    );
  const urls = ['http://rates.test/eur', 'http://rates.test/usd'];
  const responder = await start(urls.flatMap(sequence));
  const callers = await Promise.all(
    urls.map((url) => responder.fetch(Array.from({ length: 4 }, () => [url, {}]))),
  );
  expect(callers.map((answers) => answers.map(({ text }) => text))).toEqual(
    urls.map((url) => ['one', 'two', 'three', 'three'].map((body) => `${url} ${body}`)),
  );
});

test('a miss names the nearest recording and the first difference, in the answer, the pair and on /misses', async () => {
  const known = mock('POST', 'http://rates.test/convert', { request: { amount: 1999, to: 'usd' } });
  const responder = await start([known]);
  const difference = 'body.amount: 1999 → 2099';
  const [near, far] = await responder.fetch([
    [
      'http://rates.test/convert',
      { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"amount":2099,"to":"usd"}' },
    ],
    ['http://nowhere.test/', {}],
  ]);
  expect(near).toMatchObject({ status: 501, match: 'miss' });
  expect(JSON.parse(near!.text)).toMatchObject({ code: 'no_match', nearest: { id: known.id }, difference });
  expect(JSON.parse(far!.text)).toMatchObject({ code: 'no_match', nearest: null });

  await until(() => receiver.pairs.length === 2);
  expect(receiver.pairs[0]).toMatchObject({
    error: 'no-match',
    tags: { [TAG.match]: 'miss', [TAG.difference]: difference },
  });
  expect(receiver.pairs[0]!.tags[TAG.mock]).toBeUndefined();
  const misses = JSON.parse(await responder.admin('/misses'));
  expect(misses).toMatchObject([
    {
      id: receiver.pairs[0]!.id,
      method: 'POST',
      host: 'rates.test',
      target: '/convert',
      nearest: known.id,
      difference,
    },
    { id: receiver.pairs[1]!.id, host: 'nowhere.test', nearest: null },
  ]);
  expect(JSON.parse(await responder.admin('/stats'))).toMatchObject({
    exact: 0,
    volatile: 0,
    miss: 2,
    mocks: 1,
  });
  expect(await responder.admin('/metrics')).toContain('echoplane_responder_answers_total{match="miss"} 2');
  expect(await responder.admin('/readyz')).toBe('ready\n');
});

test('the real host is never dialled, neither on a match nor on a miss', async () => {
  let connections = 0;
  const realPort = await stage.serve(
    createServer((socket) => {
      connections++;
      socket.destroy();
    }),
  );
  const responder = await start([
    mock('GET', `http://localhost:${realPort}/known`),
    mock('GET', `https://localhost:${realPort}/known`),
  ]);
  const paths = ['/known', '/unknown'].flatMap((path) => [
    `http://localhost:${realPort}${path}`,
    `https://localhost:${realPort}${path}`,
  ]);
  const answers = await responder.fetch(paths.map((url) => [url, {}]));
  expect(answers.map(({ match }) => match)).toEqual(['exact', 'exact', 'miss', 'miss']);
  expect(connections).toBe(0);
  // The wire does trip: this is what a dial would have looked like.
  connect(realPort, '127.0.0.1').on('error', () => {});
  await until(() => connections === 1);
});

test('the recorded time to the first byte is kept', async () => {
  const slow = { ...mock('GET', 'http://rates.test/'), ttfbUs: 200_000 };
  const responder = await start([slow], { ECHOPLANE_LATENCY: 'recorded' });
  await responder.curl('http://rates.test/');
  await until(() => receiver.pairs.length === 1);
  expect(receiver.pairs[0]!.ttfbUs).toBeGreaterThanOrEqual(195_000);
});

test('ten thousand mocks are loaded and found', async () => {
  const mocks = Array.from({ length: 10_000 }, (_, i) =>
    mock('GET', `http://rates.test/r/${i}`, { response: { body: `rate ${i}` } }),
  );
  const responder = await start(mocks);
  const wanted = [0, 4_999, 9_999];
  const answers = await responder.fetch(wanted.map((i) => [`http://rates.test/r/${i}`, {}]));
  expect(answers.map(({ text }) => text)).toEqual(wanted.map((i) => `rate ${i}`));
});

test('what is no request, no trust or no protocol of ours does not end it, and is recorded where a request was meant', async () => {
  const responder = await start([mock('GET', 'http://rates.test/')]);
  expect(await responder.raw('\0\x01garbage\r\n\r\n')).toContain('400 Bad Request');
  expect(await responder.raw('CONNECT nonsense HTTP/1.1\r\nHost: x\r\n\r\n')).toContain('400 Bad Request');
  expect(
    await responder.raw('CONNECT pay.test:5432 HTTP/1.1\r\nHost: x\r\n\r\n\0\0\0\x08\x04\xd2\x16\x2f'),
  ).toContain('200 Connection Established');
  await expect(responder.curl('https://pay.test/')).rejects.toThrow('curl');
  expect(await responder.curl('http://rates.test/')).toContain('x-echoplane-match: exact');
  await until(() => receiver.pairs.length === 3);
  const told = receiver.pairs.map(({ error, tags }) => [error, tags[TAG.match]]);
  expect(told).toEqual([
    ['no-match', 'miss'],
    ['tls-failed', 'miss'],
    ['', 'exact'],
  ]);
  expect(receiver.pairs[0]!.tags[TAG.difference]).toContain('neither TLS nor HTTP');
  expect(parseHead(Buffer.from(receiver.pairs[0]!.request!.head))).toMatchObject({
    method: 'CONNECT',
    target: 'pay.test:5432',
  });
  expect(receiver.pairs[1]!.tags[TAG.difference]).toContain('pay.test');
});

test('a plain request inside a tunnel is answered', async () => {
  const responder = await start([
    mock('GET', 'http://rates.test:8080/', { response: { body: 'in the clear' } }),
  ]);
  const answer = await responder.raw(
    'CONNECT rates.test:8080 HTTP/1.1\r\nHost: rates.test:8080\r\n\r\nGET / HTTP/1.1\r\nHost: rates.test:8080\r\nConnection: close\r\n\r\n',
  );
  expect(answer).toMatch(/^HTTP\/1.1 200 Connection Established\r\n\r\nHTTP\/1.1 200 /);
  expect(answer.endsWith('in the clear')).toBe(true);
});

test('SIGTERM drains: the last line has the figures and every pair was delivered', async () => {
  const responder = await start([mock('GET', 'http://rates.test/')]);
  await responder.fetch([
    ['http://rates.test/', {}],
    ['http://rates.test/', {}],
    ['http://rates.test/x', {}],
  ]);
  responder.program.child.kill('SIGTERM');
  const { code, lines } = await responder.program.ended;
  expect(code).toBe(0);
  expect(lines.at(-1)).toEqual({ event: 'stats', exact: 2, volatile: 0, miss: 1, delivered: 3 });
  expect(receiver.pairs.length).toBe(3);
});

test('what it cannot start with is one sentence: a line that is no mock, a key that is not the authority’s', async () => {
  const broken = await launch({ ECHOPLANE_MOCKS_FILE: await stage.file('bad.jsonl', '{"id":1}\n') }).ended;
  expect(broken).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^Line 1 of .*bad\.jsonl is not a mock: id: /),
  });
  const stranger = await createAuthority({ commonName: 'Stranger', days: 1 });
  const env = {
    ECHOPLANE_MOCKS_FILE: await stage.file('mocks.jsonl', ''),
    ECHOPLANE_CA_KEY_FILE: await stage.file('other.key', stranger.keyPem),
  };
  const foreign = await launch(env).ended;
  expect(foreign).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/are not a certificate authority and its key: .*does not belong/),
  });
  const unset = await stage.start('responder', {}).ended;
  expect(unset).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('ECHOPLANE_MOCKS_FILE is missing'),
  });
});

function launch(env: Record<string, string>): Program {
  return stage.start('responder', {
    ECHOPLANE_CA_CERT_FILE: caFile,
    ECHOPLANE_CA_KEY_FILE: keyFile,
    ECHOPLANE_REPLAY_ID: REPLAY,
    ECHOPLANE_LATENCY: 'none',
    ECHOPLANE_FORWARDER_PORT: String(receiver.port),
    ECHOPLANE_CLUSTER: 'c',
    ECHOPLANE_NAMESPACE: 'n',
    ECHOPLANE_WORKLOAD: 'shop',
    ...env,
  });
}

test('a body of any depth or number of values costs its own request, and the next is answered', async () => {
  const responder = await start([mock('GET', 'http://rates.test/eur', { response: { body: '1.1' } })]);
  const deep = '['.repeat(100_000) + ']'.repeat(100_000);
  const wide = `[${Array(300_000).fill(1).join()}]`;
  for (const body of [deep, wide]) {
    const answer = await responder.raw(
      `POST http://rates.test/eur HTTP/1.1\r\nHost: rates.test\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 501 /);
  }
  expect((await responder.curl('http://rates.test/eur')).endsWith('\r\n\r\n1.1')).toBe(true);
});

/** A running responder with the clients it is tried with. */
async function start(mocks: Mock[], env: Record<string, string> = {}) {
  const mocksFile = await stage.file(
    'mocks.jsonl',
    mocks.map((line) => `${JSON.stringify(line)}\n`).join(''),
  );
  const program = launch({ ECHOPLANE_MOCKS_FILE: mocksFile, ...env });
  const { port, adminPort } = (await program.event('ready')) as { port: number; adminPort: number };
  const proxy = `http://127.0.0.1:${port}`;
  return {
    program,
    /** Head and body as curl prints them. */
    async curl(...args: string[]): Promise<string> {
      // The receipt of a CONNECT is not the answer.
      const all = ['-sS', '-i', '--suppress-connect-headers', '-x', proxy, ...args];
      const { code, stdout, stderr } = await stage.run('curl', all, { PATH: process.env.PATH ?? '' }).ended;
      if (code !== 0) throw new Error(stderr);
      return stdout;
    },
    /** fetch in a Node process of its own, one request after the other. */
    async fetch(
      requests: [url: string, init: RequestInit][],
    ): Promise<{ status: number; match: string; text: string }[]> {
      const code = `for (const [url, init] of ${JSON.stringify(requests)}) {
        const response = await fetch(url, init);
        const text = await response.text();
        console.log(JSON.stringify({ status: response.status, match: response.headers.get('x-echoplane-match'), text }));
      }`;
      const client = stage.run(process.execPath, ['--input-type=module', '-e', code], {
        NODE_USE_ENV_PROXY: '1',
        HTTP_PROXY: proxy,
        HTTPS_PROXY: proxy,
        NODE_EXTRA_CA_CERTS: caFile,
      });
      const { lines, stderr } = await client.ended;
      if (lines.length !== requests.length) throw new Error(stderr);
      return lines as { status: number; match: string; text: string }[];
    },
    /** Everything that comes back for raw bytes, until the other side closes. */
    raw: (bytes: string) => exchange(connect(port, '127.0.0.1'), bytes),
    admin: (path: string) => get(adminPort, path),
  };
}

function exchange(socket: Socket, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('latin1').on('data', (part) => {
      text += part;
    });
    socket.on('close', () => resolve(text)).on('error', reject);
    socket.write(Buffer.from(bytes, 'latin1'));
  });
}

function get(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ port, path, host: '127.0.0.1', agent: false }, (response) => {
      response.toArray().then((parts) => resolve(Buffer.concat(parts).toString()), reject);
    })
      .on('error', reject)
      .end();
  });
}
