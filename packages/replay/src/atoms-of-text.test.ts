import { expect, test } from 'vitest';
import { atomsOfText, withAtom } from './atoms-of-text.ts';

test('a text has the pieces between its separators', () => {
  expect(atomsOfText('Bearer a.b, <http://shop/orders/17?x=1>')).toEqual([
    ...['Bearer', 'a.b', 'http', 'shop', 'orders', '17', 'x', '1'],
  ]);
  expect(atomsOfText(' / ')).toEqual([]);
  expect(withAtom('/orders/17/items', 1, '23')).toBe('/orders/23/items');
});

test('an ETag is one piece, also one in base64', () => {
  expect(atomsOfText('W/"2ab-d7O84l5z/PIJDe6=="')).toEqual(['W', '2ab-d7O84l5z/PIJDe6==']);
  expect(atomsOfText('"d7O84l5z/PIJ:1"')).toEqual(['d7O84l5z/PIJ:1']);
  expect(withAtom('W/"2ab-r+2Nl9F3K"', 1, '2ab-d7O8/PIJ')).toBe('W/"2ab-d7O8/PIJ"');
  expect(withAtom('"a/b"', 0, 'c')).toBe('"c"');
  expect(withAtom('"a/b"', 1, 'c')).toBe('"a/b"');
});
