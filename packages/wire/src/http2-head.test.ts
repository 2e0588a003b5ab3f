import { describe, expect, test } from 'vitest';
import { parseHttp2Head } from './http2-head.ts';

describe('parseHttp2Head()', () => {
  test('sets pseudo-headers apart and keeps the others in order', () => {
    const head = parseHttp2Head(
      Buffer.from(
        ':method: GET\r\n:path: /a: b\r\n:authority: \r\ncookie: a=1\r\ncookie: b: 2\r\nx:\r\n\r\n',
        'latin1',
      ),
    );
    expect([...head!.pseudo]).toEqual([
      ['method', 'GET'],
      ['path', '/a: b'],
      ['authority', ''],
    ]);
    expect(head!.headers).toEqual([
      ['cookie', 'a=1'],
      ['cookie', 'b: 2'],
      ['x', ''],
    ]);
  });

  test.each(['', '\r\n', 'GET / HTTP/1.1\r\n\r\n', 'a: b\r\n:method: GET\r\n\r\n'])('%j is none', (text) => {
    expect(parseHttp2Head(Buffer.from(text))).toBeNull();
  });
});
