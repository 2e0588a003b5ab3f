import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type HeaderList, storeBody, type Test } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { withBodyDigests } from './body-digests.ts';

const request = (headers: HeaderList, body: string): Test['request'] => ({
  method: 'POST',
  target: '/?delete',
  headers,
  body: storeBody(Buffer.from(body), ''),
});
const digest = (algorithm: string, text: string, form: 'hex' | 'base64') =>
  createHash(algorithm).update(text).digest(form);
const sum = (text: string) =>
  Buffer.from(crc32(text).toString(16).padStart(8, '0'), 'hex').toString('base64');
const headersOf = (text: string): HeaderList => [
  ['Content-MD5', digest('md5', text, 'base64')],
  ['Content-Digest', `sha-256=:${digest('sha256', text, 'base64')}:`],
  ['x-amz-content-sha256', digest('sha256', text, 'hex')],
  ['x-amz-checksum-crc32', sum(text)],
];

test('digests of a body are those of the one that is sent', () => {
  const recorded = request([...headersOf('<Id>1</Id>'), ['X-Id', '1']], '<Id>1</Id>');
  const sent = withBodyDigests(recorded, { ...recorded, body: request([], '<Id>27</Id>').body });
  expect(sent.headers).toEqual([...headersOf('<Id>27</Id>'), ['X-Id', '1']]);
  expect(withBodyDigests(recorded, recorded)).toBe(recorded);
});

test('what was no digest of the recorded body stays', () => {
  const wrong = headersOf('something else');
  const recorded = request(wrong, '<Id>1</Id>');
  expect(withBodyDigests(recorded, { ...recorded, body: request([], 'b').body }).headers).toEqual(wrong);
  const elsewhere: HeaderList = [['X-Key', digest('md5', 'a', 'hex')]];
  const named = request(elsewhere, 'a');
  expect(withBodyDigests(named, { ...named, body: request([], 'b').body }).headers).toEqual(elsewhere);
});
