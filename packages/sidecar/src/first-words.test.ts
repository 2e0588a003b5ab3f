import { connect as connectHttp2 } from 'node:http2';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { nameAsked, tlsOrNot } from './first-words.ts';

/** What Node's HTTP/2 client says first. */
async function http2Opening(authority: string): Promise<Buffer> {
  let said = Buffer.alloc(0);
  let tell = () => {};
  const asked = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      said = Buffer.concat([said, chunk]);
      if (nameAsked(said) !== 'need-more') tell();
      done();
    },
  });
  const session = connectHttp2(`http://${authority}`, { createConnection: () => stream });
  session.on('error', () => {});
  session
    .request({ ':path': '/x' })
    .on('error', () => {})
    .end();
  await asked;
  session.destroy();
  return said;
}

test('HTTP/1 names its server once the head is whole', () => {
  const head = 'GET /x HTTP/1.1\r\nX-Host: no\r\nhOST: \tapi.test:80 \r\n\r\n';
  expect(nameAsked(Buffer.from(`${head}body`))).toEqual({ hello: null, named: 'api.test:80' });
  for (let cut = 0; cut < head.length; cut++)
    expect(nameAsked(Buffer.from(head.slice(0, cut)))).toBe('need-more');
  expect(nameAsked(Buffer.from('GET / HTTP/1.0\r\n\r\nHost: late\r\n\r\n'))).toMatchObject({ named: '' });
});

test('HTTP/2 names its server in its first request', async () => {
  const opening = await http2Opening('api.test:8080');
  expect(nameAsked(opening)).toEqual({ hello: null, named: 'api.test:8080' });
  expect(nameAsked(opening.subarray(0, 24))).toBe('need-more');
  const broken = Buffer.concat([opening.subarray(0, 24), Buffer.alloc(9, 0xff)]);
  expect(nameAsked(broken)).toEqual({ hello: null, named: '' });
});

test('other protocols are not waited for', () => {
  expect(nameAsked(Buffer.from([0, 0, 0, 8]))).toEqual({ hello: null, named: '' });
  expect(tlsOrNot(Buffer.from('GET'))).toEqual({ hello: null, named: '' });
  expect(tlsOrNot(Buffer.from([0x16, 3]))).toBe('need-more');
});
