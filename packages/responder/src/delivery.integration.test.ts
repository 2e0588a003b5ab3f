import { once } from 'node:events';
import { Agent, type ClientRequest, get, type IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { type ChaosRule, type Mock, TAG } from '@echoplane/traffic';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../../../test/program-stage.ts';
import { mock } from './mock.fixture.ts';
import { RECORDED_PORT, type ResponderParts, ResponderStage } from './responder.fixture.ts';

const HOST = `feed.test:${RECORDED_PORT}`;
let world: ResponderStage;
beforeEach(async () => {
  world = await ResponderStage.open();
});
afterEach(() => world.close());

interface Got {
  status: number;
  headers: Record<string, unknown>;
  /** Pieces as they came, with when, ms after the request. */
  pieces: [text: string, atMs: number][];
  text: string;
  /** Code of the error the client saw, or null. */
  error: string | null;
}

function read(
  port: number,
  path: string,
  onPiece: (request: ClientRequest) => void = () => {},
): Promise<Got> {
  const got: Got = { status: 0, headers: {}, pieces: [], text: '', error: null };
  const started = performance.now();
  return new Promise((resolve) => {
    const fail = (error: NodeJS.ErrnoException) => {
      got.error = error.code ?? error.message;
      resolve(got);
    };
    const request = get({ port, path, host: '127.0.0.1', headers: { Host: HOST }, agent: new Agent() });
    request.once('error', fail).once('response', (response: IncomingMessage) => {
      Object.assign(got, { status: response.statusCode, headers: response.headers });
      response.setEncoding('latin1');
      response.on('data', (text: string) => {
        got.pieces.push([text, performance.now() - started]);
        got.text += text;
        onPiece(request);
      });
      response.once('error', fail).once('end', () => resolve(got));
    });
  });
}

const events = ['data: one\n\n', 'data: two\n\n', 'data: three\n\n'];
function stream(path: string, everyMs: number): Mock {
  const recorded = mock('GET', `http://${HOST}${path}`, { response: { body: events.join('') } });
  const chunks = events.map((text, n): [number, number] => [text.length, n * everyMs * 1000 + 1_000]);
  // In chunks, as servers send it: a client that is late still sees where each event ends.
  const headers: [string, string][] = [
    ['Content-Type', 'text/event-stream'],
    ['Transfer-Encoding', 'chunked'],
  ];
  const response = { ...recorded.response, headers, body: { ...recorded.response.body, chunks } };
  return { ...recorded, ttfbUs: 1_000, response };
}
const recordedPace = { env: { ECHOPLANE_LATENCY: 'recorded' } };
const chaos = (action: ChaosRule['action'], parts: Partial<ChaosRule> = {}): ResponderParts => ({
  plan: { seed: 1, chaos: [{ name: 'trouble', toxicity: 1, action, ...parts }] },
});

test('an event stream comes in its events and in its rhythm, times the latency', async () => {
  const paced = stream('/events', 2_000);
  const { aliasPort } = await world.start([paced], { env: { ECHOPLANE_LATENCY: '0.5' } });
  const { pieces, text } = await read(aliasPort, '/events');
  expect(text).toBe(events.join(''));
  expect(pieces.map(([piece]) => piece)).toEqual(events);
  // However late this process reads them, none is here before its time.
  expect(pieces[1]![1]).toBeGreaterThan(990);
  expect(pieces[2]![1]).toBeGreaterThan(1_990);
});

test('a client that leaves ends its stream, which is told on the pair', async () => {
  const { aliasPort } = await world.start([stream('/events', 60_000)], recordedPace);
  await read(aliasPort, '/events', (request) => request.destroy());
  await until(() => world.receiver.pairs.length === 1);
  expect(world.receiver.pairs[0]).toMatchObject({ error: 'client-closed', tags: { [TAG.match]: 'exact' } });
  expect(world.receiver.pairs[0]!.durationUs).toBeLessThan(50_000_000);
});

test('chaos: status, latency and reset do what they say; pairs are tagged and nothing is a miss', async () => {
  const rules: ChaosRule[] = [
    {
      name: 'down',
      when: 'path == "/status"',
      toxicity: 1,
      action: { type: 'status', status: 503, body: '{"down":true}' },
    },
    { name: 'slow', when: 'path == "/slow"', toxicity: 1, action: { type: 'latency', ms: 300, jitterMs: 0 } },
    { name: 'broken', when: 'path == "/reset"', toxicity: 1, action: { type: 'reset' } },
    { name: 'gone', when: 'path == "/drop"', toxicity: 1, action: { type: 'drop' } },
  ];
  const mocks = ['status', 'slow', 'reset', 'drop', 'well'].map((path) =>
    mock('GET', `http://${HOST}/${path}`),
  );
  const { aliasPort, page, metrics } = await world.start(mocks, { plan: { chaos: rules } });
  expect(await read(aliasPort, '/status')).toMatchObject({ status: 503, text: '{"down":true}' });
  const slow = await read(aliasPort, '/slow');
  expect([slow.status, slow.pieces[0]![1] > 290]).toEqual([200, true]);
  expect((await read(aliasPort, '/reset')).error).toBe('ECONNRESET');
  expect((await read(aliasPort, '/drop')).error).toBe('ECONNRESET');
  expect(await read(aliasPort, '/well')).toMatchObject({ status: 200, error: null });
  await until(() => world.receiver.pairs.length === 5);
  expect(world.receiver.pairs.map(({ tags }) => tags[TAG.chaos])).toEqual([
    'down',
    'slow',
    'broken',
    'gone',
    undefined,
  ]);
  expect(new Set(world.receiver.pairs.map(({ tags }) => tags[TAG.match]))).toEqual(new Set(['exact']));
  expect(await page('/stats')).toMatchObject({
    exact: 5,
    miss: 0,
    chaos: { down: 1, slow: 1, broken: 1, gone: 1 },
  });
  expect(await metrics()).toContain('echoplane_responder_chaos_total{rule="slow"} 1');
});

test('chaos: a truncated body promises more than it sends, a stalled one never ends, a corrupted one is another', async () => {
  const body = 'x'.repeat(1_000);
  const mocks = [mock('GET', `http://${HOST}/long`, { response: { body } })];
  const cut = await world.start(mocks, chaos({ type: 'truncate', bytes: 10 }));
  const truncated = await read(cut.aliasPort, '/long');
  expect(truncated).toMatchObject({
    headers: { 'content-length': '1000' },
    text: 'x'.repeat(10),
    error: 'ECONNRESET',
  });

  const hanging = await world.start(mocks, chaos({ type: 'stall' }));
  const stalled = await read(hanging.aliasPort, '/long', (request) =>
    setTimeout(() => request.destroy(), 300),
  );
  expect(stalled.text).toBe('x'.repeat(500));

  const rotten = await world.start(mocks, chaos({ type: 'corrupt' }));
  const corrupted = await read(rotten.aliasPort, '/long');
  expect(corrupted.text).toHaveLength(1_000);
  expect(corrupted.text).not.toBe(body);
});

test('chaos touches the same requests in every run, whatever their order', async () => {
  const paths = Array.from({ length: 30 }, (_, n) => `/${n}`);
  const mocks = paths.map((path) => mock('GET', `http://${HOST}${path}`));
  const run = async (order: string[]) => {
    const { aliasPort } = await world.start(mocks, chaos({ type: 'status', status: 500 }, { toxicity: 0.4 }));
    const answers = await Promise.all(
      order.map(async (path) => [path, (await read(aliasPort, path)).status] as const),
    );
    return answers
      .filter(([, status]) => status === 500)
      .map(([path]) => path)
      .sort();
  };
  const touched = await run(paths);
  expect(await run(paths.toReversed())).toEqual(touched);
  expect(touched.length).toBeGreaterThan(3);
  expect(touched.length).toBeLessThan(27);
});

test('chaos works over HTTP/2 too: one stream is reset, the connection lives', async () => {
  const mocks = ['/broken', '/well'].map((path) => mock('GET', `http://${HOST}${path}`));
  const { aliasPort } = await world.start(mocks, chaos({ type: 'reset' }, { when: 'path == "/broken"' }));
  const session = connectHttp2(`http://127.0.0.1:${aliasPort}`);
  const ask = (path: string) => session.request({ ':path': path, ':authority': HOST });
  const broken = ask('/broken');
  const [error] = await once(broken, 'error');
  expect((error as NodeJS.ErrnoException).code).toBe('ERR_HTTP2_STREAM_ERROR');
  const well = ask('/well');
  const [headers] = await once(well, 'response');
  expect(headers[':status']).toBe(200);
  session.destroy();
});
