import { appendFile, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mock } from '@echoplane/traffic';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { mock } from './mock.fixture.ts';
import { MockLines } from './mock-file.ts';
import { MockSet } from './mock-set.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mock-file-'));
  path = join(folder, 'mocks.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

const MOCKS = Array.from({ length: 2_000 }, (_, i) =>
  mock('GET', `http://rates.test/${i}`, { response: { body: `${'é'.repeat(i % 50)} ${i}` } }),
);

async function write(mocks: readonly object[]): Promise<void> {
  await writeFile(path, mocks.map((one) => `${JSON.stringify(one)}\n`).join('\n'));
}

test.each([
  ['in memory', 64 << 20],
  ['where they lie', 0],
])('mocks are given back by number, held %s', async (_, maxHeldBytes) => {
  await write(MOCKS);
  const lines = await MockLines.open(path, maxHeldBytes);
  const seen: Mock[] = [];
  for await (const one of lines.mocks()) seen.push(one);
  expect(seen).toEqual(MOCKS);
  for (const n of [1_999, 0, 1_024, 777]) expect(lines.read(n)).toEqual(MOCKS[n]);
  lines.close();
});

test('a file that is replaced is served as it was, one that is changed is not', async () => {
  await write(MOCKS);
  const lines = await MockLines.open(path, 0);
  for await (const _ of lines.mocks());
  await writeFile(join(folder, 'next'), 'nothing');
  await rename(join(folder, 'next'), path);
  expect(lines.read(5)).toEqual(MOCKS[5]);
  await write(MOCKS);
  const changed = await MockLines.open(path, 0);
  for await (const _ of changed.mocks());
  await appendFile(path, 'more\n');
  await utimes(path, new Date(), new Date(1_000));
  expect(() => changed.read(5)).toThrow('write a new file, rename it to this name and reload');
  lines.close();
  changed.close();
});

test.each([
  ['no JSON', '{', /^Line 2 of .* is not a mock: /],
  ['no mock', '{"id":1}', /^Line 2 of .* is not a mock: id: /],
  ['a scheme there is not', JSON.stringify({ ...MOCKS[0], scheme: 'ftp' }), /is not a mock: scheme: /],
  [
    'a signature of numbers',
    JSON.stringify({ ...MOCKS[0], signature: { a: 1 } }),
    /is not a mock: signature.a: /,
  ],
  [
    'a body without size',
    JSON.stringify({ ...MOCKS[0], response: { ...MOCKS[0]!.response, body: {} } }),
    /response.body.size/,
  ],
])('a line with %s is named', async (_, line, said) => {
  await writeFile(path, `${JSON.stringify(MOCKS[0])}\n${line}\n`);
  await expect(MockSet.load(path)).rejects.toThrow(said);
});

test('what is not usual is judged by the schema, and taken', async () => {
  const unusual = [
    { ...MOCKS[0]!, state: { resource: 'cart', isWrite: false, writesBefore: 0 } },
    { ...MOCKS[1]!, messages: [{ from: 'client' as const, kind: 'text', offsetUs: 0, size: 1, text: 'a' }] },
  ];
  await write(unusual);
  const set = await MockSet.load(path);
  expect(set.index.size).toBe(2);
  set.retire();
});
