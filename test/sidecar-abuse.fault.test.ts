// Real tools, used normally and badly, through the sidecar: load generators lose nothing, other people's clients work,
// databases are spliced without a word of ours, and neither slow nor vanishing clients hurt anybody else.
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { freePort } from './ports.ts';
import { startPostgres } from './postgres.ts';
import { until } from './program-stage.ts';
import { GRPC_METHODS, startGrpc } from './stages/grpc-calls.ts';
import { heldAfterCollection, INSPECTED } from './stages/heap.ts';
import { startMariaDb } from './stages/mariadb.ts';
import { pairLine, type RunningSidecar, SidecarStage, tcpServer } from './stages/sidecar-stage.ts';

const MIB = 1 << 20;
let stage: SidecarStage;

beforeEach(async () => {
  stage = await SidecarStage.open();
});
afterEach(() => stage.close());

const lines = async (count: number) => (await stage.pairs(count)).map(pairLine);

/** All is in order: what was captured was delivered, nothing stays open. */
async function isSettled(sidecar: RunningSidecar, captured: number): Promise<void> {
  await expect
    .poll(() => sidecar.account())
    .toEqual({ captured, delivered: captured, withheld: 0, dropped: 0 });
  await expect.poll(() => sidecar.metric('sidecar_connections')).toBe(0);
  expect(await sidecar.metric('sidecar_framing_errors_total')).toBe(0);
}

describe('load generators', () => {
  test('wrk: every answer is one that the origin gave, and every one is accounted for', async () => {
    let answered = 0;
    const origin = createHttpServer((_, response) => {
      answered++;
      response.end('x'.repeat(300));
    });
    const sidecar = await stage.sidecar({ TARGET_PORT: await stage.serve(origin) });
    stage.forwarder.keepsPairs = false;
    const { code, stdout } = await stage.tool(
      'wrk',
      '-t2',
      '-c64',
      '-d3s',
      // Not wrk's 2 s: whoever stands still for so long has not lost an answer.
      '--timeout',
      '120s',
      `http://127.0.0.1:${sidecar.inPort}/a`,
    );
    expect([code, /Socket errors|Non-2xx/.test(stdout)]).toEqual([0, false]);
    const counted = Number(/(\d+) requests in/.exec(stdout)?.[1]);
    expect(answered).toBeGreaterThanOrEqual(counted);
    // Requests that were on their way when wrk went are captured too: what there is stands when nobody is connected.
    await expect.poll(() => sidecar.metric('sidecar_connections')).toBe(0);
    await expect.poll(async () => (await sidecar.account()).captured).toBeGreaterThanOrEqual(answered);
    const { captured } = await sidecar.account();
    expect(captured).toBeLessThanOrEqual(answered + 64);
    await isSettled(sidecar, captured);
    expect(stage.forwarder.taken.size).toBe(captured);
  });

  test('h2load and nghttp, in front of nghttpd', async () => {
    const port = await freePort();
    await stage.programs.file('index.html', 'x'.repeat(20_000));
    const args = ['--no-tls', '-d', stage.programs.folder, String(port)];
    const { child } = stage.start('nghttpd', ...args);
    await until(() => accepts(port));
    expect(child.exitCode).toBeNull();
    const sidecar = await stage.sidecar({ TARGET_PORT: port });
    const url = `http://127.0.0.1:${sidecar.inPort}/index.html`;
    const load = await stage.tool('h2load', '-n', '2000', '-c', '8', '-m', '40', url);
    expect(load.stdout).toContain('2000 succeeded, 0 failed, 0 errored');
    const { code, stdout } = await stage.tool('nghttp', url);
    expect([code, stdout.length]).toEqual([0, 20_000]);
    const curled = await stage.tool('curl', '-s', '--http2-prior-knowledge', url);
    expect([curled.code, curled.stdout.length]).toEqual([0, 20_000]);
    expect(new Set(await lines(2_002))).toEqual(new Set(['GET /index.html 200']));
    await isSettled(sidecar, 2_002);
  });
});

describe('clients of other protocols', () => {
  test('grpc-js: all four kinds of call, and one that fails', async () => {
    const grpc = await startGrpc();
    const sidecar = await stage.sidecar({ TARGET_PORT: grpc.port });
    expect(await grpc.calls(sidecar.inPort)).toEqual([
      're: a',
      '6',
      '0 1 2',
      're: x re: y',
      'NOT_FOUND no such order',
    ]);
    const pairs = await stage.pairs(5);
    expect(pairs.map(pairLine)).toEqual(GRPC_METHODS.map((name) => `POST /shop.Orders/${name} 200`));
    const trailers = pairs.map(({ response }) => Buffer.from(response!.trailers ?? []).toString());
    expect(trailers.map((text) => /grpc-status: (\d+)/.exec(text)?.[1])).toEqual([
      '0',
      '0',
      '0',
      '0',
      undefined,
    ]);
    await grpc.close();
    await isSettled(sidecar, 5);
  });

  test.each([false, true])(
    'ws: messages of every size both ways, compression %s',
    async (perMessageDeflate) => {
      const server = new WebSocketServer({ noServer: true, perMessageDeflate });
      const origin = createHttpServer();
      origin.on('upgrade', (request, socket, early) =>
        server.handleUpgrade(request, socket, early, (client) =>
          client.on('message', (data, isBinary) => client.send(data, { binary: isBinary })),
        ),
      );
      const sidecar = await stage.sidecar({ TARGET_PORT: await stage.serve(origin) });
      const client = new WebSocket(`ws://127.0.0.1:${sidecar.inPort}/chat`, { perMessageDeflate });
      await once(client, 'open');
      const sizes = [0, 1, 125, 126, 65_535, 65_536, 300_000];
      for (const size of sizes) {
        client.send(Buffer.alloc(size, 'ab'));
        const [echoed] = await once(client, 'message');
        expect((echoed as Buffer).equals(Buffer.alloc(size, 'ab'))).toBe(true);
      }
      client.close(1000);
      await once(client, 'close');
      // The parts of the stream: one is over when it is large.
      const said = () => stage.forwarder.pairs.flatMap(({ messages }) => messages ?? []);
      await until(() => said().length >= 2 * sizes.length + 2);
      const sizesFrom = (side: string) =>
        said().flatMap(({ from, kind, size }) => (from === side && kind === 'binary' ? [size] : []));
      expect([sizesFrom('client'), sizesFrom('server')]).toEqual([sizes, sizes]);
      const { captured } = await sidecar.account();
      await isSettled(sidecar, captured);
    },
  );
});

describe('databases', () => {
  test.each(['http', 'tcp'])('psql to a real Postgres, protocol %s', async (protocol) => {
    const postgres = await startPostgres();
    try {
      const sidecar = await stage.sidecar({ PROTOCOL: protocol, TARGET_PORT: postgres.port });
      const url = postgres.url('postgres').replace(`:${postgres.port}/`, `:${sidecar.inPort}/`);
      const { code, stdout, stderr } = await stage.tool(
        'psql',
        url,
        '-XAtc',
        'SELECT sum(n) FROM generate_series(1, 100000) n',
      );
      expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '5000050000\n', stderr: '' });
      const [pair] = await stage.pairs(1);
      expect(pairLine(pair!)).toBe(`opaque ${protocol === 'tcp' ? 'protocol-tcp' : 'unknown-protocol'}`);
      await isSettled(sidecar, 1);
    } finally {
      await postgres.stop();
    }
  });

  test('a MariaDB client to a real MariaDB, which speaks first: nobody waits for the client', async () => {
    const port = await startMariaDb(stage.programs);
    const plain = await stage.sidecar({ TARGET_PORT: port });
    const tcp = await stage.sidecar({ PROTOCOL: 'tcp', TARGET_PORT: port });
    for (const [sidecar, reason] of [
      [plain, 'server-first'],
      [tcp, 'protocol-tcp'],
    ] as const) {
      // The greeting arrives though this client never says a word.
      const silent = connect(sidecar.inPort, '127.0.0.1');
      const [greeting] = (await once(silent, 'data', { signal: AbortSignal.timeout(30_000) })) as [Buffer];
      expect(greeting.toString('latin1')).toContain('MariaDB');
      silent.destroy();
      const args = [
        '--no-defaults',
        '-h127.0.0.1',
        `-P${sidecar.inPort}`,
        '-uroot',
        '-N',
        '-e',
        'SELECT 6 * 7',
      ];
      const { code, stdout, stderr } = await stage.tool('mariadb', ...args);
      expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '42\n', stderr: '' });
      await isSettled(sidecar, 2);
      const said = stage.forwarder.pairs.splice(0).toSorted((a, b) => a.tsUs - b.tsUs);
      expect(said.map(({ gapReason, sentBytes }) => [gapReason, sentBytes > 0])).toEqual([
        [reason, false],
        [reason, true],
      ]);
    }
  });
});

describe('bad clients', () => {
  const answering = () =>
    tcpServer((socket) => {
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
      socket.on('end', () => socket.end());
    });

  test('slowloris: thousands of heads that never end are held within the bound, and others are served', async () => {
    // The origin is silent about them, as a server that waits for a head is.
    let arrived = 0;
    const origin = tcpServer((socket) =>
      socket.on('data', (bytes: Buffer) => (arrived += bytes.length)).on('end', () => socket.end()),
    );
    const limit = 16 * MIB;
    const settings = { TARGET_PORT: await stage.serve(origin), CAPTURE_LIMIT: limit };
    const sidecar = await stage.sidecar(settings, INSPECTED);
    const slow: Socket[] = [];
    // No more at once than the kernel keeps for a listener that is slow to accept.
    while (slow.length < 6_000) {
      slow.push(...(await Promise.all(Array.from({ length: 250 }, () => connected(sidecar.inPort)))));
      await expect.poll(() => sidecar.metric('sidecar_connections')).toBe(slow.length);
    }
    const idle = await heldAfterCollection(sidecar.program);
    const start = 'GET /slow HTTP/1.1\r\nHost: h\r\n';
    const field = `X: ${'y'.repeat(5_000)}\r\n`;
    for (const socket of slow) socket.write(start);
    for (let round = 0; round < 12; round++) await Promise.all(slow.map((socket) => written(socket, field)));
    // What is on its way is nobody's to hold less of: all of it, 360 MB, is to be there first.
    await expect.poll(() => arrived).toBe(slow.length * (start.length + 12 * field.length));
    const opaque = await sidecar.metric('sidecar_connections_opaque_total', 'reason="memory"');
    expect(opaque).toBeGreaterThan(0);
    expect(await sidecar.metric('sidecar_capture_bytes')).toBeLessThanOrEqual(limit);
    const held = await heldAfterCollection(sidecar.program);
    expect(held - idle).toBeLessThan(limit + 20 * MIB);
    const other = await connected(sidecar.inPort);
    other.end('GET /other HTTP/1.1\r\nHost: h\r\n\r\n');
    await once(other.resume(), 'end');
    for (const socket of slow) socket.destroy();
    await expect.poll(() => sidecar.metric('sidecar_connections')).toBe(0);
    const pending = async () => {
      const { captured, delivered, dropped } = await sidecar.account();
      return captured - delivered - dropped;
    };
    await expect.poll(pending).toBe(0);
    expect(await sidecar.metric('sidecar_capture_bytes')).toBe(0);
  });

  test('a thousand connections that are reset wherever they are', async () => {
    const sidecar = await stage.sidecar({ TARGET_PORT: await stage.serve(answering()) });
    const request = Buffer.from(`POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n${'b'.repeat(20)}`);
    // No more at once than the kernel keeps for a listener that is slow to accept: it forgets one beyond that is reset.
    for (let from = 0; from < 1_000; from += 250) {
      await Promise.all(
        Array.from({ length: 250 }, async (_, n) => {
          const socket = await connected(sidecar.inPort);
          socket.resume().on('error', () => {});
          await written(socket, request.subarray(0, (from + n) % (request.length + 1)));
          socket.resetAndDestroy();
        }),
      );
      // The sidecar may learn of a connection only when it is over already.
      await expect.poll(() => sidecar.metric('sidecar_connections_captured_total')).toBe(from + 250);
    }
    await expect.poll(() => sidecar.metric('sidecar_connections')).toBe(0);
    const { captured } = await sidecar.account();
    const last = await connected(sidecar.inPort);
    last.write(request);
    expect(String((await once(last, 'data'))[0])).toMatch(/ok$/);
    last.end();
    await isSettled(sidecar, captured + 1);
    expect(await sidecar.metric('sidecar_capture_bytes')).toBe(0);
  });
});

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Resolves when the kernel has the bytes. */
function written(socket: Socket, bytes: string | Buffer): Promise<void> {
  return new Promise((resolve) => socket.write(bytes, () => resolve()));
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.on('error', () => resolve(false)).on('connect', () => socket.destroy());
  });
}
