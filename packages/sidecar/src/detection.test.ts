import { expect, test } from 'vitest';
import { Detection } from './detection.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const SETTINGS = Buffer.from('00000604000000000000030000006400000408000000000000ffff', 'hex');
const ACK = Buffer.from('000000040100000000', 'hex');

/** What is said after each piece; capitals are the server's. */
function said(pieces: [side: 'client' | 'server', bytes: Buffer | string][]): string[] {
  const detection = new Detection();
  return pieces.map(([side, bytes]) => detection[side](Buffer.from(bytes)));
}

test('the settings of HTTP/2 may come before the preface, in any pieces', () => {
  expect(
    said([
      ['server', SETTINGS],
      ['client', PREFACE],
    ]),
  ).toEqual(['need-more', 'http2']);
  const bytewise = [...SETTINGS].map((byte) => ['server', Buffer.from([byte])] as ['server', Buffer]);
  const halves: ['client', Buffer][] = [
    ['client', PREFACE.subarray(0, 9)],
    ['client', PREFACE.subarray(9)],
  ];
  expect(said([...bytewise, ...halves]).at(-1)).toBe('http2');
});

test.each([
  ['a banner', '220 mail ready\r\n'],
  ['a greeting of MySQL', Buffer.from('4a0000000a352e35', 'hex')],
  ['settings that acknowledge', ACK],
  ['more than settings take', Buffer.concat([SETTINGS, Buffer.alloc(1_024)])],
])('a server that speaks first with %s is not waited for', (_, bytes) => {
  expect(said([['server', bytes]])).toEqual(['server-first']);
});

test('a client that answers settings with anything but HTTP/2 came too late', () => {
  expect(
    said([
      ['server', SETTINGS],
      ['client', 'GET / HTTP/1.1\r\n'],
    ]),
  ).toEqual(['need-more', 'server-first']);
});

test('what is kept is a copy, and is what the ends said', () => {
  const detection = new Detection();
  expect(detection.unknown).toBeNull();
  const chunk = Buffer.from(SETTINGS);
  detection.server(chunk);
  chunk.fill(0);
  expect([detection.serverBytes.equals(SETTINGS), detection.unknown]).toEqual([true, 'server-first']);
  detection.clear();
  detection.client(Buffer.from('PRI'));
  expect([detection.clientBytes.toString(), detection.unknown]).toEqual(['PRI', 'unknown-protocol']);
});
