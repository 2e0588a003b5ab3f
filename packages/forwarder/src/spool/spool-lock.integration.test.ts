import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Cleanup, temporaryHome } from '../forwarder.fixture.ts';
import { lockSpool } from './spool-lock.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

test('a second forwarder in the same folder is refused with a sentence, until the first lets go', async () => {
  const dir = await temporaryHome(cleanup);
  const first = lockSpool(dir);
  expect(await readdir(dir)).toEqual(['lock']);
  expect(() => lockSpool(dir)).toThrow(/Another forwarder works in the spool folder/);
  first.release();
  lockSpool(dir).release();
});

test('the lock of a process that was killed is gone with it', async () => {
  const dir = await temporaryHome(cleanup);
  const script = join(import.meta.dirname, 'spool-lock.ts');
  const code = `const lock = (await import(${JSON.stringify(script)})).lockSpool(${JSON.stringify(dir)});
    console.log('locked'); setInterval(() => lock, 1000);`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', code]);
  cleanup.add(() => other.kill('SIGKILL'));
  expect(String((await once(other.stdout, 'data'))[0])).toBe('locked\n');
  expect(() => lockSpool(dir)).toThrow(/Another forwarder/);
  other.kill('SIGKILL');
  await once(other, 'exit');
  lockSpool(dir).release();
});

test('a lock file that something else wrote is named', async () => {
  const dir = await temporaryHome(cleanup);
  await writeFile(join(dir, 'lock'), 'x'.repeat(5_000));
  expect(() => lockSpool(dir)).toThrow(/cannot be locked/);
});
