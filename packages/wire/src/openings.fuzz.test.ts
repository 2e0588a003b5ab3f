// First bytes, fuzzed: what is said of a beginning holds for every longer one, nothing is waited for that is too long, and
// nothing is thrown.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { damage, holds } from '../../../test/stages/fuzz.ts';
import { parseClientHello } from './client-hello.ts';
import { detectProtocol } from './detect.ts';
import { MAX_PROXY_HEADER_BYTES, parseProxyHeader, renderProxyHeader } from './proxy-protocol.ts';

const MAX_HELLO_BYTES = 16_384 + 5 * 64;

/** Asks about every beginning of `bytes`: at most one answer, and it stays. */
function staysDecided(bytes: Buffer, ask: (beginning: Buffer) => unknown, maxBytes: number): void {
  let decided: unknown = null;
  for (let length = 0; length <= bytes.length; length++) {
    const beginning = Buffer.from(bytes.subarray(0, length));
    const answer = ask(beginning);
    if (decided !== null) expect(answer).toEqual(decided);
    else if (answer !== 'need-more') decided = answer;
  }
  const endless = Buffer.concat([bytes, Buffer.alloc(maxBytes, 0x61)]);
  expect(ask(endless)).not.toBe('need-more');
}

const uint16 = (value: number) => Buffer.from([value >> 8, value & 255]);
const sized = (bytes: Buffer) => Buffer.concat([uint16(bytes.length), bytes]);
const extension = (type: number, data: Buffer) => Buffer.concat([uint16(type), sized(data)]);
const small = (bytes: Buffer) => Buffer.concat([Buffer.from([bytes.length]), bytes]);

const hello = fc
  .record({
    name: fc.stringMatching(/^[a-z.]{1,30}$/),
    alpn: fc.array(fc.constantFrom('h2', 'http/1.1'), { maxLength: 3 }),
    session: fc.uint8Array({ maxLength: 32 }),
    recordBytes: fc.integer({ min: 1, max: 400 }),
    more: fc.uint8Array({ maxLength: 20 }),
  })
  .map(({ name, alpn, session, recordBytes, more }) => {
    const extensions = Buffer.concat([
      extension(0, sized(Buffer.concat([Buffer.from([0]), sized(Buffer.from(name))]))),
      extension(16, sized(Buffer.concat(alpn.map((one) => small(Buffer.from(one)))))),
      extension(43, small(Buffer.from([0x0a, 0x0a, 3, 4, 3, 3]))),
    ]);
    const parts = [
      uint16(0x0303),
      Buffer.alloc(32),
      small(Buffer.from(session)),
      sized(uint16(0x1301)),
      Buffer.from([1, 0]),
    ];
    const body = Buffer.concat([...parts, sized(extensions)]);
    const message = Buffer.concat([Buffer.from([1, 0]), uint16(body.length), body]);
    const records: Buffer[] = [];
    const size = Math.max(recordBytes, Math.ceil(message.length / 60));
    for (let at = 0; at < message.length; at += size)
      records.push(Buffer.from([22, 3, 1]), sized(message.subarray(at, at + size)));
    return Buffer.concat([...records, Buffer.from(more)]);
  });

const address = fc.record({ ip: fc.constantFrom('10.0.0.1', '::1', '2001:db8::7'), port: fc.nat(65_535) });
const proxyHeader = fc
  .record({
    source: address,
    destination: address,
    authority: fc.string({ maxLength: 20 }),
    alpn: fc.constantFrom('h2', ''),
  })
  .map((header) => renderProxyHeader({ ...header, tls: { version: 'TLSv1.3' } }));

const opening = fc.oneof(
  hello,
  proxyHeader,
  fc
    .constantFrom('GET / HTTP/1.1\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '*1\r\n$4\r\n')
    .map((text) => Buffer.from(text)),
);

test('parseClientHello: what is said of a beginning stays, and no hello is longer than its bound', () => {
  holds(
    fc.property(hello, opening, fc.option(damage), (whole, other, injure) => {
      const bytes = injure?.(whole, other) ?? whole;
      staysDecided(
        bytes,
        (some) =>
          ((answer) => (answer.status === 'need-more' ? 'need-more' : answer))(parseClientHello(some)),
        MAX_HELLO_BYTES,
      );
      if (!injure) expect(parseClientHello(bytes).status).toBe('ok');
    }),
  );
});

test('detectProtocol: what is said of a beginning stays, and 32 bytes are enough', () => {
  holds(
    fc.property(opening, opening, damage, (whole, other, injure) =>
      staysDecided(injure(whole, other), detectProtocol, 32),
    ),
  );
});

test('parseProxyHeader: what is said of a beginning stays, and what is read can be written again', () => {
  holds(
    fc.property(proxyHeader, opening, fc.option(damage), (whole, other, injure) => {
      const bytes = injure?.(whole, other) ?? whole;
      const ask = (some: Buffer) =>
        ((answer) => (answer.status === 'need-more' ? 'need-more' : answer))(parseProxyHeader(some));
      staysDecided(bytes, ask, MAX_PROXY_HEADER_BYTES);
      const read = parseProxyHeader(bytes);
      if (!injure) expect(read.status).toBe('ok');
    }),
  );
});
