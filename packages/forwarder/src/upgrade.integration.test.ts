// What a forwarder makes of the spool folder of another release.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLogger } from '@echoplane/runtime';
import { pending, StreamCursor } from '@echoplane/traffic';
import { afterEach, expect, test } from 'vitest';
import { HELLO } from './captured.fixture.ts';
import {
  Cleanup,
  forwarderEnv,
  StandInCloud,
  serveCloud,
  startForwarder,
  storedIds,
  TENANT,
  temporaryHome,
  until,
} from './forwarder.fixture.ts';
import { OLD_IDS, OLD_INCARNATION, OLD_SPOOL } from './old-spool.fixture.ts';
import { FrameBuffer } from './spool/frame-buffer.ts';
import { Ledger, SpoolState } from './spool/ledger.ts';
import { recoverSpool } from './spool/spool-recovery.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

async function oldSpool(): Promise<{ home: string; dir: string }> {
  const home = await temporaryHome(cleanup);
  const dir = join(home, 'spool');
  await mkdir(dir);
  for (const [name, bytes] of OLD_SPOOL) await writeFile(join(dir, name), bytes);
  return { home, dir };
}

test('a spool of the release before is shipped and indexed once, and its books go on', async () => {
  const { home, dir } = await oldSpool();
  const cloud = new StandInCloud();
  const { url } = await serveCloud(cloud, cleanup);
  const forwarder = await startForwarder(forwarderEnv(home, url), cleanup);
  await until('everything shipped', () => cloud.segments.length === 2);
  await until('it to be counted', () => cloud.report('forwarder')?.counters.delivered === 10);
  expect([...cloud.rows.keys()].sort()).toEqual([...OLD_IDS].sort());
  expect((await storedIds(home)).sort()).toEqual([...OLD_IDS].sort());
  expect([cloud.twice, cloud.malformed]).toEqual([[], []]);
  const { incarnation, counters } = cloud.report('forwarder')!;
  expect(incarnation).toBe(JSON.parse(String(OLD_SPOOL.get('state.json'))).incarnation);
  expect([counters.captured, counters.dropped, pending(counters)]).toEqual([10, {}, 0]);
  expect(await forwarder.end('SIGTERM')).toBe(0);
  expect((await readdir(dir)).filter((name) => /open|closed/.test(name))).toEqual([]);
});

test('a sender of the release before is told how far it was taken', async () => {
  const { dir } = await oldSpool();
  const ledger = new Ledger('forwarder', 'new');
  const files = { dir, fsync: true };
  const segments = await recoverSpool({ files, tenant: TENANT, ledger, nowUs: 1, log: silentLogger() });
  expect(segments.map(({ pairs }) => pairs)).toEqual([4, 3]);
  const stream = ledger.open({ ...HELLO, incarnation: OLD_INCARNATION }, 1)!;
  expect(stream).toMatchObject({ durable: 3, accepted: 3 });
  // The old release did not count what it took of each sender, so nothing is said to be lost.
  ledger.settleGone(2);
  expect(stream.report?.counters.dropped).toEqual({});
  const frame = new FrameBuffer();
  frame.add({ stream, seq: 4, report: null, refined: [], undecodable: 0, ruleVersion: '1' });
  expect(StreamCursor.parse(JSON.parse(JSON.stringify(frame.delta().cursors[0])))).toMatchObject({
    batch: 4,
  });
  expect(SpoolState.safeParse(JSON.parse(JSON.stringify(ledger.state()))).success).toBe(true);
});

test.each(['{"v":2}', '{"v":1,"inc', ''])(
  'books that cannot be read are not begun anew: %j',
  async (text) => {
    const { dir } = await oldSpool();
    await writeFile(join(dir, 'state.json'), text);
    const files = { dir, fsync: true };
    const recovery = { files, tenant: TENANT, ledger: new Ledger('f', 'x'), nowUs: 1, log: silentLogger() };
    await expect(recoverSpool(recovery)).rejects.toThrow(/state.json cannot be read by this version/);
    expect((await readdir(dir)).sort()).toEqual([...OLD_SPOOL.keys()].sort());
  },
);
