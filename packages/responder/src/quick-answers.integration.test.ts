// Real files, no sockets: what the byte path answers and records is what the general way does.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalReplayState } from '@echoplane/replay';
import { systemClock } from '@echoplane/runtime';
import { type HeaderList, type Mock, storeBody } from '@echoplane/traffic';
import {
  BatchBuilder,
  type CapturedPair,
  CaptureFrameDecoder,
  type EncodablePair,
  encodablePair,
  putChecksum,
} from '@echoplane/wire';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Answerer } from './answerer.ts';
import { ClientStage } from './http1-connection.fixture.ts';
import { LearnedValues } from './learned-values.ts';
import { mock, uuid } from './mock.fixture.ts';
import { ServedMocks } from './mock-set.ts';
import { QuickAnswers } from './quick-answers.ts';
import { Tally } from './tally.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quick-answers-'));
});
const opened: ServedMocks[] = [];
afterEach(async () => {
  for (const served of opened.splice(0)) served.current.retire();
  await rm(folder, { recursive: true });
});

const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';
const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: rates.test\r\n${more}\r\n`;
const post = (path: string, body: string, type = JSON_TYPE) =>
  `POST ${path} HTTP/1.1\r\nHost: rates.test\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

test('what is recognised by its bytes is never taken for what differs in one of them', async () => {
  const stage = await open([
    mock('POST', 'http://rates.test/a', { request: { n: 1 }, response: { body: 'one' } }),
    mock('POST', 'http://rates.test/a', { request: { n: 2 }, response: { body: 'two' } }),
    mock('GET', 'http://other.test/a', { response: { body: 'other' } }),
    mock('GET', 'http://rates.test/a', { response: { body: 'get' } }),
  ]);
  const asked: [string, string][] = [
    [post('/a', '{"n":1}'), 'one'],
    [post('/a', '{"n":2}'), 'two'],
    [post('/a', '{"n": 1}'), 'one'],
    [post('/a', 'n=1', FORM_TYPE), 'miss'],
    [post('/a', 'n=1', 'text/plain'), 'miss'],
    [post('/a', '{"n":3}'), 'miss'],
    [post('/a?n=1', '{"n":1}'), 'miss'],
    [get('/a'), 'get'],
    [get('/a', 'Content-Encoding: gzip\r\n'), 'get'],
    [get('/a').replace('rates', 'other'), 'other'],
    [get('http://other.test/a'), 'other'],
    [get('/a', 'X-HTTP-Method-Override: PUT\r\n'), 'miss'],
  ];
  for (const round of [1, 2, 3, 4, 5]) {
    for (const [text, wanted] of round % 2 === 0 ? asked.toReversed() : asked) {
      const { match, body } = await stage.ask(text);
      expect([text, match === 'exact' ? body : match]).toEqual([text, wanted]);
    }
  }
  // In all rounds but the first two, those that were found and say nothing of the connection.
  expect(stage.unread()).toBe(3 * asked.filter(([, wanted]) => wanted !== 'miss').length);
});

test('an answer that was prepared holds what is learned later', async () => {
  const [recorded, live, later] = [uuid(1), uuid(2), uuid(3)];
  const stage = await open([
    mock('POST', 'http://rates.test/a', { request: { reference: recorded }, volatile: ['body.reference'] }),
    mock('GET', 'http://rates.test/a', { response: { body: `{"reference":"${recorded}"}` } }),
    mock('GET', 'http://rates.test/b', { response: { body: 'b' } }),
  ]);
  const ask = async () => (await stage.ask(get('/a'))).body;
  for (const _ of [1, 2, 3])
    expect([await ask(), (await stage.ask(get('/b'))).body]).toEqual([`{"reference":"${recorded}"}`, 'b']);
  await stage.ask(post('/a', `{"reference":"${live}"}`));
  expect([await ask(), (await stage.ask(get('/b'))).body]).toEqual([`{"reference":"${live}"}`, 'b']);
  await stage.ask(post('/a', `{"reference":"${later}"}`));
  expect([await ask(), (await stage.ask(get('/b'))).body]).toEqual([`{"reference":"${later}"}`, 'b']);
});

test.each([
  ['a recorded answer', get('/a')],
  ['a body and its answer', post('/p', '{"n":1}')],
  ['HEAD', get('/a').replace('GET', 'HEAD')],
  ['a connection that ends', get('/a', 'Connection: close\r\n')],
  ['trailers', get('/trailers')],
  ['trailers on a connection that ends', get('/trailers', 'Connection: close\r\n')],
  ['no content', get('/none')],
])('is given and recorded as the general way does: %s', async (_, text) => {
  const mocks = [
    mock('GET', 'http://rates.test/a', { response: { status: 418, reason: 'Teapot', body: 'short' } }),
    mock('HEAD', 'http://rates.test/a', { response: { body: 'not sent' } }),
    mock('POST', 'http://rates.test/p', { request: { n: 1 } }),
    withTrailers(mock('GET', 'http://rates.test/trailers', { response: { body: 'abc' } })),
    mock('GET', 'http://rates.test/none', { response: { status: 204, body: '' } }),
  ];
  const [quick, general] = [await open(mocks), await open(mocks, true)];
  for (const _ of [1, 2, 3, 4]) {
    const [a, b] = [await quick.ask(text), await general.ask(text)];
    expect(a.text).toBe(b.text);
    expect(comparable(await quick.pair())).toEqual(comparable(await general.pair()));
  }
});

test.each([
  ['two Hosts', get('/a', 'Host: evil.test\r\n')],
  ['no Host', 'GET /a HTTP/1.1\r\n\r\n'],
])('a request with %s is refused', async (_, text) => {
  const stage = await open([mock('GET', 'http://rates.test/a')]);
  expect((await stage.ask(text + get('/a'))).text).toMatch(/^HTTP\/1\.1 400 /);
  expect(stage.tally.counts()).toEqual({ exact: 0, volatile: 0, miss: 0 });
});

test('HTTP/1.0 is answered in its own way: kept alive only when asked for, never in chunks', async () => {
  const stage = await open([withTrailers(mock('GET', 'http://rates.test/a', { response: { body: 'abc' } }))]);
  const { text } = await stage.ask('GET /a HTTP/1.0\r\nHost: rates.test\r\n\r\n');
  expect(text).not.toMatch(/chunked/i);
  expect(text).toMatch(/Connection: close\r\n\r\nabc$/);
  const kept = await stage.ask('GET /a HTTP/1.0\r\nHost: rates.test\r\nConnection: keep-alive\r\n\r\n');
  expect(kept.text).toMatch(/Connection: (close|keep-alive)\r\n\r\nabc$/);
});

test('recorded times hold back what was pipelined, and the answers keep their order', async () => {
  const slow = { ...mock('GET', 'http://rates.test/slow', { response: { body: 'slow' } }), ttfbUs: 30_000 };
  const stage = await open(
    [slow, mock('GET', 'http://rates.test/a', { response: { body: 'fast' } })],
    false,
    1,
  );
  const { text } = await stage.ask(get('/slow') + get('/a') + get('/slow') + get('/a'), 4);
  expect(text.match(/slow|fast/g)).toEqual(['slow', 'fast', 'slow', 'fast']);
  expect((await stage.pair()).ttfbUs).toBeGreaterThanOrEqual(25_000);
});

/** Connections to answers from these mocks; `isGeneral`: none is given in the quick way. */
async function open(mocks: Mock[], isGeneral = false, latency = 0) {
  const path = join(folder, `${isGeneral}.jsonl`);
  await writeFile(path, mocks.map((one) => `${JSON.stringify(one)}\n`).join(''));
  const served = new ServedMocks(path);
  await served.reload();
  const [learned, tally, pairs] = [new LearnedValues(), new Tally(), [] as CapturedPair[]];
  const common = {
    ...{ mocks: served, learned, tally, clock: systemClock(), latency, space: null, replayId: uuid(9) },
    ...{
      state: new LocalReplayState((was, is) => learned.learn(was, is)),
      signal: new AbortController().signal,
    },
  };
  const record = (pair: EncodablePair) => void pairs.push(decoded(pair));
  const log = { error: (fields: { err: Error }) => expect.fail(fields.err.stack ?? '') } as never;
  const answerer = new Answerer({
    ...{ ...common, log, missStatus: 501, nearest: null },
    record: (pair) => record(encodablePair(pair)),
    steps: () => ({ touchesMatches: isGeneral }),
  });
  const quick = new QuickAnswers({ ...common, answerer, record });
  opened.push(served);
  let unread = 0;
  return {
    tally,
    /** On a connection of its own. */
    async ask(text: string, answers = 1) {
      const stage = new ClientStage({
        nowUs: common.clock.nowUs,
        again: (bytes, length, startedUs, connection) => {
          const answering = quick.again(bytes, length, startedUs, connection);
          if (answering !== null) unread++;
          return answering;
        },
        answer: (asked, connection) => quick.answer(asked, connection),
      });
      const before = pairs.length;
      await stage.say(text);
      await until(() => stage.text.startsWith('HTTP/1.1 400') || pairs.length >= before + answers);
      const match = /x-echoplane-match: (\w+)/.exec(stage.text)?.[1];
      return { text: stage.text, match, body: stage.text.slice(stage.text.indexOf('\r\n\r\n') + 4) };
    },
    pair: async () => pairs.shift()!,
    /** Requests that were answered without being read. */
    unread: () => unread,
  };
}

function withTrailers(one: Mock): Mock {
  return {
    ...one,
    response: {
      ...one.response,
      trailers: [['x-sum', '1']] as HeaderList,
      body: storeBody(Buffer.from('abc'), ''),
    },
  };
}

function decoded(pair: EncodablePair): CapturedPair {
  const builder = new BatchBuilder(Buffer.alloc(1 << 20));
  builder.add(pair);
  const frame = builder.close(1, { captured: 1, delivered: 0, withheld: {}, dropped: {} });
  putChecksum(frame);
  for (const message of new CaptureFrameDecoder({ preface: false }).feed(frame))
    if (message.type === 'batch') return message.value.pairs[0]!;
  throw new Error('no batch');
}

/** Without what is new each time, and heads as text. */
function comparable({
  id: _,
  tsUs: __,
  durationUs: ___,
  ttfbUs: ____,
  connection: _____,
  request,
  response,
  ...rest
}: CapturedPair) {
  const shown = (half: CapturedPair['request']) =>
    half && { ...half, head: Buffer.from(half.head).toString(), body: Buffer.from(half.body).toString() };
  return { ...rest, request: shown(request), response: shown(response) };
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!holds() && performance.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
}
