// What a hostile peer may send costs no more than its size: depths, lengths, counts and bombs are bounded.
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { storeBody } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { hostileTexts, redactedAsAnything } from './hostile-texts.fixture.ts';
import { base64, field, grpcFrame, redacted, varint, watched } from './redactor.fixture.ts';
import { sketch } from './redactor-pair.fixture.ts';

const MEGABYTE = 1 << 20;

describe('hostile texts', () => {
  // Deep and many enough for a stack to overflow; what a size costs is told at a megabyte, by the fuzz suite.
  test.each(hostileTexts(64 << 10))('%s', (_name, text) => {
    for (const out of redactedAsAnything(text)) expect(typeof out).toBe('string');
  });

  test('a string in a string in a string is opened to a depth, then replaced', () => {
    let text = '{"password":"x"}';
    for (let depth = 0; depth < 14; depth++) text = JSON.stringify([text]);
    expect(redacted(text)).toMatch(/rdx_/);
  });
});

describe('hostile bodies', () => {
  test('bombs do not unfold', () => {
    const zeros = Buffer.alloc(64 * MEGABYTE);
    const bomb = gzipSync(zeros);
    for (const [encoding, bytes] of [
      ['gzip', bomb],
      ['br', brotliCompressSync(zeros)],
      ['gzip, gzip', gzipSync(bomb)],
    ] as const) {
      const pair = sketch();
      pair.request!.body = storeBody(bytes, encoding);
      watched().redactor.pair(pair);
      expect(pair.request!.body.base64).toBeUndefined();
    }
    const inText = JSON.stringify({ a: base64(bomb) });
    expect(redacted(inText).length).toBeLessThanOrEqual(inText.length);
    const pair = sketch();
    pair.protocol = 'grpc';
    const frame = grpcFrame(bomb, 1);
    pair.request!.headers = [['grpc-encoding', 'gzip']];
    pair.request!.body = { size: frame.length, encoding: 'identity', base64: base64(frame) };
    watched().redactor.pair(pair);
    expect(pair.gaps?.reason).toBe('unredactable');
  });

  test('messages in messages do not exhaust the stack, nor do many fields', () => {
    let deep = field(1, 'alice@shop.example');
    for (let depth = 0; depth < 2_000; depth++) deep = field(1, deep);
    for (const message of [deep, Buffer.concat(Array.from({ length: 50_000 }, () => field(2, 'ab')))]) {
      const pair = sketch();
      pair.protocol = 'grpc';
      const body = grpcFrame(message);
      pair.request!.body = { size: body.length, encoding: 'identity', base64: base64(body) };
      watched().redactor.pair(pair);
      expect(JSON.stringify(pair)).not.toContain('alice');
    }
    expect(varint(300)).toEqual(Buffer.from([0xac, 0x02]));
  });

  test('ten thousand headers, cookies, parameters, parts and messages', () => {
    const pair = sketch();
    const many = Array.from({ length: 10_000 }, (_, n) => n);
    pair.request!.headers = many.map((n) => [`X-${n}-Token`, `secret-${n}`]);
    pair.response!.headers = [['Cookie', many.map((n) => `n${n}-sid=secret-${n}`).join('; ')]];
    pair.request!.url = `http://h/?${many.map((n) => `a${n}=1&secret=secret-${n}`).join('&')}`;
    pair.messages = many.map((n) => ({
      from: 'client',
      kind: 'text',
      offsetUs: n,
      size: 30,
      text: `password=secret-${n}`,
    }));
    watched().redactor.pair(pair);
    expect(JSON.stringify(pair)).not.toMatch(/secret-\d/);
    expect(pair.redactions.length).toBeLessThanOrEqual(201);
  }, 20_000);
});
