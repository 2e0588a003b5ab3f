// HTTP/2, fuzzed: frames, header blocks and the exchange, cut and damaged in any way.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { damage, damagedTalk, holds, play, type Talk, within } from '../../../test/stages/fuzz.ts';
import { HpackDecoder, MAX_HEAD_BYTES, MAX_TABLE_BYTES } from './hpack-decoder.ts';
import { HeadBlock } from './hpack-head.ts';
import {
  END_HEADERS,
  END_STREAM,
  type Field,
  FRAME,
  frame,
  GET,
  GRPC_CALL,
  OK,
  PADDED,
  PREFACE,
  plainPair,
  settings,
  TestEncoder,
  uint32,
} from './http2.fixture.ts';
import { Http2Exchange } from './http2-exchange.ts';

const value = fc.stringMatching(/^[ -~]{0,40}$/);
const extra = fc.array(fc.tuple(fc.constantFrom('x-a', 'cookie', 'content-type', 'te'), value), {
  maxLength: 4,
});
const TRAILERS: Field[] = [['grpc-status', '0']];

interface Call {
  fields: Field[];
  answer: Field[];
  body: string;
  isGrpc: boolean;
  isContinued: boolean;
  fate: 'answered' | 'reset' | 'pushed' | 'goaway';
}

const call: fc.Arbitrary<Call> = fc.record({
  fields: extra as fc.Arbitrary<Field[]>,
  answer: extra as fc.Arbitrary<Field[]>,
  body: fc.string({ maxLength: 60 }),
  isGrpc: fc.boolean(),
  isContinued: fc.boolean(),
  fate: fc.constantFrom('answered', 'answered', 'answered', 'reset', 'pushed', 'goaway'),
});

/** A header block in one frame, or in two with a CONTINUATION. */
function headers(id: number, block: Buffer, flags: number, isContinued: boolean): Buffer {
  if (!isContinued) return frame(FRAME.headers, END_HEADERS | flags, id, block);
  const half = block.length >> 1;
  const first = frame(FRAME.headers, flags, id, block.subarray(0, half));
  return Buffer.concat([first, frame(FRAME.continuation, END_HEADERS, id, block.subarray(half))]);
}

const talk: fc.Arbitrary<Talk> = fc.array(call, { minLength: 1, maxLength: 5 }).map((calls) => {
  const [up, down] = [new TestEncoder(), new TestEncoder()];
  const turns: ['client' | 'server', Buffer][] = [
    ['client', Buffer.concat([PREFACE, settings([1, 4_096], [5, 20_000])])],
    ['server', settings([3, 100])],
  ];
  for (const [index, { fields, answer, body, isGrpc, isContinued, fate }] of calls.entries()) {
    const id = 2 * index + 1;
    const asked = up.block([...(isGrpc ? GRPC_CALL : GET), ...fields]);
    const padded = Buffer.concat([Buffer.from([3]), Buffer.from(body), Buffer.alloc(3)]);
    turns.push(['client', headers(id, asked, isGrpc ? 0 : END_STREAM, isContinued)]);
    if (isGrpc) turns.push(['client', frame(FRAME.data, END_STREAM | PADDED, id, padded)]);
    if (fate === 'reset') turns.push(['client', frame(FRAME.reset, 0, id, uint32(8))]);
    if (fate === 'pushed')
      turns.push(['server', frame(FRAME.push, END_HEADERS, id, Buffer.concat([uint32(2), down.block(GET)]))]);
    turns.push(['server', headers(id, down.block([...OK, ...answer]), 0, isContinued)]);
    turns.push(['server', frame(FRAME.data, isGrpc ? 0 : END_STREAM, id, body)]);
    if (isGrpc) turns.push(['server', headers(id, down.block(TRAILERS), END_STREAM, false)]);
    if (fate === 'goaway')
      turns.push(['server', frame(FRAME.goaway, 0, 0, Buffer.concat([uint32(id), uint32(0)]))]);
  }
  return turns;
});

function exchanged(turns: Talk, positions: readonly number[] | 'bytewise'): unknown[] {
  const events: unknown[] = [];
  const maxHeldBytes = 4_000;
  const exchange = new Http2Exchange(
    {
      pair: (pair) => events.push(plainPair(pair)),
      abandoned: (reason) => events.push(reason),
      opaque: (reason, abandoned) => events.push([reason, abandoned]),
    },
    { bodyLimitBytes: 32, maxOutstanding: 4, maxHeldBytes, partAfterUs: Number.POSITIVE_INFINITY },
  );
  play(turns, positions, (side, piece) => {
    exchange[side](piece, 7);
    // Beyond its limit: one head, a block in the making each way, and tables of more than the usual size.
    within(exchange.heldBytes, maxHeldBytes + 2 * MAX_TABLE_BYTES + 5 * MAX_HEAD_BYTES, 'heldBytes');
    within(exchange.outstanding, 5, 'outstanding');
  });
  exchange.serverEnd(9);
  expect([exchange.outstanding, exchange.heldBytes, exchange.isOver]).toEqual([0, 0, true]);
  return events;
}

test('a talk that is not damaged is understood to its end', () => {
  const property = fc.property(talk, (turns) => {
    for (const event of exchanged(turns, 'bytewise')) expect(event).not.toBeInstanceOf(Array);
  });
  holds(property);
});

test('Http2Exchange: the cut does not matter, nothing is thrown or held for ever', () => {
  const cuts = fc.array(fc.nat(), { maxLength: 8 });
  const property = fc.property(damagedTalk(talk), cuts, (turns, positions) => {
    const whole = exchanged(turns, []);
    expect(exchanged(turns, positions)).toEqual(whole);
    expect(exchanged(turns, 'bytewise')).toEqual(whole);
  });
  holds(property);
});

test('HpackDecoder: damaged blocks are refused or read, within its bounds, and end where they end', () => {
  const fields = fc.array(fc.tuple(fc.stringMatching(/^[a-z:-]{1,12}$/), value), {
    minLength: 1,
    maxLength: 8,
  });
  const blocks = fc.array(fields, { minLength: 1, maxLength: 4 });
  const size = fc.constantFrom(0, 100, 4_096, 65_536, 200_000);
  const property = fc.property(
    blocks,
    size,
    fc.array(damage, { maxLength: 3 }),
    (all, tableBytes, injuries) => {
      const encoder = new TestEncoder();
      const resized = encoder.resize(tableBytes);
      const encoded = all.map((one) => encoder.block(one as Field[]));
      encoded[0] = Buffer.concat([resized, encoded[0]!]);
      const decoder = new HpackDecoder();
      // The other end allowed any table: ours is bounded all the same.
      decoder.allowedTableBytes = 2 ** 31;
      const head = new HeadBlock();
      for (const [index, block] of encoded.entries()) {
        const damaged = injuries[index]?.(block, encoded[0]!) ?? block;
        head.begin(false);
        const error = decoder.decode(damaged, 0, damaged.length, head);
        expect([null, 'bad-header-block', 'header-table-too-large', 'head-too-large']).toContain(error);
        if (tableBytes > MAX_TABLE_BYTES && index === 0 && !injuries[0])
          expect(error).toBe('header-table-too-large');
        expect(decoder.usedBytes).toBeLessThanOrEqual(MAX_TABLE_BYTES);
        expect(head.length).toBeLessThanOrEqual(MAX_HEAD_BYTES + 70_000);
        if (error) return;
      }
    },
  );
  holds(property);
});
