// The spool's writer on a real folder, against what recovery reads.
import { readFile } from 'node:fs/promises';
import { silentLogger } from '@echoplane/runtime';
import { segmentBlocks } from '@echoplane/traffic';
import { afterEach, expect, test } from 'vitest';
import { HELLO } from '../captured.fixture.ts';
import { Cleanup, clock, TENANT, temporaryHome } from '../forwarder.fixture.ts';
import { senderReport } from '../intake/sender-reports.ts';
import { Ledger } from './ledger.ts';
import { Spool } from './spool.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const STREAMS = 900;

test('the largest reports of all streams at once are written so that every frame can be read again', async () => {
  const dir = await temporaryHome(cleanup);
  const ledger = new Ledger('forwarder', 'life');
  const limits = {
    ...{ segmentMaxBytes: 1 << 30, segmentMaxAgeMs: 60_000, spoolMaxBytes: 1 << 30 },
    ...{ frameMaxDelayMs: 60_000, frameMaxBytes: 1 << 30 },
  };
  const events = {
    ...{ durable: () => {}, frame: () => {}, closed: () => {}, surrender: () => null },
    ...{ yieldRing: async () => false, left: async () => {} },
  };
  const files = { dir, fsync: false };
  const log = silentLogger();
  const spool = new Spool({ files, tenant: TENANT, ledger, limits, events, clock, log }, []);
  cleanup.add(() => spool.halt());
  const byReason = Object.fromEntries(
    Array.from({ length: 12 }, (_, n) => [`${'r'.repeat(62)}${String(n).padStart(2, '0')}`, 2 ** 48]),
  );
  const counters = { captured: 2 ** 48, delivered: 2 ** 48, withheld: byReason, dropped: byReason };
  const name = '€'.repeat(253);
  for (let n = 0; n < STREAMS; n++) {
    const hello = { ...HELLO, incarnation: `life-${n}`.padEnd(64, '.'), cluster: name, namespace: name };
    const stream = ledger.open({ ...hello, workload: name }, 1)!;
    stream.connected = true;
    const report = senderReport({ ...hello, workload: name }, counters);
    expect(report).not.toBeNull();
    spool.add({ stream, seq: 1, report, refined: [], undecodable: 0, ruleVersion: 'r' });
  }
  await spool.flush();
  const blocks = [...segmentBlocks(await readFile(spool.openSegment!.path))];
  const cursors = blocks.flatMap((block) => (block.kind === 'frame' ? block.header.cursors : []));
  expect(cursors).toHaveLength(STREAMS);
});
