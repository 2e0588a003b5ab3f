import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { GeneratorRun, type HeaderList, storeBody, TAG, type Test, type Token } from '@echoplane/traffic';
import { type CapturedPair, parseHead } from '@echoplane/wire';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../../test/ports.ts';
import { ProgramStage, type Receiver, until } from '../../../test/program-stage.ts';
import { voidButForPace } from './generator-stage.ts';

const REPLAY = '019c0000-0000-7000-8000-00000000000f';
const JWT = (who: string) =>
  `eyJhbGciOiJIUzI1NiJ9.${Buffer.from(`{"sub":"${who}"}`).toString('base64url')}.c2lnbmF0dXJl`;

let stage: ProgramStage;
let receiver: Receiver;
beforeEach(async () => {
  stage = await ProgramStage.open();
  receiver = await stage.receiver();
});
afterEach(() => stage.close());

test('requests of a session arrive in order with the tokens of this run, and every result is delivered with its tags', async () => {
  const seen: string[] = [];
  const port = await sut((request, response) => {
    const who = request.headers['x-session'];
    seen.push(`${who} ${request.method} ${request.url}`);
    if (request.url === '/login') return reply(response, 200, { token: JWT(`live-${who}`) });
    if (request.headers.authorization !== `Bearer ${JWT(`live-${who}`)}`) return reply(response, 401, {});
    if (request.method === 'POST') return reply(response, 201, { order: { id: `order-live-${who}` } });
    return reply(response, request.url?.endsWith(`/order-live-${who}`) ? 200 : 404, {});
  });
  const sessions = ['a', 'b', 'c'].map(shopping);
  // Interleaved and not in order: the file's order of lines is not the order of sending.
  const tests = [0, 2, 1].flatMap((i) => sessions.map((session) => session.tests[i]!));
  const { run, code } = await replay(port, tests, {
    tokens: sessions.flatMap((session) => session.tokens),
    concurrency: 3,
  });

  expect(code).toBe(0);
  expect(run).toMatchObject({ testsPlanned: 9, sent: 9, resultsDelivered: 9, notSent: {} });
  expect(voidButForPace(run)).toEqual([]);
  for (const who of ['a', 'b', 'c']) {
    expect(seen.filter((line) => line.startsWith(who))).toEqual([
      `${who} POST /login`,
      `${who} POST /orders`,
      `${who} GET /orders/order-live-${who}`,
    ]);
  }
  expect(receiver.hellos[0]).toMatchObject({
    hop: 'generator',
    cluster: 'c',
    namespace: 'n',
    workload: 'shop',
  });
  expect(receiver.pairs.map(statusOf).sort()).toEqual([200, 200, 200, 200, 200, 200, 201, 201, 201]);
  expect(new Set(receiver.pairs.map((pair) => pair.tags[TAG.test]))).toEqual(
    new Set(tests.map(({ id }) => id)),
  );
  expect(new Set(receiver.pairs.map((pair) => pair.connection)).size).toBe(3);
  for (const pair of receiver.pairs) {
    expect(pair).toMatchObject({ direction: 'IN', protocol: 'http/1.1', scheme: 'http', error: '' });
    expect(pair.tags).toMatchObject({
      [TAG.replay]: REPLAY,
      [TAG.session]: expect.stringMatching(/^[abc]$/),
    });
    expect(Number(pair.tags[TAG.lateUs])).toBeGreaterThanOrEqual(0);
    expect(pair.tags[TAG.unresolved]).toBeUndefined();
    expect(pair.ttfbUs).toBeLessThanOrEqual(pair.durationUs);
  }
});

test('a token that did not come is sent as recorded and named; one that is switched off is left alone', async () => {
  const auth: (string | undefined)[] = [];
  const port = await sut((request, response) => {
    auth.push(request.headers.authorization);
    reply(response, 200, request.url === '/login' ? { token: JWT('live') } : {});
  });
  const { tests, tokens } = shopping('a');
  const [login, order] = tokens;
  await replay(port, tests, { tokens: [{ ...login!, enabled: false }, order!] });
  expect(auth[1]).toBe(`Bearer ${JWT('a')}`);
  expect(receiver.pairs.map((pair) => pair.tags[TAG.unresolved])).toEqual([undefined, undefined, order!.id]);
});

test('a server that closes connections, announced or not, costs no request', async () => {
  let requests = 0;
  let closed: Promise<unknown> | undefined;
  const port = await sut(async (request, response) => {
    const socket = response.socket!;
    if (request.headers['x-session'] === 'other') {
      await closed;
      return reply(response, 200, {});
    }
    requests++;
    closed = new Promise((resolve) => socket.once('close', resolve));
    if (requests % 2 === 0) response.setHeader('connection', 'close');
    else response.on('finish', () => socket.end());
    return reply(response, 200, {});
  });
  // Another client in between is answered when the connection is closed at both ends: so the close that is not announced has
  // arrived when the next request is due.
  const tests = Array.from({ length: 12 }, (_, i) => newTest(i % 2 ? 'other' : 's', i, {}));
  const { run } = await replay(port, tests);
  expect(run).toMatchObject({ sent: 12, resultsDelivered: 12 });
  expect(receiver.pairs.map(statusOf)).toEqual(tests.map(() => 200));
  const closing = receiver.pairs.filter((pair) => pair.tags[TAG.session] === 's');
  expect(closing).toHaveLength(6);
  expect(new Set(closing.map((pair) => pair.connection)).size).toBe(6);
});

test('a request without an answer is a result with its error and is not repeated; the session goes on', async () => {
  const seen: (string | undefined)[] = [];
  const port = await sut((request, response) => {
    seen.push(request.url);
    if (request.url === '/1') return; // never answered
    if (request.url === '/2') return void response.socket?.resetAndDestroy();
    if (request.url === '/3') return void response.socket?.end('not http at all\r\n\r\n');
    if (request.url === '/4')
      return void response.socket?.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    reply(response, 200, {});
  });
  const { run } = await replay(port, plain(6), { timeoutMs: 3_000 });
  expect(seen).toEqual(['/0', '/1', '/2', '/3', '/4', '/5']);
  expect(run).toMatchObject({ sent: 6, resultsDelivered: 6 });
  expect(voidButForPace(run)).toEqual([]);
  expect(receiver.pairs.map(({ error }) => error)).toEqual([
    '',
    'timeout',
    'reset',
    'reset',
    'server-closed',
    '',
  ]);
  expect(receiver.pairs.map(({ ttfbUs }) => ttfbUs === -1)).toEqual([false, true, true, true, false, false]);
  expect(receiver.pairs[3]!.gapReason).toBe('malformed-head');
  expect(receiver.pairs[1]!.durationUs).toBeGreaterThanOrEqual(2_990_000);
  expect(Buffer.from(receiver.pairs[1]!.request!.head).toString()).toContain('GET /1 HTTP/1.1');
});

test('a service that goes away leaves one connect-failed result for each request after it', async () => {
  const server = createServer((_, response) => {
    // First: who has the answer may dial again at once.
    server.close();
    response.setHeader('connection', 'close').end('bye');
  });
  // A port of our own: nobody else is given it when it is free again.
  const port = await stage.serve(server, await freePort());
  const { run } = await replay(port, plain(3));
  expect(run).toMatchObject({ sent: 3, resultsDelivered: 3 });
  expect(receiver.pairs.map(({ error }) => error)).toEqual(['', 'connect-failed', 'connect-failed']);
});

test('bodies are sent and kept byte for byte, whatever they hold', async () => {
  const bytes = Buffer.from([0, 255, 10, 13, 128]);
  const port = await sut((request, response) => {
    response.writeHead(200, { 'x-length': request.headers['content-length'] });
    request.pipe(response);
  });
  const [only] = plain(1);
  const body = storeBody(bytes, '');
  const headers: HeaderList = [
    ['Host', 'h'],
    ['Transfer-Encoding', 'chunked'],
  ];
  await replay(port, [{ ...only!, request: { method: 'POST', target: '/echo', headers, body } }]);
  const [pair] = receiver.pairs;
  expect(Buffer.from(pair!.response!.body)).toEqual(bytes);
  expect(Buffer.from(pair!.response!.head).toString()).toMatch(/x-length: 5\r\n/);
});

test('a lost forwarder voids the run', async () => {
  const port = await sut((_, response) => reply(response, 200, {}));
  const { run, code } = await replay(port, plain(2), { forwarderPort: await freePort(), drainMs: 200 });
  expect(code).toBe(0);
  expect(run).toMatchObject({ sent: 2, resultsDelivered: 0 });
  expect(voidButForPace(run)).toEqual(['2 results were not delivered to the forwarder']);
});

test('SIGTERM cancels: what was not sent is counted, what was sent is delivered', async () => {
  let requests = 0;
  const port = await sut((request, response) => {
    requests++;
    if (request.url !== '/1') reply(response, 200, {});
  });
  const program = await start(port, plain(5));
  await until(() => requests === 2);
  program.child.kill('SIGTERM');
  const { code, lines } = await program.ended;
  expect(code).toBe(0);
  expect(lines.at(-1)).toMatchObject({
    event: 'run',
    run: { testsPlanned: 5, sent: 2, resultsDelivered: 2, notSent: { cancelled: 3 } },
  });
  expect(receiver.pairs.map(({ error }) => error)).toEqual(['', 'client-closed']);
});

test('a target that is not there is one sentence and exit code 1', async () => {
  const port = await freePort();
  const { code, stderr } = await (await start(port, plain(1), { startTimeoutMs: 300 })).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(
    new RegExp(`^The service under test at http://127.0.0.1:${port} cannot be reached; .*\n$`),
  );
});

test('a target that comes up a little later is waited for', async () => {
  const port = await freePort();
  const program = await start(port, plain(1), { startTimeoutMs: 50_000 });
  const server = createServer((_, response) => reply(response, 200, {}));
  await program.event('waiting');
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { code } = await program.ended;
  server.close();
  expect(code).toBe(0);
});

test('a line that is no test is named before anything is sent', async () => {
  const port = await sut((_, response) => reply(response, 200, {}));
  const testsFile = await stage.file('bad.jsonl', `${JSON.stringify(plain(1)[0])}\n{"id":1}\n`);
  const { code, stderr } = await (await start(port, [], { testsFile })).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^Line 2 of .*bad\.jsonl is not a test: id: /);
  expect(receiver.pairs).toEqual([]);
});

test('a wrong configuration is exit code 64 with every problem', async () => {
  const { code, stderr } = await stage.start('generator', { ECHOPLANE_TARGET_URL: 'ftp://shop' }).ended;
  expect(code).toBe(64);
  expect(stderr).toContain('ftp: is not a protocol that can be replayed');
  expect(stderr).toContain('ECHOPLANE_TESTS_FILE is missing');
});

test('text with line separators of other scripts is one line', async () => {
  const bodies: string[] = [];
  const port = await sut(async (request, response) => {
    bodies.push(Buffer.concat(await request.toArray()).toString());
    reply(response, 200, {});
  });
  const [only] = plain(1);
  await replay(port, [
    {
      ...only!,
      request: { ...only!.request, method: 'POST', body: storeBody(Buffer.from('a\u2028b\u2029c'), '') },
    },
  ]);
  expect(bodies).toEqual(['a\u2028b\u2029c']);
});

function sut(handler: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<number> {
  return stage.serve(createServer((request, response) => void handler(request, response)));
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

interface Options {
  tokens?: Token[];
  concurrency?: number;
  thinkFactor?: number;
  timeoutMs?: number;
  startTimeoutMs?: number;
  drainMs?: number;
  forwarderPort?: number;
  testsFile?: string;
}

async function start(port: number, tests: Test[], options: Options = {}) {
  const { tokens = [], testsFile, forwarderPort = receiver.port, ...numbers } = options;
  const env: Record<string, string> = {
    ECHOPLANE_TARGET_URL: `http://127.0.0.1:${port}`,
    ECHOPLANE_TESTS_FILE:
      testsFile ??
      (await stage.file('tests.jsonl', tests.map((line) => `${JSON.stringify(line)}\n`).join(''))),
    ECHOPLANE_TOKENS_FILE: await stage.file('tokens.json', JSON.stringify(tokens)),
    ECHOPLANE_REPLAY_ID: REPLAY,
    ECHOPLANE_FORWARDER_PORT: String(forwarderPort),
    ECHOPLANE_CLUSTER: 'c',
    ECHOPLANE_NAMESPACE: 'n',
    ECHOPLANE_WORKLOAD: 'shop',
    ECHOPLANE_RESULT_FILE: `${stage.folder}/run.json`,
  };
  for (const [name, value] of Object.entries(numbers))
    env[`ECHOPLANE_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}`] = String(value);
  return stage.start('generator', env);
}

/** Runs the generator to its end; its summary in the file and its last line are the same. */
async function replay(port: number, tests: Test[], options: Options = {}) {
  const { code, lines, stderr } = await (await start(port, tests, options)).ended;
  expect(stderr).toBe('');
  const run = GeneratorRun.parse(JSON.parse(await readFile(`${stage.folder}/run.json`, 'utf8')));
  expect(lines.at(-1)).toEqual({ event: 'run', run });
  expect(lines.findLast((line) => line.event === 'progress')).toMatchObject({
    sent: run.sent,
    planned: run.testsPlanned,
  });
  return { code, run };
}

let ids = 0;
function newTest(
  session: string,
  order: number,
  request: Partial<Test['request']>,
  rest: Partial<Test> = {},
): Test {
  return {
    ...{
      id: `019c0000-0000-7000-8000-${String(ids++).padStart(12, '0')}`,
      session,
      order,
      offsetUs: order,
      endpoint: '/',
      headless: false,
    },
    request: {
      method: 'GET',
      target: '/',
      headers: [
        ['Host', 'shop.example'],
        ['x-session', session],
      ],
      body: storeBody(Buffer.alloc(0), ''),
      ...request,
    },
    response: { status: 200, headers: [], body: storeBody(Buffer.alloc(0), '') },
    ...{ durationUs: 0, consumes: [], produces: [], volatile: [], ...rest },
  };
}

/** One session of `n` plain requests `/0`, `/1`, …. */
function plain(n: number): Test[] {
  return Array.from({ length: n }, (_, i) => newTest('s', i, { target: `/${i}` }, { offsetUs: 0 }));
}

/** Login, order, read the order: the token goes into headers, the order's id into a path. */
function shopping(who: string): { tests: Test[]; tokens: Token[] } {
  const headers: HeaderList = [
    ['Host', 'shop.example'],
    ['x-session', who],
    ['Authorization', `Bearer ${JWT(who)}`],
  ];
  const [jwt, order] = [`jwt-${who}`, `order-${who}`];
  const tests = [
    newTest(who, 0, { method: 'POST', target: '/login' }, { produces: [{ token: jwt, path: 'body.token' }] }),
    newTest(
      who,
      1,
      { method: 'POST', target: '/orders', headers },
      { consumes: [jwt], produces: [{ token: order, path: 'body.order.id' }] },
    ),
    newTest(who, 2, { target: `/orders/order-rec-${who}`, headers }, { consumes: [jwt, order] }),
  ];
  const token = (id: string, value: string, producer: number, path: string): Token => ({
    ...{ id, kind: 'token', session: who, value, consumers: [], evidence: '', enabled: true },
    producer: { test: tests[producer]!.id, path },
  });
  return {
    tests,
    tokens: [token(jwt, JWT(who), 0, 'body.token'), token(order, `order-rec-${who}`, 1, 'body.order.id')],
  };
}

function statusOf(pair: CapturedPair): number | null {
  const head = pair.response && parseHead(Buffer.from(pair.response.head));
  return head?.kind === 'response' ? head.status : null;
}
