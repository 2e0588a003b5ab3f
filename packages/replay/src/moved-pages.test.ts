import { describe, expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, json } from './shifted-replay.fixture.ts';

const page = (total: number, ...ids: string[]) =>
  json({ total, items: ids.map((id) => ({ id, title: `title of ${id}` })) });

/** What differs of a page that was read while the thing `x` was being written. */
const found = (target: string, recorded: object, live: object) =>
  differences({ ...recorded, target, beside: ['x'] }, live, new LiveValues(new Map()));

describe('a page that was read while others wrote', () => {
  test('has room for one less, or one more', () => {
    expect(found('/t?limit=3', page(9, 'c', 'b', 'a'), page(10, 'x', 'c', 'b'))).toEqual([]);
    expect(found('/t?limit=3', page(10, 'x', 'c', 'b'), page(9, 'c', 'b', 'a'))).toEqual([]);
    expect(found('/t?limit=3', page(9, 'd', 'c', 'b'), page(10, 'd', 'x', 'c'))).toEqual([]);
  });

  test('has room for lists as for objects', () => {
    const groups = (...ids: string[]) =>
      json(
        ids.map((id) => [
          { id: `${id}-1`, group: id, n: 7 },
          { id: `${id}-2`, group: id, n: 8 },
        ]),
      );
    const [was, is] = [groups('d', 'c', 'b'), groups('group-x', 'd', 'c')];
    const beside = ['group-x'];
    const compare = (target: string) =>
      differences({ ...was, target, beside }, is, new LiveValues(new Map()));
    expect(compare('/t?limit=3')).toEqual([]);
    expect(compare('/t')).not.toEqual([]);
  });

  test('moves by what stands on pages before it', () => {
    expect(found('/t?limit=3&offset=3', page(9, 'c', 'b', 'a'), page(10, 'd', 'c', 'b'))).toEqual([]);
    expect(found('/t?limit=3&offset=3', page(9, 'd', 'c', 'b'), page(8, 'c', 'b', 'a'))).toEqual([]);
    expect(found('/t?limit=3&page=3', page(8, 'c', 'b'), page(9, 'd', 'c', 'b'))).toEqual([]);
    expect(found('/t?limit=3&page=3', page(9, 'd', 'c', 'b'), page(8, 'c', 'b'))).toEqual([]);
  });

  test('is known by what was asked, or by how many there are', () => {
    expect(found('/t', page(9, 'c', 'b', 'a'), page(10, 'x', 'c', 'b'))).toEqual([]);
    expect(found('/t', page(3, 'c', 'b', 'a'), page(3, 'x', 'c', 'b'))).toEqual(['body.items[2] missing']);
  });

  test('shows no others than that, and those in their order', () => {
    const recorded = page(9, 'c', 'b', 'a');
    expect(found('/t?limit=3', recorded, page(10, 'z', 'c', 'b'))).toHaveLength(2);
    expect(found('/t?limit=3', recorded, page(10, 'c', 'b'))).toEqual(['body.items[2] missing']);
    expect(found('/t?limit=3&offset=3', recorded, page(10, 'e', 'd', 'c'))).not.toEqual([]);
    expect(found('/t?limit=3&offset=3', recorded, page(9, 'c', 'a', 'b'))).toEqual(['body.items order']);
    expect(found('/t?limit=3&offset=3', recorded, page(9, 'd', 'b', 'a'))).not.toEqual([]);
  });
});
