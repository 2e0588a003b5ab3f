// What start-up makes of an open segment that was cut anywhere.
import { readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLogger } from '@echoplane/runtime';
import { encodeFrame, type HopReport, pending, segmentBlocks } from '@echoplane/traffic';
import { afterEach, describe, expect, test } from 'vitest';
import { capturedPair, decoded, HELLO } from '../captured.fixture.ts';
import { Cleanup, TENANT, temporaryHome } from '../forwarder.fixture.ts';
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
    const pairs = [frame * 2, frame * 2 + 1].map((n) => decoded(capturedPair(n)));
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

describe('a file that is not of this spool', () => {
  const OTHER = '0190a0a0-0000-7000-8000-00000000bbbb';
  const again = (dir: string, tenant: string) =>
    recoverSpool({
      ...{ files: { dir, fsync: true }, tenant, ledger: new Ledger('forwarder', 'third-life') },
      ...{ nowUs: 1, log: silentLogger() },
    });

  test('is named and not shipped: of another tenant, or under another name', async () => {
    const { dir, segments } = await recover(threeFrames().file);
    await expect(again(dir, OTHER)).rejects.toThrow(/is no segment of this spool/);
    await rename(segments[0]!.path, join(dir, `${OTHER}.closed`));
    await expect(again(dir, TENANT)).rejects.toThrow(/is no segment of this spool/);
    await rename(join(dir, `${OTHER}.closed`), join(dir, 'elsewhere'));
    await writeFile(join(dir, `${OTHER}.open`), threeFrames().file);
    await expect(again(dir, TENANT)).rejects.toThrow(/is no segment of this spool/);
  });

  test('is left alone when it is a link: what it points to is never cut', async () => {
    const elsewhere = join(await temporaryHome(cleanup), 'precious');
    await writeFile(elsewhere, 'not a segment');
    const dir = await temporaryHome(cleanup);
    await symlink(elsewhere, join(dir, `${SEGMENT}.open`));
    expect(await again(dir, TENANT)).toEqual([]);
    expect(await readFile(elsewhere, 'utf8')).toBe('not a segment');
  });
});
