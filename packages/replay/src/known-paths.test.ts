import { beforeEach, expect, test } from 'vitest';
import { fieldOf, itemOf, knownPath, nameOf } from './known-paths.ts';

// Other tests walked through paths as well: all of them are forgotten now, and not in the middle of a test.
beforeEach(() => {
  const before = knownPath('body');
  for (let i = 0; knownPath('body') === before; i++) knownPath(`other${i}`);
});

test('a path is made once, and is what it is called by', () => {
  const body = knownPath('body');
  const item = itemOf(fieldOf(body, 'items'), 0);
  expect(item.path).toBe('body.items[0]');
  expect(itemOf(fieldOf(knownPath('body'), 'items'), 0)).toBe(item);
  expect(fieldOf(item, 'a.b').path).toBe('body.items[0]["a.b"]');
  expect(nameOf(item, 'a.b').path).toBe('body.items[0].a.b');
});

test('far along a list, among very many fields and below such, paths are right and not kept', () => {
  const list = knownPath('far');
  for (let i = 0; i < 300; i++) {
    const item = itemOf(list, i);
    expect(fieldOf(item, 'id').path).toBe(`far[${i}].id`);
    expect(item.isKept).toBe(i < 100);
    expect(fieldOf(list, `k${i}`).path).toBe(`far.k${i}`);
  }
  expect(fieldOf(list, 'k299')).not.toBe(fieldOf(list, 'k299'));
  expect(itemOf(nameOf(itemOf(list, 299), 'x'), 0).path).toBe('far[299].x[0]');
});

test('when there are too many, all are forgotten and made again', () => {
  const before = knownPath('body');
  for (let i = 0; i < 20_001; i++) knownPath(`header.x${i}`);
  expect(knownPath('body')).not.toBe(before);
  expect(knownPath('body').path).toBe('body');
  expect(fieldOf(before, 'id').path).toBe('body.id');
});
