// What a test run that is killed leaves behind: nothing that runs, and nothing that the next one does not remove.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, it } from 'vitest';
import { startApiServer } from './api-server.ts';
import { compilePause } from './images.ts';
import { enterNode } from './node-namespaces.ts';
import { run } from './processes.ts';

const DEADLINE_MS = 120_000;
/** A whole node is started, ended and cleared away. */
const TEST_MS = 600_000;
let child: ChildProcess | null = null;

afterEach(() => {
  child?.kill('SIGKILL');
});

it('a run that is killed takes its API server with it, and the next removes what remains', {
  timeout: TEST_MS,
}, async () => {
  const folder = await startAndKill('startApiServer', './api-server.ts', 'server.caFile');
  await expect.poll(() => processesOf(folder), { timeout: DEADLINE_MS }).toEqual([]);
  await (await startApiServer()).stop();
  expect(existsSync(folder)).toBe(false);
});

it('a run that is killed takes its node with it, and the next removes what remains', {
  timeout: TEST_MS,
}, async () => {
  const folder = await startAndKill('startNode', './node.ts', 'server.folder');
  await expect.poll(() => processesOf(folder), { timeout: DEADLINE_MS }).toEqual([]);
  const slot = folder.split('/').at(-1)!;
  expect(await namespaces()).toContain(slot);
  const place = await enterNode(compilePause);
  expect(place.folder).toBe(folder);
  await place.leave();
  expect(await namespaces()).not.toContain(slot);
  expect(await run('ip', ['link'])).not.toContain(place.addresses.machineInterface);
  for (const hierarchy of await readdir('/sys/fs/cgroup'))
    expect(await readdir(join('/sys/fs/cgroup', hierarchy)).catch(() => [])).not.toContain(slot);
});

/** Starts it in a process of its own, kills that, and gives the path that `told` says. */
async function startAndKill(start: string, module: string, told: string): Promise<string> {
  const script = `const { ${start} } = await import('${module}'); const server = await ${start}(); console.log('PATH ' + ${told}); setInterval(() => {}, 1e6);`;
  child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout! })) {
    if (!line.startsWith('PATH ')) continue;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    return line.slice('PATH '.length).replace(/\/keys\/.*/, '');
  }
  throw new Error(`${start} ended before it was ready`);
}

async function namespaces(): Promise<string> {
  return run('ip', ['netns']);
}

/** Programs that run with that folder among their arguments or as their working directory. */
async function processesOf(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
    if (`${command}${cwd}`.includes(folder)) found.push(command.split('\0').join(' '));
  }
  return found;
}
