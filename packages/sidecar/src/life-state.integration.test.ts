import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@echoplane/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pauseAfter, readLifeState } from './life-state.ts';
import { until } from './sidecar.fixture.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'life-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** A clock whose sleeps end when the test says so. */
function heldClock() {
  const sleeping: { ms: number; end: () => void }[] = [];
  return {
    sleeping,
    sleep(ms: number, signal?: AbortSignal): Promise<void> {
      return new Promise((resolve) => {
        if (signal?.aborted) resolve();
        signal?.addEventListener('abort', () => resolve());
        sleeping.push({ ms, end: resolve });
      });
    },
  };
}

/** A life that has begun; `end` is the orderly one, without it the life was killed. */
async function live(state = join(folder, 'state')) {
  const clock = heldClock();
  const life = await readLifeState(state, clock, silentLogger());
  const controller = new AbortController();
  const isCapturingAtStart = life.isCapturing();
  const running = life.run(controller.signal);
  const end = async () => {
    controller.abort();
    await running;
  };
  const isMarked = async () => (await readdir(state).catch(() => [])).length > 0;
  return { life, clock, isCapturingAtStart, end, isMarked };
}

/** Waits until the marker says so many abnormal exits. */
async function marked(exits: number): Promise<void> {
  const path = join(folder, 'state', 'sidecar-running.json');
  let text = '';
  const isThere = () => {
    void readFile(path, 'utf8').then(
      (found) => {
        text = found;
      },
      () => {},
    );
    return text === `{"abnormalExits":${exits}}\n`;
  };
  await until(isThere, `a marker of ${exits} exits`);
}

test('the pause is 60 s, doubled for each abnormal exit in a row, at most an hour', () => {
  expect([0, 1, 2, 3, 6, 7, 100_000].map(pauseAfter)).toEqual([0, 60, 120, 240, 1920, 3600, 3600]);
});

test('an orderly end leaves no trace and the next life captures', async () => {
  const first = await live();
  await marked(0);
  await first.end();
  expect(await first.isMarked()).toBe(false);
  const second = await live();
  expect(second.isCapturingAtStart).toBe(true);
  await second.end();
});

test('after an abnormal exit a life splices only, until its pause is over', async () => {
  await live();
  await marked(0);
  const { life, clock, isCapturingAtStart, end } = await live();
  expect(isCapturingAtStart).toBe(false);
  expect(life.describe()).toEqual({ isCapturing: false, abnormalExits: 1, spliceOnlySeconds: 60 });
  await until(() => clock.sleeping.length === 1, 'the pause');
  expect(clock.sleeping[0]!.ms).toBe(60_000);
  expect(life.isCapturing()).toBe(false);
  clock.sleeping[0]!.end();
  await until(() => life.isCapturing(), 'capture again');
  await end();
});

test('abnormal exits in a row add up, and are forgotten after a life that stays up', async () => {
  await live();
  await marked(0);
  await live();
  await marked(1);
  const third = await live();
  await marked(2);
  expect(third.life.describe().spliceOnlySeconds).toBe(120);
  await until(() => third.clock.sleeping.length === 1, 'the pause');
  third.clock.sleeping[0]!.end();
  await until(() => third.clock.sleeping.length === 2, 'the second pause');
  expect(third.clock.sleeping[1]!.ms).toBe(120_000);
  third.clock.sleeping[1]!.end();
  await marked(0);
  const fourth = await live();
  expect(fourth.life.describe().abnormalExits).toBe(1);
  await fourth.end();
});

test('an orderly end during the pause is an orderly end', async () => {
  await live();
  await marked(0);
  const second = await live();
  await second.end();
  expect(await second.isMarked()).toBe(false);
});

test('a marker cut off by a crash counts as one abnormal exit', async () => {
  await mkdir(join(folder, 'state'));
  await writeFile(join(folder, 'state', 'sidecar-running.json'), '');
  const { isCapturingAtStart, life, end } = await live();
  expect([isCapturingAtStart, life.describe().abnormalExits]).toEqual([false, 1]);
  await end();
});

test('no folder, or one that cannot be used, and every life captures', async () => {
  const without = await readLifeState(undefined, heldClock(), silentLogger());
  expect(without.isCapturing()).toBe(true);
  await without.run(new AbortController().signal);
  await writeFile(join(folder, 'file'), '');
  for (const state of ['/proc/echoplane', join(folder, 'file')]) {
    const { isCapturingAtStart, end } = await live(state);
    expect(isCapturingAtStart).toBe(true);
    await end();
  }
});
