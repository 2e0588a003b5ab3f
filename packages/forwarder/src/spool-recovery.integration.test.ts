// What start-up makes of an open segment that was cut anywhere.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLogger } from '@echoplane/runtime';
import { encodeFrame, type HopReport, pending, segmentBlocks } from '@echoplane/traffic';
import { afterEach, describe, expect, test } from 'vitest';
import { capturedPair, HELLO, NOW_US } from './captured.fixture.ts';
import { decodePair } from './decode-pair.ts';
import { Cleanup, TENANT, temporaryHome } from './forwarder.fixture.ts';
import { Ledger } from './ledger.ts';
import { readManifest } from './spool-files.ts';
import { recoverSpool } from './spool-recovery.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const SEGMENT = '0190a0a0-0000-7000-8000-000000000000';

/** Three frames of two pairs each, batch n in frame n. */
function threeFrames(): { file: Buffer; ends: number[] } {
  const ends: number[] = [];
  let file = Buffer.alloc(0);
  for (const frame of [0, 1, 2]) {
    const arrival = { from: HELLO, nowUs: NOW_US };
    const pairs = [frame * 2, frame * 2 + 1].map((n) =>
      decodePair(capturedPair(n), arrival, { leftBytes: 0 }),
    );
    const counters = { captured: frame * 2 + 2, delivered: 0, withheld: {}, dropped: {} };
    const own: HopReport = { hop: 'forwarder', incarnation: 'first-life', service: 'forwarder', counters };
    const cursors = [{ incarnation: HELLO.incarnation, batch: frame + 1 }];
    const header = { tenant: TENANT, segment: SEGMENT, frame, lines: 2, cursors, reports: [own] };
    const ndjson = Buffer.from(pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(''));
    file = Buffer.concat([file, encodeFrame(ndjson, header).bytes]);
    ends.push(file.length);
  }
  return { file, ends };
}

async function recover(file: Buffer) {
  const dir = await temporaryHome(cleanup);
  await writeFile(join(dir, `${SEGMENT}.open`), file);
  const ledger = new Ledger('forwarder', 'second-life');
  const files = { dir, fsync: true };
  const segments = await recoverSpool({ files, tenant: TENANT, ledger, nowUs: 1, log: silentLogger() });
  return { dir, ledger, segments };
}

describe('an open segment cut at any byte', () => {
  test('keeps exactly the frames before the cut', () => {
    const { file, ends } = threeFrames();
    for (let cut = ends[1]!; cut <= file.length; cut++) {
      const whole = [...segmentBlocks(file.subarray(0, cut))];
      expect(whole.at(-1)?.end).toBe(cut === file.length ? ends[2] : ends[1]);
    }
  });

  test('is closed with what was whole, its cursor and counters are taken up', async () => {
    const { file, ends } = threeFrames();
    const middle = Math.floor((ends[1]! + ends[2]!) / 2);
    const torn = [ends[1]!, ends[1]! + 1, ends[1]! + 8, middle, ends[2]! - 1].map((cut) =>
      file.subarray(0, cut),
    );
    const garbage = [Buffer.concat([file.subarray(0, ends[1]), Buffer.alloc(100)])];
    for (const remains of [...torn, ...garbage]) {
      const { dir, ledger, segments } = await recover(remains);
      expect(segments).toMatchObject([{ id: SEGMENT, closed: true, pairs: 4 }]);
      expect(await readManifest(segments[0]!.path)).toMatchObject({
        tenant: TENANT,
        pairs: 4,
        frames: [{ lines: 2 }, { lines: 2 }],
      });
      expect(ledger.open(HELLO, 1)?.durable).toBe(2);
      expect(pending(ledger.own().counters)).toBe(4);
      expect((await readdir(dir)).sort()).toEqual([`${SEGMENT}.closed`, 'state.json']);
      const bytes = await readFile(segments[0]!.path);
      expect([...segmentBlocks(bytes)].map((block) => block.kind)).toEqual(['frame', 'frame', 'manifest']);
    }
  });

  test('that was about to get its closed name keeps its manifest', async () => {
    const { dir, segments } = await recover(threeFrames().file);
    const whole = await readFile(segments[0]!.path);
    const again = await recover(whole);
    expect(again.dir).not.toBe(dir);
    expect(await readFile(again.segments[0]!.path)).toEqual(whole);
  });

  test('with no whole frame is removed', async () => {
    const { dir, segments } = await recover(threeFrames().file.subarray(0, 20));
    expect(segments).toEqual([]);
    expect(await readdir(dir)).toEqual(['state.json']);
  });
});
