import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { uuidV7, writeUuidV7 } from './uuid.ts';

test('uuidV7() makes valid ids that sort by microsecond', () => {
  const time = fc.integer({ min: 1_600_000_000_000_000, max: 4_000_000_000_000_000 });
  const random = fc.uint8Array({ minLength: 10, maxLength: 10 });
  fc.assert(
    fc.property(time, random, random, (ts, a, b) => {
      const [first, second] = [uuidV7(ts, a), uuidV7(ts + 1, b)];
      expect(z.uuidv7().safeParse(first).success).toBe(true);
      expect(first < second).toBe(true);
    }),
  );
});

test('writeUuidV7() writes the same characters at its place and nothing else', () => {
  const time = fc.integer({ min: 1_600_000_000_000_000, max: 4_000_000_000_000_000 });
  fc.assert(
    fc.property(time, fc.uint8Array({ minLength: 14, maxLength: 14 }), (ts, random) => {
      const into = Buffer.alloc(40, '.');
      writeUuidV7(into, 2, ts, random, 4);
      expect(into.toString('latin1')).toBe(`..${uuidV7(ts, random.subarray(4))}..`);
    }),
  );
});
