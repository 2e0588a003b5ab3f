// The intake against peers that mean no good: what they may hold, and for how long. Its clock stands still until the test
// moves it.
import { connect, type Socket } from 'node:net';
import { type Clock, listen, silentLogger } from '@echoplane/runtime';
import {
  CAPTURE_PREFACE,
  type CapturedPair,
  CaptureFrameDecoder,
  type CaptureMessage,
  encodeCaptureFrame,
} from '@echoplane/wire';
import { afterEach, describe, expect, test } from 'vitest';
import { capturedPair, HELLO, NOW_US, PLAIN_REFINERY } from '../captured.fixture.ts';
import { Cleanup, clock as realClock, until } from '../forwarder.fixture.ts';
import type { SpoolBatch } from '../spool/frame-buffer.ts';
import { Ledger } from '../spool/ledger.ts';
import { Intake } from './intake.ts';
import { PassThroughBook } from './pass-through-book.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** Sleeps end when `pass` is called. */
class StandingClock implements Clock {
  readonly #wakers = new Set<() => void>();
  nowUs(): number {
    return NOW_US;
  }
  sleep(_ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wakers.add(resolve);
      signal?.addEventListener('abort', () => resolve());
    });
  }
  pass(): void {
    for (const wake of this.#wakers) wake();
  }
}

async function startIntake(refinery = PLAIN_REFINERY) {
  const clock = new StandingClock();
  const ledger = new Ledger('forwarder', 'life');
  const added: string[] = [];
  const spool = {
    pending: () => 0,
    add: ({ stream }: SpoolBatch) => void added.push(stream!.incarnation),
  };
  const passThrough = new PassThroughBook({ files: { dir: '', fsync: false }, clock, log: silentLogger() });
  const intake = new Intake({
    ledger,
    refinery,
    spool,
    passThrough,
    ...{ tls: null, identify: null },
    clock,
    log: silentLogger(),
  });
  const port = await listen(intake.server, 0);
  cleanup.add(() => {
    intake.stop();
    intake.close();
  });
  const dial = async (...sent: Uint8Array[]) => {
    const socket = connect(port, '127.0.0.1');
    cleanup.add(() => socket.destroy());
    socket.on('error', () => {});
    for (const bytes of [CAPTURE_PREFACE, ...sent]) socket.write(bytes);
    return { socket, heard: listenTo(socket) };
  };
  return { clock, dial, added };
}

function listenTo(socket: Socket): CaptureMessage[] {
  const decoder = new CaptureFrameDecoder({ preface: false });
  const heard: CaptureMessage[] = [];
  socket.on('data', (chunk) => heard.push(...decoder.feed(chunk)));
  return heard;
}

const helloOf = (changes: object = {}) =>
  encodeCaptureFrame({ type: 'hello', value: { ...HELLO, ...changes } });

/** The head of a frame that will have `length` bytes. */
function announced(length: number): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(length);
  return head;
}

describe('the intake', () => {
  test.each<[string, object]>([
    ['an incarnation with a NUL', { incarnation: 'evil\0x' }],
    ['an incarnation with a blank', { incarnation: 'a b' }],
    ['no incarnation', { incarnation: '' }],
    ['a long incarnation', { incarnation: 'x'.repeat(65) }],
    ['an unknown hop', { hop: 'forwarder' }],
    ['a workload with a NUL', { workload: 'shop\0' }],
    ['a namespace with an escape sequence', { namespace: '\u001b[2J' }],
    ['a long pod', { pod: 'x'.repeat(254) }],
  ])('refuses a Hello with %s', async (_, changes) => {
    const { dial } = await startIntake();
    const { heard } = await dial(helloOf(changes));
    await until('an answer', () => heard.length > 0);
    expect(heard).toMatchObject([{ type: 'refusal', value: { code: 'bad-hello' } }]);
  });

  test('ends a stranger that announces more than a Hello, at once', async () => {
    const { dial } = await startIntake();
    const { socket, heard } = await dial(announced(1 << 20));
    await new Promise((resolve) => socket.on('close', resolve));
    expect(heard).toEqual([]);
  });

  test('ends a connection without Hello at the deadline, however busy it is; a greeted one stays', async () => {
    const { dial, clock } = await startIntake();
    const greeted = await dial(helloOf());
    await until('Welcome', () => greeted.heard.length === 1);
    const { socket } = await dial(announced(10_000));
    // Not `once`, which an error ends: bytes may be under way when it is closed, and then it ends with a reset.
    const closed = new Promise((resolve) => socket.on('close', resolve));
    const trickle = setInterval(() => socket.write('x'), 5);
    cleanup.add(() => clearInterval(trickle));
    await until('some bytes', () => socket.bytesWritten > 20);
    clock.pass();
    await closed;
    expect(greeted.socket.destroyed).toBe(false);
  });

  test('holds unfinished frames of all connections up to a bound, then gives up the largest', async () => {
    const { dial } = await startIntake();
    const honest = await dial(helloOf({ incarnation: 'honest' }), announced(1_000), Buffer.alloc(500));
    const part = Buffer.alloc(15 << 20);
    let ended = 0;
    for (let n = 0; n < 6; n++) {
      const { socket } = await dial(helloOf({ incarnation: `greedy-${n}` }), announced(16 << 20), part);
      socket.on('close', () => {
        ended++;
      });
    }
    await until('the end of a greedy one', () => ended > 0);
    await realClock.sleep(0);
    expect([honest.heard.length, honest.socket.destroyed, ended < 6]).toEqual([1, false, true]);
  });

  test('bounds empty batches that are not durable, and an honest sender goes on beside them', async () => {
    const { dial, added } = await startIntake();
    const counters = { captured: 0, delivered: 0, withheld: {}, dropped: {} };
    const batch = (seq: number) => encodeCaptureFrame({ type: 'batch', value: { seq, pairs: [], counters } });
    const flood = Buffer.concat(Array.from({ length: 20_000 }, (_, n) => batch(n + 1)));
    await dial(helloOf({ incarnation: 'greedy' }), flood);
    const taken = (who: string) => added.filter((one) => one === who).length;
    await until('a full window', () => taken('greedy') >= 2_000);
    const { socket } = await dial(helloOf({ incarnation: 'honest' }));
    for (let seq = 1; seq <= 100; seq++) {
      socket.write(batch(seq));
      await until('a turn', () => taken('honest') === seq);
    }
    expect(taken('greedy')).toBeLessThan(5_000);
  });

  test('pairs that take long hold nobody up: others have their turn between two of them', async () => {
    const slow: typeof PLAIN_REFINERY = {
      ...PLAIN_REFINERY,
      refine(captured, arrival, budget) {
        const untilMs = performance.now() + (captured.connection === 'slow' ? 10 : 0);
        while (performance.now() < untilMs);
        return PLAIN_REFINERY.refine(captured, arrival, budget);
      },
    };
    const { dial, added } = await startIntake(slow);
    const counters = { captured: 0, delivered: 0, withheld: {}, dropped: {} };
    const batch = (pairs: CapturedPair[]) =>
      encodeCaptureFrame({ type: 'batch', value: { seq: 1, pairs, counters } });
    const [greedy, honest] = [
      await dial(helloOf({ incarnation: 'greedy' })),
      await dial(helloOf({ incarnation: 'honest' })),
    ];
    await until('Welcome', () => greedy.heard.length + honest.heard.length === 2);
    const pairs = Array.from({ length: 64 }, (_, n) => capturedPair(n, { connection: 'slow' }));
    greedy.socket.write(batch(pairs), () =>
      setImmediate(() => honest.socket.write(batch([capturedPair(100)]))),
    );
    await until('both', () => added.length === 2);
    expect(added).toEqual(['honest', 'greedy']);
  });
});
