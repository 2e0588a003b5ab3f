import { describe, expect, test } from 'vitest';
import { connectTarget, originRequest } from './proxy-request.ts';

describe('connectTarget()', () => {
  test.each([
    ['example.test:443', { host: 'example.test', port: 443 }],
    ['[::1]:8443', { host: '::1', port: 8443 }],
    ['127.0.0.1:1', { host: '127.0.0.1', port: 1 }],
  ])('takes %s', (authority, target) => {
    expect(connectTarget(authority)).toEqual(target);
  });

  test.each([
    'example.test',
    'example.test:0',
    'example.test:65536',
    'a:b:1',
    'http://a:1',
    'u@a:1',
    ':1',
    '',
  ])('refuses %j', (authority) => {
    expect(connectTarget(authority)).toBeNull();
  });
});

describe('originRequest()', () => {
  const rewrite = (method: string, url: string, fields = 'Host: h\r\n') => {
    const request = originRequest(
      Buffer.from(`${method} ${url} HTTP/1.1\r\n${fields}\r\n`, 'latin1'),
      method,
      url,
    );
    return request && { ...request.target, head: request.head.toString('latin1') };
  };

  test.each([
    ['http://a.test/x?y=%20', 'a.test', 80, '/x?y=%20', 'a.test'],
    ['http://a.test', 'a.test', 80, '/', 'a.test'],
    ['http://a.test?q', 'a.test', 80, '/?q', 'a.test'],
    ['HTTP://u:p@a.test:8080//b', 'a.test', 8080, '//b', 'a.test:8080'],
    ['http://[::1]:90/', '::1', 90, '/', '[::1]:90'],
    ['http://a.test:/', 'a.test', 80, '/', 'a.test'],
  ])('%s goes to its origin in origin-form, with the Host it names', (url, host, port, path, authority) => {
    const head = `GET ${path} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;
    expect(rewrite('GET', url)).toEqual({ host, port, head });
  });

  test.each(['', 'hOST:other\r\n', 'Host: a.test\r\n b\r\nHost: other\r\n'])(
    'the client has no say in the Host: %j',
    (fields) => {
      const head = 'GET / HTTP/1.1\r\nHost: a.test\r\nX-Host: x\r\n\r\n';
      expect(rewrite('GET', 'http://a.test/', `${fields}X-Host: x\r\n`)!.head).toBe(head);
    },
  );

  test('an offer of h2c stays on this hop, one of another protocol goes on', () => {
    const offer = (protocol: string) =>
      rewrite('GET', 'http://a.test/', `Upgrade: ${protocol}\r\nHTTP2-Settings: AAM\r\n`)!.head;
    expect(offer('h2c')).toBe('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
    expect(offer('websocket')).toBe('GET / HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\n\r\n');
  });

  test('OPTIONS without a path asks the whole server', () => {
    expect(rewrite('OPTIONS', 'http://a.test')!.head).toMatch(/^OPTIONS \* HTTP\/1.1\r\n/);
  });

  test("only the proxy's own fields go, wherever they stand and however they are written", () => {
    const fields =
      'proxy-connection: x\r\nHost:h\r\nX:  \xe9 \r\nPROXY-Authorization: a\r\n b\r\nX-Proxy-Connection: 1\r\nProxy-Connection: y\r\n';
    expect(rewrite('GET', 'http://a.test/', fields)!.head).toBe(
      'GET / HTTP/1.1\r\nHost: a.test\r\nX:  \xe9 \r\nX-Proxy-Connection: 1\r\n\r\n',
    );
  });

  test.each(['/x', 'https://a.test/', 'ftp://a/', 'http://', 'http://a.test:99999/', '*'])(
    '%s is none',
    (url) => {
      expect(rewrite('GET', url)).toBeNull();
    },
  );
});
