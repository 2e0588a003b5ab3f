import { expect, test } from 'vitest';
import { LeafPostings, leafHash } from './leaf-postings.ts';

function postings(mocks: Record<string, string>[]): LeafPostings {
  const made = new LeafPostings();
  for (const [n, leaves] of mocks.entries()) made.add(n, hashes(leaves), telling(leaves));
  made.seal();
  return made;
}

const sharing = (made: LeafPostings, leaves: Record<string, string>, limit: number) =>
  made.sharing(hashes(leaves), telling(leaves), limit);

/** Of all leaves but the telling one. */
const hashes = ({ path: _, ...leaves }: Record<string, string>) =>
  Object.entries(leaves).map(([key, value]) => leafHash(key, value));

const telling = ({ path = '' }: Record<string, string>) => leafHash('path', path);

test('the mock that shares most leaves comes first, also among ten thousand that share the common ones', () => {
  const made = postings(
    Array.from({ length: 10_000 }, (_, i) => ({
      a: `${i % 22}`,
      b: `${Math.trunc(i / 22) % 22}`,
      c: `${Math.trunc(i / 484)}`,
      d: 'same',
    })),
  );
  const wanted = { a: '3', b: '7', c: '11', d: 'same' };
  const n = 3 + 7 * 22 + 11 * 484;
  expect(sharing(made, wanted, 1)).toEqual([n]);
  expect(sharing(made, { ...wanted, a: 'new' }, 30).length).toBe(30);
  for (const m of sharing(made, { ...wanted, a: 'new' }, 22))
    expect([m % 484 >= 7 * 22, Math.trunc(m / 484)]).toEqual([true, 11]);
});

test('of a mock with thousands of leaves enough are kept to find it again', () => {
  const large = (from: number) =>
    Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`body[${i}]`, `${from + i}`]));
  const made = postings([large(0), large(10_000), large(20_000)]);
  expect(sharing(made, { ...large(10_000), 'body[17]': 'changed' }, 1)).toEqual([1]);
});

test('who shares the telling leaf comes before who shares more of the others', () => {
  const made = postings([
    { path: '/a', x: '1', y: '2' },
    { path: '/b', x: '0', y: '0' },
  ]);
  expect(sharing(made, { path: '/b', x: '1', y: '2' }, 2)).toEqual([1, 0]);
});

test('nothing is shared with nothing', () => {
  expect(sharing(postings([{ a: '1' }]), { path: '/x', a: '2' }, 5)).toEqual([]);
});
