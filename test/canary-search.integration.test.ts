// The search that the canary test trusts finds a secret in every form and behind every coding it claims to know, and
// nothing where there is nothing.
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { CanarySearch, formsOf } from './canary-search.ts';

const SECRET = 'canary-Ünicode "x" 4711';
const kinds = [{ kind: 'it', needles: [SECRET] }];
const text = `before ${SECRET} behind, and more of this to make it longer`;

test.each([...formsOf(SECRET)])('a secret is found in the form: %s', (_form, written) => {
  const bytes = Buffer.from(`<<${written}>>`, 'latin1');
  expect(new CanarySearch(kinds).in(bytes)).not.toEqual([]);
});

const padded = (bytes: Buffer) => Buffer.concat([Buffer.from([7, 0, 255]), bytes, Buffer.from([9, 9])]);
test.each<[string, Buffer]>([
  ['gzip', gzipSync(text)],
  ['gzip at any place', padded(gzipSync(text))],
  ['gzip that was cut', gzipSync(text.repeat(3)).subarray(0, -8)],
  ['the second of two gzip files', Buffer.concat([gzipSync('clean'), gzipSync(text)])],
  ['zstd', zstdCompressSync(text)],
  ['zstd at any place', padded(zstdCompressSync(text))],
  ['br', brotliCompressSync(text)],
  ['zlib', deflateSync(text)],
  ['deflate', deflateRawSync(text)],
  ['base64 of gzip', Buffer.from(JSON.stringify({ a: gzipSync(text).toString('base64') }))],
  ['base64 of br', Buffer.from(JSON.stringify({ a: brotliCompressSync(text).toString('base64') }))],
  ['base64 of zstd in zstd', zstdCompressSync(zstdCompressSync(text).toString('base64'))],
  ['base64 of base64 of base64', Buffer.from(thrice(text))],
  ['hex of gzip, as databases write it', Buffer.from(`(1,"\\\\x${gzipSync(text).toString('hex')}")`)],
  ['JSON in JSON in JSON', Buffer.from(JSON.stringify(JSON.stringify(JSON.stringify(text))))],
  ['percent encoding, thrice', Buffer.from(encodeURIComponent(encodeURIComponent(encodeURIComponent(text))))],
])('a secret is found behind %s', (_name, bytes) => {
  expect(new CanarySearch(kinds).in(bytes)).not.toEqual([]);
});

test('a clean text has no hits, and what was clean is clean again', () => {
  const search = new CanarySearch(kinds);
  const clean = Buffer.from(JSON.stringify({ canary: 'yellow', x: 4711, a: thrice('nothing here at all') }));
  expect([...search.in(clean), ...search.in(clean)]).toEqual([]);
  expect(search.in(clean.toString().replace('yellow', SECRET))).toMatchObject([{ of: 'it' }]);
});

function thrice(plain: string): string {
  return [1, 2, 3].reduce((inner) => Buffer.from(inner).toString('base64'), plain);
}
