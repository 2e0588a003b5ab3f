import { expect, test } from 'vitest';
import { detectProtocol } from './detect.ts';

const hex = (text: string) => Buffer.from(text, 'hex');
const text = (value: string) => Buffer.from(value, 'latin1');

test.each([
  ['nothing yet', text(''), 'need-more'],
  ['a TLS record', hex('160301020001000001'), 'tls'],
  ['TLS 1.2 in the record', hex('160303004001'), 'tls'],
  ['half a TLS record header', hex('1603010200'), 'need-more'],
  ['a record type alone', hex('16'), 'need-more'],
  ['another record version', hex('1602'), 'unknown'],
  ['a server hello', hex('160301020002'), 'unknown'],
  ['the HTTP/2 preface', text('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12'), 'http2'],
  ['half the HTTP/2 preface', text('PRI * HTTP/2.0\r\n\r\nSM'), 'need-more'],
  ['a method that starts like it', text('PR'), 'need-more'],
  ['PRI that is not it', text('PRI /x HTTP/1.1'), 'http1'],
  ['GET', text('GET / HTTP/1.1\r\n'), 'http1'],
  ['GET and its space alone', text('GET '), 'http1'],
  ['half a method', text('GE'), 'need-more'],
  ['an unknown method token', text('x-my_METHOD! /'), 'http1'],
  ['a token of 31 bytes', text(`${'A'.repeat(31)} /`), 'http1'],
  ['a token of 32 bytes', text(`${'A'.repeat(32)} /`), 'unknown'],
  ['a space first', text(' GET /'), 'unknown'],
  ['a redis array', text('*1\r\n$4\r\nPING\r\n'), 'unknown'],
  ['a postgres startup', hex('0000000804d2162f'), 'unknown'],
  ['a postgres SSLRequest', hex('00'), 'unknown'],
  ['a byte above ASCII', text('GET\xa0/'), 'unknown'],
])('%s', (_, bytes, expected) => {
  expect(detectProtocol(bytes)).toBe(expected);
});

test('a longer beginning never changes a verdict', () => {
  for (const whole of [
    text('GET / HTTP/1.1'),
    hex('160301020001000001'),
    text('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  ]) {
    const verdicts = Array.from(whole, (_, at) => detectProtocol(whole.subarray(0, at + 1)));
    const final = detectProtocol(whole);
    expect(verdicts.filter((verdict) => verdict !== 'need-more' && verdict !== final)).toEqual([]);
  }
});
