import { expect, test } from 'vitest';
import { TestIndex } from './test-index.ts';

/** Tests as `session:order@start`. */
function indexOf(...places: string[]): TestIndex {
  const index = new TestIndex();
  for (const place of places) {
    const [session = 0, order = 0, startUs = 0] = place.split(/[:@]/).map(Number);
    index.add({ at: 0, sizeBytes: 1, durationUs: 5, session, order, startUs });
  }
  return index;
}

test('the order of the recording is by start, then by the order in the session, then by the file', () => {
  const index = indexOf('0:1@7', '1:0@3', '0:0@7', '2:0@7');
  expect([...index.byStart(() => true)]).toEqual([1, 2, 3, 0]);
  expect([...index.byStart((i) => i !== 1)]).toEqual([2, 3, 0]);
});

test('sessions come by their first request, their tests in order', () => {
  const index = indexOf('0:1@9', '1:0@3', '0:0@5', '1:1@4', '2:0@1');
  const sessions = index.bySession(() => true);
  const testsOf = (n: number) =>
    Array.from({ length: sessions.end(n) - sessions.first(n) }, (_, i) =>
      sessions.test(sessions.first(n) + i),
    );
  expect(Array.from({ length: sessions.count }, (_, n) => testsOf(n))).toEqual([[4], [1, 3], [2, 0]]);
  expect(index.bySession(() => false).count).toBe(0);
});

test('it grows past its first room, and a duration beyond its column is cut', () => {
  const index = new TestIndex();
  for (let i = 0; i < 5_000; i++)
    index.add({ at: i * 2 ** 33, sizeBytes: i, durationUs: 2 ** 40, session: i % 7, order: i, startUs: i });
  expect([index.count, index.sessions, index.at(4_999), index.sizeBytes(4_999)]).toEqual([
    5_000,
    7,
    4_999 * 2 ** 33,
    4_999,
  ]);
  expect(index.endUs(1)).toBe(2 ** 32);
});
