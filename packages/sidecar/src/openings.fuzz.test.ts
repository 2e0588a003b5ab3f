// What the sidecar itself reads of strangers, fuzzed: SOCKS handshakes, DNS answers, the heads of proxy requests, and first
// bytes of both ends.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cut, cuts, damage, damagedTalk, holds, play, type Talk } from '../../../test/stages/fuzz.ts';
import { Detection } from './detection.ts';
import { answeredAddresses } from './dns-answer.ts';
import { RequestSplitter } from './request-splitter.ts';
import { SocksHandshake } from './socks-request.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

const socks = fc.constantFrom(
  hex('04 01 0050 0a000001 6100'),
  hex('04 01 0050 00000001 00') /* 4a */,
  Buffer.concat([hex('04 01 01bb 00000007 6100'), Buffer.from('shop.example\0')]),
  hex('05 01 00 05 01 00 01 0a000001 0050'),
  Buffer.concat([hex('05 02 00 02 05 01 00 03 0c'), Buffer.from('shop.example'), hex('01bb')]),
  Buffer.concat([hex('05 01 02 01 01 61 01 62 05 01 00 04'), Buffer.alloc(16, 1), hex('01bb 00 01 02')]),
);

/** All a handshake says, and how it ends; what follows the request is counted with what was not taken yet. */
function shaken(pieces: readonly Buffer[]): unknown {
  const handshake = new SocksHandshake();
  const replies: Buffer[] = [];
  for (const [index, piece] of pieces.entries()) {
    const step = handshake.take(piece);
    if (step.reply) replies.push(step.reply);
    if (step.type === 'more') continue;
    const after = Buffer.concat([
      step.type === 'asked' ? step.rest : Buffer.alloc(0),
      ...pieces.slice(index + 1),
    ]);
    const said = step.type === 'asked' ? [step.version, step.target, after.toString('hex')] : [];
    return [step.type, Buffer.concat(replies).toString('hex'), ...said];
  }
  return ['more', Buffer.concat(replies).toString('hex')];
}

test('SocksHandshake: the cut does not matter, nothing is thrown, nothing without end is waited for', () => {
  holds(
    fc.property(socks, socks, fc.option(damage), cuts, (sound, other, injure, positions) => {
      const bytes = injure?.(sound, other) ?? sound;
      const whole = shaken([bytes]);
      expect(shaken(cut(bytes, positions))).toEqual(whole);
      expect(shaken(cut(bytes, [...bytes.keys()]))).toEqual(whole);
    }),
  );
  expect(shaken([hex('04 01 0050 0a000001'), Buffer.alloc(2_000, 0x61)])).toEqual(['refused', '']);
});

const TOO_LONG = Buffer.concat([
  hex('1234 8180 0001 0001 0000 0000'),
  ...Array<Buffer>(4).fill(Buffer.concat([Buffer.from([63]), Buffer.alloc(63, 0x61)])),
  hex('00 0001 0001 c00c 0001 0001 0000003c 0004 0a000007'),
]);
const dns = fc.constantFrom(
  TOO_LONG,
  hex(
    '1234 8180 0001 0002 0000 0000 0473686f70076578616d706c6500 0001 0001 c00c 0005 0001 0000003c 0006 0361 6161 c011 c02a 0001 0001 0000003c 0004 0a000007',
  ),
  hex(
    '1234 8180 0001 0001 0000 0000 01610162 00 001c 0001 c00c 001c 0001 0000003c 0010 20010db8000000000000000000000001',
  ),
);

test('answeredAddresses: sound messages are read', () => {
  for (const message of fc.sample(dns, 20))
    expect(answeredAddresses(message).length).toBe(message === TOO_LONG ? 0 : 1);
});

test('answeredAddresses: a damaged message is read as nothing or as addresses, and ends', () => {
  holds(
    fc.property(dns, dns, damage, (sound, other, injure) => {
      for (const { name, ip, ttlSeconds } of answeredAddresses(injure(sound, other))) {
        expect(name.length).toBeLessThanOrEqual(253);
        expect(ip).toMatch(/^[0-9a-f.:]+$/);
        expect(ttlSeconds).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});

const requests = fc
  .array(
    fc.constantFrom(
      'GET http://shop.example/a HTTP/1.1\r\nHost: shop.example\r\n\r\n',
      'POST http://shop.example/b HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello',
      'PUT http://shop.example/c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nT: 1\r\n\r\n',
      'CONNECT shop.example:443 HTTP/1.1\r\n\r\n',
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((all) => Buffer.from(all.join('')));

/** Heads, and bodies as one text each, up to what is refused. */
function split(pieces: readonly Buffer[]): string[] {
  const splitter = new RequestSplitter();
  const seen: string[] = [];
  for (const piece of pieces)
    for (let rest = piece; rest.length > 0; ) {
      const part = splitter.take(rest);
      if (part.type === 'refused') return [...seen, part.reason];
      if (part.type === 'more') break;
      if (part.type === 'head') seen.push(`head ${part.raw.toString('latin1')}`, 'body ');
      else seen[seen.length - 1] += part.bytes.toString('latin1');
      expect(part.rest.length).toBeLessThanOrEqual(rest.length);
      rest = part.rest;
    }
  return seen;
}

test('RequestSplitter: the cut does not matter, and no byte of a body is lost before what is refused', () => {
  holds(
    fc.property(requests, requests, fc.option(damage), cuts, (sound, other, injure, positions) => {
      const bytes = injure?.(sound, other) ?? sound;
      const whole = split([bytes]);
      const pieces = split(cut(bytes, positions));
      // A body that is refused has been passed on as far as it had come, which depends on the cut.
      const isRefused = whole.length % 2 === 1;
      expect(isRefused ? pieces.filter((one) => one.startsWith('head')) : pieces).toEqual(
        isRefused ? whole.filter((one) => one.startsWith('head')) : whole,
      );
      if (!injure && !bytes.includes('CONNECT'))
        expect(whole.map((one) => one.slice(5)).join('')).toBe(bytes.toString('latin1'));
    }),
  );
});

const beginnings: fc.Arbitrary<Talk> = fc.constantFrom<Talk>(
  [
    ['server', hex('000006 04 00 00000000 0003 00000064')],
    ['client', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
  ],
  [['client', Buffer.from('GET / HTTP/1.1\r\n\r\n')]],
  [['server', Buffer.from('220 mail\r\n')]],
);

test('Detection: the cut does not matter, and what is kept is bounded', () => {
  const detected = (talk: Talk, positions: readonly number[]) => {
    const detection = new Detection();
    let said = 'need-more';
    play(talk, positions, (side, piece) => {
      if (said !== 'need-more' || piece.length === 0) return;
      said = detection[side](piece);
      if (said === 'need-more') expect(detection.clientBytes.length).toBeLessThan(32);
      if (said === 'need-more') expect(detection.serverBytes.length).toBeLessThanOrEqual(1_024);
    });
    return said;
  };
  holds(
    fc.property(damagedTalk(beginnings), cuts, (talk, positions) => {
      expect(detected(talk, positions)).toBe(detected(talk, []));
    }),
  );
});
