// WebSockets, fuzzed: frames and messages, compressed too, cut and damaged in any way.
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { damagedTalk, holds, play, type Talk, within } from '../../../test/stages/fuzz.ts';
import { messageLine, webSocketFrame } from './websocket.fixture.ts';
import { WebSocketExchange } from './websocket-exchange.ts';

const KEY = [1, 0x80, 0xff, 7];
const LIMIT = 100;

const message = fc.record({
  side: fc.constantFrom('client' as const, 'server' as const),
  opcode: fc.constantFrom(1, 1, 2, 8, 9, 10),
  text: fc.oneof(fc.string({ maxLength: 40 }), fc.constant('z'.repeat(70_000))),
  isCompressed: fc.boolean(),
  pieces: fc.integer({ min: 1, max: 3 }),
});

const talk: fc.Arbitrary<Talk> = fc.array(message, { minLength: 1, maxLength: 6 }).map((messages) =>
  messages.map(({ side, opcode, text, isCompressed, pieces }) => {
    const isControl = opcode >= 8;
    const plain = Buffer.from(isControl ? text.slice(0, 100) : text, 'latin1');
    const deflates = isCompressed && !isControl;
    const data = deflates ? deflateRawSync(plain, { finishFlush: 2 }).subarray(0, -4) : plain;
    const mask = side === 'client' ? { key: KEY } : {};
    if (isControl || pieces === 1)
      return [side, webSocketFrame(opcode, data, { ...mask, rsv: deflates ? 4 : 0 })];
    const half = data.length >> 1;
    const first = webSocketFrame(opcode, data.subarray(0, half), {
      ...mask,
      fin: false,
      rsv: deflates ? 4 : 0,
    });
    const between = pieces === 3 ? webSocketFrame(9, 'ping', mask) : Buffer.alloc(0);
    return [side, Buffer.concat([first, between, webSocketFrame(0, data.subarray(half), mask)])];
  }),
);

function exchanged(turns: Talk, positions: readonly number[] | 'bytewise', extensions: string): unknown[] {
  const events: unknown[] = [];
  const exchange = new WebSocketExchange(
    {
      pair: ({ messages, sentBytes, receivedBytes, error, gapReason, part }) =>
        events.push([messages.map(messageLine), sentBytes, receivedBytes, error, gapReason, part]),
      opaque: (reason) => events.push(reason),
    },
    { seq: 1, extensions, bodyLimitBytes: LIMIT, maxPartMessages: 3, partAfterUs: Number.POSITIVE_INFINITY },
  );
  play(turns, positions, (side, piece) => {
    exchange[side](piece, 7);
    // Three messages and what they take beside, one in the making and a window each way, compressed bytes of one message.
    within(exchange.heldBytes, 3 * (LIMIT + 100) + 2 * (LIMIT + 32_768 + (1 << 20)), 'heldBytes');
  });
  exchange.serverEnd(9);
  expect([exchange.isOver, exchange.outstanding]).toEqual([true, 0]);
  return events;
}

test.each(['', 'permessage-deflate', 'permessage-deflate; server_no_context_takeover', 'x-unknown'])(
  'WebSocketExchange with extensions "%s": the cut does not matter, nothing is thrown or held for ever',
  (extensions) => {
    const cuts = fc.array(fc.nat(), { maxLength: 6 });
    const property = fc.property(damagedTalk(talk), cuts, (turns, positions) => {
      const whole = exchanged(turns, [], extensions);
      expect(exchanged(turns, positions, extensions)).toEqual(whole);
    });
    holds(property);
  },
);
