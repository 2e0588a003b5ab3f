// The sender over real sockets, against receivers that behave well, badly, or not at all.
import { createServer, type Server, type Socket } from 'node:net';
import {
  type Batch,
  type CapturedPair,
  CaptureFrameDecoder,
  type CaptureMessage,
  encodeCaptureFrame,
} from '@echoplane/wire';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '../../../test/ports.ts';
import { CaptureSender, type CaptureSenderOptions } from './capture-sender.ts';
import { systemClock } from './clock.ts';
import { listen } from './listen.ts';
import { silentLogger } from './log.ts';

const clock = systemClock();
const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = clock.nowUs() + 20_000_000;
  while (!condition()) {
    if (clock.nowUs() > deadline) throw new Error(`never came: ${what}`);
    await clock.sleep(5);
  }
}

function pairOf(n: number, bodyBytes = 0): CapturedPair {
  const address = { ip: '127.0.0.1', port: 80, host: '' };
  const [empty, body] = [Buffer.alloc(0), Buffer.alloc(bodyBytes, 'x')];
  return {
    ...{
      id: `pair-${n}`,
      tsUs: n,
      durationUs: 1,
      ttfbUs: 1,
      direction: 'OUT',
      protocol: 'http/1.1',
      scheme: 'http',
    },
    ...{ client: address, server: address, tls: null, connection: 'c', seq: n },
    request: {
      head: Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      body,
      bodySize: bodyBytes,
      trailers: empty,
      chunks: [],
    },
    ...{ response: null, sentBytes: 0, receivedBytes: 0, error: '', gapReason: '', tags: {} },
  };
}

/** Of the sender, within a connection. */
const TICK_MS = 250;

type Say = (message: CaptureMessage) => void;

/** A receiver: `onMessage` answers; every socket is kept so that a test can cut it. */
async function receiver(
  port: number,
  onMessage: (message: CaptureMessage, say: Say, socket: Socket) => void,
) {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    const decoder = new CaptureFrameDecoder({ preface: true });
    const say: Say = (message) => void socket.write(encodeCaptureFrame(message));
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      for (const message of decoder.feed(chunk)) onMessage(message, say, socket);
    });
  });
  const taken = await listen(server, port);
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  cleanups.push(close);
  return { port: taken, close };
}

function senderTo(port: number, options: Partial<CaptureSenderOptions> = {}) {
  const hello = {
    ...{
      hop: 'sidecar' as const,
      cluster: 'local',
      namespace: 'demo',
      workloadKind: 'Process',
      workload: 'shop',
    },
    ...{ pod: 'shop-1', container: 'shop' },
  };
  const sender = new CaptureSender({
    host: '127.0.0.1',
    port,
    hello,
    log: silentLogger(),
    clock,
    ...options,
  });
  const running = sender.run(new AbortController().signal);
  cleanups.push(() => {
    sender.close();
    return running;
  });
  return sender;
}

const welcome = (lastBatch: number, windowBytes = 1 << 20): CaptureMessage => ({
  type: 'welcome',
  value: { lastBatch, windowBytes },
});

describe('CaptureSender', () => {
  test('drain() ends with an empty batch whose counters say that everything was delivered', async () => {
    const batches: Batch[] = [];
    const { port } = await receiver(0, (message, say) => {
      if (message.type === 'hello') say(welcome(0));
      if (message.type !== 'batch') return;
      batches.push(message.value);
      say({ type: 'ack', value: { batch: message.value.seq } });
    });
    const sender = senderTo(port);
    for (let n = 0; n < 1_000; n++) sender.offer(pairOf(n));
    sender.withhold('sampled');
    expect(await sender.drain(30_000)).toEqual({ delivered: 1_000, undelivered: 0 });
    expect(batches.map((batch) => batch.seq)).toEqual(batches.map((_, i) => i + 1));
    expect(batches.flatMap((batch) => batch.pairs.map((p) => p.seq))).toEqual(
      Array.from({ length: 1_000 }, (_, n) => n),
    );
    expect(batches.at(-1)).toMatchObject({
      pairs: [],
      counters: { captured: 1_001, delivered: 1_000, withheld: { sampled: 1 }, dropped: {} },
    });
  });

  test('an idle sender reports counters that changed', async () => {
    const batches: Batch[] = [];
    const { port } = await receiver(0, (message, say) => {
      if (message.type === 'hello') say(welcome(0));
      if (message.type !== 'batch') return;
      batches.push(message.value);
      say({ type: 'ack', value: { batch: message.value.seq } });
    });
    const sender = senderTo(port);
    sender.offer(pairOf(1));
    await until('a report of the delivery', () => batches.some((batch) => batch.counters.delivered === 1));
  });

  test('after a broken connection the same batches come again, unchanged, after the last durable one', async () => {
    const first: Batch[] = [];
    const again: Batch[] = [];
    let connections = 0;
    const { port } = await receiver(0, (message, say, socket) => {
      if (message.type === 'hello') say(welcome(connections++ === 0 ? 0 : 1));
      if (message.type !== 'batch') return;
      if (connections > 1) {
        again.push(message.value);
        say({ type: 'ack', value: { batch: message.value.seq } });
      } else {
        first.push(message.value);
        if (first.length === 3) socket.destroy();
      }
    });
    const sender = senderTo(port, { batchBytes: 100, batchDelayMs: 1 });
    for (let n = 0; n < 5; n++) sender.offer(pairOf(n));
    expect(await sender.drain(30_000)).toEqual({ delivered: 5, undelivered: 0 });
    expect(again[0]!.seq).toBe(2);
    expect(again.slice(0, 2)).toEqual(first.slice(1, 3));
    expect(again.flatMap((batch) => batch.pairs.map((p) => p.seq))).toEqual([1, 2, 3, 4]);
  });

  test('never has more unacknowledged bytes under way than the window', async () => {
    let open = 0;
    let worst = 0;
    const { port } = await receiver(0, (message, say) => {
      if (message.type === 'hello') say(welcome(0, 20_000));
      if (message.type !== 'batch') return;
      open += message.value.pairs.reduce((sum, p) => sum + p.request!.body.length, 0);
      worst = Math.max(worst, open);
      const { seq } = message.value;
      setTimeout(() => {
        open = 0;
        say({ type: 'ack', value: { batch: seq } });
      }, 20);
    });
    const sender = senderTo(port, { batchBytes: 4_000 });
    for (let n = 0; n < 100; n++) sender.offer(pairOf(n, 1_000));
    expect((await sender.drain(30_000)).undelivered).toBe(0);
    expect(worst).toBeGreaterThan(4_000);
    expect(worst).toBeLessThanOrEqual(20_000);
  });

  const badReceivers: [string, (socket: Socket) => void][] = [
    ['accepts and never reads', (socket) => socket.pause()],
    ['closes at once', (socket) => socket.destroy()],
    [
      'welcomes and then reads a byte at a time',
      (socket) => {
        socket.write(encodeCaptureFrame(welcome(0, 1 << 30)));
        const timer = setInterval(() => socket.read(1), 100);
        socket.on('readable', () => {}).on('close', () => clearInterval(timer));
      },
    ],
  ];
  test.each(badReceivers)(
    'memory is bounded and losses are counted when the forwarder %s',
    async (_, behave) => {
      const sockets: Socket[] = [];
      const server = createServer({ highWaterMark: 1 }, (socket) => {
        sockets.push(socket.on('error', () => {}));
        behave(socket);
      });
      const port = await listen(server, 0);
      cleanups.push(() => {
        server.close();
        for (const socket of sockets) socket.destroy();
      });
      const queueBytes = 1 << 20;
      const sender = senderTo(port, { queueBytes, batchBytes: 64 << 10, stallMs: 500 });
      for (let n = 0; n < 20_000; n++) {
        sender.offer(pairOf(n, 2_000));
        if (n % 500 === 0) await clock.sleep(5);
        expect(sender.heldBytes).toBeLessThanOrEqual(queueBytes);
      }
      const { undelivered } = await sender.drain(300);
      const { captured, delivered, dropped } = sender.counters();
      expect(captured).toBe(20_000);
      expect(delivered + dropped['queue-full']! + undelivered).toBe(20_000);
      expect(dropped['queue-full']).toBeGreaterThan(15_000);
      expect(sender.shedBytes['queue-full']).toBeGreaterThan(0);
    },
  );

  test('a forwarder that comes late gets what was kept', async () => {
    const port = await freePort();
    const sender = senderTo(port);
    sender.offer(pairOf(1));
    expect(await sender.drain(200)).toEqual({ delivered: 0, undelivered: 1 });
    await receiver(port, (message, say) => {
      if (message.type === 'hello') say(welcome(0));
      if (message.type === 'batch') say({ type: 'ack', value: { batch: message.value.seq } });
    });
    expect(await sender.drain(30_000)).toEqual({ delivered: 1, undelivered: 0 });
  });

  test('a forwarder that never acknowledges is given up and dialled again', async () => {
    let hellos = 0;
    const { port } = await receiver(0, (message, say) => {
      if (message.type !== 'hello') return;
      hellos++;
      say(welcome(0));
    });
    senderTo(port, { stallMs: 100 }).offer(pairOf(1));
    await until('a second connection', () => hellos >= 2);
  });

  test('a forwarder that is not there is told once, with where it was looked for, and so is that it came', async () => {
    const port = await freePort();
    const said: unknown[][] = [];
    const log = silentLogger();
    log.warn = ((...line: unknown[]) => void said.push(line)) as typeof log.warn;
    log.info = ((...line: unknown[]) => void said.push(line)) as typeof log.info;
    const sender = senderTo(port, { log });
    await until('the warning', () => said.length > 0);
    expect(said[0]).toMatchObject([
      { err: { code: 'ECONNREFUSED' }, host: '127.0.0.1', port },
      'no forwarder takes the capture stream; it is tried again',
    ]);
    await receiver(port, (message, say) => message.type === 'hello' && say(welcome(0)));
    await until('the connection', () => sender.isConnected);
    expect(said.map(([, message]) => message)).toEqual([said[0]![1], 'the capture stream is open']);
  });

  test('a refusal is logged with its code and message', async () => {
    const warnings: unknown[] = [];
    const log = silentLogger();
    log.warn = ((fields: unknown) => void warnings.push(fields)) as typeof log.warn;
    const { port } = await receiver(0, (message, say) => {
      if (message.type === 'hello') say({ type: 'refusal', value: { code: 'too-old', message: 'Upgrade.' } });
    });
    senderTo(port, { log });
    await until('the warning', () => warnings.length > 0);
    expect(warnings[0]).toEqual({ code: 'too-old', reason: 'Upgrade.' });
  });

  test.each([
    ['could not be found out about now is soon asked again', 'identity-unavailable', true],
    ['was refused waits longer', 'token-refused', false],
  ])('who %s', async (_, code, isSoon) => {
    let hellos = 0;
    const { port } = await receiver(0, (message, say) => {
      if (message.type !== 'hello') return;
      hellos++;
      say({ type: 'refusal', value: { code, message: 'So.' } });
    });
    const waits: number[] = [];
    const hasty = {
      ...clock,
      nowUs: () => clock.nowUs(),
      sleep(ms: number, signal?: AbortSignal) {
        if (ms !== TICK_MS) waits.push(ms);
        return clock.sleep(Math.min(ms, 20), signal);
      },
    };
    senderTo(port, { clock: hasty });
    await until('a fourth Hello', () => hellos >= 4);
    // Later waits grow; a busy machine may have had more of them.
    expect(waits[0]! <= 500).toBe(isSoon);
  });
});
