// What stands in for a file has another digest, and whoever sends it again has to name that.
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { bodyBytes, type RRPair, storeBody } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { watched } from './redactor.fixture.ts';
import { sketch } from './redactor-pair.fixture.ts';

const FILE = 'application/octet-stream';
const file = (seed: number) => Buffer.from([0x1f, 0x8b, 8, 0, seed, ...Array<number>(90).fill(255)]);
const digest = (bytes: Buffer | string, algorithm = 'sha256') =>
  createHash(algorithm).update(bytes).digest('hex');

function sent(
  method: string,
  path: string,
  body: Buffer | string = '',
  headers: [string, string][] = [],
): RRPair {
  const pair = sketch();
  const request = { ...pair.request!, method, url: `http://shop:8080${path}` };
  request.headers = [
    ...headers.map(([name, value]): [string, string] => [name, value]),
    ['Content-Type', FILE],
  ];
  request.body = storeBody(Buffer.from(body), '');
  pair.request = request;
  return pair;
}

test('a digest of a file is that of what stands in for it, in the request, its answer and later ones', () => {
  const { redactor } = watched();
  const md5 = createHash('md5').update(file(1)).digest('base64');
  const upload = sent('PUT', `/blobs?digest=sha256%3A${digest(file(1))}`, file(1), [['Content-MD5', md5]]);
  upload.response!.headers = [['ETag', `"${digest(file(1), 'md5')}"`]];
  redactor.pair(upload);
  const kept = bodyBytes(upload.request!.body);
  expect(upload.gaps).toBeUndefined();
  expect(kept).not.toEqual(file(1));
  expect(upload.request!.url).toBe(`http://shop:8080/blobs?digest=sha256%3A${digest(kept)}`);
  expect(upload.request!.headers[0]![1]).toBe(createHash('md5').update(kept).digest('base64'));
  expect(upload.response!.headers[0]![1]).toBe(`"${digest(kept, 'md5')}"`);
  const look = sent('GET', `/blobs/sha256:${digest(file(1))}`);
  redactor.pair(look);
  expect(look.request!.url).toBe(`http://shop:8080/blobs/sha256:${digest(kept)}`);
  const other = sent('GET', `/blobs/sha256:${digest(file(2))}`);
  redactor.pair(other);
  expect(other.request!.url).toBe(`http://shop:8080/blobs/sha256:${digest(file(2))}`);
  const before = structuredClone(look);
  redactor.pair(look);
  expect(look).toEqual(before);
});

test('a text that names such a digest has another one itself', () => {
  const { redactor } = watched();
  const upload = sent('PUT', '/blobs/1', file(3));
  redactor.pair(upload);
  const layer = digest(bodyBytes(upload.request!.body));
  const manifest = (of: string) => JSON.stringify({ schemaVersion: 2, layers: [{ digest: `sha256:${of}` }] });
  const put = sent('PUT', '/manifests/latest', manifest(digest(file(3))));
  put.response!.headers = [['Docker-Content-Digest', `sha256:${digest(manifest(digest(file(3))))}`]];
  redactor.pair(put);
  expect(bodyBytes(put.request!.body).toString()).toBe(manifest(layer));
  expect(put.response!.headers[0]![1]).toBe(`sha256:${digest(manifest(layer))}`);
});

test('pieces that are sent one after the other to one address are one file', () => {
  const { redactor } = watched();
  const pieces = [sent('PATCH', '/uploads/7?state=a', file(4)), sent('PATCH', '/uploads/7?state=b', file(5))];
  const elsewhere = sent('PATCH', '/uploads/8', file(6));
  for (const pair of [pieces[0]!, elsewhere, pieces[1]!]) redactor.pair(pair);
  const whole = digest(Buffer.concat([file(4), file(5)]));
  const end = sent('PUT', `/uploads/7?state=c&digest=sha256:${whole}`);
  redactor.pair(end);
  const kept = Buffer.concat(pieces.map(({ request }) => bodyBytes(request!.body)));
  expect(end.request!.url).toBe(`http://shop:8080/uploads/7?state=c&digest=sha256:${digest(kept)}`);
});

test('a file that was uploaded comes back as what stands in for it, and another does not leave', () => {
  const { redactor } = watched();
  const answered = (bytes: Buffer) => {
    const pair = sent('GET', '/blobs/1');
    pair.response!.headers = [['Content-Type', FILE]];
    pair.response!.body = storeBody(bytes, '');
    redactor.pair(pair);
    return { gap: pair.gaps?.reason, body: bodyBytes(pair.response!.body) };
  };
  expect(answered(file(7)).gap).toBe('unredactable');
  const upload = sent('PUT', '/blobs/1', file(7));
  redactor.pair(upload);
  const kept = bodyBytes(upload.request!.body);
  expect(answered(file(7))).toEqual({ gap: undefined, body: kept });
  expect(answered(kept)).toEqual({ gap: undefined, body: kept });
  expect(answered(file(8)).gap).toBe('unredactable');
});

test('so is a CRC-32 in a header of its own, of the request itself alone', () => {
  const { redactor } = watched();
  const sum = (bytes: Buffer) =>
    Buffer.from(crc32(bytes).toString(16).padStart(8, '0'), 'hex').toString('base64');
  const said: [string, string][] = [
    ['x-amz-checksum-crc32', sum(file(9))],
    ['x-color', sum(file(9))],
  ];
  const upload = sent('PUT', '/blobs/1', file(9), said);
  redactor.pair(upload);
  const kept = bodyBytes(upload.request!.body);
  expect(upload.request!.headers.slice(0, 2).map(([, value]) => value)).toEqual([sum(kept), sum(file(9))]);
  const later = sent('PUT', '/blobs/2', 'words', said);
  redactor.pair(later);
  expect(later.request!.headers[0]![1]).toBe(sum(file(9)));
});

test('a list of digests begins with one', () => {
  const { redactor } = watched();
  const upload = sent('PUT', '/blobs/1', file(9));
  redactor.pair(upload);
  const sums = (bytes: Buffer) => `${digest(bytes, 'md5')}  a.bin\n`;
  const listed = sent('PUT', '/sums', sums(file(9)), [['Content-Type', 'text/plain']]);
  redactor.pair(listed);
  expect(bodyBytes(listed.request!.body).toString()).toBe(sums(bodyBytes(upload.request!.body)));
});
