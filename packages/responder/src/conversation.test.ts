import { type StreamMessage, storeBody } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { Conversation } from './conversation.ts';
import { uuid } from './mock.fixture.ts';

const message = (from: 'client' | 'server', offsetUs: number, data: string, kind = 'text'): StreamMessage => {
  const { encoding: _, decoded: __, ...stored } = storeBody(Buffer.from(data), '');
  return { from, kind, offsetUs, ...stored } as StreamMessage;
};
const said = (says: { message: StreamMessage; afterUs: number }[]) =>
  says.map(
    ({ message: { kind, text, json }, afterUs }) => `${kind} ${text ?? JSON.stringify(json)} +${afterUs}`,
  );
const live = (data: string) => storeBody(Buffer.from(data), '');

test('the server says what it said, as long after the client’s message as then', () => {
  const conversation = new Conversation(
    [
      message('server', 1_500, 'hello'),
      message('client', 2_000, 'a'),
      message('server', 2_100, '1'),
      message('server', 2_300, '2'),
      message('client', 3_000, 'b'),
      message('server', 3_050, '3'),
    ],
    1_000,
  );
  expect(said(conversation.open())).toEqual(['text hello +500']);
  const first = conversation.hear('text', live('a'));
  expect([first.difference, said(first.says)]).toEqual([null, ['text 1 +100', 'text 2 +300']]);
  expect(conversation.missing).toBe(1);
  expect(said(conversation.hear('text', live('b')).says)).toEqual(['text 3 +50']);
});

test('a differing message names the first difference and is answered as the recorded one was', () => {
  const recorded = [
    message('client', 0, '{"op":"sub","id":17}'),
    message('server', 5, 'ok'),
    message('client', 10, 'x', 'binary'),
  ];
  const conversation = new Conversation(recorded);
  const first = conversation.hear('text', live('{"op":"sub","id":18}'));
  expect(first.difference).toBe('message[0].body.id: 17 → 18');
  expect(said(first.says)).toEqual(['text ok +5']);
  expect(conversation.hear('text', live('x')).difference).toBe('message[1].kind: binary → text');
  expect(conversation.hear('text', live('{"more":1}')).difference).toBe('message[2]: absent → body.more 1');
  expect(new Conversation(recorded).hear('text', live('{"op":"sub","id":17,"x":1}')).difference).toBe(
    'message[0].body.x: absent → 1',
  );
});

test('generated values may differ, and what they are now is learned', () => {
  const conversation = new Conversation([message('client', 0, JSON.stringify({ id: uuid(1), n: 1 }))]);
  expect(conversation.hear('text', live(JSON.stringify({ id: uuid(2), n: 1 })))).toMatchObject({
    difference: null,
    learned: [[uuid(1), uuid(2)]],
  });
});

test('pings of the client and pongs carry nothing; a close is said only by the side that closed first', () => {
  const byServer = new Conversation([
    message('client', 1, '', 'ping'),
    message('server', 2, '', 'pong'),
    message('server', 3, 'beat', 'ping'),
    message('server', 9, '\u0003\u00e8', 'close'),
    message('client', 10, '', 'close'),
  ]);
  expect(byServer.open().map(({ message: { kind } }) => kind)).toEqual(['ping', 'close']);
  const byClient = new Conversation([message('client', 1, '', 'close'), message('server', 2, '', 'close')]);
  expect(byClient.open()).toEqual([]);
});
