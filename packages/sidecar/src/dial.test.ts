import { expect, test } from 'vitest';
import { isLocal, isLocalhostName } from './dial.ts';

test('isLocalhostName() knows names below .localhost, not localhost itself and not what only looks like it', () => {
  expect(['a.localhost', 'A.B.LOCALHOST', 'a.localhost.'].every(isLocalhostName)).toBe(true);
  expect(['localhost', 'a.localhost.test', 'alocalhost', ''].some(isLocalhostName)).toBe(false);
});

test('isLocal() knows loopback and unspecified addresses in every notation', () => {
  const plain = ['127.0.0.1', '127.9.9.9', '::1', '0.0.0.0', '::'];
  const odd = ['::ffff:127.0.0.1', '::FFFF:7f00:1', '0:0:0:0:0:ffff:7f00:0001', '0:0:0:0:0:0:0:1', '0::0'];
  expect([...plain, ...odd].filter((address) => !isLocal(address))).toEqual([]);
  expect(['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1'].some(isLocal)).toBe(false);
});
