import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type SessionFlow, shardSessions } from './shards.ts';

const flows = fc
  .array(
    fc.record({ tests: fc.integer({ min: 1, max: 50 }), tokens: fc.array(fc.nat(20), { maxLength: 3 }) }),
    {
      maxLength: 40,
    },
  )
  .map((sessions) =>
    sessions.map(
      ({ tests, tokens }, n): SessionFlow => ({ session: `s${n}`, tests, tokens: tokens.map(String) }),
    ),
  );
const count = fc.integer({ min: 1, max: 8 });

test('every session is in one shard and no token is needed in two', () => {
  fc.assert(
    fc.property(flows, count, (sessions, n) => {
      const shards = shardSessions(sessions, n);
      expect(shards).toHaveLength(n);
      expect(shards.flatMap((shard) => [...shard]).sort()).toEqual(
        sessions.map(({ session }) => session).sort(),
      );
      const tokensOf = shards.map(
        (shard) => new Set(sessions.filter((s) => shard.has(s.session)).flatMap((s) => [...s.tokens])),
      );
      const all = tokensOf.flatMap((tokens) => [...tokens]);
      expect(all).toHaveLength(new Set(all).size);
    }),
  );
});

test('the order in which sessions are read means nothing', () => {
  fc.assert(
    fc.property(flows, count, fc.infiniteStream(fc.nat()), (sessions, n, keys) => {
      const shuffled = sessions
        .map((session) => ({ session, key: keys.next().value }))
        .sort((a, b) => a.key - b.key)
        .map(({ session }) => session);
      expect(shardSessions(shuffled, n)).toEqual(shardSessions(sessions, n));
    }),
  );
});

test('shards without tokens between their sessions differ by no more than the largest session', () => {
  fc.assert(
    fc.property(flows, count, (sessions, n) => {
      const free = sessions.map(({ session, tests }) => ({ session, tests, tokens: [] }));
      const sizes = shardSessions(free, n).map((shard) =>
        free.reduce((sum, { session, tests }) => sum + (shard.has(session) ? tests : 0), 0),
      );
      const largest = Math.max(0, ...free.map(({ tests }) => tests));
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(largest);
    }),
  );
});

test('sessions that are bound by a chain of tokens stay together', () => {
  const chain = [
    { session: 'a', tests: 1, tokens: ['1'] },
    { session: 'b', tests: 1, tokens: ['2'] },
    { session: 'c', tests: 1, tokens: ['3', '2'] },
    { session: 'd', tests: 1, tokens: ['1', '3'] },
    { session: 'e', tests: 3, tokens: [] },
  ];
  expect(shardSessions(chain, 2)).toEqual([new Set(['a', 'b', 'c', 'd']), new Set(['e'])]);
});
