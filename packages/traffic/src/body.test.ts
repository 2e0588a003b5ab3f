import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { storeBody } from './body.ts';
import { bodyBytes, bodyJson, bodyText } from './http-view.ts';
import { Body } from './rrpair.ts';

describe('storeBody()', () => {
  test('keeps the wire bytes recoverable, whatever they are', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
      fc.json().map((text) => Buffer.from(text)),
      fc.json().map((text) => Buffer.from(JSON.stringify(JSON.parse(text), null, 2))),
      fc.string().map((text) => Buffer.from(`\uFEFF${text}`)),
    );
    fc.assert(
      fc.property(bytes, (wire) => {
        const body = Body.parse(JSON.parse(JSON.stringify(storeBody(wire, ''))));
        expect(bodyBytes(body).equals(wire)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['{"a":1}', 'json'],
    ['{"a": 1}', 'text'],
    ['{"a":1,"a":2}', 'text'],
    ['{"n":12345678901234567890}', 'text'],
    ['{"2":1,"1":2}', 'text'],
    ['"plain"', 'text'],
    ['{"__proto__":{"a":1}}', 'text'],
    [`${'['.repeat(101)}${']'.repeat(101)}`, 'text'],
    ['hello', 'text'],
  ])('stores %s as %s', (text, form) => {
    expect(Object.keys(storeBody(Buffer.from(text), ''))).toContain(form);
  });

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ])('shows the text of a %s body and keeps its bytes', (encoding, compress) => {
    const wire = compress(Buffer.from('{"total":5990}'));
    const body = storeBody(wire, encoding);
    expect([bodyText(body), bodyJson(body), bodyBytes(body).equals(wire)]).toEqual([
      '{"total":5990}',
      { total: 5990 },
      true,
    ]);
  });

  test.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('shows the text of a %s body that was written in several parts', (encoding, compress) => {
    const wire = Buffer.concat(['{"total"', '', ':5990}'].map((part) => compress(Buffer.from(part))));
    expect(bodyText(storeBody(wire, encoding))).toBe('{"total":5990}');
    expect(storeBody(Buffer.concat([wire, Buffer.from('more')]), encoding).decoded).toBeUndefined();
    // A frame to be skipped holds what no reader of the content sees.
    const skipped = Buffer.concat([Buffer.from('502a4d1804000000', 'hex'), Buffer.from('more')]);
    expect(storeBody(Buffer.concat([wire, skipped]), encoding).decoded).toBeUndefined();
    expect(storeBody(Buffer.concat([skipped, wire]), encoding).decoded).toBeUndefined();
    const bombs = Buffer.concat(Array.from({ length: 64 }, () => compress(Buffer.alloc(1 << 20))));
    expect(storeBody(bombs, encoding).decoded).toBeUndefined();
  });

  test.each(['gzip', 'x-gzip', 'zstd', 'br, gzip'])(
    'reads a text that is said to be %s and is not',
    (coding) => {
      const body = storeBody(Buffer.from('{"total":5990}'), coding);
      expect(body).toEqual({ size: 14, encoding: 'identity', json: { total: 5990 } });
      expect(bodyBytes(body).toString()).toBe('{"total":5990}');
    },
  );

  test('does not inflate a bomb, a cut body or an unknown coding', () => {
    expect(storeBody(gzipSync(Buffer.alloc(64 << 20)), 'gzip').decoded).toBeUndefined();
    const wire = gzipSync(Buffer.from('hello hello hello'));
    expect(storeBody(wire.subarray(0, 12), 'gzip', { size: wire.length })).toMatchObject({
      size: wire.length,
      encoding: 'gzip',
    });
    expect(storeBody(wire.subarray(0, 12), 'gzip', { size: wire.length }).decoded).toBeUndefined();
    expect(storeBody(Buffer.from('x'), 'sdch')).toEqual({ size: 1, encoding: 'sdch', text: 'x' });
  });
});
