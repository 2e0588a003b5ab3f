// Pairs whose messages were encoded before are what the ordinary encoding makes of them.
import { expect, test } from 'vitest';
import { BatchBuilder } from './batch-builder.ts';
import { CaptureFrameDecoder, putChecksum } from './capture-frames.ts';
import { type CapturedPair, encodeCaptured } from './capture-messages.ts';
import { KnownPairEncoder, knownMessages } from './known-pair-encoding.ts';
import type { EncodablePair, PairFacts } from './pair-encoding.ts';

const ID = '01890a5d-ac96-774b-bcce-b302099a8057';
const FACTS: Omit<PairFacts, 'tags'> = {
  ...{ direction: 'OUT', protocol: 'http/1.1', scheme: 'https', connection: 'c-1', tls: null },
  client: { ip: '10.0.0.1', port: 40_000, host: '' },
  server: { ip: '10.0.0.2', port: 443, host: 'api.example' },
};
const half = (head: string, body: string) => ({
  ...{ head: Buffer.from(head), body: Buffer.from(body), bodySize: body.length },
  ...{ trailers: Buffer.alloc(0), chunks: [] },
});
const MESSAGES = knownMessages({
  request: half('GET / HTTP/1.1\r\n\r\n', ''),
  response: half('HTTP/1.1 200 OK\r\n\r\n', 'x'.repeat(500)),
  tags: { match: 'exact' },
});
const PLACE = {
  seq: 300,
  startedUs: 1_700_000_000_000_000,
  firstByteUs: 1_700_000_000_000_040,
  endUs: 1_700_000_000_000_090,
};

const encoder = () => new KnownPairEncoder((into, at) => void into.write(ID, at, 'latin1'));

function decoded(pair: EncodablePair): CapturedPair {
  const batch = new BatchBuilder(Buffer.alloc(pair.sizeBytes + 8_192));
  batch.add(pair);
  const frame = batch.close(1, { captured: 1, delivered: 0, withheld: {}, dropped: {} } as never);
  putChecksum(frame);
  const [message] = new CaptureFrameDecoder({ preface: false }).feed(frame);
  return (message as { value: { pairs: CapturedPair[] } }).value.pairs[0]!;
}

test.each([[''], ['client-closed']])('it holds messages, tags, place and error: %s', (error) => {
  const pair = decoded(encoder().load(MESSAGES, encodeCaptured(FACTS), { ...PLACE, error }));
  expect(pair).toMatchObject({
    ...{ id: ID, tsUs: PLACE.startedUs, durationUs: 90, ttfbUs: 40, seq: 300, error, gapReason: '' },
    ...{ tags: { match: 'exact' }, server: FACTS.server, scheme: 'https' },
  });
  expect(Buffer.from(pair.request!.head).toString()).toBe('GET / HTTP/1.1\r\n\r\n');
  expect([pair.response!.body.length, pair.response!.bodySize]).toEqual([500, 500]);
});

test('without its bodies it says so, and the next pair has them again', () => {
  const one = encoder();
  one.load(MESSAGES, encodeCaptured(FACTS), { ...PLACE, error: 'client-closed' });
  const whole = one.sizeBytes;
  expect(one.shedBodies()).toBe(500);
  expect(whole - one.sizeBytes).toBeGreaterThan(480);
  const bare = decoded(one);
  expect(bare).toMatchObject({ gapReason: 'shed', error: 'client-closed' });
  expect([bare.response!.body.length, bare.response!.bodySize]).toEqual([0, 500]);
  const next = decoded(one.load(MESSAGES, encodeCaptured(FACTS), { ...PLACE, error: '' }));
  expect([next.gapReason, next.response!.body.length]).toEqual(['', 500]);
});
