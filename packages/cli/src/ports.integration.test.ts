import { createServer } from 'node:net';
import { listen } from '@echoplane/runtime';
import { afterEach, expect, test } from 'vitest';
import { choosePort } from './ports.ts';

const busy = createServer();

afterEach(() => new Promise((resolve) => busy.close(resolve)));

test('a remembered port is taken while it is free, else one that the kernel gives to nobody; one that was asked for must be free', async () => {
  const chosen = await choosePort(undefined);
  expect(chosen).toBeGreaterThanOrEqual(16_000);
  expect(chosen).toBeLessThan(32_000);
  expect(await choosePort(chosen)).toBe(chosen);
  await listen(busy, chosen, '127.0.0.1', 'somebody else');
  const other = await choosePort(chosen);
  expect(other).not.toBe(chosen);
  expect(other).toBeLessThan(32_000);
  await expect(choosePort(chosen, true, 'the way in')).rejects.toThrow('the way in');
});
