// The data path at size, with processes killed in its middle: two tenants share one database and one object store behind
// two control-plane replicas and two workers. Every pair must be there once, whole, and nobody else's.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ApiClient, ApiError, type CallInput, type RouteName } from '@echoplane/api';
import { decodeManifest, pending, type SegmentManifest } from '@echoplane/traffic';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  allRows,
  clientOf,
  clock,
  DataPath,
  flush,
  idsByShell,
  PATIENCE,
  type Server,
  statusOf,
  type Tenant,
  Workload,
} from './data-path-stage.ts';
import type { Program } from './program-stage.ts';

const PAIRS = 10_000;
const FIRST_PART = 6_000;

let stage: DataPath;
let workloads: Workload[];

beforeEach(async () => {
  workloads = [];
  stage = await DataPath.open();
});
afterEach(async () => {
  await Promise.all(workloads.map((workload) => workload.close()));
  await stage.close();
});

function workload(tenant: Tenant, forwarder: Server): Workload {
  const made = new Workload(tenant.name, forwarder.port);
  workloads.push(made);
  return made;
}

/** The status of a refusal; a call that is taken fails the test. */
function refusal<N extends RouteName>(client: ApiClient, name: N, input: CallInput<N>): Promise<number> {
  return client.call(name, input).then(
    () => expect.unreachable(`${name} was not refused`),
    (err) => (err instanceof ApiError ? err.status : Promise.reject(err)),
  );
}

async function untilBalanced(client: ApiClient): Promise<void> {
  const read = () => client.call('accounting', {});
  await expect.poll(async () => (await read()).sentence, PATIENCE).toMatch(/ captured = /);
  expect((await read()).balanced).toBe(true);
}

async function segmentFiles(tenant: string): Promise<string[]> {
  const folder = join(stage.storeDir, tenant, 'segments');
  const entries = await readdir(folder, { recursive: true });
  return entries.filter((name) => name.endsWith('.ndjson.zst')).map((name) => join(folder, name));
}

/** The list, the graph, the services and the accounting of one tenant against what it sent; the rows. */
async function expectAllOnce(client: ApiClient, { sent, service }: Workload) {
  const rows = await allRows(client);
  expect(rows).toHaveLength(sent.size);
  expect(new Set(rows.map((row) => row.id))).toEqual(new Set(sent.keys()));
  expect(new Set(rows.map((row) => row.service))).toEqual(new Set([service]));
  expect(rows.filter((row) => !row.shipped)).toEqual([]);

  const { series } = await client.call('trafficGraph', { query: {} });
  const { items: services } = await client.call('services', {});
  for (const { direction, points } of series) {
    const ofDirection = rows.filter((row) => row.direction === direction);
    const sum = (figure: 'count' | 'errors') => points.reduce((all, point) => all + point[figure], 0);
    expect(sum('count')).toBe(ofDirection.length);
    expect(sum('errors')).toBe(ofDirection.filter((row) => row.status! >= 500).length);
  }
  const inbound = rows.filter((row) => row.direction === 'IN').length;
  expect(services).toMatchObject([{ service, inbound, outbound: rows.length - inbound }]);

  const { hops, indexed, balanced } = await client.call('accounting', {});
  expect({ balanced, indexed }).toEqual({ balanced: true, indexed: sent.size });
  const counters = { captured: sent.size, delivered: sent.size, withheld: {}, dropped: {} };
  expect(hops.map(({ hop, counters }) => ({ hop, counters }))).toEqual([
    { hop: 'forwarder', counters },
    { hop: 'sidecar', counters },
  ]);
  return rows;
}

async function expectBodies(client: ApiClient, { sent }: Workload): Promise<void> {
  const ids = [...sent.keys()];
  for (let i = 0; i < 20; i++) {
    const id = ids[Math.floor(Math.random() * ids.length)]!;
    const { pair } = await client.call('trafficPair', { params: { id } });
    const got = {
      request: JSON.stringify(pair.request?.body.json),
      response: JSON.stringify(pair.response?.body.json),
      ...{ tsUs: pair.ts, direction: pair.direction },
    };
    expect(got, id).toEqual(sent.get(id));
  }
}

/** Nothing of `other` shows under the key of another tenant. */
async function expectApart(client: ApiClient, other: { work: Workload; snapshot: string }): Promise<void> {
  const [id] = other.work.sent.keys();
  const { snapshot, work } = other;
  const { service } = work;
  expect(await refusal(client, 'trafficPair', { params: { id: id! } })).toBe(404);
  expect((await client.call('traffic', { query: { service } })).items).toEqual([]);
  const graph = await client.call('trafficGraph', { query: { service, from: 0, to: clock.nowUs() } });
  expect(graph.series.flatMap(({ points }) => points.filter(({ count }) => count > 0))).toEqual([]);
  expect(await refusal(client, 'snapshot', { params: { id: snapshot } })).toBe(404);
  const artifact = { params: { id: snapshot, name: 'manifest.json' as const } };
  expect(await refusal(client, 'artifact', artifact)).toBe(404);
  expect((await client.call('snapshots', {})).items.map((item) => item.id)).not.toContain(snapshot);
}

/** An agent's key cannot make a segment of another tenant its own, by that tenant's key or by its own. */
async function expectNoIngest(agent: ApiClient, own: Tenant, other: Tenant): Promise<void> {
  const [file] = await segmentFiles(other.id);
  const bytes = await readFile(file!);
  const manifest = decodeManifest(bytes)!;
  const ingest = (key: string, changes: Partial<SegmentManifest>) =>
    refusal(agent, 'ingestSegment', {
      body: { key, sizeBytes: bytes.length, manifest: { ...manifest, ...changes } },
    });
  expect(manifest).toMatchObject({ tenant: other.id, key: expect.stringMatching(`^${other.id}/segments/`) });
  expect(await ingest(manifest.key, {})).toBe(403);
  expect(await ingest(manifest.key, { tenant: own.id })).toBe(403);
  const moved = manifest.key.replace(other.id, own.id);
  expect(await ingest(moved, { tenant: own.id, key: moved })).toBe(409);
  expect(await ingest(`${own.id}/segments/../../${manifest.key}`, { tenant: own.id })).toBe(400);
}

/** Kills a server in the middle of 2,000 pairs, of which some are `due` there at that moment, and starts it again. */
async function killAmid(work: Workload, victim: Server, due: () => number | Promise<number>): Promise<void> {
  const before = work.sent.size;
  const sending = work.send(before + 1_000);
  await expect.poll(() => work.delivered, PATIENCE).toBeGreaterThan(before);
  // Standing still, it cannot be done before it is killed, however fast it is.
  victim.program.child.kill('SIGSTOP');
  const sendingOn = work.send(before + 2_000);
  await expect.poll(due, PATIENCE).toBeGreaterThan(0);
  await stage.kill(victim.program);
  await victim.restart();
  await Promise.all([sending, sendingOn]);
  await expect.poll(() => work.delivered, PATIENCE).toBe(before + 2_000);
}

/** Lets the worker, which stands still, go and kills it in the middle of this snapshot; another is left to find the job. */
async function killAtWork(client: ApiClient, snapshot: string, worker: Program): Promise<void> {
  const read = () => client.call('snapshot', { params: { id: snapshot } });
  // So that it cannot be done before it is killed, however fast it is: what it made cannot be written down.
  const unlock = await stage.lock('snapshots IN SHARE MODE');
  worker.child.kill('SIGCONT');
  await expect
    .poll(async () => String((await read()).message), { ...PATIENCE, interval: 5 })
    .toMatch(/^(reading|analyzing|writing the snapshot:)/);
  await stage.kill(worker);
  expect((await read()).state, 'the job outlives its worker').toBe('running');
  await unlock();
}

const attemptsOf = async (snapshot: string) => {
  const found = await stage.postgres.asSuperuser(
    stage.database,
    'SELECT attempts FROM echoplane.jobs WHERE subject = $1',
    [snapshot],
  );
  return found.rows[0].attempts;
};

describe('two tenants, two replicas, two workers, one database, one store', () => {
  test('twice 10,000 pairs arrive once, whole and apart, though a forwarder, a replica and a worker are killed', async () => {
    const [acme, globex] = [await stage.tenant('acme'), await stage.tenant('globex')];
    const [first, second] = [await stage.replica('replica 1'), await stage.replica('replica 2')];
    const [one, two] = [await stage.worker('worker 1'), await stage.worker('worker 2')];
    const acmeForwarder = await stage.forwarder(acme, first.url);
    const globexForwarder = await stage.forwarder(globex, second.url);
    const ours = workload(acme, acmeForwarder);
    const theirs = workload(globex, globexForwarder);
    const acmeClient = clientOf(second.url, acme.apiKey);
    const globexClient = clientOf(first.url, globex.apiKey);
    const started = performance.now();

    const theirSending = theirs.send(PAIRS);
    const unacknowledged = () => pending(ours.sender.counters());
    const unindexed = async () => (await statusOf(acmeForwarder)).lag.frames;
    await killAmid(ours, acmeForwarder, unacknowledged);
    await killAmid(ours, first, unindexed);
    await killAmid(ours, acmeForwarder, unacknowledged);
    await theirSending;
    await flush(acmeForwarder);

    // Both stand still for a moment, and worker 2 longer: worker 1 is the one that takes the job, and not too soon.
    for (const worker of [one, two]) worker.child.kill('SIGSTOP');
    const selection = { service: ours.service, to: clock.nowUs() };
    const made = await acmeClient.call('createSnapshot', { body: { name: 'acme', query: selection } });
    await killAtWork(acmeClient, made.id, one);
    two.child.kill('SIGCONT');

    await ours.send(PAIRS);
    await Promise.all([ours.drain(), theirs.drain()]);
    await Promise.all([flush(acmeForwarder), flush(globexForwarder)]);
    const seconds = (performance.now() - started) / 1000;
    await Promise.all([untilBalanced(acmeClient), untilBalanced(globexClient)]);
    const theirSnapshot = await globexClient.call('createSnapshot', { body: { name: 'globex', query: {} } });

    const rows = [await expectAllOnce(acmeClient, ours), await expectAllOnce(globexClient, theirs)];
    await expectBodies(acmeClient, ours);
    await expectBodies(globexClient, theirs);
    await expectNoIngest(clientOf(second.url, globex.agentKey), globex, acme);

    const lines: string[] = [];
    for (const { tenant, own } of [
      { tenant: acme, own: ours.sent },
      { tenant: globex, own: theirs.sent },
    ]) {
      for (const file of await segmentFiles(tenant.id)) {
        const ids = await idsByShell(file);
        expect(ids.filter((id) => !own.has(id))).toEqual([]);
        lines.push(...ids);
      }
    }
    expect(lines).toHaveLength(2 * PAIRS);
    expect(new Set(lines)).toEqual(new Set(rows.flat().map((row) => row.id)));

    const snapshotOf = (client: ApiClient, id: string) => client.call('snapshot', { params: { id } });
    await expect
      .poll(async () => (await snapshotOf(acmeClient, made.id)).state, PATIENCE)
      .not.toMatch(/queued|running/);
    const snapshot = await snapshotOf(acmeClient, made.id);
    expect(snapshot).toMatchObject({
      ...{ state: 'succeeded', message: null },
      manifest: { selection, counts: { pairs: FIRST_PART } },
    });
    expect(await attemptsOf(made.id), 'one attempt died with its worker').toBe(2);
    await expect
      .poll(async () => (await snapshotOf(globexClient, theirSnapshot.id)).state, PATIENCE)
      .toBe('succeeded');
    const theirCounts = (await snapshotOf(globexClient, theirSnapshot.id)).manifest?.counts;
    expect(theirCounts).toMatchObject({ pairs: PAIRS });
    await expectApart(acmeClient, { work: theirs, snapshot: theirSnapshot.id });
    await expectApart(globexClient, { work: ours, snapshot: made.id });

    const rate = Math.round((2 * PAIRS) / seconds);
    console.log(`${2 * PAIRS} pairs in ${seconds.toFixed(1)} s (${rate}/s); peak MiB:`, stage.peaks());
  });
});

describe('one database', () => {
  test('takes two inits at once: both succeed, on one set of tables', async () => {
    const [acme, globex] = await Promise.all([stage.tenant('acme'), stage.tenant('globex')]);
    expect(acme.id).not.toBe(globex.id);
    const counts = `SELECT (SELECT count(*)::int FROM echoplane.tenants) AS tenants,
      (SELECT count(*)::int FROM pg_class WHERE relname = 'rrpairs') AS tables,
      (SELECT count(*) = count(DISTINCT name) FROM echoplane.schema_migrations) AS once`;
    const found = await stage.postgres.asSuperuser(stage.database, counts);
    expect(found.rows).toEqual([{ tenants: 2, tables: 1, once: true }]);
  });

  test('may go away in the middle of transactions: pairs are taken on, and nobody has to be started again', async () => {
    const acme = await stage.tenant('acme');
    const gate = await stage.gate();
    const replica = await stage.replica('replica');
    const worker = await stage.worker('worker');
    const forwarder = await stage.forwarder(acme, replica.url);
    const client = clientOf(replica.url, acme.apiKey);
    const work = workload(acme, forwarder);
    const isReady = async () => (await fetch(`${replica.url}/readyz`)).status;
    const snapshot = (name: string) => client.call('createSnapshot', { body: { name, query: {} } });
    await work.send(500);
    await flush(forwarder);
    expect(await isReady()).toBe(200);

    // A reader, an ingest and a job, each in its transaction when the connections break.
    const unlock = await stage.lock('segments');
    await snapshot('before');
    await work.send(750);
    await expect.poll(() => stage.waiting(), PATIENCE).toEqual(['echoplane-ingest', 'echoplane-worker']);
    // The last: a read waits for 15 s only.
    const reading = refusal(client, 'traffic', { query: {} });
    await expect
      .poll(() => stage.waiting(), PATIENCE)
      .toEqual(['echoplane-api', 'echoplane-ingest', 'echoplane-worker']);
    gate.shut();
    await unlock();
    expect(await reading).toBe(503);
    expect(await isReady()).toBe(503);
    await work.send(1_000);
    await expect.poll(() => work.delivered, PATIENCE).toBe(1_000);
    await expect.poll(async () => (await statusOf(forwarder)).lag.failures, PATIENCE).toBeGreaterThan(3);

    await gate.open();
    await work.drain();
    await flush(forwarder);
    expect(await isReady()).toBe(200);
    await untilBalanced(client);
    await expectAllOnce(client, work);
    const { id } = await snapshot('after');
    const state = async () => (await client.call('snapshot', { params: { id } })).state;
    await expect.poll(state, PATIENCE).toBe('succeeded');
    const codes = [replica.program, forwarder.program, worker].map(({ child }) => child.exitCode);
    expect(codes).toEqual([null, null, null]);
  });
});
