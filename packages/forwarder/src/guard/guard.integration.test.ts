// The guard with its real thread: an alarm for a canary, silence otherwise, and a thread that breaks is replaced.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createLogger, type Logger, systemClock } from '@echoplane/runtime';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ARRIVAL, capturedPair, idOf } from '../captured.fixture.ts';
import { decodePair } from '../intake/decode-pair.ts';
import { Guard, type GuardOptions } from './guard.ts';

const PATIENCE = { timeout: 30_000, interval: 5 };
const CANARY = 'canary-hunter2@example.com';
const place = (frame: number) => ({ segment: idOf(99), frame });
const halt: (() => Promise<void>)[] = [];
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guard-'));
});
afterEach(async () => {
  for (const stop of halt.splice(0)) await stop();
  await rm(folder, { recursive: true, force: true });
});

/** A logger that keeps its lines. */
function keeping(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const log = createLogger('test', 'silent');
  const keep = (fields: object, message: string) => void lines.push(JSON.stringify({ ...fields, message }));
  return { log: Object.assign(log, { warn: keep, error: keep }), lines };
}

type Changes = Partial<GuardOptions>;

function start(changes: Changes = {}, Kind: typeof Guard = Guard) {
  const { log, lines } = keeping();
  const guard = new Kind({
    share: 1,
    clock: systemClock(),
    log,
    retry: { firstMs: 1, maxMs: 5 },
    ...changes,
  });
  const over = new AbortController();
  const running = guard.run(over.signal);
  halt.push(() => {
    over.abort();
    return running;
  });
  return { guard, lines };
}

function frameOf(n: number, tag = 'v'): string {
  const pair = decodePair(capturedPair(n, { tags: { tag } }), ARRIVAL, { leftBytes: 0 });
  return `${JSON.stringify(pair)}\n`;
}

describe('Guard', () => {
  test('a canary raises the alarm, with the place and without the value', async () => {
    const { guard, lines } = start();
    guard.offer(Buffer.from(frameOf(1) + frameOf(2, CANARY)), place(7));
    await expect.poll(() => guard.alarms, PATIENCE).toBe(1);
    expect(guard.status()).toMatchObject({
      ...{ scannedFrames: 1, failures: 0, alarms: { email: 1 } },
      lastAlarm: { rule: 'email', id: idOf(2), segment: idOf(99), frame: 7 },
    });
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { rule: 'email', segment: idOf(99), frame: 7, pairs: 1, ids: [idOf(2)] },
    ]);
    const samples = JSON.stringify(guard.samples());
    expect(samples).toContain('{"labels":{"rule":"email"},"value":1}');
    expect(lines.join() + samples + JSON.stringify(guard.status())).not.toContain('hunter2');
  });

  test('clean frames raise none, and the log says an alarm once a minute', async () => {
    const { guard, lines } = start();
    for (let n = 1; n <= 3; n++) {
      guard.offer(frameOf(n, n === 2 ? 'clean' : CANARY), place(n));
      await expect.poll(() => guard.status().scannedFrames, PATIENCE).toBe(n);
    }
    expect(guard.alarms).toBe(2);
    expect(lines).toHaveLength(1);
  });

  test('the newest frame waits, the others are skipped and counted', async () => {
    const { guard } = start();
    for (let n = 1; n <= 50; n++) guard.offer(frameOf(n, CANARY), place(n));
    await expect.poll(() => guard.status().lastAlarm?.frame, PATIENCE).toBe(50);
    const { scannedFrames, skippedFrames } = guard.status();
    expect(scannedFrames + skippedFrames).toBe(50);
    expect(skippedFrames).toBeGreaterThan(40);
  });

  test('a share of the frames is taken on, none with redaction off', async () => {
    let n = 0;
    const { guard } = start({ share: 0.25, random: () => (n++ % 4) / 4 });
    for (let frame = 1; frame <= 8; frame++) {
      guard.offer(frameOf(frame), place(frame));
      const due = Math.ceil(frame / 4);
      await expect.poll(() => guard.status().scannedFrames, PATIENCE).toBe(due);
    }
    guard.expect({ enabled: false, detectorsOff: [], keysExcept: [] });
    for (let frame = 9; frame <= 20; frame++) guard.offer(frameOf(frame, CANARY), place(frame));
    expect(guard.status()).toMatchObject({ scannedFrames: 2, skippedFrames: 0, alarms: {} });
  });

  test('a large frame is looked through up to whole lines of a mebibyte', async () => {
    const { guard } = start();
    const many = Array.from({ length: 3_000 }, (_, n) => frameOf(n)).join('');
    guard.offer(many, place(1));
    await expect.poll(() => guard.status().scannedFrames, PATIENCE).toBe(1);
    const { scannedBytes } = guard.status();
    expect(scannedBytes).toBeLessThanOrEqual(1 << 20);
    expect(scannedBytes).toBeGreaterThan(1 << 19);
  });

  test.each([
    ['throws', 'parentPort.on("message", () => { throw new Error("as the test wants it"); });'],
    ['ends', 'parentPort.on("message", () => process.exit(3));'],
    ['hangs', 'parentPort.on("message", () => { for (;;); });'],
    ['cannot be loaded', 'nonsense('],
  ])('a thread that %s is replaced and counted', async (_, code) => {
    const script = join(folder, 'broken.mjs');
    await writeFile(script, `import { parentPort } from 'node:worker_threads';\n${code}\n`);
    const { guard, lines } = start({ script: pathToFileURL(script), deadlineMs: 200 });
    for (let frame = 1; guard.status().failures < 2; frame++) {
      guard.offer(frameOf(1), place(frame));
      await expect.poll(() => guard.status().failures, PATIENCE).toBeGreaterThanOrEqual(Math.min(2, frame));
    }
    expect(lines[0]).toContain('the thread of the guard ended; another one is started');
  });

  test('works bundled, with its thread as a second script', async () => {
    const banner =
      "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";
    await build({
      entryPoints: {
        main: join(import.meta.dirname, 'guard.ts'),
        'guard-worker': join(import.meta.dirname, 'guard-worker.ts'),
      },
      ...{ outdir: folder, bundle: true, platform: 'node', format: 'esm', target: 'node24' },
      ...{ outExtension: { '.js': '.js' }, banner: { js: banner }, logLevel: 'error' },
    });
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    const bundled = (await import(pathToFileURL(join(folder, 'main.js')).href)) as { Guard: typeof Guard };
    const { guard } = start({}, bundled.Guard);
    guard.offer(frameOf(2, CANARY), place(1));
    await expect.poll(() => guard.alarms, PATIENCE).toBe(1);
    expect(guard.status().failures).toBe(0);
  });
});
