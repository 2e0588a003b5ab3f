import { describe, expect, test } from 'vitest';
import { parseHead, parseTrailers } from './http-head.ts';

const head = (text: string) => parseHead(Buffer.from(text, 'latin1'));

describe('parseHead', () => {
  test('keeps the case, order and repetition of a request’s fields', () => {
    expect(
      head(
        'PATCH /a?b=%20#c HTTP/1.0\r\nHOST: h\r\nset-Cookie:a=1\r\nset-cookie: \tb: 2\t \r\nX-Empty:\r\n\r\n',
      ),
    ).toEqual({
      kind: 'request',
      method: 'PATCH',
      target: '/a?b=%20#c',
      version: '1.0',
      headers: [
        ['HOST', 'h'],
        ['set-Cookie', 'a=1'],
        ['set-cookie', 'b: 2'],
        ['X-Empty', ''],
      ],
    });
  });

  test('reads a response, with and without a reason', () => {
    const headers = [['A', 'b']];
    expect(head('HTTP/1.1 404 Not  Found \r\nA: b\r\n\r\n')).toEqual({
      kind: 'response',
      version: '1.1',
      status: 404,
      reason: 'Not  Found ',
      headers,
    });
    expect(head('HTTP/1.1 200\r\nA: b\r\n\r\n')).toMatchObject({ status: 200, reason: '' });
  });

  test('unfolds folded values with one space', () => {
    expect(head('GET / HTTP/1.1\r\nA: b\r\n \t c \r\n\td\r\nE:\r\n f\r\n\r\n')!.headers).toEqual([
      ['A', 'b c d'],
      ['E', 'f'],
    ]);
  });

  test('keeps octets above ASCII as latin1 and trims only spaces and tabs', () => {
    expect(head('GET / HTTP/1.1\r\nA: \xa0é\xff\xa0\r\n\r\n')!.headers).toEqual([['A', '\xa0é\xff\xa0']]);
  });

  test('is null for what is not an HTTP/1.x head', () => {
    expect(head('')).toBeNull();
    expect(head('GET /\r\n\r\n')).toBeNull();
    expect(head('GET / HTTP/2.0\r\n\r\n')).toBeNull();
  });
});

test('parseTrailers() reads a trailer section', () => {
  expect(parseTrailers(Buffer.from('Grpc-Status: 0\r\nX: y\r\n\r\n'))).toEqual([
    ['Grpc-Status', '0'],
    ['X', 'y'],
  ]);
  expect(parseTrailers(Buffer.alloc(0))).toEqual([]);
});
