// The values of all days are passed by in one look; whatever might concern somebody is not.
import { describe, expect, test } from 'vitest';
import { KeyNames } from './key-names.ts';
import { isPlain } from './plain-value.ts';

const names = new KeyNames('field', { keys: ['dbpw'], keysExcept: [] });
const plain = (value: string) => isPlain(value, 0, value.length, names);

describe('isPlain()', () => {
  test.each([
    '',
    'EUR',
    'amber basket',
    "It's on its way (2 of 3), at last!",
    '0d8f4c1e-22a1-4b7c-a3f0-91b6c2d4e5f6',
    'd41d8cd98f00b204e9800998ecf8427e',
    '2026-11-21',
    '2026-11-21T10:15:00.000Z',
    '2026-11-21T10:15:00Z',
    '19.99',
    '10.1.2.3',
    'order_1234',
    '/orders/1234',
    'Größe 42',
    'Status: shipped',
    'application/json',
    'v1.2.3-beta.1',
  ])('passes %s by', (value) => {
    expect(plain(value)).toBe(true);
  });

  test.each([
    'a@b.cd',
    'password: hunter2',
    'dbpw: hunter2',
    'x-api-key:abc',
    'a=b',
    '100%25',
    '+49 30 123456',
    '4111 1111 1111 1111',
    '4111111111111111',
    'DE89370400440532013000',
    '(555) 123-4567',
    '123-45-6789',
    '12345678Z',
    '{"a":1}',
    ' [1]',
    '"quoted"',
    '<a>b</a>',
    "insert into t (a) values ('b')",
    'Bearer abcdefg1',
    '-----BEGIN RSA PRIVATE KEY-----',
    'cGFzc3dvcmQgaHVudGVyMg',
    'eyJhbGciOiJIUzI1NiJ9.e30.x',
    'H4sIAAAAAAAAA8tI',
    // Lower-case hex: base64 of a text, and an account.
    'a000a001a002a003a004a005a006a007',
    'de89370400440532013000',
    'H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA',
    'x7Qp2mVt9Kz4Lw8RbN3c',
    'EAAA00000000000000000000000000000000000000000000000000000000AAAA',
  ])('does not pass %s by', (value) => {
    expect(plain(value)).toBe(false);
  });

  test('looks at its part of a text, not at what stands around', () => {
    const text = 'password="amber: 4111 1111" 1111 1111';
    expect(isPlain(text, 10, 15, names)).toBe(true);
    expect(isPlain(text, 10, text.length, names)).toBe(false);
  });
});
