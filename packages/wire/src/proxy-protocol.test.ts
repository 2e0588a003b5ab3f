import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ProxyHeader, parseProxyHeader, renderProxyHeader } from './proxy-protocol.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const PLAIN: ProxyHeader = {
  source: { ip: '10.0.0.1', port: 40_000 },
  destination: { ip: '10.0.0.2', port: 443 },
};
const PLAIN_HEX = `${SIGNATURE}2111000c0a0000010a0000029c4001bb`;
const parse = (hex: string) => parseProxyHeader(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const reasonOf = (hex: string) => {
  const result = parse(hex);
  return result.status === 'refused' ? result.reason : result.status;
};

test('a header is what the specification draws', () => {
  expect(renderProxyHeader(PLAIN).toString('hex')).toBe(PLAIN_HEX);
  expect(parse(`${PLAIN_HEX}4745`)).toEqual({ status: 'ok', header: PLAIN, sizeBytes: 28 });
});

test('what is known beside the addresses travels in TLVs', () => {
  const header: ProxyHeader = {
    ...PLAIN,
    authority: 'api.test',
    alpn: 'h2',
    tls: { version: 'TLSv1.3' },
    others: [{ type: 0xe0, value: Buffer.from('x') }],
  };
  const bytes = renderProxyHeader(header);
  expect(bytes.subarray(28).toString('hex')).toBe(
    `0100026832 020008${Buffer.from('api.test').toString('hex')} 20000f0100000001210007${Buffer.from('TLSv1.3').toString('hex')} e0000178`.replaceAll(
      ' ',
      '',
    ),
  );
  expect(parseProxyHeader(bytes)).toEqual({ status: 'ok', header, sizeBytes: bytes.length });
});

test('an IPv6 and an IPv4 end go as IPv6, and come back as they were', () => {
  const header = { ...PLAIN, source: { ip: '2001:db8::1', port: 1 } };
  const bytes = renderProxyHeader(header);
  expect(bytes[13]).toBe(0x21);
  expect(parseProxyHeader(bytes)).toMatchObject({ header });
  const mapped = renderProxyHeader({ ...PLAIN, source: { ip: '::ffff:10.0.0.1', port: 40_000 } });
  expect(mapped.toString('hex')).toBe(PLAIN_HEX);
});

test('LOCAL says nothing of the connection, whatever it carries', () => {
  const header = { source: null, destination: null };
  expect(renderProxyHeader(header).toString('hex')).toBe(`${SIGNATURE}20000000`);
  expect(parse(`${SIGNATURE}2011000cffffffffffffffffffffffff`)).toEqual({
    status: 'ok',
    header,
    sizeBytes: 28,
  });
});

describe('refuses', () => {
  test.each([
    ['no-signature', '474554'],
    ['no-signature', `${SIGNATURE.slice(0, -2)}00`],
    ['unknown-version', `${SIGNATURE}1111000c0a0000010a0000029c4001bb`],
    ['unknown-version', `${SIGNATURE}2211000c0a0000010a0000029c4001bb`],
    ['unknown-family', `${SIGNATURE}2112000c0a0000010a0000029c4001bb`],
    ['too-short', `${SIGNATURE}2111000b0a0000010a0000029c4001`],
    ['too-long', `${SIGNATURE}2111ffff`],
    ['broken-tlv', `${SIGNATURE}2111000e0a0000010a0000029c4001bb0200`],
    ['broken-tlv', `${SIGNATURE}211100100a0000010a0000029c4001bb02000261`],
    ['broken-tlv', `${SIGNATURE}211100130a0000010a0000029c4001bb20000401000000`],
    ['bad-checksum', `${SIGNATURE}211100130a0000010a0000029c4001bb03000400000000`],
  ])('%s: %s', (reason, hex) => {
    expect(reasonOf(hex)).toBe(reason);
  });
  test.each([
    { ...PLAIN, source: { ip: 'a.test', port: 1 } },
    { ...PLAIN, source: { ip: '10.0.0.1', port: 65_536 } },
    { ...PLAIN, authority: 'a'.repeat(4_096) },
  ])('to write what no header can carry', (header) => {
    expect(() => renderProxyHeader(header)).toThrow(RangeError);
  });
});

test('no part of a header is taken for the whole, and no bytes make the reader throw', () => {
  const whole = renderProxyHeader({ ...PLAIN, authority: 'api.test' });
  for (let cut = 0; cut < whole.length; cut++) {
    expect(parseProxyHeader(whole.subarray(0, cut)).status).toBe('need-more');
  }
  const mutation = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(mutation, { maxLength: 6 }), (mutations) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of mutations) bytes[at] = value;
      return ['ok', 'need-more', 'refused'].includes(parseProxyHeader(bytes).status);
    }),
  );
});
