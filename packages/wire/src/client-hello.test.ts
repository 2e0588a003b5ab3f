import { Duplex } from 'node:stream';
import { type ConnectionOptions, connect } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { parseClientHello } from './client-hello.ts';

const NEED_MORE = { status: 'need-more' };
const NOT_TLS = { status: 'not-tls' };

/** The first bytes a real TLS client sends. */
function realHello(options: ConnectionOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        done();
        resolve(chunk);
        socket.destroy();
      },
    });
    connect({ ...options, socket }).on('error', reject);
  });
}

/** The same handshake message in records of `size` bytes. */
function inRecordsOf(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const fragment = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, fragment.length >> 8, fragment.length & 0xff]), fragment);
  }
  return Buffer.concat(records);
}

const full = await realHello({ servername: 'pay.example.test', ALPNProtocols: ['h2', 'http/1.1'] });
const parsed = {
  status: 'ok',
  sni: 'pay.example.test',
  alpn: ['h2', 'http/1.1'],
  versions: [0x0304, 0x0303],
};

describe('parseClientHello', () => {
  test('reads name, ALPN and versions of a real hello, whatever follows it', () => {
    expect(parseClientHello(full)).toEqual(parsed);
    expect(parseClientHello(Buffer.concat([full, Buffer.from('early data')]))).toEqual(parsed);
  });

  test('asks for more at every split point', () => {
    for (let end = 0; end < full.length; end++)
      expect(parseClientHello(full.subarray(0, end))).toEqual(NEED_MORE);
  });

  test('joins a hello spread over records, and asks for more at every split point of it', () => {
    const split = inRecordsOf(full, 40);
    for (let end = 0; end < split.length; end++)
      expect(parseClientHello(split.subarray(0, end))).toEqual(NEED_MORE);
    expect(parseClientHello(split)).toEqual(parsed);
    expect(
      parseClientHello(
        Buffer.concat([
          inRecordsOf(full.subarray(0, 8), 1),
          inRecordsOf(Buffer.concat([full.subarray(0, 5), full.subarray(8)]), 500),
        ]),
      ),
    ).toEqual(parsed);
  });

  test('says null and none for a TLS 1.2 client without name and ALPN', async () => {
    const bare = await realHello({ maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' });
    expect(parseClientHello(bare)).toEqual({ status: 'ok', sni: null, alpn: [], versions: [0x0303] });
  });

  test('leaves out GREASE versions', () => {
    const at = full.indexOf(Buffer.from('002b0005040304', 'hex'));
    const greased = Buffer.from(full);
    greased.writeUInt16BE(0x3a3a, at + 5);
    expect(parseClientHello(greased)).toEqual({ ...parsed, versions: [0x0303] });
  });

  test.each([
    ['plain HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
    ['another record type', Buffer.from('17030300', 'hex')],
    ['an SSL 2 version', Buffer.from('1602', 'hex')],
    ['a server hello', Buffer.from('160303000402000000', 'hex')],
    ['an empty record', Buffer.from('1603010000', 'hex')],
    ['a record beyond its limit', Buffer.from('1603014001', 'hex')],
    ['a hello beyond its limit', Buffer.from('160301000401004000', 'hex')],
    ['a hello in too many records', inRecordsOf(full, 2)],
    [
      'a hello whose lengths lie',
      Buffer.concat([full.subarray(0, 43), Buffer.from([255]), full.subarray(44)]),
    ],
  ])('refuses %s', (_, bytes) => {
    expect(parseClientHello(bytes)).toEqual(NOT_TLS);
  });

  test('survives any damaged byte with one of its three answers', () => {
    for (let at = 0; at < full.length; at++) {
      const damaged = Buffer.from(full);
      damaged[at] = damaged[at]! ^ 0xff;
      expect(['ok', 'need-more', 'not-tls']).toContain(parseClientHello(damaged).status);
    }
  });
});
