import { endpointOf, isParameter } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { atomsIn, isRedacted, kindOf, shapeOf } from './kinds.ts';

const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U';

test.each([
  ['2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d', 'uuid'],
  [JWT, 'jwt'],
  ['2026-11-21T03:04:05.678Z', 'timestamp'],
  ['Sat, 21 Nov 2026 03:04:05 GMT', 'timestamp'],
  ['ch_3kTa91bQ7xZp04LmNoPq21Rs', 'token'],
  ['9f86d081884c7d659a2feaa0c55ad015', 'hex'],
  ['782e246174317246', 'hex'],
  ['0000000000000a12', null],
  ['4929871234567890e', null],
  ['1234567890123456', null],
  [1_800_000_000_123, 'epoch'],
  ['https://pay.example/r/ch_3kTa91bQ7xZp04LmNoPq21Rs', 'mixed'],
  ['rdx_abcdefghijklmnopqrs7', 'token'],
  ['rdx_abc7', 'token'],
  ['u-abcdefghijk7@redacted.invalid', 'email'],
  ['u-abcdefghijk7%40redacted.invalid', 'email'],
  ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.rdx_abcdefghijk', 'jwt'],
  ['ann@example.com', null],
  ['a-perfectly-ordinary-sentence', null],
  ['Organic Coffee Beans 500g', null],
  ['application/json; charset=utf-8', null],
  ['succeeded', null],
  ['2026-11-21', null],
  [5990, null],
  ['5990', null],
  [true, null],
  [null, null],
])('kindOf(%j) is %j', (value, kind) => {
  expect(kindOf(value)).toBe(kind);
});

test('shapeOf() keeps what is not generated', () => {
  expect(shapeOf(`Bearer ${JWT}`)).toBe('Bearer {jwt}');
  expect(shapeOf('/orders/2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d/items?page=2')).toBe(
    '/orders/{uuid}/items?page=2',
  );
  expect(shapeOf('nothing generated here')).toBe('nothing generated here');
});

test('what is redacted is found inside other text, whatever stands around it', () => {
  const shapes = [
    'Bearer rdx_abcdefghijklmnopqrs7',
    'sid=rdx_aaaaaaaaaaaaaaaaaaa1; Path=/',
    'session-rdx_aaaaaaaaaaaaaaaaaaa1',
    'rdx_aaaaaaaaaaaaaaaaaaa1-suffix',
    'from u-abcdefghijk7@redacted.invalid to u-abcdefghijk8@redacted.invalid',
  ].map(shapeOf);
  expect(shapes).toEqual([
    'Bearer {token}',
    'sid={token}; Path=/',
    'session-{token}',
    '{token}-suffix',
    'from {email} to {email}',
  ]);
});

test('isRedacted() is true of whole tokens only', () => {
  const tokens = ['rdx_abc7', 'u-abcdefghijk7@redacted.invalid', 'eyJhbGciOiJ9.eyJzdWIiOiIxIn0.rdx_a1'];
  expect(tokens.every(isRedacted)).toBe(true);
  expect(['Bearer rdx_abc7', JWT, 'ann@example.com', ''].some(isRedacted)).toBe(false);
});

test('atomsIn() gives each piece with its place', () => {
  const text = 'a=2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d; b=9f86d081884c7d659a2feaa0c55ad015';
  expect(
    atomsIn(text).map((atom) => [
      atom.kind,
      text.slice(atom.index, atom.index + atom.value.length) === atom.value,
    ]),
  ).toEqual([
    ['uuid', true],
    ['hex', true],
  ]);
});

test.each([
  ['/', '/'],
  ['/orders/17', '/orders/{id}'],
  ['/orders/2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d/items', '/orders/{id}/items'],
  ['/v1/charges/ch_3kTa91bQ7xZp04LmNoPq21Rs', '/v1/charges/{id}'],
  ['/users/ann@example.com', '/users/{id}'],
  ['/reports/2026-11-21', '/reports/{id}'],
  ['/v1/rates', '/v1/rates'],
  ['/api/v2/health-check', '/api/v2/health-check'],
])('endpointOf(%s) is %s', (path, endpoint) => {
  expect(endpointOf(path)).toBe(endpoint);
});

test('a version or a word is no parameter', () => {
  expect(['v1', 'v2beta1', 'products', 'oauth2', 'health_check'].filter(isParameter)).toEqual([]);
});
