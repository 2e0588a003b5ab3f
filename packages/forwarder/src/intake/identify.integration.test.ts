// An intake that asks who sends: what happens while it asks, what it is told holds, and nothing of a token is kept.
import { connect, type Socket } from 'node:net';
import {
  CAPTURE_PREFACE,
  CaptureFrameDecoder,
  type CaptureMessage,
  encodeCaptureFrame,
} from '@echoplane/wire';
import { afterEach, expect, test } from 'vitest';
import { HELLO } from '../captured.fixture.ts';
import { Cleanup, until } from '../forwarder.fixture.ts';
import type { Identify, Sender } from './intake.ts';
import { listeningLogger, startIntake } from './intake-tls.fixture.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const TOKEN = 'head.claims.signature';

/** An intake whose answers to "who sends" are given by the test, one for each question. */
async function startStage() {
  const questions: PromiseWithResolvers<Awaited<ReturnType<Identify>>>[] = [];
  const { log, lines } = listeningLogger('warn');
  const identify: Identify = () => {
    const question = Promise.withResolvers<Awaited<ReturnType<Identify>>>();
    questions.push(question);
    return question.promise;
  };
  const { port, ledger, intake } = await startIntake(cleanup, { identify, log });
  const dial = (changes: object = {}) => {
    const socket = connect(port, '127.0.0.1');
    cleanup.add(() => socket.destroy());
    socket.on('error', () => {});
    socket.write(CAPTURE_PREFACE);
    socket.write(encodeCaptureFrame({ type: 'hello', value: { ...HELLO, token: TOKEN, ...changes } }));
    return { socket, heard: listenTo(socket) };
  };
  return { questions, ledger, intake, dial, lines };
}

function listenTo(socket: Socket): CaptureMessage[] {
  const decoder = new CaptureFrameDecoder({ preface: false });
  const heard: CaptureMessage[] = [];
  socket.on('data', (chunk) => heard.push(...decoder.feed(chunk)));
  return heard;
}

const sender = (pod: string): Sender => ({
  hello: { ...HELLO, pod, workload: 'true-name' },
  identity: `pod shop/${pod}`,
});

test('Welcome comes after the answer, and the stream is that of the answer', async () => {
  const { questions, ledger, dial } = await startStage();
  const { heard } = dial({ workload: 'lie' });
  await until('the question', () => questions.length === 1);
  expect([heard.length, ledger.streams.length]).toEqual([0, 0]);
  questions[0]!.resolve(sender('a'));
  await until('Welcome', () => heard.length === 1);
  expect(ledger.streams).toMatchObject([{ identity: 'pod shop/a', connected: true }]);
  expect(JSON.stringify(ledger.streams)).not.toContain(TOKEN);
});

test('a refusal ends the stream with its reason, and no token is in the log', async () => {
  const { questions, dial, lines } = await startStage();
  const { socket, heard } = dial();
  await until('the question', () => questions.length === 1);
  questions[0]!.resolve({ code: 'token-refused', message: 'Show another.' });
  await until('the end', () => socket.destroyed);
  expect(heard).toEqual([{ type: 'refusal', value: { code: 'token-refused', message: 'Show another.' } }]);
  expect(JSON.stringify(lines)).not.toContain(TOKEN);
});

test.each([
  [
    'a batch',
    'no-hello',
    {
      type: 'batch',
      value: { seq: 1, pairs: [], counters: { captured: 0, delivered: 0, withheld: {}, dropped: {} } },
    },
  ],
  ['a second Hello', 'bad-hello', { type: 'hello', value: { ...HELLO, token: TOKEN } }],
] as [string, string, CaptureMessage][])(
  '%s before Welcome is refused, and the answer opens nothing',
  async (_, code, message) => {
    const { questions, dial, ledger } = await startStage();
    const { socket, heard } = dial();
    socket.write(encodeCaptureFrame(message));
    await until('a refusal', () => heard.length > 0);
    questions[0]!.resolve(sender('a'));
    await until('the end', () => socket.destroyed);
    expect([heard.length, ledger.streams]).toEqual([1, []]);
    expect(heard).toMatchObject([{ type: 'refusal', value: { code } }]);
  },
);

test('one that is gone when the answer comes leaves nothing behind', async () => {
  const { questions, dial, ledger } = await startStage();
  const { socket } = dial();
  await until('the question', () => questions.length === 1);
  socket.destroy();
  const next = dial();
  await until('another question', () => questions.length === 2);
  questions[0]!.resolve(sender('gone'));
  questions[1]!.resolve(sender('here'));
  await until('Welcome', () => next.heard.length === 1);
  expect(ledger.streams).toMatchObject([{ identity: 'pod shop/here' }]);
});

test("another pod's incarnation cannot be taken over; its own pod may come again", async () => {
  const { questions, dial } = await startStage();
  const first = dial();
  await until('the question', () => questions.length === 1);
  questions[0]!.resolve(sender('a'));
  await until('Welcome', () => first.heard.length === 1);
  const thief = dial();
  await until('another question', () => questions.length === 2);
  questions[1]!.resolve(sender('thief'));
  await until('a refusal', () => thief.heard.length === 1);
  expect(thief.heard).toMatchObject([{ type: 'refusal', value: { code: 'bad-hello' } }]);
  expect(first.socket.destroyed).toBe(false);
  const again = dial();
  await until('a third question', () => questions.length === 3);
  questions[2]!.resolve(sender('a'));
  await until('Welcome again', () => again.heard.length === 1);
  expect(again.heard).toMatchObject([{ type: 'welcome' }]);
});
