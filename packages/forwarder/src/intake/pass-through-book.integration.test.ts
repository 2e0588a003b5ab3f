// What sidecars of a workload tell each other through the forwarder: who hears what, what is refused, what lasts.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type CaptureSender, silentLogger } from '@echoplane/runtime';
import {
  CAPTURE_PREFACE,
  CaptureFrameDecoder,
  type CaptureMessage,
  encodeCaptureFrame,
  type PassThroughHost,
} from '@echoplane/wire';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '../../../../test/ports.ts';
import { HELLO } from '../captured.fixture.ts';
import { Cleanup, clock, temporaryHome, until } from '../forwarder.fixture.ts';
import { listeningLogger, startIntake, startSidecarSender } from './intake-tls.fixture.ts';
import { openPassThroughBook, PassThroughBook } from './pass-through-book.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const HOUR_US = 3_600_000_000;
const hostOf = (n: number): PassThroughHost => ({
  host: `pinned-${n}.test`,
  port: 443,
  reason: 'tls-refused-by-client',
});

/** A sidecar that shares: `knows` is what it tells after each Welcome, `hears` what comes. */
function startSharing(
  port: number,
  knows: PassThroughHost[],
  workload = 'shop',
  hop: 'sidecar' | 'responder' = 'sidecar',
) {
  const hears: string[] = [];
  const sender = startSidecarSender(cleanup, port, { hello: { workload, hop } });
  sender.sharePassThrough({ learned: () => knows, learn: ({ host }) => void hears.push(host) });
  return { sender, hears };
}

const open = (sender: CaptureSender) => until('Welcome', () => sender.isConnected);

describe('sidecars of a workload', () => {
  test('hear at once what one learns, and at the start what was learned before; others hear nothing', async () => {
    const { port, ledger } = await startIntake(cleanup);
    const first = startSharing(port, []);
    const second = startSharing(port, []);
    const other = startSharing(port, [], 'cart');
    const responder = startSharing(port, [], 'shop', 'responder');
    for (const { sender } of [first, second, other, responder]) await open(sender);
    responder.sender.tellPassThrough([hostOf(0)]);
    first.sender.tellPassThrough([hostOf(1), hostOf(2)]);
    await until('what the first learned', () => second.hears.length === 2);
    const third = startSharing(port, []);
    await until('what was learned before', () => third.hears.length === 2);
    expect(third.hears).toEqual(['pinned-1.test', 'pinned-2.test']);
    expect([first, other, responder].map(({ hears }) => hears)).toEqual([[], [], []]);
    expect(ledger.streams).toHaveLength(5);
  });

  test('tell after Welcome what they learned while the forwarder was away; nothing is told twice', async () => {
    const home = await temporaryHome(cleanup);
    // A port that nobody else is given while nobody listens on it.
    const before = await startIntake(cleanup, { home, port: await freePort() });
    const second = startSharing(before.port, []);
    const first = startSharing(before.port, [hostOf(1)]);
    await until('the first host', () => second.hears.length === 1);
    await before.stop();
    const after = await startIntake(cleanup, { port: before.port });
    await until('both again', () => first.sender.isConnected && second.sender.isConnected);
    await until('the host again', () => second.hears.length >= 2);
    second.sender.tellPassThrough([hostOf(1), { ...hostOf(1), host: 'PINNED-1.test' }, hostOf(2)]);
    await until('the new host alone', () => first.hears.includes('pinned-2.test'));
    expect(first.hears).toEqual(['pinned-2.test']);
    await after.stop();
  });

  test('know after a restart of the forwarder what others learned before it', async () => {
    const home = await temporaryHome(cleanup);
    const before = await startIntake(cleanup, { home });
    const first = startSharing(before.port, [hostOf(1)]);
    const second = startSharing(before.port, []);
    await until('the host', () => second.hears.length === 1);
    for (const { sender } of [first, second]) sender.close();
    await before.stop();
    const after = await startIntake(cleanup, { home });
    const third = startSharing(after.port, []);
    await until('what the former forwarder knew', () => third.hears.length === 1);
    expect(third.hears).toEqual(['pinned-1.test']);
  });
});

test('a message with an unknown number is skipped by the forwarder, and by a sender', async () => {
  const { port } = await startIntake(cleanup);
  const socket = connect(port, '127.0.0.1');
  cleanup.add(() => socket.destroy());
  const heard: CaptureMessage[] = [];
  const decoder = new CaptureFrameDecoder({ preface: false });
  socket.on('data', (chunk) => heard.push(...decoder.feed(chunk)));
  socket.write(CAPTURE_PREFACE);
  socket.write(encodeCaptureFrame({ type: 'hello', value: HELLO }));
  socket.write(futureFrame());
  socket.write(encodeCaptureFrame({ type: 'pass-through', value: { hosts: [hostOf(1)] } }));
  const { hears } = startSharing(port, []);
  await until('what came behind it', () => hears.length === 1 && heard.length > 0);
  expect(heard.map(({ type }) => type)).toEqual(['welcome']);
  const receiving = new CaptureFrameDecoder({ preface: false });
  const pass = encodeCaptureFrame({ type: 'pass-through', value: { hosts: [hostOf(1)] } });
  expect([...receiving.feed(Buffer.concat([futureFrame(), pass]))]).toMatchObject([
    { type: 'pass-through', value: { hosts: [hostOf(1)] } },
  ]);
});

test('hosts told before Hello are not taken', async () => {
  const { port } = await startIntake(cleanup);
  const socket = connect(port, '127.0.0.1').resume();
  cleanup.add(() => socket.destroy());
  const told = encodeCaptureFrame({ type: 'pass-through', value: { hosts: [hostOf(1)] } });
  socket.write(Buffer.concat([CAPTURE_PREFACE, told, encodeCaptureFrame({ type: 'hello', value: HELLO })]));
  await once(socket, 'data');
  const { sender, hears } = startSharing(port, []);
  await open(sender);
  expect(hears).toEqual([]);
});

describe('the book', () => {
  async function openBook(dir?: string) {
    const files = { dir: dir ?? (await temporaryHome(cleanup)), fsync: false };
    const time = { us: clock.nowUs() };
    const { log, lines } = listeningLogger('warn');
    const book = await openPassThroughBook({ files, clock: { ...clock, nowUs: () => time.us }, log });
    cleanup.add(() => book.close());
    return { book, time, lines, dir: files.dir };
  }

  test.each<[string, Partial<PassThroughHost>]>([
    ['no host', { host: '' }],
    ['a host of 254 characters', { host: 'x'.repeat(254) }],
    ['a host with a control character', { host: 'a\u001b[2Jb' }],
    ['half a character', { host: 'a\ud800' }],
    ['port 0', { port: 0 }],
    ['port 65536', { port: 65_536 }],
    ['a reason of two lines', { reason: 'a\nb' }],
    ['no reason', { reason: '' }],
  ])('does not take %s', async (_, wrong) => {
    const { book } = await openBook();
    expect(book.learn('w', [{ ...hostOf(1), ...wrong }, hostOf(2)])).toEqual([hostOf(2)]);
  });

  test('takes 1,000 hosts of a workload and 20,000 in all, and more when they have expired', async () => {
    const { book, time } = await openBook();
    const many = (from: number, count: number) => Array.from({ length: count }, (_, n) => hostOf(from + n));
    expect(book.learn('w', many(0, 999))).toHaveLength(999);
    expect(book.learn('w', many(900, 200))).toEqual([hostOf(999)]);
    for (let w = 1; w < 20; w++) expect(book.learn(`w${w}`, many(0, 1_000))).toHaveLength(1_000);
    expect(book.learn('one more', many(0, 3))).toEqual([]);
    time.us += 24 * HOUR_US;
    expect(book.hostsOf('w')).toEqual([]);
    expect(book.learn('one more', many(0, 3))).toHaveLength(3);
  });

  test('forgets a host a day after it was learned, also over a restart', async () => {
    const { book, time, dir } = await openBook();
    book.learn('w', [hostOf(1)]);
    time.us += 12 * HOUR_US;
    book.learn('w', [hostOf(1), hostOf(2)]);
    await book.close();
    const next = await openBook(dir);
    next.time.us = time.us + 12 * HOUR_US;
    expect(next.book.hostsOf('w')).toEqual([hostOf(2)]);
  });

  test('starts empty, and says so, when its file is damaged', async () => {
    const dir = await temporaryHome(cleanup);
    for (const text of ['{"v":1,"work', '{"v":2}', '[]']) {
      await writeFile(join(dir, 'pass-through.json'), text);
      const { book, lines } = await openBook(dir);
      expect([book.hostsOf('w'), lines.length]).toEqual([[], 1]);
    }
  });

  test('goes on when the folder cannot be written', async () => {
    const files = { dir: '/nonexistent', fsync: false };
    const book = new PassThroughBook({ files, clock, log: silentLogger() });
    expect(book.learn('w', [hostOf(1)])).toEqual([hostOf(1)]);
    await book.close();
    expect(book.hostsOf('w')).toEqual([hostOf(1)]);
  });
});

/** A sound frame of a message that no version knows yet. */
function futureFrame(): Buffer {
  const frame = encodeCaptureFrame({ type: 'ack', value: { batch: 1 } });
  const payload = Buffer.from(frame.subarray(8));
  payload[0] = 99;
  const head = Buffer.alloc(8);
  head.writeUInt32LE(payload.length, 0);
  head.writeUInt32LE(crc32(payload), 4);
  return Buffer.concat([head, payload]);
}
