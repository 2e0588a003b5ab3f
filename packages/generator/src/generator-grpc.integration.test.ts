// Calls of gRPC streams against a real server: both sides speak in turn, as they did when they were recorded.
import { promisify } from 'node:util';
import { grpcFrames, type HeaderList, type LoadPlan, TAG, type Test } from '@echoplane/traffic';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GeneratorStage, newTest } from './generator-stage.ts';
import { bodyOf, type Timed, textMessage, textOf } from './grpc-calls.fixture.ts';

type Stream = ServerDuplexStream<Buffer, Buffer>;

let stage: GeneratorStage;
let server: Server;
let port: number;
/** What was said, in order. */
let said: string[];
/** What the server does with a call. */
let answer: (stream: Stream) => void;
beforeEach(async () => {
  stage = await GeneratorStage.open();
  said = [];
  server = new Server();
  const bytes = (value: Buffer) => value;
  const coding = { requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes };
  const chat = {
    ...{ path: '/shop.Orders/Chat', requestStream: true, responseStream: true },
    ...{ ...coding, responseDeserialize: bytes },
  };
  server.addService({ chat }, { chat: (stream: Stream) => answer(stream) });
  port = await promisify(server.bindAsync.bind(server))('127.0.0.1:0', ServerCredentials.createInsecure());
});
afterEach(async () => {
  server.forceShutdown();
  await stage.close();
});

function say(stream: Stream, text: string): void {
  said.push(`< ${text}`);
  stream.write(textMessage(text));
}

/** Answers each message, a while after it came: who does not listen has said everything by then. */
function answerSlowly(stream: Stream, answers: (text: string) => string[]): void {
  let left = 0;
  let hasEnded = false;
  const endIfOver = () => hasEnded && left === 0 && stream.end();
  stream.on('data', (message: Buffer) => {
    said.push(`> ${textOf(message)}`);
    left++;
    setTimeout(() => {
      for (const text of answers(textOf(message))) say(stream, text);
      left--;
      endIfOver();
    }, 60);
  });
  stream.on('end', () => {
    hasEnded = true;
    endIfOver();
  });
}

/** A recorded call. */
function chatOf(asked: Timed, answered: Timed): Test {
  const headers: HeaderList = [
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ];
  const response = {
    status: 200,
    headers: headers.slice(0, 1),
    trailers: [['grpc-status', '0']] as HeaderList,
    body: bodyOf(answered),
  };
  const request = { method: 'POST', target: '/shop.Orders/Chat', headers, body: bodyOf(asked) };
  return newTest('a', request, { response, protocol: 'grpc', endpoint: request.target });
}

const IN_TURN = chatOf(
  [
    ['one', 1_000],
    ['two', 12_000],
    ['three', 22_000],
  ],
  [
    ['hello', 500],
    ['re: one', 10_000],
    ['re: two', 20_000],
    ['re: three', 30_000],
  ],
);
const ALTERNATING = ['< hello', '> one', '< re: one', '> two', '< re: two', '> three', '< re: three'];

/** Headers and trailers of grpc-js are its own. */
const env = { ECHOPLANE_ASSERTIONS: JSON.stringify([{ type: 'status' }, { type: 'body' }]) };

test('a conversation is had again in turn, also when the server takes longer and speaks first', async () => {
  answer = (stream) => {
    setTimeout(() => say(stream, 'hello'), 60);
    answerSlowly(stream, (text) => [`re: ${text}`]);
  };
  const run = await stage.replay(port, [IN_TURN], { env });
  expect(said).toEqual(ALTERNATING);
  expect(run.asserted).toEqual({ passed: 1, failed: 0, headless: 0 });
  const [pair] = stage.receiver.pairs;
  const { frames } = grpcFrames(Buffer.from(pair!.response!.body));
  expect(frames.map((frame) => textOf(frame.subarray(5)))).toEqual([
    'hello',
    're: one',
    're: two',
    're: three',
  ]);
});

test('a server that says less is told everything all the same, and what is missing is a difference', async () => {
  answer = (stream) => {
    say(stream, 'hello');
    answerSlowly(stream, (text) => (text === 'one' ? [] : [`re: ${text}`]));
  };
  const run = await stage.replay(port, [IN_TURN], { env });
  expect(said.filter((line) => line.startsWith('>'))).toEqual(['> one', '> two', '> three']);
  expect(run.asserted).toEqual({ passed: 0, failed: 1, headless: 0 });
  expect(stage.receiver.pairs[0]).toMatchObject({ error: '', tags: { [TAG.verdict]: 'failed' } });
});

test('the think factor is kept inside a call: with none of it the recorded pauses are left out, the turns stay', async () => {
  answer = (stream) => {
    say(stream, 'hello');
    answerSlowly(stream, (text) => [`re: ${text}`]);
  };
  const slowed = (timed: Timed): Timed => timed.map(([text, atUs]) => [text, atUs * 100_000]);
  const slow = chatOf(
    slowed([
      ['one', 1_000],
      ['two', 12_000],
      ['three', 22_000],
    ]),
    slowed([
      ['hello', 500],
      ['re: one', 10_000],
      ['re: two', 20_000],
      ['re: three', 30_000],
    ]),
  );
  const load: LoadPlan = { thinkFactor: 0 };
  const run = await stage.replay(port, [slow], { load, env });
  expect(said).toEqual(ALTERNATING);
  expect(run.asserted).toEqual({ passed: 1, failed: 0, headless: 0 });
});
