import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CAPTURE_PREFACE,
  CaptureFrameDecoder,
  CaptureStreamError,
  encodeCaptureFrame,
  MAX_CAPTURE_FRAME_BYTES,
} from './capture-frames.ts';
import type { CapturedPair, CaptureMessage } from './capture-messages.ts';

const pair: CapturedPair = {
  ...{
    id: 'i',
    tsUs: 1_800_000_000_000_001,
    durationUs: 3,
    ttfbUs: -1,
    direction: 'OUT',
    protocol: 'http/1.1',
    scheme: 'https',
  },
  client: { ip: '::1', port: 2, host: '' },
  server: { ip: '10.0.0.1', port: 443, host: 'pay' },
  tls: { sni: 'pay', version: 'TLSv1.3', alpn: '' },
  ...{
    connection: 'c',
    seq: 7,
    response: null,
    sentBytes: 0,
    receivedBytes: 2 ** 40,
    error: 'reset',
    gapReason: '',
    tags: { replay: 'r' },
    messages: [],
    part: null,
  },
  request: {
    head: Buffer.from('GET'),
    body: Buffer.from([0, 255]),
    bodySize: 2 ** 33,
    trailers: Buffer.alloc(0),
    chunks: [1, 2],
  },
};

const streamed: CapturedPair = {
  ...pair,
  messages: [{ from: 'server', kind: 'text', offsetUs: 2 ** 33, size: 2 ** 34, data: Buffer.from('hi') }],
  part: { index: 3, last: true },
};

const conversation: CaptureMessage[] = [
  {
    type: 'hello',
    value: {
      version: 1,
      incarnation: 'x',
      hop: 'sidecar',
      cluster: 'c',
      namespace: 'n',
      workloadKind: 'k',
      workload: 'w',
      pod: 'p',
      container: '',
      token: 'aaa.bbb.ccc',
      nameless: true,
    },
  },
  { type: 'welcome', value: { lastBatch: 0, windowBytes: 1 << 23, unchecked: true } },
  {
    type: 'batch',
    value: {
      seq: 1,
      counters: { captured: 5, delivered: 0, withheld: { sampled: 1 }, dropped: {} },
      pairs: [pair, streamed],
    },
  },
  { type: 'ack', value: { batch: 2 ** 40 } },
  { type: 'refusal', value: { code: 'batch-gap', message: 'start anew' } },
];
const stream = Buffer.concat([CAPTURE_PREFACE, ...conversation.map(encodeCaptureFrame)]);

/** Plain data of messages, so that byte arrays compare by content. */
const plain = (messages: CaptureMessage[]) =>
  JSON.parse(
    JSON.stringify(messages, (_, v) =>
      v instanceof Uint8Array ? [...v] : v?.type === 'Buffer' ? v.data : v,
    ),
  );

function decode(chunks: Buffer[]): CaptureMessage[] {
  const decoder = new CaptureFrameDecoder({ preface: true });
  return chunks.flatMap((chunk) => [...decoder.feed(chunk)]);
}

describe('the capture stream', () => {
  test('gives back what was sent, whatever way the bytes are cut', () => {
    expect(plain(decode([stream]))).toEqual(plain(conversation));
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 20 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), stream.length];
        const chunks = at.slice(1).map((end, i) => stream.subarray(at[i], end));
        expect(plain(decode(chunks))).toEqual(plain(conversation));
      }),
      { numRuns: 100 },
    );
  });

  test('refuses any damaged byte, or gives less, but never something else', () => {
    const sent = plain(decode([stream])).map((message: unknown) => JSON.stringify(message));
    fc.assert(
      fc.property(fc.nat(stream.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = Buffer.from(stream);
        damaged[at]! ^= flip;
        try {
          for (const message of plain(decode([damaged]))) expect(sent).toContain(JSON.stringify(message));
        } catch (err) {
          expect(err).toBeInstanceOf(CaptureStreamError);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('refuses a stranger at the first wrong byte, and an oversized frame before it is read', () => {
    expect(() => decode([Buffer.from('GET / HTTP/1.1\r\n')])).toThrow(/not a capture stream/);
    const head = Buffer.alloc(8);
    head.writeUInt32LE(MAX_CAPTURE_FRAME_BYTES + 1);
    expect(() => decode([CAPTURE_PREFACE, head])).toThrow(/outside 1\.\./);
  });

  test('takes a frame of nearly the largest size in tiny chunks, with work that grows no faster than the bytes', () => {
    const head = Buffer.alloc((16 << 20) - 10_000);
    const value = {
      seq: 1,
      counters: { captured: 1, delivered: 0, withheld: {}, dropped: {} },
      pairs: [{ ...pair, request: { ...pair.request!, head } }],
    };
    const bytes = Buffer.concat([CAPTURE_PREFACE, encodeCaptureFrame({ type: 'batch', value })]);
    const decoder = new CaptureFrameDecoder({ preface: true });
    const messages: CaptureMessage[] = [];
    const held = new Set<number>();
    for (let at = 0; at < bytes.length; at += 64) {
      messages.push(...decoder.feed(bytes.subarray(at, at + 64)));
      held.add(decoder.heldBytes);
      // A size seen for the first time is a copy of all that is held; one for every chunk would be 2 TB here.
      if (held.size > 64) throw new Error('the buffer grows again and again');
    }
    expect(messages).toMatchObject([{ type: 'batch', value: { seq: 1 } }]);
    expect(Math.max(...held)).toBeLessThanOrEqual(2 * bytes.length);
    expect(decoder.heldBytes).toBe(0);
  });

  test('messages keep their bytes when more is fed', () => {
    const decoder = new CaptureFrameDecoder({ preface: true });
    const messages: CaptureMessage[] = [];
    for (let at = 0; at < stream.length; at += 7) messages.push(...decoder.feed(stream.subarray(at, at + 7)));
    expect(plain(messages)).toEqual(plain(conversation));
  });

  test('has a limit for frames that may be raised after a message of the same chunk', () => {
    const decoder = new CaptureFrameDecoder({ preface: true, maxFrameBytes: 64 });
    const heard: string[] = [];
    for (const { type } of decoder.feed(stream)) {
      heard.push(type);
      if (type === 'welcome') decoder.maxFrameBytes = MAX_CAPTURE_FRAME_BYTES;
    }
    expect(heard).toEqual(conversation.map(({ type }) => type));
    const strict = new CaptureFrameDecoder({ preface: true, maxFrameBytes: 64 });
    expect(() => [...strict.feed(stream)]).toThrow(/outside 1\.\.64/);
  });

  test('a pair of an older peer, without messages and part, reads as one that has none', () => {
    const { messages: _, part: __, ...older } = pair;
    const batch: CaptureMessage = {
      type: 'batch',
      value: { seq: 1, counters: { captured: 0, delivered: 0, withheld: {}, dropped: {} }, pairs: [older] },
    };
    const read = decode([CAPTURE_PREFACE, encodeCaptureFrame(batch)]);
    expect(plain(read)).toEqual(plain([{ ...batch, value: { ...batch.value, pairs: [pair] } }]));
  });

  test('skips a message of a newer peer', () => {
    const unknown = encodeCaptureFrame({ type: 'ack', value: { batch: 1 } });
    unknown[8] = 99;
    const { crc32 } = process.getBuiltinModule('node:zlib');
    unknown.writeUInt32LE(crc32(unknown.subarray(8)), 4);
    expect(plain(decode([CAPTURE_PREFACE, unknown, encodeCaptureFrame(conversation[3]!)]))).toEqual(
      plain([conversation[3]!]),
    );
  });
});
