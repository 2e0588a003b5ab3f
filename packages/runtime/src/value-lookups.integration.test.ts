import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lookupsIn } from './value-lookups.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'echoplane-test-'));
  await mkdir(join(folder, 'secrets/pay'), { recursive: true });
  await mkdir(join(folder, 'data'));
  await writeFile(join(folder, 'secrets/pay/key'), 'sesame\n');
  await writeFile(join(folder, 'data/users.csv'), 'id\n1\n');
});
afterEach(() => rm(folder, { recursive: true }));

const lookups = () =>
  lookupsIn({
    ...{ secretsDir: join(folder, 'secrets'), dataDir: join(folder, 'data') },
    environment: { STAGE: 'test' },
  });

test('secrets come without the line end of their file, the others as they are', () => {
  const { secret, env, file, data } = lookups();
  expect(secret('pay', 'key')).toBe('sesame');
  expect([env('STAGE'), env('OTHER')]).toEqual(['test', undefined]);
  expect([file('users.csv'), data('users'), data('users.csv')]).toEqual(Array(3).fill('id\n1\n'));
  expect([secret('pay', 'other'), data('nobody')]).toEqual([undefined, undefined]);
});

test('no path leads out of its folder', () => {
  const { secret, file, data } = lookups();
  expect(secret('..', 'data/users.csv')).toBeUndefined();
  expect(file('../secrets/pay/key')).toBeUndefined();
  expect(data('../secrets/pay/key')).toBeUndefined();
});

test('without a folder there is nothing', () => {
  const { secret, file } = lookupsIn({ environment: {} });
  expect([secret('pay', 'key'), file('users.csv')]).toEqual([undefined, undefined]);
});

test('a value is read once', async () => {
  const { secret } = lookups();
  expect(secret('pay', 'key')).toBe('sesame');
  await writeFile(join(folder, 'secrets/pay/key'), 'changed');
  expect(secret('pay', 'key')).toBe('sesame');
});
