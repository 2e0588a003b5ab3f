import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serviceOf } from './service-of-tests.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'echoplane-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function service(...tests: object[]): Promise<string> {
  const path = join(folder, 'tests.jsonl');
  await writeFile(path, tests.map((one) => `${JSON.stringify(one)}\n`).join(''));
  return serviceOf(path);
}
const at = (name: string) => ({
  id: '1',
  session: 's',
  service: `laptop/default/${name}`,
  request: { body: { json: { service: 'x' } } },
});

test('tests of one service have its name; a snapshot that never knew it has one all the same', async () => {
  expect(await service(at('shop'), at('shop'))).toBe('laptop/default/shop');
  expect(await service({ id: '1', request: { body: { json: { service: 'x' } } } })).toBe(
    'laptop/default/service',
  );
});

test('no tests, and tests of several services, are refused with what to do', async () => {
  await expect(service()).rejects.toThrow('holds no test');
  await expect(service(at('shop'), at('pay'))).rejects.toThrow(
    'tests of 2 services (laptop/default/shop, laptop/default/pay), which cannot all go to one target',
  );
});
