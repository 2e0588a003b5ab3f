import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@echoplane/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KEY_FILE, loadRedactionKey } from './redaction-key.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'redaction-key-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const files = () => ({ dir, fsync: true });

test('a key made at the first start is the key of every later one', async () => {
  const made = await loadRedactionKey(undefined, files(), silentLogger());
  expect(made).toHaveLength(32);
  expect(await loadRedactionKey(undefined, files(), silentLogger())).toEqual(made);
  expect(Buffer.from(await readFile(join(dir, KEY_FILE), 'utf8'), 'base64')).toEqual(Buffer.from(made));
});

test('a key that was given is used, and none is made', async () => {
  const given = join(dir, 'given');
  await writeFile(given, Buffer.alloc(32, 7).toString('base64'), { mode: 0o600 });
  expect(await loadRedactionKey(given, files(), silentLogger())).toEqual(Buffer.alloc(32, 7));
  await expect(stat(join(dir, KEY_FILE))).rejects.toThrow();
});

test.each([
  ['too short', 'c2hvcnQ='],
  ['no base64', `${'*'.repeat(43)}=`],
  ['empty', ''],
])('a file that holds no key says what is wanted: %s', async (_, text) => {
  const given = join(dir, 'given');
  await writeFile(given, text, { mode: 0o600 });
  await expect(loadRedactionKey(given, files(), silentLogger())).rejects.toThrow(/32 random bytes in base64/);
});

test('a key that anybody can read is refused', async () => {
  const given = join(dir, 'given');
  await writeFile(given, Buffer.alloc(32, 7).toString('base64'));
  await chmod(given, 0o644);
  await expect(loadRedactionKey(given, files(), silentLogger())).rejects.toThrow(/chmod o=/);
});

test('a file that is not there is named with its variable', async () => {
  await expect(loadRedactionKey(join(dir, 'no'), files(), silentLogger())).rejects.toThrow(
    /ECHOPLANE_REDACTION_KEY_FILE/,
  );
});

test('another key than before is said once, and the key is told nowhere', async () => {
  const said: unknown[] = [];
  const log = { ...silentLogger(), warn: (...words: unknown[]) => void said.push(words) } as never;
  const given = join(dir, 'given');
  const use = async (byte: number) => {
    await writeFile(given, Buffer.alloc(32, byte).toString('base64'), { mode: 0o600 });
    await loadRedactionKey(given, files(), log);
  };
  await use(7);
  await use(7);
  expect(said).toEqual([]);
  await use(8);
  await use(8);
  expect(said).toHaveLength(1);
  const mark = await readFile(join(dir, 'redaction-key.mark'), 'utf8');
  expect(mark).toMatch(/^[0-9a-f]{16}$/);
  expect(Buffer.alloc(32, 8).toString('hex')).not.toContain(mark);
});
