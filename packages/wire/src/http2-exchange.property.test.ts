import fc from 'fast-check';
import { expect, test } from 'vitest';
import { END_STREAM, frame, Talk, uint32 } from './http2.fixture.ts';
import { Slabs } from './slabs.ts';

test('Http2Exchange never throws and loses no request, whatever it is given', () => {
  const id = fc.constantFrom(1, 3, 5, 7, 2, 9);
  const end = fc.constantFrom(0, END_STREAM);
  const sound = fc.oneof(
    fc.tuple(id, end).map(([n, flag]) => frame(1, flag | 4, n, Buffer.from([0x82, 0x86, 0x84]))),
    fc.tuple(id, end).map(([n, flag]) => frame(1, flag | 4, n, Buffer.from([0x88]))),
    fc.tuple(id, end).map(([n, flag]) => frame(0, flag, n, 'data')),
    fc.tuple(id, fc.constantFrom(0, 8)).map(([n, code]) => frame(3, 0, n, uint32(code))),
    fc.tuple(id).map(([n]) => frame(7, 0, 0, Buffer.concat([uint32(n), uint32(0)]))),
  );
  const type = fc.constantFrom(0, 1, 1, 3, 4, 5, 7, 9, 12);
  const damaged = fc
    .tuple(type, fc.nat(255), fc.nat(9), fc.uint8Array({ maxLength: 20 }))
    .map((parts) => frame(...parts));
  const junk = fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes));
  const anyFrame = fc.oneof(
    { weight: 30, arbitrary: sound },
    { weight: 2, arbitrary: damaged },
    { weight: 1, arbitrary: junk },
  );
  let pairs = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), anyFrame), { maxLength: 30 }), (frames) => {
      let asked = 0;
      const slabs = new Slabs(1 << 20);
      const talk = new Talk({ slabs, partAfterUs: Number.POSITIVE_INFINITY, keep: () => ++asked > 0 });
      for (const [isClient, bytes] of frames) isClient ? talk.client(bytes) : talk.server(bytes);
      talk.exchange.serverEnd(99);
      const ended = talk.pairs.length + talk.abandoned.length + (talk.opaque?.[1] ?? 0);
      expect(ended).toBeGreaterThanOrEqual(asked);
      expect(talk.pairs.length).toBeLessThanOrEqual(asked);
      expect(slabs.takenBytes).toBe(0);
      expect([talk.exchange.outstanding, talk.exchange.heldBytes, talk.exchange.isOver]).toEqual([
        0,
        0,
        true,
      ]);
      pairs += talk.pairs.length;
    }),
    { numRuns: 2_000 },
  );
  expect(pairs).toBeGreaterThan(100);
});
