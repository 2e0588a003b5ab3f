// What the redactor cannot read: it is taken out of the pair, its size stays, and the gap says so.
import { gzipSync } from 'node:zlib';
import { RRPair, storeBody } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { field, grpcFrame, watched } from './redactor.fixture.ts';
import { sketch } from './redactor-pair.fixture.ts';

describe('what is not understood does not leave', () => {
  const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 3]);
  const gzip = gzipSync('{"password":"correct-horse"}');
  test.each([
    ['an image', 'image/png', png, ''],
    ['binary without a type', '', png, ''],
    ['binary said to be text', 'text/plain', png, ''],
    ['a cut gzip', 'application/json', gzip.subarray(0, 20), 'gzip'],
    ['a damaged gzip', 'application/json', Buffer.from('1f8b0800', 'hex'), 'gzip'],
    ['an unknown coding of bytes', 'application/json', png, 'compress'],
    [
      'a file in a form',
      'multipart/form-data; boundary=b',
      Buffer.concat([Buffer.from('--b\r\n\r\n'), png]),
      '',
    ],
    ['broken protobuf', 'application/x-protobuf', Buffer.from([0x0a, 0x7f, 0x01]), ''],
    ['text with control characters', 'text/plain', Buffer.from('a\0b'), ''],
  ])('%s', (_name, contentType, bytes, encoding) => {
    const pair = sketch();
    pair.gaps = { lostChunks: 2, reason: 'conflicting-framing' };
    pair.response!.headers = [['Content-Type', contentType]];
    pair.response!.body = storeBody(Buffer.from(bytes), encoding);
    const { size, encoding: stored } = pair.response!.body;
    watched().redactor.pair(pair);
    expect(pair.response!.body).toEqual({ size, encoding: stored });
    expect(pair.gaps).toEqual({ lostChunks: 2, reason: 'conflicting-framing, unredactable' });
    expect(pair.redactions).toContainEqual({ path: 'response.body', kind: 'unredactable', rule: 'body' });
    expect(RRPair.safeParse(pair).success).toBe(true);
  });

  test('gRPC: damaged frames, unknown codings; of a cut body the whole frames stay', () => {
    const whole = grpcFrame(field(1, 'alice@shop.example'));
    const cases: [Buffer, string, boolean, boolean][] = [
      [Buffer.concat([whole, whole.subarray(0, 9)]), 'identity', false, true],
      [Buffer.concat([whole, whole.subarray(0, 9)]), 'identity', true, false],
      [grpcFrame(Buffer.from('abc'), 1), 'snappy', false, true],
      [grpcFrame(Buffer.from([0xff, 0xff])), 'identity', false, true],
      [grpcFrame(Buffer.alloc(0)), 'identity', false, false],
    ];
    for (const [body, encoding, isCut, isWithheld] of cases) {
      const pair = sketch();
      pair.protocol = 'grpc';
      if (isCut) pair.gaps = { requestTruncatedBytes: 9 };
      pair.request!.headers = [['grpc-encoding', encoding]];
      pair.request!.body = { size: body.length, encoding: 'identity', base64: body.toString('base64') };
      watched().redactor.pair(pair);
      expect(pair.gaps?.reason === 'unredactable').toBe(isWithheld);
      expect(pair.request!.body.base64 === undefined).toBe(isWithheld);
    }
  });

  test('the source of a schema under the type of its messages is text; a cut message is none', () => {
    const source = 'syntax = "proto3";\n// ask ada@shop.example\nmessage Item { string sku = 1; }\n';
    const pair = sketch();
    pair.request!.headers = [['Content-Type', 'application/x-protobuf']];
    pair.request!.body = storeBody(Buffer.from(source), '');
    pair.response!.headers = [['Content-Type', 'application/x-protobuf']];
    pair.response!.body = storeBody(Buffer.from('\nEadmiral'), '', { size: 99 });
    pair.gaps = { responseTruncatedBytes: 91 };
    watched().redactor.pair(pair);
    expect(pair.request!.body.text).toMatch(/^syntax = "proto3";\n.+@redacted\.example\.com\nmessage Item/);
    expect(pair.response!.body).toEqual({ size: 99, encoding: 'identity' });
  });

  test('text in another charset, or cut within a character, is text', () => {
    const pair = sketch();
    pair.request!.headers = [['Content-Type', 'application/json; charset=iso-8859-1']];
    pair.request!.body = storeBody(Buffer.from('{"name":"Jürgen","password":"Grün-42"}', 'latin1'), '');
    pair.response!.headers = [['Content-Type', 'application/json']];
    pair.response!.body = storeBody(Buffer.from('{"password":"abc-def","name":"Jü').subarray(0, -1), '', {
      size: 99,
    });
    pair.gaps = { responseTruncatedBytes: 60 };
    watched().redactor.pair(pair);
    expect(Buffer.from(pair.request!.body.base64!, 'base64').toString('latin1')).toMatch(
      /^\{"name":"Jürgen","password":"rdx_\w+"\}$/,
    );
    expect(Buffer.from(pair.response!.body.base64!, 'base64').toString()).toMatch(
      /^\{"password":"rdx_\w+","name":"J$/,
    );
    expect(pair.gaps.reason).toBeUndefined();
  });
});
