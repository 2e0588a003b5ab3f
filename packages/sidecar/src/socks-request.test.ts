import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SocksHandshake, type SocksStep, socksReply } from './socks-request.ts';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const text = (value: string) => Buffer.from(value, 'latin1').toString('hex');

/** The last step of a conversation, and every reply on the way. */
function talk(...messages: string[]): { replies: string; last: SocksStep } {
  const handshake = new SocksHandshake();
  let replies = '';
  let last!: SocksStep;
  for (const message of messages) {
    last = handshake.take(bytes(message));
    replies += last.reply?.toString('hex') ?? '';
  }
  return { replies, last };
}

const NO_AUTH = '05 01 00';
const PASSWORD = '05 01 02';
const CREDENTIALS = `01 04 ${text('user')} 04 ${text('pass')}`;

describe('a request is read:', () => {
  test.each([
    ['4', ['04 01 0050 0a000001', `${text('me')}00`], '10.0.0.1', 80, ''],
    ['4a', [`04 01 01bb 00000001 00 ${text('a.test')} 00`], 'a.test', 443, ''],
    ['5, IPv4', [NO_AUTH, '05 01 00 01 0a000001 0050'], '10.0.0.1', 80, '0500'],
    ['5, IPv6', [NO_AUTH, `05 01 00 04 ${'00'.repeat(15)}01 0050`], '::1', 80, '0500'],
    ['5, name', [NO_AUTH, `05 01 00 03 06 ${text('a.test')} 01bb`], 'a.test', 443, '0500'],
    [
      '5, no password wanted when none is needed',
      ['05 02 02 00', '05 01 00 01 0a000001 0050'],
      '10.0.0.1',
      80,
      '0500',
    ],
    ['5, password', [PASSWORD, CREDENTIALS, '05 01 00 01 0a000001 0050'], '10.0.0.1', 80, '05020100'],
    ['5, all at once', [`${NO_AUTH} 05 01 00 01 0a000001 0050`], '10.0.0.1', 80, '0500'],
  ])('%s', (_, messages, host, port, replies) => {
    const said = talk(...messages, '47 45 54');
    const whole = talk([...messages, '47 45 54'].join(''));
    expect(whole.last).toMatchObject({ type: 'asked', target: { host, port }, rest: Buffer.from('GET') });
    expect(whole.replies).toBe(replies);
    expect(said.replies.startsWith(replies)).toBe(true);
  });

  test('however the bytes are split', () => {
    const whole = bytes(`${PASSWORD} ${CREDENTIALS} 05 01 00 03 06 ${text('a.test')} 01bb`);
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 8 }), (cuts) => {
        const handshake = new SocksHandshake();
        const points = [0, ...cuts.toSorted((a, b) => a - b), whole.length];
        const steps = points.slice(1).map((end, at) => handshake.take(whole.subarray(points[at], end)));
        const asked = steps.filter((step) => step.type === 'asked');
        return asked.length >= 1 && asked[0]!.target.host === 'a.test';
      }),
    );
  });
});

describe('refused:', () => {
  test.each([
    ['another protocol', [text('GET / HTTP/1.1')], ''],
    ['no method we have', ['05 01 03'], '05ff'],
    ['no method at all', ['05 00'], '05ff'],
    ['BIND', [NO_AUTH, '05 02 00 01 0a000001 0050'], '0500 05070001000000000000'],
    ['UDP', [NO_AUTH, '05 03 00 01 0a000001 0050'], '0500 05070001000000000000'],
    ['an unknown kind of address', [NO_AUTH, '05 01 00 02 0a000001 0050'], '0500 05080001000000000000'],
    ['port 0', [NO_AUTH, '05 01 00 01 0a000001 0000'], '0500 05080001000000000000'],
    ['a name that is none', [NO_AUTH, `05 01 00 03 03 ${text('a b')} 0050`], '0500 05080001000000000000'],
    ['BIND of 4', ['04 02 0050 0a000001 00'], '005b000000000000'],
    ['an odd password message', [PASSWORD, '05 00 00'], '0502 0101'],
    ['a user without an end', [`04 01 0050 0a000001 ${'61'.repeat(1_100)}`], ''],
  ])('%s', (_, messages, replies) => {
    const said = talk(...messages);
    expect(said.last.type).toBe('refused');
    expect(said.replies).toBe(replies.replaceAll(' ', ''));
  });
});

test('replies carry the outcome and, of version 5, our end of the connection', () => {
  expect(socksReply(4, 'connected', null).toString('hex')).toBe('005a000000000000');
  expect(socksReply(4, 'no-host', null).toString('hex')).toBe('005b000000000000');
  expect(socksReply(5, 'connected', { host: '10.0.0.1', port: 80 }).toString('hex')).toBe(
    '050000010a0000010050',
  );
  expect(socksReply(5, 'refused', { host: '::1', port: 1 }).toString('hex')).toBe(
    `05050004${'00'.repeat(15)}010001`,
  );
});
