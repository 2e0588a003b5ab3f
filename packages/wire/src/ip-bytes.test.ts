import { isIP } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { asIpv6, ipBytes, ipText } from './ip-bytes.ts';

test.each([
  ['127.0.0.1', '7f000001', '127.0.0.1'],
  ['::ffff:10.0.0.1', '0a000001', '10.0.0.1'],
  ['::ffff:a00:1', '0a000001', '10.0.0.1'],
  ['::', '0'.repeat(32), '::'],
  ['::1', `${'0'.repeat(31)}1`, '::1'],
  ['2001:DB8::', `20010db8${'0'.repeat(24)}`, '2001:db8::'],
  ['fe80::1%eth0', `fe80${'0'.repeat(27)}1`, 'fe80::1'],
  ['1:0:0:2:0:0:0:3', '00010000000000020000000000000003', '1:0:0:2::3'],
  ['64:ff9b::1.2.3.4', '0064ff9b000000000000000001020304', '64:ff9b::102:304'],
  ['1:2:3:4:5:6:7:0', '00010002000300040005000600070000', '1:2:3:4:5:6:7:0'],
])('%s is %s, and back %s', (text, hex, back) => {
  const bytes = ipBytes(text)!;
  expect(bytes.toString('hex')).toBe(hex);
  expect(ipText(bytes)).toBe(back);
});

test('what is no address for Node is none here, whatever is written', () => {
  const text = fc.string({
    unit: fc.constantFrom(...'0123456789abcf:.', '::', '127.0.0.1', '255', 'ffff'),
    maxLength: 12,
  });
  fc.assert(fc.property(text, (value) => (ipBytes(value) !== null) === (isIP(value) !== 0)));
});

test('bytes come back from their text', () => {
  const address = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(Buffer.from);
  fc.assert(fc.property(address, (bytes) => asIpv6(ipBytes(ipText(bytes))!).equals(bytes)));
});
