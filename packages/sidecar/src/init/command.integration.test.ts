// The subcommands as a process. None of these needs a network namespace: they touch no rules.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { atEnd, closeAll, run } from '../sidecar.fixture.ts';

afterEach(closeAll);

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

test.each([['start'], ['init', 'now'], ['--help']])(
  'an unknown command, %s, is usage and exit 64',
  async (...args) => {
    const { code, stderr } = await run(process.execPath, [MAIN, ...args]);
    expect(code).toBe(64);
    expect(stderr).toMatch(/^usage: sidecar /);
  },
);

test('a mode without redirection still gets its trust files; without a CA that is said', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'trust-'));
  atEnd(() => rm(folder, { recursive: true }));
  const env = { ECHOPLANE_MODE: 'dual', ECHOPLANE_TRUST_FOLDER: folder };
  const { code, stdout, stderr } = await run(process.execPath, [MAIN, 'init'], env);
  expect([code, stderr]).toEqual([0, 'No CA is set: TLS passes through.\n']);
  expect(stdout).toContain('"msg":"this mode needs no rules"');
  expect((await readdir(folder)).toSorted()).toEqual(['ca-bundle.pem', 'truststore.jks']);
});

test('a trust folder that cannot be written is said, exit 0', async () => {
  const env = { ECHOPLANE_MODE: 'dual', ECHOPLANE_TRUST_FOLDER: '/proc/nowhere' };
  const { code, stderr } = await run(process.execPath, [MAIN, 'init'], env);
  expect(code).toBe(0);
  expect(stderr).toMatch(/^No trust files: ENOENT/m);
});
