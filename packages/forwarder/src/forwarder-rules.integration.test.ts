// The forwarder as a process under a rules file: what is held back is counted exactly, kept in the ring, redacted all the
// same, and the graphs show as if nothing had been folded.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeFrame, type RollupPartial, type RRPair, total } from '@echoplane/traffic';
import { afterEach, describe, expect, test } from 'vitest';
import { capturedPair, idOf, messageOf } from './captured.fixture.ts';
import {
  Cleanup,
  type ForwarderProcess,
  forwarderEnv,
  StandInCloud,
  serveCloud,
  startForwarder,
  startSender,
  storedIds,
  temporaryHome,
  until,
} from './forwarder.fixture.ts';
import { framesOf } from './spool/segment-reading.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const get = (path: string, more = '') => messageOf(`GET ${path} HTTP/1.1\r\nHost: shop\r\n${more}\r\n`);

/** A control plane that keeps the rollups it was sent. */
class CountingCloud extends StandInCloud {
  readonly rollups: RollupPartial[] = [];
  override answer(path: string, authorization: string | undefined, text: string) {
    const answer = super.answer(path, authorization, text);
    if (path === '/v1/ingest/index' && answer.status === 200) this.rollups.push(...JSON.parse(text).rollups);
    return answer;
  }
}

async function startWith(
  rules: object,
  env: (home: string) => Promise<Record<string, string>> = async () => ({}),
) {
  const home = await temporaryHome(cleanup);
  const cloud = new CountingCloud();
  const { url } = await serveCloud(cloud, cleanup);
  const file = join(home, 'rules.json');
  const write = (version: string, document: object) =>
    writeFile(file, JSON.stringify({ v: 1, version, ...document }));
  await write('test-1', rules);
  const settings = { ECHOPLANE_RULES_FILE: file, ...(await env(home)) };
  const forwarder = await startForwarder(forwarderEnv(home, url, settings), cleanup);
  return { home, cloud, forwarder, sender: startSender(forwarder.port, cleanup), write };
}

async function status(forwarder: ForwarderProcess) {
  return JSON.parse((await forwarder.page('/status')).text);
}

async function flush(forwarder: ForwarderProcess): Promise<void> {
  expect(JSON.parse((await forwarder.page('/flush', 'POST')).text)).toEqual({ flushed: true });
}

/** Ids of stored pairs that hold a text. */
async function storedWith(home: string, text: string): Promise<string[]> {
  const folder = join(home, 'spool', 'ring');
  const ids: string[] = [];
  for (const name of (await readdir(folder)).filter((one) => one.endsWith('.shipped'))) {
    for await (const { data } of framesOf(join(folder, name)))
      ids.push(...decodeFrame(data).flatMap((line) => (line.includes(text) ? [JSON.parse(line).id] : [])));
  }
  return ids;
}

/** Pairs that the ring holds and that were not shipped. */
async function held(home: string): Promise<RRPair[]> {
  const pairs: RRPair[] = [];
  const folder = join(home, 'spool', 'ring');
  for (const name of (await readdir(folder)).filter((one) => one.endsWith('.held'))) {
    for await (const { data } of framesOf(join(folder, name)))
      pairs.push(...decodeFrame(data).map((line) => JSON.parse(line) as RRPair));
  }
  return pairs;
}

describe('the forwarder under rules', () => {
  test('what is dropped is counted, stays in the ring without its secrets, and is told from what would be dropped', async () => {
    const rules = [
      { name: 'no-health', when: 'path == "/healthz"', action: 'drop' },
      { name: 'maybe-slow', when: 'path.startsWith("/slow")', action: 'drop', dryRun: true },
    ];
    const { home, cloud, forwarder, sender } = await startWith({ filter: { standard: false, rules } });
    const token = 'Authorization: Bearer c4n4ry-T0ken-9f8e7d6c5b4a\r\n';
    for (let n = 0; n < 30; n++) {
      const path = ['/healthz', '/slow/a', '/orders'][n % 3]!;
      sender.offer(capturedPair(n, { request: get(path, token) }));
    }
    expect((await sender.drain(30_000)).undelivered).toBe(0);
    await flush(forwarder);
    const kept = Array.from({ length: 30 }, (_, n) => n).filter((n) => n % 3 !== 0);
    expect((await storedIds(home)).sort()).toEqual(kept.map(idOf));
    const counters = { captured: 30, delivered: 20, withheld: { filtered: 10 }, dropped: {} };
    expect(cloud.report('forwarder')?.counters).toEqual(counters);
    const { filters } = (await status(forwarder)).rules;
    expect(filters).toMatchObject([
      { rule: 'no-health', matched: 10, dryRun: false },
      { rule: 'maybe-slow', matched: 10, dryRun: true },
    ]);
    expect(cloud.segments[0]).toMatchObject({ ruleVersion: 'test-1', withheld: { filtered: 10 } });
    await until('the ring', async () => (await held(home)).length === 10);
    expect(JSON.stringify(await held(home))).not.toContain('c4n4ry');
    expect([...cloud.rows.values()].every((row) => row.ruleVersion === 'test-1')).toBe(true);
  });

  test('folding ships a few payloads and every unusual one, and the graphs count all of them', async () => {
    const { home, cloud, forwarder, sender } = await startWith({
      filter: { standard: false },
      fold: { enabled: true, payloadsPerMinute: 5 },
    });
    const answer = (body: string, line = '200 OK') =>
      messageOf(`HTTP/1.1 ${line}\r\nContent-Type: application/json\r\n\r\n`, body);
    for (let n = 0; n < 300; n++) {
      const isNewShape = n === 200;
      const isError = n === 250;
      const body = isNewShape ? '{"order":1,"refund":true}' : `{"order":${n}}`;
      const response = isError ? answer('{"error":"x"}', '500 Oops') : answer(body);
      // All within one minute.
      sender.offer(capturedPair(n, { request: get(`/orders/${n}`), response }));
    }
    expect((await sender.drain(30_000)).undelivered).toBe(0);
    await flush(forwarder);
    const stored = await storedIds(home);
    expect(stored.length).toBeLessThan(20);
    expect(stored).toContain(idOf(200));
    expect(stored).toContain(idOf(250));
    const { counters } = cloud.report('forwarder')!;
    expect(counters).toMatchObject({ captured: 300, delivered: stored.length, dropped: {} });
    expect(total(counters.withheld)).toBe(300 - stored.length);
    const count = (statusClass: string) =>
      cloud.rollups.filter((one) => one.statusClass === statusClass).reduce((sum, one) => sum + one.count, 0);
    expect([count('2xx'), count('5xx')]).toEqual([299, 1]);
    const manifests = cloud.segments.flatMap(({ rollups }) => rollups);
    expect(manifests.reduce((sum, one) => sum + one.count, 0)).toBe(300);
  });

  test('sampling keeps or drops a session as a whole', async () => {
    const rules = [{ name: 'half', when: 'true', action: 'sample', share: 0.5 }];
    // Which sessions are kept depends on the key: with a new one every time, it may be nearly all of them.
    const withKey = async (folder: string) => {
      const file = join(folder, 'given.key');
      await writeFile(file, Buffer.alloc(32, 7).toString('base64'), { mode: 0o600 });
      return { ECHOPLANE_REDACTION_KEY_FILE: file };
    };
    const document = { filter: { standard: false, rules } };
    const { home, cloud, forwarder, sender } = await startWith(document, withKey);
    const cookie = (session: number) => `Cookie: sid=session-number-${session}\r\n`;
    for (let n = 0; n < 400; n++) {
      sender.offer(capturedPair(n, { request: get('/a', cookie(n % 40)) }));
    }
    expect((await sender.drain(30_000)).undelivered).toBe(0);
    await flush(forwarder);
    const perSession = Map.groupBy(await storedIds(home), (id) => Number.parseInt(id.slice(-4), 16) % 40);
    expect([...perSession.values()].every((ids) => ids.length === 10)).toBe(true);
    expect(perSession.size).toBeGreaterThan(8);
    expect(perSession.size).toBeLessThan(32);
    const sampled = 400 - perSession.size * 10;
    expect(cloud.report('forwarder')?.counters.withheld).toEqual({ sampled });
  });

  test('a changed rules file holds from then on; a broken one changes nothing and says so', async () => {
    const { forwarder, sender, write, home } = await startWith({ filter: { standard: false } });
    await write('test-2', {
      filter: { standard: false, rules: [{ name: 'none', when: 'path == (', action: 'drop' }] },
    });
    await until('the complaint', async () => (await status(forwarder)).rules.error !== null);
    expect((await status(forwarder)).rules).toMatchObject({ version: 'test-1' });
    const all = { name: 'all', when: 'true', action: 'drop' };
    await write('test-3', { filter: { standard: false, rules: [all] } });
    await until('the new rules', async () => (await status(forwarder)).rules.version === 'test-3');
    expect((await status(forwarder)).rules.error).toBeNull();
    sender.offer(capturedPair(1));
    expect((await sender.drain(30_000)).undelivered).toBe(0);
    await flush(forwarder);
    expect(await storedIds(home)).toEqual([]);
    expect(await readFile(join(home, 'rules.json'), 'utf8')).toContain('test-3');
  });

  test('redaction that was changed without a new version holds too', async () => {
    const { forwarder, sender, write, home } = await startWith({ filter: { standard: false } });
    const query = get('/a?colour=burgundy');
    sender.offer(capturedPair(1, { request: query }));
    expect((await sender.drain(30_000)).undelivered).toBe(0);
    const drop = { name: 'none', when: 'path == "/never"', action: 'drop' };
    await write('test-1', { filter: { standard: false, rules: [drop] }, redaction: { keys: ['colour'] } });
    await until('the new rules', async () => (await status(forwarder)).rules.filters.length === 1);
    sender.offer(capturedPair(2, { request: query }));
    expect((await sender.drain(30_000)).undelivered).toBe(0);
    await flush(forwarder);
    expect(await storedWith(home, 'burgundy')).toEqual([idOf(1)]);
  });
});
