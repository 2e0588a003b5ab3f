// The forwarder as a process, between a real sender and a stand-in for the control plane.
import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import {
  CAPTURE_PREFACE,
  CaptureFrameDecoder,
  type CaptureMessage,
  encodeCaptureFrame,
} from '@echoplane/wire';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '../../../test/ports.ts';
import { capturedPair, HELLO, idOf, messageOf } from './captured.fixture.ts';
import {
  Cleanup,
  clock,
  DRAIN_MS,
  forwarderEnv,
  StandInCloud,
  serveCloud,
  spawnForwarder,
  startForwarder,
  startSender,
  storedIds,
  TENANT,
  temporaryHome,
  until,
} from './forwarder.fixture.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const ids = (count: number) => Array.from({ length: count }, (_, n) => idOf(n));

function expectBalanced(cloud: StandInCloud, count: number): void {
  for (const hop of ['sidecar', 'forwarder'] as const) {
    expect(cloud.report(hop)?.counters).toEqual({
      captured: count,
      delivered: count,
      withheld: {},
      dropped: {},
    });
  }
}

/** A hand-made capture stream: what is said to the forwarder, and what it answers until it closes. */
async function conversation(port: number, messages: CaptureMessage[]): Promise<CaptureMessage[]> {
  const socket = connect(port, '127.0.0.1');
  const decoder = new CaptureFrameDecoder({ preface: false });
  const heard: CaptureMessage[] = [];
  socket.on('data', (chunk) => heard.push(...decoder.feed(chunk)));
  // It may end with a reset when something of ours was not read any more; what was heard before counts.
  socket.on('error', () => {});
  socket.write(Buffer.concat([CAPTURE_PREFACE, ...messages.map(encodeCaptureFrame)]));
  await new Promise((resolve) => socket.on('close', resolve));
  return heard;
}

const emptyBatch = (seq: number): CaptureMessage => ({
  type: 'batch',
  value: { seq, counters: { captured: 0, delivered: 0, withheld: {}, dropped: {} }, pairs: [] },
});

describe('the forwarder', () => {
  test('brings every pair once to the index and, readable with zstd and jq, to the store; the books balance', async () => {
    const home = await temporaryHome(cleanup);
    const cloud = new StandInCloud();
    const { url } = await serveCloud(cloud, cleanup);
    const forwarder = await startForwarder(forwarderEnv(home, url), cleanup);
    const sender = startSender(forwarder.port, cleanup);
    for (let n = 0; n < 500; n++) sender.offer(capturedPair(n));
    expect(await sender.drain(DRAIN_MS)).toEqual({ delivered: 500, undelivered: 0 });
    await forwarder.flush();
    expect([...cloud.rows.keys()].sort()).toEqual(ids(500));
    expect((await storedIds(home)).sort()).toEqual(ids(500));
    expect([cloud.twice, cloud.malformed]).toEqual([[], []]);
    expectBalanced(cloud, 500);
    expect(cloud.segments).toMatchObject([{ tenant: TENANT, pairs: 500 }]);
    const status = JSON.parse((await forwarder.page('/status')).text);
    expect(status).toMatchObject({
      openSegment: null,
      lag: { frames: 0, segments: 0 },
      senders: [{ connected: true, pending: 0, outcomes: { ship: 500 } }],
    });
    expect((await forwarder.page('/metrics')).text).toContain('echoplane_forwarder_delivered_total 500\n');
    expect((await forwarder.page('/readyz')).status).toBe(200);
    const files =
      'agent.json commands.jsonl lock redaction-key.mark redaction.key reserve ring state.json tenant.json vault'.split(
        ' ',
      );
    expect((await readdir(join(home, 'spool'))).sort()).toEqual(files);
    expect(await readdir(join(home, 'spool', 'ring'))).toHaveLength(1);
  });

  test('kill -9 again and again in a run of 5,000 pairs loses none, stores none twice, and the books balance', async () => {
    const home = await temporaryHome(cleanup);
    const cloud = new StandInCloud();
    const { url } = await serveCloud(cloud, cleanup);
    const env = forwarderEnv(home, url, {
      // Of its own: nobody else is given it between two lives.
      ECHOPLANE_PORT: String(await freePort()),
      ECHOPLANE_SEGMENT_MAX_BYTES: '20000',
      ECHOPLANE_FRAME_MAX_BYTES: '20000',
    });
    let forwarder = await startForwarder(env, cleanup);
    const sender = startSender(forwarder.port, cleanup);
    for (let n = 0; n < 5_000; n++) {
      sender.offer(capturedPair(n));
      if (n % 20 === 0) await clock.sleep(2);
      if (n % 1_250 !== 1_000) continue;
      await until('some acknowledgements', () => sender.counters().delivered > n - 900);
      await forwarder.end('SIGKILL');
      forwarder = await startForwarder(env, cleanup);
    }
    expect(await sender.drain(DRAIN_MS)).toEqual({ delivered: 5_000, undelivered: 0 });
    await forwarder.flush();
    expect([...cloud.rows.keys()].sort()).toEqual(ids(5_000));
    expect((await storedIds(home)).sort()).toEqual(ids(5_000));
    expect([cloud.twice, cloud.malformed]).toEqual([[], []]);
    expectBalanced(cloud, 5_000);
    expect(cloud.reports.size).toBe(2);
    expect(cloud.segments.length).toBeGreaterThan(3);
  });

  test.each([
    ['still lies in the spool', false],
    ['was shipped long ago', true],
  ])('a batch that %s when the forwarder is killed is known after the restart', async (_, isShipped) => {
    const home = await temporaryHome(cleanup);
    const cloud = new StandInCloud();
    const { url } = await serveCloud(cloud, cleanup);
    const env = forwarderEnv(home, url);
    const first = await startForwarder(env, cleanup);
    const hello: CaptureMessage = { type: 'hello', value: HELLO };
    const pair: CaptureMessage = { type: 'batch', value: { ...batchOf(1), pairs: [capturedPair(7)] } };
    await conversation(first.port, [hello, pair, emptyBatch(9)]);
    await until('the pair', () => cloud.rows.size === 1);
    if (isShipped) await first.flush();
    await first.end('SIGKILL');
    const second = await startForwarder(env, cleanup);
    const heard = await conversation(second.port, [hello, pair, emptyBatch(9)]);
    expect(heard).toMatchObject([
      { type: 'welcome', value: { lastBatch: 1 } },
      { type: 'ack', value: { batch: 1 } },
      { type: 'refusal', value: { code: 'batch-gap' } },
    ]);
    await second.flush();
    expect(await storedIds(home)).toEqual([idOf(7)]);
    expect(cloud.twice).toEqual([]);
    expect(cloud.report('forwarder')?.counters).toMatchObject({ captured: 1, delivered: 1 });
  });

  test('with the control plane away it starts, takes pairs on, and delivers them when it is back', async () => {
    const home = await temporaryHome(cleanup);
    const cloud = new StandInCloud();
    const first = await serveCloud(cloud, cleanup, await freePort());
    const env = forwarderEnv(home, first.url);
    await (await startForwarder(env, cleanup)).end('SIGTERM');
    first.close();
    const forwarder = await startForwarder(env, cleanup);
    const sender = startSender(forwarder.port, cleanup);
    for (let n = 0; n < 300; n++) sender.offer(capturedPair(n));
    expect((await sender.drain(DRAIN_MS)).undelivered).toBe(0);
    expect(cloud.rows.size).toBe(0);
    await serveCloud(cloud, cleanup, first.port);
    await until('the index of all pairs', () => cloud.rows.size === 300);
    await forwarder.flush();
    expectBalanced(cloud, 300);
  });

  test.each([
    ['tells it', true],
    ['goes on when an older control plane cannot be told', false],
  ])(
    'a full spool gives up the oldest that went nowhere, counts it, %s, and never stops taking',
    async (_, isTold) => {
      const home = await temporaryHome(cleanup);
      const cloud = new StandInCloud();
      const { url } = await serveCloud(cloud, cleanup);
      cloud.refuse = (path) => (path === '/v1/agent' ? null : 'unavailable');
      const limits = {
        ECHOPLANE_SPOOL_MAX_BYTES: String(1 << 20),
        ECHOPLANE_SEGMENT_MAX_BYTES: String(128 << 10),
      };
      const forwarder = await startForwarder(forwarderEnv(home, url, limits), cleanup);
      const sender = startSender(forwarder.port, cleanup);
      // Repeats nothing, so that it takes disk.
      const words = (n: number) => {
        const text = Buffer.alloc(15_000, ' ');
        let last = n + 1;
        for (let at = 0; at < text.length; at++) {
          last = (Math.imul(last, 1_664_525) + 1_013_904_223) >>> 0;
          if (at % 5 !== 4) text[at] = 97 + ((last >>> 16) % 26);
        }
        return text.toString();
      };
      const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n';
      for (let n = 0; n < 250; n++) sender.offer(capturedPair(n, { response: messageOf(head, words(n)) }));
      expect(await sender.drain(DRAIN_MS)).toEqual({ delivered: 250, undelivered: 0 });
      cloud.refuse = (path) => (path === '/v1/ingest/tombstones' && !isTold ? 'not_found' : null);
      await forwarder.flush();
      const stored = await storedIds(home);
      const lost = 250 - stored.length;
      expect(lost).toBeGreaterThan(50);
      // The oldest are gone, the newest are there.
      expect(stored.sort()).toEqual(ids(250).slice(lost));
      expect([...cloud.lost.values()].reduce((a, b) => a + b, 0)).toBe(isTold ? lost : 0);
      const counters = {
        captured: 250,
        delivered: 250 - lost,
        withheld: {},
        dropped: { 'spool-full': lost },
      };
      expect(cloud.report('forwarder')?.counters).toEqual(counters);
    },
  );

  test('a frame the control plane refuses for good is counted and does not hold up the line', async () => {
    const home = await temporaryHome(cleanup);
    const cloud = new StandInCloud();
    const { url } = await serveCloud(cloud, cleanup);
    const forwarder = await startForwarder(forwarderEnv(home, url), cleanup);
    const sender = startSender(forwarder.port, cleanup);
    cloud.refuse = (path) => (path === '/v1/ingest/index' ? 'invalid_request' : null);
    sender.offer(capturedPair(0));
    const lag = async () => JSON.parse((await forwarder.page('/status')).text).lag.frames;
    expect((await sender.drain(DRAIN_MS)).undelivered).toBe(0);
    await until('the refusal', async () => (await lag()) === 0);
    cloud.refuse = () => null;
    sender.offer(capturedPair(1));
    await until('the next pair in the index', () => cloud.rows.has(idOf(1)));
    await forwarder.flush();
    expect(cloud.report('forwarder')?.counters).toMatchObject({
      captured: 2,
      delivered: 1,
      dropped: { 'index-refused': 1 },
    });
  });

  test.each([
    ['an ingress that knows no such page', { status: 404, text: '<h1>404</h1>' }],
    ['an ingress with a limit of its own', { status: 413, text: '' }],
    ['a conflict', 'conflict' as const],
  ])('%s in front of the control plane loses no pair', async (_, answer) => {
    const home = await temporaryHome(cleanup);
    const cloud = new StandInCloud();
    const { url } = await serveCloud(cloud, cleanup);
    const forwarder = await startForwarder(forwarderEnv(home, url), cleanup);
    const sender = startSender(forwarder.port, cleanup);
    let refused = 0;
    cloud.refuse = (path) => {
      if (!path.startsWith('/v1/ingest/')) return null;
      refused++;
      return answer;
    };
    for (let n = 0; n < 3; n++) sender.offer(capturedPair(n));
    await sender.drain(DRAIN_MS);
    await until('some refusals', () => refused > 1);
    cloud.refuse = () => null;
    await forwarder.flush();
    expect([...cloud.rows.keys()].sort()).toEqual(ids(3));
    expectBalanced(cloud, 3);
  });

  test('a segment that the control plane does not take yet stays in the spool', async () => {
    const home = await temporaryHome(cleanup);
    const cloud = new StandInCloud();
    const { url } = await serveCloud(cloud, cleanup);
    const forwarder = await startForwarder(forwarderEnv(home, url), cleanup);
    let refused = 0;
    cloud.refuse = (path) => (path === '/v1/ingest/segments' && refused++ < 2 ? 'conflict' : null);
    const sender = startSender(forwarder.port, cleanup);
    sender.offer(capturedPair(0));
    await sender.drain(DRAIN_MS);
    await forwarder.flush();
    expect(cloud.segments).toMatchObject([{ pairs: 1 }]);
  });

  test('a hostile Hello and a broken clock cost no other sender a pair', async () => {
    const home = await temporaryHome(cleanup);
    const cloud = new StandInCloud();
    const { url } = await serveCloud(cloud, cleanup);
    const forwarder = await startForwarder(forwarderEnv(home, url), cleanup);
    const evil: CaptureMessage = { type: 'hello', value: { ...HELLO, incarnation: 'evil\0x' } };
    const refusal = { type: 'refusal', value: { code: 'bad-hello' } };
    expect(await conversation(forwarder.port, [evil, emptyBatch(1)])).toMatchObject([refusal]);
    const sender = startSender(forwarder.port, cleanup);
    sender.offer(capturedPair(0, { tsUs: 0 }));
    sender.offer(capturedPair(1, { tags: JSON.parse('{"__proto__":"x"}') }));
    sender.offer(capturedPair(2));
    await sender.drain(DRAIN_MS);
    await forwarder.flush();
    expect(cloud.rows.has(idOf(0))).toBe(false);
    expect(cloud.rows.has(idOf(2))).toBe(true);
    expect([...cloud.rows.values()].every((row) => Object.keys(row.tags).length === 0)).toBe(true);
    expect(cloud.report('forwarder')?.counters.dropped['index-refused']).toBeUndefined();
    expect(await readFile(join(home, 'spool', 'state.json'), 'utf8')).not.toContain('evil');
  });

  test('no file it writes is readable by other users', async () => {
    const home = await temporaryHome(cleanup);
    const { url } = await serveCloud(new StandInCloud(), cleanup);
    const umask = process.umask(0o022);
    const forwarder = await startForwarder(forwarderEnv(home, url), cleanup).finally(() =>
      process.umask(umask),
    );
    const sender = startSender(forwarder.port, cleanup);
    sender.offer(capturedPair(0));
    await sender.drain(DRAIN_MS);
    const inSpool = await readdir(join(home, 'spool'));
    await forwarder.flush();
    const inStore = await readdir(join(home, 'store'), { recursive: true });
    expect([inSpool.some((name) => name.endsWith('.open')), inStore.length]).toEqual([true, 4]);
    for (const name of ['spool', 'store', 'spool/state.json', ...inStore.map((key) => `store/${key}`)]) {
      expect((await stat(join(home, name))).mode & 0o077, name).toBe(0);
    }
  });

  test('a pair that cannot be decoded is counted, its neighbours arrive', async () => {
    const home = await temporaryHome(cleanup);
    const cloud = new StandInCloud();
    const { url } = await serveCloud(cloud, cleanup);
    const forwarder = await startForwarder(forwarderEnv(home, url), cleanup);
    const sender = startSender(forwarder.port, cleanup);
    sender.offer(capturedPair(0, { request: messageOf('garbage') }));
    sender.offer(capturedPair(1));
    expect((await sender.drain(DRAIN_MS)).undelivered).toBe(0);
    await forwarder.flush();
    expect([...cloud.rows.keys()]).toEqual([idOf(1)]);
    expect(cloud.report('forwarder')?.counters).toMatchObject({
      captured: 2,
      delivered: 1,
      dropped: { undecodable: 1 },
    });
  });

  test('streams are taken in order: repeats are ignored, a gap, no Hello and damage end the connection', async () => {
    const home = await temporaryHome(cleanup);
    const cloud = new StandInCloud();
    const { url } = await serveCloud(cloud, cleanup);
    const { port, flush } = await startForwarder(forwarderEnv(home, url), cleanup);
    const hello: CaptureMessage = { type: 'hello', value: HELLO };
    const pair: CaptureMessage = { type: 'batch', value: { ...batchOf(1), pairs: [capturedPair(7)] } };
    const heard = await conversation(port, [hello, pair, pair, emptyBatch(2), emptyBatch(4)]);
    expect(heard[0]).toMatchObject({ type: 'welcome', value: { lastBatch: 0 } });
    expect(heard.at(-1)).toMatchObject({ type: 'refusal', value: { code: 'batch-gap' } });
    await until('the pair', () => cloud.rows.size === 1);
    // The batch without a pair may be in a frame of its own, which is on the disk a little later.
    await flush();
    const again = await conversation(port, [hello, pair, emptyBatch(4)]);
    expect(again.slice(0, 2)).toMatchObject([
      { value: { lastBatch: 2 } },
      { type: 'ack', value: { batch: 2 } },
    ]);
    expect(await conversation(port, [emptyBatch(1)])).toMatchObject([{ value: { code: 'no-hello' } }]);
    const wrong: CaptureMessage = { type: 'hello', value: { ...HELLO, version: 9 } };
    expect(await conversation(port, [wrong])).toMatchObject([{ value: { code: 'unsupported-version' } }]);
    const stranger = connect(port, '127.0.0.1');
    stranger.on('error', () => {}).write('GET / HTTP/1.1\r\n\r\n');
    await new Promise((resolve) => stranger.on('close', resolve));
    expect(cloud.report('forwarder')?.counters.captured).toBe(1);
  });

  test('SIGTERM ships what it holds and exits 0', async () => {
    const home = await temporaryHome(cleanup);
    const cloud = new StandInCloud();
    const { url } = await serveCloud(cloud, cleanup);
    const forwarder = await startForwarder(forwarderEnv(home, url), cleanup);
    const sender = startSender(forwarder.port, cleanup);
    sender.offer(capturedPair(0));
    await sender.drain(DRAIN_MS);
    expect(await forwarder.end('SIGTERM')).toBe(0);
    expect(await storedIds(home)).toEqual([idOf(0)]);
    expectBalanced(cloud, 1);
  });

  const refusals: [string, number, string, Record<string, string>][] = [
    ['a missing setting', 64, 'ECHOPLANE_AGENT_KEY is missing', { ECHOPLANE_AGENT_KEY: '' }],
    ['a refused key', 1, 'refused ECHOPLANE_AGENT_KEY', { ECHOPLANE_AGENT_KEY: 'wrong' }],
    ['a spool folder that is a file', 1, 'cannot be written', { ECHOPLANE_SPOOL_DIR: import.meta.filename }],
  ];
  test.each(refusals)('%s ends it with code %i and one clear sentence', async (_, code, sentence, env) => {
    const home = await temporaryHome(cleanup);
    const { url } = await serveCloud(new StandInCloud(), cleanup);
    const child = spawnForwarder(forwarderEnv(home, url, env));
    let said = '';
    child.stdout!.resume();
    child.stderr!.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
    expect((await once(child, 'close'))[0]).toBe(code);
    expect(said.trim().split('\n')).toHaveLength(1);
    expect(said).toContain(sentence);
  });
});

function batchOf(seq: number) {
  return { seq, counters: { captured: 1, delivered: 0, withheld: {}, dropped: {} } };
}
