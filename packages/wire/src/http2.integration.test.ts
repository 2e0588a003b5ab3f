import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type Http2Server,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Http2ExchangeOptions } from './http2-exchange.ts';
import { bodyOf, fieldsOf, Tap } from './http2-tap.fixture.ts';

type Handler = (stream: ServerHttp2Stream, headers: Record<string, string>) => void;

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(handler: Handler): Promise<{ server: Http2Server; port: number }> {
  const server = createServer({ maxSendHeaderBlockLength: 1 << 20, maxSessionMemory: 1_000 });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    handler(stream, headers as Record<string, string>);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => void server.close());
  return { server, port: (server.address() as AddressInfo).port };
}

async function tapped(handler: Handler, options: Http2ExchangeOptions = {}) {
  const { port } = await serve(handler);
  const tap = new Tap(port, options);
  const relayPort = await tap.listen();
  cleanups.push(() => tap.close());
  const session = connect(`http://127.0.0.1:${relayPort}`, {
    ...{ maxSendHeaderBlockLength: 1 << 20, maxSessionMemory: 1_000 },
  });
  session.on('error', () => {});
  cleanups.push(() => session.destroy());
  return { tap, session };
}

/** The response of a request: its headers, its body, its trailers. */
async function ask(session: ClientHttp2Session, headers: Record<string, string>, body?: Buffer) {
  const stream: ClientHttp2Stream = session.request(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  let response: Record<string, unknown> = {};
  let trailers: Record<string, unknown> = {};
  stream.on('response', (fields) => {
    response = fields;
  });
  stream.on('trailers', (fields) => {
    trailers = fields;
  });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return { response, trailers, body: Buffer.concat(chunks) };
}

const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('Http2Exchange beside node:http2', () => {
  test('records what the ends saw, over many requests that reuse and evict fields', async () => {
    const seen: Record<string, string>[] = [];
    const { tap, session } = await tapped((stream, headers) => {
      seen.push(headers);
      stream.respond({
        ':status': 200 + (seen.length % 3),
        'x-echo': headers['x-n'] ?? '',
        date: 'd'.repeat(seen.length % 90),
      });
      stream.end(`answer to ${headers[':path']}`);
    });
    const answers = [];
    for (let n = 0; n < 400; n++) {
      const value = `${'v'.repeat((n * 37) % 500)}${n % 7}`;
      answers.push(
        await ask(session, {
          ':path': `/orders/${n}`,
          'x-n': `${n}`,
          [`x-${n % 30}`]: value,
          cookie: `a=${n % 5}; b=2`,
        }),
      );
    }
    expect(tap.pairs).toHaveLength(400);
    for (const [n, pair] of tap.pairs.entries()) {
      const request = fieldsOf(pair.requestHead);
      const { cookie: _, ...sent } = seen[n]!;
      expect(request).toMatchObject(sent);
      expect(pair.requestHead.toString()).toContain(`cookie: a=${n % 5}`);
      const { ':status': status, ...fields } = answers[n]!.response as Record<string, string>;
      expect(fieldsOf(pair.responseHead)).toMatchObject({ ':status': `${status}`, ...fields });
      expect(bodyOf(pair.responseBody)).toEqual(answers[n]!.body);
      expect([pair.seq, pair.error]).toEqual([n, null]);
    }
    expect(tap.connections[0]!.exchange.outstanding).toBe(0);
  });

  test('large bodies both ways and many streams at once, byte for byte', async () => {
    const { tap, session } = await tapped(
      (stream) => {
        stream.respond({ ':status': 200 });
        stream.pipe(stream);
      },
      { bodyLimitBytes: 1 << 20, maxHeldBytes: 256 << 20 },
    );
    const bodies = Array.from({ length: 60 }, (_, n) => randomBytes(n % 10 === 0 ? 900_000 : 3_000 * n));
    await Promise.all(bodies.map((body, n) => ask(session, { ':method': 'POST', ':path': `/${n}` }, body)));
    await tap.until(() => tap.pairs.length === 60);
    for (const pair of tap.pairs) {
      const sent = sha(bodies[Number(fieldsOf(pair.requestHead)[':path']!.slice(1))]!);
      expect([sha(bodyOf(pair.requestBody)), sha(bodyOf(pair.responseBody))]).toEqual([sent, sent]);
    }
    expect(tap.connections[0]!.exchange.heldBytes).toBe(0);
  });

  test('header blocks of many frames, interim responses and trailers', async () => {
    const { tap, session } = await tapped((stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</style.css>' });
      stream.respond({ ':status': 200, 'x-large': 'r'.repeat(50_000) }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42' }));
      stream.end('body');
    });
    const large = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => [`x-large-${n}`, `${n}`.repeat(600)]),
    );
    const { trailers } = await ask(session, { ':path': '/', ...large });
    expect(trailers).toMatchObject({ 'x-sum': '42' });
    const [pair] = tap.pairs;
    expect(fieldsOf(pair!.requestHead)).toMatchObject(large);
    expect(fieldsOf(pair!.responseHead)['x-large']).toHaveLength(50_000);
    expect([pair!.interimCount, pair!.responseTrailers?.toString()]).toEqual([1, 'x-sum: 42\r\n\r\n']);
  });

  test('resets by either side, and a connection that breaks', async () => {
    const { tap, session } = await tapped((stream, headers) => {
      stream.respond({ ':status': 200 });
      stream.write('begun');
      if (headers[':path'] === '/server') stream.write('more', () => stream.destroy(new Error('broken')));
    });
    const byServer = session
      .request({ ':path': '/server' })
      .on('error', () => {})
      .resume();
    await new Promise((resolve) => byServer.once('close', resolve));
    const byClient = session.request({ ':path': '/client' }).on('error', () => {});
    await once(byClient, 'data');
    byClient.close(8);
    await tap.until(() => tap.pairs.length === 2);
    const cut = session.request({ ':path': '/cut' }).on('error', () => {});
    await once(cut, 'data');
    session.destroy();
    await tap.until(() => tap.pairs.length === 3);
    expect(tap.pairs.map((pair) => [fieldsOf(pair.requestHead)[':path'], pair.error])).toEqual([
      ['/server', 'reset'],
      ['/client', 'reset'],
      ['/cut', expect.stringMatching(/reset|closed/)],
    ]);
    expect(bodyOf(tap.pairs[2]!.responseBody).toString()).toBe('begun');
  });

  test('server push is counted and does not disturb', async () => {
    const { tap, session } = await tapped((stream) => {
      stream.pushStream({ ':path': '/pushed', 'x-indexed': 'by the push' }, (_, push) => {
        push.respond({ ':status': 200, 'x-indexed': 'by the push' });
        push.end('pushed body');
        stream.respond({ ':status': 200, 'x-indexed': 'by the push' });
        stream.end('asked body');
      });
    });
    session.on('stream', (pushed) => pushed.resume());
    for (let n = 0; n < 3; n++) await ask(session, { ':path': '/' });
    expect(
      tap.pairs.map((pair) => [
        fieldsOf(pair.responseHead)['x-indexed'],
        bodyOf(pair.responseBody).toString(),
      ]),
    ).toEqual(Array(3).fill(['by the push', 'asked body']));
    expect(tap.connections[0]).toMatchObject({ opaque: null, exchange: { pushes: 3 } });
  });
});
