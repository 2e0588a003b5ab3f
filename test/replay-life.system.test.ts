// A plane whose store is private, with everything real: a snapshot is edited by the data plane, also when that is killed in the
// middle, and a replay whose program is interrupted or killed ends in the control plane as what it was.
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import type { Replay, Snapshot } from '@echoplane/api';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPlane, type RunningPlane } from '../packages/cli/src/running-plane.ts';
import { CliStage, type Running, until } from './cli-stage.ts';

const stage = new CliStage();
const home = join(stage.folder, 'home');
let plane: RunningPlane;
/** A service that lets everybody wait. */
let service: Server;
let target: string;
let asked = 0;

function entry(startedMs: number, path: string) {
  return {
    startedDateTime: new Date(startedMs).toISOString(),
    ...{ time: 5, timings: { send: 1, wait: 2, receive: 2 } },
    request: { method: 'GET', url: `http://shop.test${path}`, httpVersion: 'HTTP/1.1', headers: [] },
    response: {
      ...{ status: 200, statusText: 'OK', httpVersion: 'HTTP/1.1', headers: [] },
      content: { size: 2, text: 'hi' },
    },
  };
}

async function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  const started = stage.run([...args, '--home', home]);
  return { code: await started.exit, output: started.output() };
}

const snapshotNow = async (): Promise<Snapshot> => (await plane.client.call('snapshots', {})).items[0]!;
const newestReplay = async (): Promise<Replay> => (await plane.client.call('replays', {})).items[0]!;

beforeAll(async () => {
  service = createServer(() => asked++).listen(0, '127.0.0.1');
  const up = stage.run(['up', '--private', '--home', home]);
  await until(() => up.output().includes('Ctrl-C ends everything'), 'it is up');
  target = `http://127.0.0.1:${(service.address() as { port: number }).port}`;
  plane = await openPlane(home);
  const entries = Array.from({ length: 200 }, (_, i) => entry(Date.now() - 60_000 + i * 100, `/things/${i}`));
  const file = join(stage.folder, 'shop.har');
  writeFileSync(file, JSON.stringify({ log: { entries } }));
  const imported = await run('import', 'har', file, '--service', 'shop');
  expect(imported.code, imported.output).toBe(0);
  const made = await run('snapshot', '--name', 'shop', '--from', '1h');
  expect(made.code, made.output).toBe(0);
});

afterAll(async () => {
  service?.closeAllConnections();
  service?.close();
  await stage.close();
});

test('edits reach the private store, and a forwarder that is killed over them makes them right after its restart', async () => {
  let before = await snapshotNow();
  expect(before).toMatchObject({ storeAccess: 'private', manifest: { counts: { tests: 200 } } });
  let edit = editing(1);
  let worker = await stoppedWorker(edit);
  // It lives for a moment only: where it was gone before anybody saw it, the next edit has another.
  for (let attempt = 2; worker === null; attempt++) {
    expect(attempt).toBeLessThanOrEqual(20);
    expect(await edit.exit, edit.output()).toBe(0);
    before = await snapshotNow();
    edit = editing(attempt);
    worker = await stoppedWorker(edit);
  }
  process.kill(stage.find(/packages\/forwarder\/src\/main/), 'SIGKILL');
  signal(worker, 'SIGCONT');
  expect(await edit.exit, edit.output()).toBe(0);
  const after = await snapshotNow();
  expect(after).toMatchObject({ state: 'succeeded', manifest: { counts: { tests: 200 } } });
  expect(after.prefix).not.toBe(before.prefix);
  const listed = await run('snapshot', 'recommendations', 'shop');
  expect(listed.code, listed.output).toBe(0);
});

function editing(attempt: number): Running {
  const file = join(stage.folder, `edits-${attempt}.json`);
  writeFileSync(file, JSON.stringify({ v: 1, unordered: { add: [{ path: `body.items${attempt}` }] } }));
  return stage.run(['snapshot', 'edit', 'shop', '--file', file, '--home', home]);
}

/** The store worker of an edit, which stands still from now on; null when the edit ended before it was seen. */
async function stoppedWorker(edit: Running): Promise<number | null> {
  let worker: number | null = null;
  const stop = () => {
    try {
      const found = stage.find(/store-worker/);
      if (signal(found, 'SIGSTOP')) worker = found;
    } catch {
      // There is none just now.
    }
  };
  await until(() => {
    stop();
    return worker !== null || edit.child.exitCode !== null;
  }, 'a store worker runs, or the edit is done');
  return worker;
}

/** False when there is no such process any more. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

async function replaying(): Promise<Running> {
  const before = asked;
  const started = stage.run(['replay', '--home', home, '--snapshot', 'shop', '--target', target]);
  await until(() => asked > before, 'requests are sent');
  return started;
}

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends a replay at once, as cancelled', async (signal) => {
  const started = await replaying();
  expect(await newestReplay()).toMatchObject({ phase: 'running', leaseUntil: expect.any(Number) });
  started.child.kill(signal);
  await expect.poll(async () => (await newestReplay()).phase).toBe('cancelled');
  expect(await started.exit).toBe(130);
  expect((await newestReplay()).phase).toBe('cancelled');
});

/** What the worker of this plane does at that time. */
async function doDutiesAt(nowUs: number): Promise<void> {
  const environment = readFileSync(`/proc/${stage.find(/packages\/cloud\S+ worker/)}/environ`, 'utf8').split(
    '\0',
  );
  const name = 'ECHOPLANE_PLATFORM_DATABASE_URL=';
  const client = new pg.Client(environment.find((one) => one.startsWith(name))!.slice(name.length));
  await client.connect();
  try {
    await client.query('SELECT echoplane.platform_end_replays($1)', [nowUs]);
  } finally {
    await client.end();
  }
}

test('a replay that is killed ends as failed when its time is over, with a sentence', async () => {
  const started = await replaying();
  started.child.kill('SIGKILL');
  await started.exit;
  const { leaseUntil } = await newestReplay();
  await doDutiesAt(leaseUntil! - 1);
  expect((await newestReplay()).phase).toBe('running');
  await doDutiesAt(leaseUntil!);
  expect((await newestReplay()).phase).toBe('failed');
  expect((await newestReplay()).message).toMatch(/^Nothing was heard for 120 s .* Run the replay again\.$/);
});
