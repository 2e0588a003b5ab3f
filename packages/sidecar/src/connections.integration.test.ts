import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { type Clock, systemClock } from '@echoplane/runtime';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../../../test/ports.ts';
import { Connections } from './connections.ts';
import { atEnd, closeAll, until } from './sidecar.fixture.ts';

afterEach(closeAll);

/** An echo server whose connections are quiet or busy as the test says. */
async function serve() {
  const connections = new Connections();
  const state = { isQuiet: true, open: 0 };
  const server = createServer((socket) => {
    state.open++;
    socket.pipe(socket);
    socket.on('close', () => state.open--);
    connections.add(socket).isQuiet = () => state.isQuiet;
  });
  const port = await connections.listen(server, await freePort(), '127.0.0.1', 'the test');
  atEnd(() => connections.close());
  const drain = (ms: number, clock: Clock = systemClock()) => connections.drain(clock, ms);
  return { connections, state, port, drain };
}

async function client(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  atEnd(() => void socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

async function echo(socket: Socket): Promise<string> {
  socket.write('ping');
  const [answer] = await once(socket, 'data');
  return String(answer);
}

test('while draining, connections go on and new ones are served', async () => {
  const { connections, state, port, drain } = await serve();
  state.isQuiet = false;
  const before = await client(port);
  await until(() => state.open === 1, 'the first connection');
  const drained = drain(10_000);
  expect(connections.isDraining).toBe(true);
  const during = await client(port);
  expect([await echo(before), await echo(during)]).toEqual(['ping', 'ping']);
  before.destroy();
  during.destroy();
  await drained;
  const refused = connect(port, '127.0.0.1');
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNREFUSED');
});

test('a connection that stays quiet is closed in order', async () => {
  const { state, port, drain } = await serve();
  const idle = await client(port);
  await until(() => state.open === 1, 'the connection');
  const ended = once(idle.resume(), 'end');
  const drained = drain(10_000);
  await ended;
  await drained;
  expect(state.open).toBe(0);
});

test('a connection on which bytes keep coming is not quiet, whatever is said of it', async () => {
  const { state, port, drain } = await serve();
  const talker = await client(port);
  await until(() => state.open === 1, 'the connection');
  let hasEnded = false;
  talker.resume().on('end', () => {
    hasEnded = true;
  });
  // Time goes on only when a further byte has gone to the server and back: a machine that stands still makes no silence.
  let nowUs = 0;
  const clock: Clock = {
    nowUs: () => nowUs,
    async sleep(ms) {
      nowUs += ms * 1_000;
      if (talker.destroyed) return;
      talker.write('x');
      await new Promise((heard) => talker.once('data', heard).once('close', heard));
    },
  };
  await drain(1_500, clock);
  // Cut at the deadline, not ended as quiet.
  expect(hasEnded).toBe(false);
});

test('bytes that came while the process was kept from running are no silence', async () => {
  const { state, port, drain } = await serve();
  const talker = await client(port);
  await until(() => state.open === 1, 'the connection');
  let [heard, nowUs] = ['', 0];
  talker.on('data', (chunk) => {
    heard += chunk;
  });
  const clock: Clock = {
    nowUs: () => nowUs,
    sleep: (ms) =>
      new Promise((resolve) =>
        setImmediate(() => {
          setTimeout(resolve, 1);
          const isStalled = nowUs === 0;
          nowUs += isStalled ? 600_000 : ms * 1_000;
          if (!isStalled) return;
          talker.write('x');
          // Until the timer is due: its turn comes before that of the byte.
          for (const end = performance.now() + 5; performance.now() < end; );
        }),
      ),
  };
  await drain(10_000, clock);
  expect(heard).toBe('x');
});

test('what is busy at the deadline is cut', async () => {
  const { state, port, drain } = await serve();
  state.isQuiet = false;
  const busy = await client(port);
  await until(() => state.open === 1, 'the connection');
  const closed = once(busy.resume(), 'close');
  await drain(100);
  await closed;
});
