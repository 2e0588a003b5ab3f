import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newSealingKey } from './sealed-box.ts';
import { openVault, VAULT_PRIVATE_KEY, VaultWriter } from './vault.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vault-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const SECRET = 'correct horse battery staple';

async function write(...credentials: [string, string][]): Promise<VaultWriter> {
  const vault = await VaultWriter.open(folder);
  for (const [token, value] of credentials) vault.put({ token, value });
  await vault.flush();
  return vault;
}

test('what was put in is found by its token, over several lives of the writer', async () => {
  await write(['rdx_a', SECRET], ['rdx_b', 'two']);
  await write(['rdx_c', 'three'], ['rdx_a', 'not again']);
  expect([...(await openVault(folder))]).toEqual([
    ['rdx_a', SECRET],
    ['rdx_b', 'two'],
    ['rdx_c', 'three'],
  ]);
});

test('what is forgotten is in the file no more, written or only noted, and the others are', async () => {
  await write(['rdx_a', SECRET], ['rdx_b', 'two']);
  const vault = await write(['rdx_c', 'three']);
  vault.put({ token: 'rdx_d', value: 'four' });
  const flushed = vault.flush();
  vault.put({ token: 'rdx_e', value: 'five' });
  await Promise.all([flushed, vault.forget(['rdx_a', 'rdx_d', 'rdx_e', 'rdx_unknown'])]);
  await vault.flush();
  expect([...(await openVault(folder))]).toEqual([
    ['rdx_b', 'two'],
    ['rdx_c', 'three'],
  ]);
  expect(await readFile(join(folder, 'vault.jsonl'), 'utf8')).not.toContain('rdx_a');
  expect(vault.size).toBe(2);
});

test('the file does not hold the value, and without the private key nobody has it', async () => {
  await write(['rdx_a', SECRET]);
  const bytes = await readFile(join(folder, 'vault.jsonl'), 'utf8');
  expect(bytes).not.toContain(SECRET);
  expect(bytes).not.toContain(Buffer.from(SECRET).toString('base64').slice(0, 20));
  await rm(join(folder, VAULT_PRIVATE_KEY));
  await expect(openVault(folder)).rejects.toThrow(/private key of the vault/);
  // The writer goes on without it.
  expect((await write(['rdx_b', 'x'])).size).toBe(2);
});

test('a line that was moved to another token is refused', async () => {
  await write(['rdx_a', SECRET]);
  const path = join(folder, 'vault.jsonl');
  await writeFile(path, (await readFile(path, 'utf8')).replace('rdx_a', 'rdx_z'));
  await expect(openVault(folder)).rejects.toThrow(/rdx_z/);
});

test('a last line that a crash cut costs no other', async () => {
  await write(['rdx_a', SECRET]);
  await appendFile(join(folder, 'vault.jsonl'), '{"token":"rdx_b","bo');
  expect((await openVault(folder)).get('rdx_a')).toBe(SECRET);
  await write(['rdx_c', 'later']);
  expect((await openVault(folder)).get('rdx_c')).toBe('later');
});

test('a value without end is not taken, and counted', async () => {
  const vault = await write(['rdx_a', 'x'.repeat(20_000)]);
  expect([vault.size, vault.skipped]).toEqual([0, 1]);
});

test('an empty vault is no error', async () => {
  await VaultWriter.open(folder);
  expect((await openVault(folder)).size).toBe(0);
});

test('above its size the older half goes, with the data keys nobody needs, and a reader finds the rest', async () => {
  const vault = await VaultWriter.open(folder, 20_000);
  for (let n = 0; n < 60; n++) {
    vault.put({ token: `rdx_${n}`, value: `${n} `.repeat(500) });
    await vault.flush();
    expect((await readFile(join(folder, 'vault.jsonl'))).length).toBeLessThan(25_000);
  }
  const kept = [...(await openVault(folder)).keys()];
  expect([kept.at(-1), kept.length > 3, kept.length < 60, vault.size]).toEqual([
    'rdx_59',
    true,
    true,
    kept.length,
  ]);
  const next = await VaultWriter.open(folder, 1);
  next.put({ token: 'rdx_x', value: 'x' });
  for (const token of ['rdx_y', 'rdx_z']) {
    await next.flush();
    next.put({ token, value: `value of ${token}` });
  }
  await next.flush();
  expect((await openVault(folder)).get('rdx_z')).toBe('value of rdx_z');
});

test('what is noted between two flushes is bounded', async () => {
  const vault = await VaultWriter.open(folder);
  for (let n = 0; n < 1_000; n++) vault.put({ token: `rdx_${n}`, value: 'x'.repeat(16_000) });
  expect(vault.skipped).toBeGreaterThan(700);
});

test('sealed for a public key that was given, no private key ever lies beside it, and only its owner opens it', async () => {
  const { publicKey, privateKey } = newSealingKey();
  const elsewhere = await mkdtemp(join(tmpdir(), 'vault-keys-'));
  const [publicFile, keyFile] = [join(elsewhere, 'vault.pub'), join(elsewhere, 'vault.key')];
  await writeFile(publicFile, `${publicKey}\n`);
  await writeFile(keyFile, privateKey.export({ format: 'pem', type: 'pkcs8' }));
  const vault = await VaultWriter.open(folder, undefined, publicFile);
  vault.put({ token: 'rdx_a', value: SECRET });
  await vault.flush();
  expect(await readdir(folder)).toEqual(['vault.jsonl']);
  expect([...(await openVault(folder, keyFile))]).toEqual([['rdx_a', SECRET]]);
  await writeFile(publicFile, 'not a key');
  await expect(VaultWriter.open(folder, undefined, publicFile)).rejects.toThrow(
    /is not the public key of a vault/,
  );
  await expect(VaultWriter.open(folder, undefined, `${publicFile}.gone`)).rejects.toThrow(
    /is not the public key/,
  );
  await rm(elsewhere, { recursive: true });
});
