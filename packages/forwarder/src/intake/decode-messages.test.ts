// What becomes of a WebSocket's captured messages in an RRPair.
import { RRPair } from '@echoplane/traffic';
import type { CapturedPair, StreamMessage } from '@echoplane/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { capturedPair, decoded } from '../captured.fixture.ts';

function decode(changes: Partial<CapturedPair>): RRPair | null {
  const pair = decoded(capturedPair(1, changes));
  return pair && RRPair.parse(JSON.parse(JSON.stringify(pair)));
}

const WEBSOCKET = { protocol: 'websocket', request: null, response: null, sentBytes: 9, receivedBytes: 8 };

function message(kind: string, data: Buffer | string, more: Partial<StreamMessage> = {}): StreamMessage {
  const bytes = Buffer.from(data);
  return { from: 'client', kind, offsetUs: 5, size: bytes.length, data: bytes, ...more };
}

test('text stays readable, everything else is base64, and the bytes come back exactly', () => {
  const messages = [
    message('text', '{"a":1}'),
    message('text', '{"a": 1}', { from: 'server' }),
    message('text', Buffer.from([0xff])),
    message('binary', 'plain'),
    message('close', Buffer.from([3, 232])),
    message('ping', ''),
  ];
  const pair = decode({ ...WEBSOCKET, messages, part: { index: 2, last: true } })!;
  expect(pair.messages).toEqual([
    { from: 'client', kind: 'text', offsetUs: 5, size: 7, json: { a: 1 } },
    { from: 'server', kind: 'text', offsetUs: 5, size: 8, text: '{"a": 1}' },
    { from: 'client', kind: 'text', offsetUs: 5, size: 1, base64: '/w==' },
    { from: 'client', kind: 'binary', offsetUs: 5, size: 5, base64: 'cGxhaW4=' },
    { from: 'client', kind: 'close', offsetUs: 5, size: 2, base64: 'A+g=' },
    { from: 'client', kind: 'ping', offsetUs: 5, size: 0 },
  ]);
  expect(pair).toMatchObject({
    ...{ request: null, response: null, part: { index: 2, last: true } },
    opaque: { sentBytes: 9, receivedBytes: 8 },
  });
  expect(pair.gaps).toBeUndefined();
});

test('what was cut is in the gaps of its side, and a cut text stays text', () => {
  const messages = [
    message('text', Buffer.from('aé').subarray(0, 2), { size: 10 }),
    message('binary', 'ab', { size: 5, from: 'server' }),
  ];
  const pair = decode({ ...WEBSOCKET, messages, gapReason: 'inflate-failed' })!;
  expect(pair.messages).toMatchObject([
    { text: 'a', size: 10 },
    { base64: 'YWI=', size: 5 },
  ]);
  expect(pair.gaps).toEqual({
    requestTruncatedBytes: 8,
    responseTruncatedBytes: 3,
    reason: 'inflate-failed',
  });
});

test('a pair without them has neither messages nor part', () => {
  const pair = decode({ messages: [], part: null })!;
  expect('messages' in pair || 'part' in pair).toBe(false);
});

test.each<[string, Partial<CapturedPair>]>([
  ['another side', { messages: [message('text', '', { from: 'proxy' as never })] }],
  ['no kind', { messages: [message('', '')] }],
  ['a long kind', { messages: [message('x'.repeat(33), '')] }],
  ['an offset that is none', { messages: [message('text', '', { offsetUs: -1 })] }],
  ['a size that is none', { messages: [message('text', '', { size: Number.NaN })] }],
  ['a part that is none', { part: { index: 0.5, last: false } }],
])('%s makes the pair undecodable', (_, changes) => {
  expect(decode({ ...WEBSOCKET, ...changes })).toBeNull();
});

test('any bytes give a message that satisfies the schema', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 40 }),
      fc.nat(60),
      fc.constantFrom('text', 'binary'),
      (bytes, size, kind) => {
        const pair = decode({ ...WEBSOCKET, messages: [message(kind, Buffer.from(bytes), { size })] })!;
        expect(pair.messages![0]!.size).toBe(Math.max(size, bytes.length));
      },
    ),
  );
});
