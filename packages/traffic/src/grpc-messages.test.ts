import { expect, test } from 'vitest';
import { grpcFrames, grpcStreamMessages } from './grpc-messages.ts';
import type { Body } from './rrpair.ts';

const frame = (text: string) => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, Buffer.from(text)]);
};
const body = (texts: string[], chunks?: [number, number][]): Body => {
  const bytes = Buffer.concat(texts.map(frame));
  return {
    size: bytes.length,
    encoding: 'identity',
    base64: bytes.toString('base64'),
    ...(chunks ? { chunks } : {}),
  };
};
const read = (request: Body, response: Body) =>
  grpcStreamMessages(request, response).map(({ from, offsetUs, base64 }) => {
    const text = Buffer.from(base64!, 'base64').subarray(5).toString();
    return `${from} ${text} ${offsetUs}`;
  });

test('grpcFrames() gives whole frames and what begins the next one, in any cut', () => {
  const bytes = Buffer.concat([frame('ab'), frame(''), frame('cde')]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { frames, rest } = grpcFrames(bytes.subarray(0, cut));
    expect(Buffer.concat([...frames, rest]).equals(bytes.subarray(0, cut))).toBe(true);
    expect(frames).toHaveLength([0, 7, 12, 20].filter((end) => end > 0 && end <= cut).length);
  }
});

test('messages of both sides come in the order of their last bytes', () => {
  const request = body(
    ['a', 'b'],
    [
      [6, 0],
      [6, 2_000],
    ],
  );
  const response = body(
    ['x', 'y', 'z'],
    [
      [6, 1_000],
      [12, 3_000],
    ],
  );
  expect(read(request, response)).toEqual([
    'client a 0',
    'server x 1000',
    'client b 2000',
    'server y 3000',
    'server z 3000',
  ]);
});

test('a message that came in pieces has the time of its last one', () => {
  expect(
    read(
      body([]),
      body(
        ['abcdef'],
        [
          [4, 10],
          [3, 20],
          [4, 30],
        ],
      ),
    ),
  ).toEqual(['server abcdef 30']);
});

test('without times the answers follow what was asked', () => {
  expect(read(body(['a', 'b'], [[12, 500]]), body(['x']))).toEqual([
    'client a 500',
    'client b 500',
    'server x 500',
  ]);
  expect(read(body(['a']), body(['x']))).toEqual(['client a 0', 'server x 0']);
});
