/** A WebSocket's part on its way through the capture stream, and an HTTP pair's part beside it. */
import { expect, test } from 'vitest';
import { decodeCaptureMessage, encodeCaptureMessage } from './capture-messages.ts';
import { capturedMessagesPair } from './captured-messages-pair.ts';
import { capturedHttpPair } from './captured-pair.ts';
import { recordWebSocket, webSocketFrame } from './websocket.fixture.ts';
import { OPCODE } from './websocket-framer.ts';

const CONTEXT = {
  id: 'a',
  direction: 'IN' as const,
  scheme: 'http' as const,
  client: { ip: '10.0.0.1', port: 1, host: '' },
  server: { ip: '10.0.0.2', port: 2, host: 'shop' },
  tls: null,
  connection: 'c',
  tags: {},
};
const COUNTERS = { captured: 1, delivered: 0, withheld: {}, dropped: {} };

function throughTheStream(pair: ReturnType<typeof capturedHttpPair>) {
  const { number, payload } = encodeCaptureMessage({
    type: 'batch',
    value: { seq: 1, counters: COUNTERS, pairs: [pair] },
  });
  const message = decodeCaptureMessage(number, payload);
  return message?.type === 'batch' ? message.value.pairs[0]! : null;
}

test('the messages, the counts and the part of a WebSocket arrive as they were recorded', () => {
  const { exchange, feed, parts } = recordWebSocket({ seq: 3 });
  feed('server', webSocketFrame(OPCODE.text, 'héllo'), 1_000);
  feed('server', webSocketFrame(OPCODE.close, ''), 1_040);
  exchange.serverEnd(1_050);
  const pair = throughTheStream(capturedMessagesPair(parts[0]!, CONTEXT))!;
  expect(pair).toMatchObject({
    ...{
      protocol: 'websocket',
      seq: 3,
      tsUs: 1_000,
      durationUs: 50,
      ttfbUs: -1,
      request: null,
      response: null,
    },
    ...{ sentBytes: 0, receivedBytes: 10, error: '', gapReason: '', part: { index: 0, last: true } },
  });
  expect(
    pair.messages!.map(({ data, ...facts }) => ({ ...facts, data: Buffer.from(data).toString() })),
  ).toEqual([
    { from: 'server', kind: 'text', offsetUs: 0, size: 6, data: 'héllo' },
    { from: 'server', kind: 'close', offsetUs: 40, size: 0, data: '' },
  ]);
});

test('the first part of an HTTP response is told from a whole one', () => {
  const body = { size: 0, kept: [], truncated: 0 };
  const raw = {
    ...{
      seq: 0,
      requestHead: Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      requestBody: body,
      requestTrailers: null,
    },
    ...{ responseHead: null, responseBody: body, responseTrailers: null, interimCount: 0 },
    ...{ startedUs: 1, requestEndUs: 1, firstByteUs: null, endUs: 2, error: null },
  };
  const first = capturedHttpPair({ ...raw, part: { index: 0, last: false } }, CONTEXT);
  expect(throughTheStream(first)!.part).toEqual({ index: 0, last: false });
  expect(throughTheStream(capturedHttpPair(raw, CONTEXT))!.part).toBeNull();
});
