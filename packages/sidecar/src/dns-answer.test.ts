import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dnsResponse } from './dns.fixture.ts';
import { answeredAddresses } from './dns-answer.ts';
import { LearnedNames } from './dns-names.ts';

describe('answeredAddresses()', () => {
  test('reads IPv4 and IPv6 addresses under the asked name, through its CNAMEs', () => {
    const message = dnsResponse(7, 'Shop.example.com', [
      { owner: 'Shop.example.com', to: 'edge.cdn.net' },
      { owner: 'EDGE.cdn.net', to: 'pop1.cdn.net' },
      { owner: 'pop1.cdn.net', to: '192.0.2.7', ttl: 5 },
      { owner: 'pop1.cdn.net', to: '2001:db8::7', ttl: 86_400 },
    ]);
    expect(answeredAddresses(message)).toEqual([
      { name: 'shop.example.com', ip: '192.0.2.7', ttlSeconds: 5 },
      { name: 'shop.example.com', ip: '2001:db8::7', ttlSeconds: 86_400 },
    ]);
  });

  test('an address of a name that was not asked for teaches nothing', () => {
    const message = dnsResponse(7, 'a.test', [
      { owner: 'bank.test', to: '192.0.2.1' },
      { owner: 'a.test', to: '192.0.2.2' },
    ]);
    expect(answeredAddresses(message).map(({ ip }) => ip)).toEqual(['192.0.2.2']);
  });

  test.each([
    ['a query', 0x0100],
    ['a refusal', 0x8185],
  ])('%s is read as nothing', (_, flags) => {
    expect(
      answeredAddresses(dnsResponse(7, 'a.test', [{ owner: 'a.test', to: '192.0.2.2' }], flags)),
    ).toEqual([]);
  });

  test('a name that points at itself ends', () => {
    const message = dnsResponse(7, 'a.test', [{ owner: 'a.test', to: '192.0.2.2' }]);
    message.writeUInt16BE(0xc00c, 12);
    expect(answeredAddresses(message)).toEqual([]);
  });

  test('no message is an error, and none takes long', () => {
    const whole = dnsResponse(7, 'a.test', [
      { owner: 'a.test', to: 'b.test' },
      { owner: 'b.test', to: '192.0.2.2' },
    ]);
    for (let length = 0; length < whole.length; length++)
      expect(answeredAddresses(whole.subarray(0, length))).toEqual([]);
    const damaged = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(damaged, { maxLength: 8 }), (changes) => {
        const message = Buffer.from(whole);
        for (const [at, byte] of changes) message[at] = byte;
        expect(Array.isArray(answeredAddresses(message))).toBe(true);
      }),
    );
  });
});

describe('LearnedNames', () => {
  const clock = { us: 0, nowUs: () => clock.us };
  const answered = (ip: string, name: string, ttlSeconds = 5) => [{ ip, name, ttlSeconds }];

  test('knows the name an address was last asked by, for its time to live and at least a minute', () => {
    const names = new LearnedNames(clock);
    names.learn(answered('192.0.2.1', 'old.test'));
    names.learn(answered('192.0.2.1', 'new.test'));
    names.learn(answered('192.0.2.2', 'long.test', 600));
    clock.us += 59_000_000;
    expect(names.nameOf('192.0.2.1')).toBe('new.test');
    clock.us += 2_000_000;
    expect([names.nameOf('192.0.2.1'), names.nameOf('192.0.2.2')]).toEqual([undefined, 'long.test']);
  });

  test('is bounded: what was learned longest ago goes first', () => {
    const names = new LearnedNames(clock);
    for (let n = 0; n < 10_001; n++) names.learn(answered(`10.0.${n >> 8}.${n & 255}`, 'a.test'));
    expect([names.size, names.nameOf('10.0.0.0'), names.nameOf('10.0.0.1')]).toEqual([
      10_000,
      undefined,
      'a.test',
    ]);
  });
});
