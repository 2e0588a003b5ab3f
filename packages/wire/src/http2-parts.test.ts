import { describe, expect, test } from 'vitest';
import {
  END_STREAM,
  type Field,
  FRAME,
  frame,
  GET,
  GRPC_CALL,
  linesOf,
  OK,
  plainPair,
  Talk,
} from './http2.fixture.ts';

const POST: Field[] = [[':method', 'POST'], ...GET.slice(1)];
const data = (id: number, text: string | Uint8Array, flags = 0) => frame(FRAME.data, flags, id, text);
const pairsOf = ({ pairs }: Talk) => pairs.map(plainPair);
const EMPTY = ['', 0];

describe('Http2Exchange records a stream that goes on in parts', () => {
  test('a gRPC stream, each part with what is new in both directions', () => {
    const talk = new Talk({ partAfterUs: 100 }).request(1, GRPC_CALL, 0).response(1, OK, 0);
    talk.client(data(1, 'a')).server(data(1, 'b'));
    talk.nowUs = 200;
    talk.client(data(1, 'cc')).server(data(1, 'dd'));
    talk.nowUs = 400;
    talk
      .client(data(1, '', END_STREAM))
      .server(data(1, 'e'))
      .response(1, [['grpc-status', '0']]);
    expect(pairsOf(talk)).toMatchObject([
      { requestBody: ['a', 1], responseBody: ['b', 1], error: null, responseTrailers: null },
      { requestBody: ['cc', 2], responseBody: ['dd', 2] },
      { requestBody: EMPTY, responseBody: ['e', 1], responseTrailers: 'grpc-status: 0\r\n\r\n' },
    ]);
    expect(talk.pairs.map(({ seq, part }) => [seq, part])).toEqual([
      [0, { index: 0, last: false }],
      [0, { index: 1, last: false }],
      [0, { index: 2, last: true }],
    ]);
    expect(talk.pairs.map(({ requestHead }) => requestHead.toString())).toEqual(
      Array(3).fill(linesOf(GRPC_CALL)),
    );
    expect(talk.pairs.map(({ startedUs, firstByteUs, endUs }) => [startedUs, firstByteUs, endUs])).toEqual([
      [3, 4, 201],
      [201, 201, 402],
      [402, 402, 403],
    ]);
    expect(talk.exchange.heldBytes).toBe(0);
  });

  test('a long answer: body and trailers of the request are in the first part only', () => {
    const talk = new Talk({ partAfterUs: 100 }).request(1, POST, 0).client(data(1, 'a'));
    talk
      .request(1, [['sum', '1']])
      .response(1, OK, 0)
      .server(data(1, 'b'));
    talk.nowUs = 200;
    talk.server(data(1, 'c', END_STREAM));
    expect(pairsOf(talk)).toMatchObject([
      { requestBody: ['a', 1], requestTrailers: 'sum: 1\r\n\r\n', responseBody: ['b', 1] },
      { requestBody: EMPTY, requestTrailers: null, responseBody: ['c', 1] },
    ]);
    expect(talk.pairs[1]).toMatchObject({ requestEndUs: 201, part: { index: 1, last: true } });
    expect(talk.exchange.heldBytes).toBe(0);
  });

  test('one the server does not answer, and one that is cut', () => {
    const talk = new Talk({ partAfterUs: 100 }).request(1, GRPC_CALL, 0).client(data(1, 'a'));
    talk.nowUs = 200;
    talk.client(data(1, 'b')).exchange.abort('reset', 300);
    expect(
      talk.pairs.map(({ responseHead, firstByteUs, error, part }) => [
        responseHead,
        firstByteUs,
        error,
        part,
      ]),
    ).toEqual([
      [null, null, null, { index: 0, last: false }],
      [null, null, 'reset', { index: 1, last: true }],
    ]);
  });

  test('an event stream whenever its part is full: nothing is cut', () => {
    const talk = new Talk({ bodyLimitBytes: 4 }).request(1, GET);
    talk.response(1, [...OK, ['content-type', 'text/event-stream; charset=utf-8']], 0);
    talk.server(data(1, 'abcdefghij')).server(data(1, '', END_STREAM));
    expect(pairsOf(talk).map(({ responseBody }) => responseBody)).toEqual([
      ['abcd', 4],
      ['efgh', 4],
      ['ij', 2],
    ]);
  });

  test.each<[string, (talk: Talk) => void]>([
    ['a response that is only waited for', (talk) => talk.request(1, GRPC_CALL)],
    ['a slow upload', (talk) => talk.request(1, POST, 0).client(data(1, 'a'))],
  ])('but not %s', (_, begin) => {
    const talk = new Talk({ partAfterUs: 100 });
    begin(talk);
    talk.nowUs = 200;
    talk
      .client(data(1, 'b', END_STREAM))
      .response(1, OK, 0)
      .server(data(1, 'c', END_STREAM));
    expect(talk.pairs.map(({ part }) => part)).toEqual([undefined]);
  });
});
