// HTTP/1.1, fuzzed: however it is cut and damaged, the framer and the exchange give the same events, throw nothing, and hold
// no more than they may.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cut, cuts, damage, damagedTalk, holds, play, type Talk, within } from '../../../test/stages/fuzz.ts';
import { conversation, frame, methodsInOrder } from './http1.fixture.ts';
import { Http1Exchange } from './http1-exchange.ts';
import { Http1Framer } from './http1-framer.ts';
import { plainPair } from './http2.fixture.ts';

const LIMITS = { maxHeadBytes: 300, maxTrailerBytes: 60, maxChunkLineBytes: 30 };

/** Requests, and their answers in pieces that begin before the requests have ended. */
const talk: fc.Arbitrary<Talk> = fc
  .tuple(conversation, fc.boolean())
  .map(([{ requests, responses }, isPipelined]) => {
    const asked = requests.map((bytes) => ['client', bytes] as const);
    const answered = responses.map((bytes) => ['server', bytes] as const);
    return isPipelined ? [...asked, ...answered] : asked.flatMap((turn, at) => [turn, answered[at]!]);
  });

/** What an exchange makes of a talk: everything it emits, in order. */
function exchanged(turns: Talk, positions: readonly number[] | 'bytewise', aborts: boolean): unknown[] {
  const events: unknown[] = [];
  const exchange = new Http1Exchange(
    {
      pair: (pair) => events.push(plainPair(pair)),
      opaque: (reason, abandoned) => events.push([reason, abandoned]),
      upgraded: ({ seq, clientRest, serverRest }) =>
        events.push([seq, clientRest.toString('latin1'), serverRest.toString('latin1')]),
    },
    {
      ...LIMITS,
      bodyLimitBytes: 16,
      maxOutstanding: 4,
      maxHeldBytes: 2_000,
      partAfterUs: Number.POSITIVE_INFINITY,
    },
  );
  play(turns, positions, (side, piece) => {
    exchange[side](piece, 7);
    within(exchange.heldBytes, 2_000 + 3 * 300 + 4 * 76, 'heldBytes');
    within(exchange.outstanding, 5, 'outstanding');
  });
  if (aborts) exchange.abort('reset', 8);
  else exchange.clientEnd(8);
  exchange.serverEnd(9);
  expect([exchange.outstanding, exchange.isOver || events.length > 0]).toEqual([0, true]);
  return events;
}

test('Http1Framer: the cut does not matter, nothing is thrown, a head is held up to its bound', () => {
  const property = fc.property(conversation, conversation, damage, cuts, (said, other, injure, positions) => {
    for (const kind of ['request', 'response'] as const) {
      const [own, others] =
        kind === 'request' ? [said.requests, other.requests] : [said.responses, other.responses];
      const whole = injure(Buffer.concat(own), Buffer.concat(others));
      const options = () => ({ ...LIMITS, requestMethod: methodsInOrder(said.methods) });
      expect(frame(kind, cut(whole, positions), options())).toEqual(frame(kind, [whole], options()));
      const framer = new Http1Framer(kind, options());
      const ignore = () => {};
      const sink = { head: ignore, body: ignore, trailers: ignore, complete: ignore, opaque: ignore };
      for (const byte of whole) {
        framer.feed(Buffer.from([byte]), sink);
        within(framer.heldBytes, LIMITS.maxHeadBytes, 'heldBytes');
      }
    }
  });
  holds(property);
});

test('Http1Exchange: the cut does not matter, nothing is thrown or held for ever', () => {
  const property = fc.property(damagedTalk(talk), cuts, fc.boolean(), (turns, positions, aborts) => {
    const whole = exchanged(turns, [], aborts);
    expect(exchanged(turns, positions, aborts)).toEqual(whole);
    expect(exchanged(turns, 'bytewise', aborts)).toEqual(whole);
  });
  holds(property);
});
