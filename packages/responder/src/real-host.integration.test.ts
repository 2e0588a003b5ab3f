import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect as connectHttp2, constants, createServer as createHttp2Server } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import { createAuthority, loadAuthority } from '@echoplane/runtime';
import { TAG } from '@echoplane/traffic';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../../test/ports.ts';
import { type Program, until } from '../../../test/program-stage.ts';
import { mock } from './mock.fixture.ts';
import { type ResponderParts, ResponderStage, type TestResponder } from './responder.fixture.ts';

let world: ResponderStage;
let asked: IncomingMessage[];
/** Breaks off the answer that is half given. */
let breakOff = () => {};
beforeEach(async () => {
  asked = [];
  world = await ResponderStage.open();
});
afterEach(() => world.close());

/** A real host: it says what it was asked. */
function realHost(): Promise<number> {
  const server: Server = createServer(async (request, response) => {
    asked.push(request);
    const body = Buffer.concat(await request.toArray()).toString();
    if (request.url === '/break') {
      response.writeHead(200, { 'content-length': '100' }).write('half');
      breakOff = () => response.destroy();
      return;
    }
    response.writeHead(201, { 'x-real': 'yes' });
    response.end(`${request.method} ${request.url} ${body}`);
  });
  return world.stage.serve(server);
}

const passing = (policy: 'passthrough' | 'record', ...hosts: string[]): ResponderParts => ({
  plan: { missPolicy: policy },
  env: { ECHOPLANE_REAL_HOSTS: hosts.join(',') },
});

/** curl through the responder's proxy: head and body, or its error. */
async function curl(responder: TestResponder, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await startCurl(responder, ...args).ended;
  return stdout + stderr;
}

/** The same, while it runs. */
function startCurl({ port }: TestResponder, ...args: string[]): Program {
  const all = ['-sS', '-i', '--suppress-connect-headers', '-x', `http://127.0.0.1:${port}`, ...args];
  return world.stage.run('curl', all, { PATH: process.env.PATH ?? '' });
}

test('what no mock knows is asked of a named real host, and counted and told as that', async () => {
  const realPort = await realHost();
  const known = mock('GET', `http://localhost:${realPort}/known`);
  const responder = await world.start([known], passing('passthrough', `localhost:${realPort}`));
  expect(await curl(responder, `http://localhost:${realPort}/known`)).toContain('x-echoplane-match: exact');
  const passed = await curl(responder, '-d', 'a=1', `http://localhost:${realPort}/other?x=%2F`);
  expect(passed).toContain('HTTP/1.1 201 Created');
  expect(passed).toContain('x-echoplane-match: passthrough');
  expect(passed).toContain('POST /other?x=%2F a=1');
  expect(asked).toHaveLength(1);
  expect(asked[0]!.headers).toMatchObject({ host: `localhost:${realPort}`, via: '1.1 echoplane-responder' });
  expect(await responder.page('/stats')).toMatchObject({ exact: 1, passthrough: 1, miss: 0 });
  await until(() => world.receiver.pairs.length === 2);
  const [, pair] = world.receiver.pairs;
  expect(pair).toMatchObject({ error: '', tags: { [TAG.match]: 'passthrough' } });
  expect(Buffer.from(pair!.response!.body).toString()).toBe('POST /other?x=%2F a=1');
});

test('a host that is not named, and any host without the policy, stays a miss and is not dialled', async () => {
  const realPort = await realHost();
  const others = await world.start([], passing('passthrough', 'else.test:80'));
  expect(await curl(others, `http://localhost:${realPort}/`)).toContain('HTTP/1.1 501');
  const failing = await world.start([], { env: { ECHOPLANE_REAL_HOSTS: `localhost:${realPort}` } });
  expect(await curl(failing, `http://localhost:${realPort}/`)).toContain('HTTP/1.1 501');
  expect(asked).toHaveLength(0);
});

test('recorded answers are told as such, whole', async () => {
  const realPort = await realHost();
  const responder = await world.start([], passing('record', `localhost:${realPort}`));
  expect(await curl(responder, `http://localhost:${realPort}/new`)).toContain('x-echoplane-match: recorded');
  await until(() => world.receiver.pairs.length === 1);
  expect(world.receiver.pairs[0]!.tags[TAG.match]).toBe('recorded');
});

test('a name that leads to this machine is refused, and the miss says why', async () => {
  const realPort = await realHost();
  const name = `${(await import('node:os')).hostname()}:${realPort}`;
  const responder = await world.start([], passing('passthrough', name, `127.0.0.1:${realPort}`));
  const found = await curl(responder, `http://${name}/`);
  // The machine's own name leads to the loopback or to an address on which nothing listens.
  expect(found).toContain('HTTP/1.1 502');
  expect(found).toContain('real_host_unreached');
  expect(await curl(responder, `http://127.0.0.1:${realPort}/`)).toContain('HTTP/1.1 201');
  expect(asked).toHaveLength(1);
});

test('a certificate that is not trusted is not accepted', async () => {
  const { certPem, keyPem } = await createAuthority({ commonName: 'Somebody', days: 1 });
  const leaf = await (await loadAuthority(certPem, keyPem)).leaf('localhost');
  const server = createTlsServer({ cert: leaf.certPem, key: leaf.keyPem }, (_, response) =>
    response.end('secret'),
  );
  const realPort = await world.stage.serve(server);
  const responder = await world.start([], passing('passthrough', `localhost:${realPort}`));
  const refused = await curl(responder, '-k', `https://localhost:${realPort}/`);
  expect(refused).toContain('HTTP/1.1 502');
  expect(refused).toMatch(/certificate/);
  const trusting = await world.start([], {
    plan: { missPolicy: 'passthrough' },
    env: {
      ECHOPLANE_REAL_HOSTS: `localhost:${realPort}`,
      NODE_EXTRA_CA_CERTS: await world.stage.file('real.pem', certPem),
    },
  });
  expect(await curl(trusting, '-k', `https://localhost:${realPort}/`)).toContain('secret');
});

test('a real host that leads back here is found out', async () => {
  const first = await world.start([], passing('passthrough', 'localhost:1'));
  const around = await world.start([], passing('passthrough', `localhost:${first.aliasPort}`));
  const found = await curl(
    around,
    '-H',
    'Via: 1.1 echoplane-responder',
    `http://localhost:${first.aliasPort}/`,
  );
  expect(found).toContain('come past a responder before');
});

test('an answer that breaks off is broken off for the client too', async () => {
  const realPort = await realHost();
  const responder = await world.start([], passing('passthrough', `localhost:${realPort}`));
  const program = startCurl(responder, '--no-buffer', `http://localhost:${realPort}/break`);
  await until(() => program.stdout().includes('half'));
  breakOff();
  const { stdout, stderr } = await program.ended;
  expect(stdout + stderr).toMatch(/half.*curl: \(18\)/s);
});

test('what comes over HTTP/2 goes on over HTTP/2, trailers with it', async () => {
  const server = createHttp2Server((request, response) => {
    response.setHeader('x-te', String(request.headers.te));
    response.addTrailers({ 'grpc-status': '0' });
    response.end('real');
  });
  const realPort = await world.stage.serve(server as unknown as Server);
  const { aliasPort } = await world.start([], passing('passthrough', `localhost:${realPort}`));
  const session = connectHttp2(`http://127.0.0.1:${aliasPort}`);
  const headers = {
    ':method': 'POST',
    ':path': '/a.B/C',
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  const stream = session.request({ ...headers, ':authority': `localhost:${realPort}` });
  let response: Record<string, unknown> = {};
  let trailers: Record<string, unknown> = {};
  stream.on('response', (fields) => {
    response = fields;
  });
  stream.on('trailers', (fields) => {
    trailers = fields;
  });
  stream.end('x');
  expect(Buffer.concat(await stream.toArray()).toString()).toBe('real');
  expect(response).toMatchObject({ ':status': 200, 'x-te': 'trailers', 'x-echoplane-match': 'passthrough' });
  expect(trailers).toMatchObject({ 'grpc-status': '0' });
  session.destroy();
});

test('a stream that the real host resets, and one to a host that is not there, are misses over HTTP/2 too', async () => {
  const server = createHttp2Server((request, response) => {
    if (request.url === '/half') {
      response.stream.respond({ ':status': 200 }, { waitForTrailers: true });
      response.stream.write('half', () => response.stream.close(2));
    } else response.stream.close(2);
  });
  const realPort = await world.stage.serve(server as unknown as Server);
  const gonePort = await freePort();
  const hosts = [`localhost:${realPort}`, `localhost:${gonePort}`];
  const { aliasPort } = await world.start([], passing('passthrough', ...hosts));
  const session = connectHttp2(`http://127.0.0.1:${aliasPort}`);
  const askOverHttp2 = async (host: string, path: string) => {
    const stream = session.request({ ':path': path, ':authority': host });
    let status: number | undefined;
    stream.on('response', (fields) => {
      status = fields[':status'];
    });
    const closed = once(stream, 'close');
    const body = Buffer.concat(await stream.toArray()).toString();
    await closed;
    return { status, body, code: stream.rstCode };
  };
  expect(await askOverHttp2('nobody.test:80', '/')).toMatchObject({ status: 501 });
  for (const host of hosts) {
    expect(await askOverHttp2(host, '/')).toMatchObject({
      status: 502,
      code: 0,
      body: expect.stringContaining('real_host_unreached'),
    });
  }
  expect(await askOverHttp2(hosts[0]!, '/half')).toMatchObject({
    status: 200,
    code: constants.NGHTTP2_CANCEL,
  });
  session.destroy();
});
