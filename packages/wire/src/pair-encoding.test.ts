// The hand-written encoding says what the schema's own reader reads, for any pair.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BatchBuilder } from './batch-builder.ts';
import { CaptureFrameDecoder } from './capture-frames.ts';
import { type CapturedPair, encodeCaptured } from './capture-messages.ts';
import { capturedHttpPair } from './captured-pair.ts';
import type { RawHttpPair } from './http1-exchange.ts';
import { type EncodablePair, encodablePair, HttpPairEncoder, type PairFacts } from './pair-encoding.ts';

const ID = '01890a5d-ac96-774b-bcce-b302099a8057';
const FACTS: PairFacts & { scheme: 'https' } = {
  direction: 'OUT',
  protocol: 'http/1.1',
  scheme: 'https',
  client: { ip: '10.0.0.1', port: 40_000, host: '' },
  server: { ip: '10.0.0.2', port: 443, host: 'api.example' },
  tls: { sni: 'api.example', version: 'TLSv1.3', alpn: 'http/1.1' },
  connection: 'c-1',
  tags: { build: '17' },
};

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((value) => Buffer.from(value));
const body = fc.record({ kept: fc.array(bytes(300), { maxLength: 3 }), truncated: fc.nat(5_000_000) });
const chunk = fc.tuple(fc.nat(70_000), fc.nat(1e9));
const rawPair: fc.Arbitrary<RawHttpPair> = fc
  .record({
    seq: fc.nat(2 ** 31),
    requestHead: bytes(400),
    requestBody: body,
    requestTrailers: fc.option(bytes(50)),
    responseHead: fc.option(bytes(70_000)),
    responseBody: body,
    responseTrailers: fc.option(bytes(50)),
    interimCount: fc.nat(3),
    startedUs: fc.integer({ min: 1e15, max: 2e15 }),
    times: fc.tuple(fc.nat(1e9), fc.nat(1e9)),
    chunks: fc.option(fc.array(chunk, { maxLength: 5 })),
    error: fc.constantFrom(null, 'reset' as const),
    part: fc.option(fc.record({ index: fc.nat(400), last: fc.boolean() })),
  })
  .map(({ times, chunks, part, ...raw }) => {
    const sized = ({ kept, truncated }: { kept: Buffer[]; truncated: number }) => ({
      ...{ kept, truncated },
      size: truncated + kept.reduce((sum, piece) => sum + piece.length, 0),
    });
    return {
      ...raw,
      requestBody: sized(raw.requestBody),
      responseBody: { ...sized(raw.responseBody), ...(chunks && { chunks }) },
      requestEndUs: raw.startedUs,
      firstByteUs: raw.responseHead ? raw.startedUs + times[0] : null,
      endUs: raw.startedUs + times[0] + times[1],
      ...(part && { part }),
    };
  });

function decoded(pair: EncodablePair): CapturedPair {
  const batch = new BatchBuilder(Buffer.alloc(pair.sizeBytes + 8_192));
  batch.add(pair);
  const frame = batch.close(1, { captured: 1, delivered: 0, withheld: {}, dropped: { 'queue-full': 2 } });
  const [message] = [...new CaptureFrameDecoder({ preface: false, unchecked: true }).feed(frame)];
  if (message?.type !== 'batch') throw new Error('not a batch');
  expect(message.value).toMatchObject({ seq: 1, counters: { captured: 1, dropped: { 'queue-full': 2 } } });
  return message.value.pairs[0]!;
}

const encoder = new HttpPairEncoder((into, at) => into.write(ID, at, 'latin1'));
const load = (raw: RawHttpPair) => {
  const { tags, ...facts } = FACTS;
  return encoder.load(raw, encodeCaptured(facts), raw.error ?? '', [encodeCaptured({ tags })]);
};

describe('HttpPairEncoder', () => {
  test('reads back as the same pair goes through the schema', () => {
    fc.assert(
      fc.property(rawPair, (raw) => {
        const expected = { ...capturedHttpPair(raw, { ...FACTS, id: ID }), error: raw.error ?? '' };
        const part = raw.part ?? null;
        expect(decoded(load(raw))).toEqual(decoded(encodablePair({ ...expected, part })));
      }),
    );
  });

  test('without bodies their sizes stay, and the gap is named', () => {
    fc.assert(
      fc.property(rawPair, (raw) => {
        const pair = load(raw);
        const saved = pair.shedBodies();
        const read = decoded(pair);
        expect(read).toMatchObject({ gapReason: 'shed', request: { bodySize: raw.requestBody.size } });
        expect(read.request!.body).toHaveLength(0);
        expect(read.response?.body ?? []).toHaveLength(0);
        const kept = [raw.requestBody, ...(raw.responseHead ? [raw.responseBody] : [])].flatMap(
          ({ kept }) => kept,
        );
        expect(saved).toBe(Buffer.concat(kept).length);
      }),
    );
  });
});
