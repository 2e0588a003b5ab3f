// Parts of the target that a load replaces, against a real server that is somewhere else than was said, below another path.
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../../test/ports.ts';
import { GeneratorStage, jsonAnswer, newTest } from './generator-stage.ts';

let stage: GeneratorStage;
beforeEach(async () => {
  stage = await GeneratorStage.open();
});
afterEach(() => stage.close());

/** A service below `/v2` for one tenant; anywhere else it has nothing. */
async function serve(): Promise<{ port: number; seen: string[] }> {
  const seen: string[] = [];
  const server = createServer(({ headers, method, url }, response) => {
    const { pathname, searchParams } = new URL(url!, 'http://service');
    seen.push(`${headers.host} ${method} ${url}`);
    const isHere = pathname.startsWith('/v2/') && searchParams.get('tenant') === 'blue';
    const text = JSON.stringify(isHere ? { path: pathname.slice(3), page: searchParams.get('page') } : {});
    response
      .writeHead(isHere ? 200 : 404, { 'content-type': 'application/json', 'content-length': text.length })
      .end(text);
  });
  return { port: await stage.programs.serve(server), seen };
}

const TESTS = [
  newTest(
    'a',
    { target: '/things?page=2&tenant=red' },
    { response: jsonAnswer({ path: '/things', page: '2' }) },
  ),
  newTest('a', { target: '/' }, { order: 1, offsetUs: 1, response: jsonAnswer({ path: '/', page: null }) }),
];

test.each<[string, { order?: 'sessions'; stages?: { rps: number; rampS: number }[] }]>([
  ['in recorded order', {}],
  ['by sessions', { order: 'sessions' }],
  // The rehearsal sends the same requests to a server of its own.
  ['by a rate', { stages: [{ rps: 50, rampS: 0 }] }],
])('requests go to the host, the port, the path and with the parameters of the load, %s', async (_, load) => {
  const { port, seen } = await serve();
  const target = { host: 'localhost', port, basePath: '/v2', query: { tenant: 'blue' } };
  const nobody = await freePort();
  const run = await stage.replay(nobody, TESTS, { load: { ...load, target } as never });
  expect(seen).toEqual([
    `localhost:${port} GET /v2/things?page=2&tenant=blue`,
    `localhost:${port} GET /v2/?tenant=blue`,
  ]);
  expect(run.asserted).toEqual({ passed: 2, failed: 0, headless: 0 });
  expect(stage.receiver.pairs.map(({ server }) => [server?.host, server?.port])).toEqual([
    ['localhost', port],
    ['localhost', port],
  ]);
});

test('so do requests of HTTP/2, and the recorded name stays where it was asked for', async () => {
  const seen: string[] = [];
  const port = await stage.programs.serve(
    createHttp2Server((request, response) => {
      seen.push(`${request.authority} ${request.url}`);
      response.end('{}');
    }) as never,
  );
  const tests = [newTest('a', { target: '/things' }, { protocol: 'http/2' })];
  const load = { target: { port, basePath: '/v2', query: { tenant: 'blue' } } };
  await stage.replay(await freePort(), tests, { load });
  await stage.replay(await freePort(), tests, { load, env: { ECHOPLANE_HOST_HEADER: 'recorded' } });
  expect(seen).toEqual([`127.0.0.1:${port} /v2/things?tenant=blue`, 'shop.example /v2/things?tenant=blue']);
});
