import { constants, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { zstdContents } from './zstd-frames.ts';

const contents = ['', 'a', 'ü'.repeat(100_000), '0'.repeat(3_000_000), JSON.stringify({ n: 1 })];
const file = Buffer.concat(
  contents.map((text, i) =>
    zstdCompressSync(Buffer.from(text), i % 2 ? { params: { [constants.ZSTD_c_checksumFlag]: 1 } } : {}),
  ),
);

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Buffer, size: number): Promise<string[]> {
  const found: string[] = [];
  for await (const content of zstdContents(inPieces(bytes, size), 'the file')) found.push(content.toString());
  return found;
}

test.each([1, 7, 1_000, file.length])('every frame comes back, read %i bytes at a time', async (size) => {
  expect(await read(file, size)).toEqual(contents);
});

test('of nothing is nothing', async () => {
  expect(await read(Buffer.alloc(0), 1)).toEqual([]);
});

test.each([
  ['cut', file.subarray(0, file.length - 3)],
  ['no zstd', Buffer.from('plain text')],
  ['zstd and then something else', Buffer.concat([file, Buffer.from('more than that')])],
])('a file that is %s is refused', async (_name, bytes) => {
  await expect(read(bytes, 4_096)).rejects.toThrow('the file is cut or damaged');
});
