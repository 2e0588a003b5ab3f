import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { folderStore, ObjectMissing, readObject } from './object-store.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'echoplane-store-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('gives back whole objects and ranges, and lists them by prefix', async () => {
  const store = await folderStore(join(folder, 'made'));
  const stream = async function* () {
    yield Buffer.from('hello ');
    yield Buffer.from('world');
  };
  expect(await store.put('t1/segments/a.zst', stream())).toEqual({ sizeBytes: 11 });
  await store.put('t1/segments/b.zst', Buffer.from('b'));
  await store.put('t2/x', Buffer.from('x'));
  expect((await readObject(store, 't1/segments/a.zst')).toString()).toBe('hello world');
  expect((await store.read('t1/segments/a.zst', 6, 3)).toString()).toBe('wor');
  expect((await store.read('t1/segments/a.zst', 6, 99)).toString()).toBe('world');
  expect(await store.size('t1/segments/a.zst')).toBe(11);
  expect(await store.list('t1/')).toEqual(['t1/segments/a.zst', 't1/segments/b.zst']);
  await store.remove('t1/segments/a.zst');
  await store.remove('t1/segments/a.zst');
  await expect(store.stream('t1/segments/a.zst')).rejects.toThrow(ObjectMissing);
});

test('a writer that fails leaves neither object nor part', async () => {
  const store = await folderStore(folder);
  const broken = async function* () {
    yield Buffer.from('half');
    throw new Error('source broke');
  };
  await expect(store.put('a/b', broken())).rejects.toThrow('source broke');
  expect(readdirSync(join(folder, 'a'))).toEqual([]);
});

test.each(['../x', 'a/../../x', '/etc/passwd', 'a//b', '.', 'a/./b', 'a\\b', 'a b', ''])(
  'refuses the key %j',
  async (key) => {
    const store = await folderStore(folder);
    await expect(Promise.resolve().then(() => store.put(key, Buffer.from('x')))).rejects.toThrow(
      /is not an object key/,
    );
    await expect(Promise.resolve().then(() => store.read(key, 0, 1))).rejects.toThrow(/is not an object key/);
  },
);

test.each(['file/store', '../../proc/none/store'])(
  'says what to do when %s cannot be written',
  async (path) => {
    writeFileSync(join(folder, 'file'), '');
    await expect(folderStore(join(folder, path))).rejects.toThrow(
      /cannot be written by this user; choose another one/,
    );
  },
);
