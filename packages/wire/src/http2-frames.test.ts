import { describe, expect, test } from 'vitest';
import {
  END_HEADERS,
  END_STREAM,
  FRAME,
  frame,
  PADDED,
  PREFACE,
  PRIORITY,
  settings,
  uint32,
} from './http2.fixture.ts';
import { Http2Frames } from './http2-frames.ts';

/** What the walker tells, DATA joined so that cuts do not show. */
function walk(from: 'client' | 'server', pieces: Buffer[]) {
  const told: string[] = [];
  let data = '';
  const tell = (text: string) => {
    if (data) told.push(data);
    data = '';
    told.push(text);
  };
  const walker = new Http2Frames(from, {
    headers: ({ streamId, bytes, from: start, to, isEnd, promisedId }) =>
      tell(
        `headers ${streamId} ${Buffer.from(bytes.subarray(start, to)).toString('latin1')}${isEnd ? ' end' : ''}${promisedId ? ` promises ${promisedId}` : ''}`,
      ),
    data: (id, bytes) => {
      data = `${data || `data ${id} `}${bytes.toString('latin1')}`;
    },
    end: (id) => tell(`end ${id}`),
    reset: (id, code) => tell(`reset ${id} ${code}`),
    goaway: (id) => tell(`goaway ${id}`),
    setting: (id, value) => tell(`setting ${id} ${value}`),
    opaque: (reason) => tell(`opaque ${reason}`),
  });
  for (const piece of pieces) walker.feed(piece, 0);
  return { told, walker };
}

const H = FRAME.headers;
const C = FRAME.continuation;
const padded = (padding: number, text: string) =>
  Buffer.concat([Buffer.from([padding]), Buffer.from(text), Buffer.alloc(padding)]);
const PRIORITY_FIELDS = Buffer.from([0x80, 0, 0, 1, 7]);

const TALK = Buffer.concat([
  settings([1, 8_192], [5, 0xffff_ffff]),
  frame(FRAME.settings, 1, 0),
  frame(FRAME.window, 0, 0, uint32(65_535)),
  frame(H, END_HEADERS | END_STREAM, 1, 'one'),
  frame(H, END_HEADERS | PADDED, 3, padded(5, 'two')),
  frame(FRAME.data, PADDED, 3, padded(200, 'abc')),
  frame(FRAME.data, PADDED, 3, padded(3, '')),
  frame(FRAME.data, 0, 3, ''),
  frame(FRAME.data, END_STREAM, 3, 'def'),
  frame(FRAME.priority, 0, 5, PRIORITY_FIELDS),
  frame(
    H,
    PRIORITY | PADDED | END_STREAM,
    5,
    padded(1, `${PRIORITY_FIELDS.toString('latin1').slice(0, 0)}12345th`),
  ),
  frame(C, 0, 5, 're'),
  frame(C, 0, 5, ''),
  frame(C, END_HEADERS, 5, 'e'),
  frame(FRAME.push, END_HEADERS | PADDED, 1, padded(2, `${uint32(2).toString('latin1')}pushed`)),
  frame(FRAME.ping, 0, 0, Buffer.alloc(8)),
  frame(FRAME.reset, 0, 5, uint32(8)),
  frame(99, 255, 7, 'an extension'),
  frame(FRAME.data, END_STREAM, 9, ''),
  frame(FRAME.goaway, 0, 0, Buffer.concat([uint32(5), uint32(0), Buffer.from('debug data')])),
]);
const TOLD = [
  ...[
    'setting 1 8192',
    'setting 5 4294967295',
    'headers 1 one end',
    'headers 3 two',
    'data 3 abcdef',
    'end 3',
  ],
  ...['headers 5 three end', 'headers 1 pushed promises 2', 'reset 5 8', 'end 9', 'goaway 5'],
];

describe('Http2Frames', () => {
  test('tells what matters of every kind of frame', () => {
    expect(walk('server', [TALK]).told).toEqual(TOLD);
  });

  test('tells the same wherever the bytes are cut', () => {
    for (let at = 0; at <= TALK.length; at++) {
      expect(walk('server', [TALK.subarray(0, at), TALK.subarray(at)]).told).toEqual(TOLD);
    }
    expect(
      walk(
        'server',
        [...TALK].map((byte) => Buffer.from([byte])),
      ).told,
    ).toEqual(TOLD);
    const ofClient = Buffer.concat([PREFACE, TALK]);
    expect(
      walk(
        'client',
        [...ofClient].map((byte) => Buffer.from([byte])),
      ).told,
    ).toEqual(TOLD);
  });

  const first = settings();
  test.each<[string, Buffer[], string]>([
    ['a first frame that is not SETTINGS', [frame(H, END_HEADERS, 1, 'x')], 'not-http2'],
    ['HTTP/1.1', [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')], 'not-http2'],
    [
      'a frame above the announced size',
      [first, frame(FRAME.data, 0, 1, Buffer.alloc(16_385))],
      'frame-too-large',
    ],
    ['SETTINGS of an odd size', [first, frame(FRAME.settings, 0, 0, 'abcde')], 'bad-frame'],
    ['DATA of no stream', [first, frame(FRAME.data, 0, 0, 'x')], 'bad-frame'],
    ['HEADERS of no stream', [first, frame(H, END_HEADERS, 0, 'x')], 'bad-frame'],
    ['padding longer than DATA', [first, frame(FRAME.data, PADDED, 1, Buffer.from([2, 0]))], 'bad-frame'],
    ['padded DATA without a length', [first, frame(FRAME.data, PADDED, 1, '')], 'bad-frame'],
    ['padded HEADERS without a length', [first, frame(H, PADDED, 1, ''), frame(H, 0, 1, '')], 'bad-frame'],
    [
      'padding longer than HEADERS',
      [first, frame(H, END_HEADERS | PADDED, 1, Buffer.from([9, 1]))],
      'bad-frame',
    ],
    ['HEADERS shorter than its priority', [first, frame(H, END_HEADERS | PRIORITY, 1, 'x')], 'bad-frame'],
    ['CONTINUATION of nothing', [first, frame(C, END_HEADERS, 1, 'x')], 'bad-frame'],
    [
      'a frame in a header block',
      [first, frame(H, 0, 1, 'x'), frame(FRAME.ping, 0, 0, Buffer.alloc(8))],
      'bad-frame',
    ],
    [
      'CONTINUATION of another stream',
      [first, frame(H, 0, 1, 'x'), frame(C, END_HEADERS, 3, 'x')],
      'bad-frame',
    ],
    ['a short RST_STREAM', [first, frame(FRAME.reset, 0, 1, 'abc')], 'bad-frame'],
    ['a short GOAWAY', [first, frame(FRAME.goaway, 0, 0, 'abc')], 'bad-frame'],
    ['a push of no stream', [first, frame(FRAME.push, END_HEADERS, 1, uint32(0))], 'bad-frame'],
  ])('stops at %s', (_, frames, reason) => {
    const whole = Buffer.concat(frames);
    for (const pieces of [[whole], [...whole].map((byte) => Buffer.from([byte]))]) {
      expect(walk('server', pieces).told).toEqual([`opaque ${reason}`]);
    }
  });

  test('stops at a wrong preface', () => {
    expect(walk('client', [Buffer.from('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n')]).told).toEqual([
      'opaque not-http2',
    ]);
  });

  test('bounds a header block, also one of many small pieces, and counts what it does not follow', () => {
    const piece = frame(C, 0, 1, Buffer.alloc(16_384));
    const { told, walker } = walk('server', [first, frame(H, 0, 1, ''), ...Array<Buffer>(20).fill(piece)]);
    expect(told).toEqual(['opaque header-block-too-large']);
    expect(walker.opaqueBytes).toBeGreaterThan(3 * piece.length);
    const small = Array<Buffer>(262_145).fill(frame(C, 0, 1, 'x'));
    expect(walk('server', [first, frame(H, 0, 1, ''), ...small]).told).toEqual([
      'opaque header-block-too-large',
    ]);
  });
});
