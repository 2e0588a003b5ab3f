import { expect, test } from 'vitest';
import { ClientStage } from './http1-connection.fixture.ts';
import type { Http1Asked } from './http1-connection.ts';
import { Http1Turn, http1Head } from './http1-turn.ts';
import type { Reply } from './reply.ts';
import type { ReplyStream } from './turn.ts';

const REPLY: Reply = {
  status: 200,
  reason: 'OK',
  headers: [['X-A', '1']],
  trailers: [],
  body: Buffer.alloc(0),
};
const CHUNKED: Reply = { ...REPLY, headers: [['Transfer-Encoding', 'chunked']] };

/** What a client of `version` gets for what `answer` does. */
async function given(version: string, answer: (turn: Http1Turn) => Promise<unknown>): Promise<ClientStage> {
  const stage = new ClientStage({
    answer: async (asked: Http1Asked, connection) => void (await answer(new Http1Turn(asked, connection))),
  });
  return stage.say(`GET /a HTTP/${version}\r\nHost: h\r\n\r\n`);
}

const pieces = async (stream: ReplyStream) => {
  await stream.write(Buffer.from('one'));
  await stream.write(Buffer.alloc(0));
  await stream.write(Buffer.from('three'));
  return stream.end([['x-sum', '1']]);
};

test('pieces go out as chunks, with trailers behind them', async () => {
  const { text, hasEnded } = await given('1.1', (turn) => pieces(turn.open(CHUNKED)));
  expect(text).toBe(
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n5\r\nthree\r\n0\r\nx-sum: 1\r\n\r\n',
  );
  expect(hasEnded).toBe(false);
});

test('to HTTP/1.0 they go as they are, until the connection ends', async () => {
  const { text, hasEnded } = await given('1.0', (turn) => pieces(turn.open(CHUNKED)));
  expect(text).toBe('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nonethree');
  expect(hasEnded).toBe(true);
});

test('a body of no known length ends with the connection', async () => {
  const { text, hasEnded } = await given('1.1', (turn) => pieces(turn.open(REPLY)));
  expect([text, hasEnded]).toEqual(['HTTP/1.1 200 OK\r\nX-A: 1\r\nConnection: close\r\n\r\nonethree', true]);
});

test('a reply without a body leaves the connection as it is', async () => {
  const { text, hasEnded } = await given('1.1', (turn) => turn.open(REPLY, { endsHere: true }).end());
  expect([text, hasEnded]).toEqual(['HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\n', false]);
});

test('a whole reply has its trailers too', async () => {
  const reply = { ...CHUNKED, trailers: [['x-sum', '1']] as Reply['trailers'], body: Buffer.from('ab') };
  const { text } = await given('1.1', (turn) => turn.send(reply));
  expect(text.split('\r\n\r\n').slice(1).join('|')).toBe('2\r\nab\r\n0\r\nx-sum: 1|');
});

test('a client that left is told of: nothing more is taken', async () => {
  let outcome: unknown;
  const stage = await given('1.1', async (turn) => {
    const stream = turn.open(CHUNKED);
    await new Promise((resolve) => turn.left.addEventListener('abort', resolve));
    outcome = [await stream.write(Buffer.from('a')), await stream.end(), turn.left.aborted];
  });
  stage.socket.destroy();
  await stage.settled();
  expect(outcome).toEqual([false, false, true]);
});

test('the head is given with its fields as they were', () => {
  const raw = Buffer.from('GET /a HTTP/1.1\r\nHost: h\r\nx-a: 1\r\nX-A: 2\r\n\r\n');
  const head = { method: 'GET', target: '/a', version: '1.1' } as never;
  expect(http1Head({ head, raw } as never)).toEqual({
    ...{ method: 'GET', url: '/a', version: '1.1', host: 'h' },
    headers: [
      ['Host', 'h'],
      ['x-a', '1'],
      ['X-A', '2'],
    ],
  });
});
