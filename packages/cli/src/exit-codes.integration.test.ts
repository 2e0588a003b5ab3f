// Processes of their own, no plane: a pipeline must tell "goals missed" (1) from a replay that was never run (3).
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const MAIN = join(import.meta.dirname, 'main.ts');
const REPLAY = ['replay', '--snapshot', 'a', '--target', 'http://127.0.0.1:1'];

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'echoplane-test-'));
});
afterEach(() => rm(home, { recursive: true }));

function run(args: string[]): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args, '--home', home], (err, stdout, stderr) =>
      resolve({ code: Number(err?.code ?? 0), said: stdout + stderr }),
    );
  });
}

test.for([
  [[...REPLAY, '--snapshoot', 'b'], 'unknown option'],
  [[...REPLAY, '--tests-only', '--mocks-port', '4140'], 'exclude each other'],
  [[...REPLAY, '--junit', 'no/such/folder/x.xml'], 'of --junit cannot be written to (ENOENT)'],
  [[...REPLAY, '--secrets', 'no/such/folder'], 'of --secrets cannot be read (ENOENT)'],
  [[...REPLAY, '--data', MAIN], 'of --data cannot be read (it is no folder)'],
  [['report', 'abc'], 'It must be the id of a replay'],
] as const)('%s ends with 3 before anything is started', async ([args, sentence]) => {
  const { code, said } = await run([...args]);
  expect(said).toContain(sentence);
  expect([code, said.includes('    at ')]).toEqual([3, false]);
});

test('help is no failure', async () => {
  expect((await run(['replay', '--help'])).code).toBe(0);
});
