import { storeBody } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { isInSlices, isService, parseSlice } from './test-slice.ts';

const to = (host: string) => ({
  request: {
    ...{ method: 'GET', target: '/', headers: [['Host', host]] as [string, string][] },
    body: storeBody(Buffer.alloc(0), ''),
  },
});

test.each([
  ['*', 'shop.example', true],
  ['shop.example:80', 'shop.example', true],
  ['shop.example:443', 'shop.example', true],
  ['shop.example:8080', 'shop.example', false],
  ['Shop.example:8080', 'SHOP.example:8080', true],
  ['shop.example:*', 'shop.example:8080', true],
  ['shop.example:*', 'other.example:8080', false],
  ['shop.example:*', 'my.shop.example:8080', false],
  ['[::1]:3000', '[::1]:3000', true],
])('slice %s and Host %s: %s', (slice, host, included) => {
  expect(isInSlices(to(host), [parseSlice(slice)!])).toBe(included);
});

test.each(['', 'shop', 'shop:http', 'a b:80', ':80', '::1:80'])('%s is no slice', (text) => {
  expect(parseSlice(text)).toBeNull();
});

test.each([
  ['shop', true],
  ['prod/shop', true],
  ['eu/prod/shop', true],
  ['hop', false],
  ['test/shop', false],
])('a service is meant by %s: %s', (asked, meant) => {
  expect(isService('eu/prod/shop', asked)).toBe(meant);
});
