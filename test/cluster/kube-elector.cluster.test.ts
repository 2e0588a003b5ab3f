// Contenders for one Lease, as processes, on a real API server: frozen, killed, stopped, and with wrong wall clocks.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createKubeClient, elect, type KubeClient, RESOURCES } from '@echoplane/kube';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from './api-server.ts';
import { adminAccess, until } from './kube-access.fixture.ts';
import { startRelay } from './kube-relay.fixture.ts';

const LEASE = { namespace: 'default', name: 'test-lease' };
/** A leader on a busy machine has to renew within two thirds of it. */
const LEASE_MS = 10_000;
/** Nobody who waits for its end would lead while a test looks. */
const LONG_LEASE_MS = 60_000;
const HOUR_MS = 3_600_000;
const SCRIPT = fileURLToPath(new URL('./kube-contender.fixture.ts', import.meta.url));

let cluster: ApiServer;
let client: KubeClient;
let ticks: { who: string; at: bigint }[];
let children: ChildProcess[];

beforeAll(async () => {
  cluster = await startApiServer();
  client = createKubeClient(await adminAccess(cluster));
});
afterAll(async () => {
  client?.close();
  await cluster?.stop();
});
beforeEach(async () => {
  [ticks, children] = [[], []];
  await client.delete(RESOURCES.leases, LEASE);
});
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

/** Starts a contender; each of its terms is `IDENTITY TERM` in `ticks`. */
function contend(
  identity: string,
  { wallShiftMs = 0, url = cluster.url, leaseMs = LEASE_MS } = {},
): ChildProcess {
  const { caFile, adminCertFile, adminKeyFile } = cluster;
  const args = [identity, leaseMs, wallShiftMs, url, caFile, adminCertFile, adminKeyFile].map(String);
  const child = spawn(process.execPath, [SCRIPT, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const [who, term, at] = line.split(' ');
    ticks.push({ who: `${who} ${term}`, at: BigInt(at!) });
  });
  return child;
}

const leads = (term: string) =>
  until(
    () => ticks.some(({ who }) => who === term),
    () => `terms so far: ${[...new Set(ticks.map(({ who }) => who))].join(', ')}`,
  );
const monotonic = () => process.hrtime.bigint();
const seconds = async (count: number) => {
  const end = monotonic() + BigInt(count * 1e9);
  await until(
    () => monotonic() > end,
    () => '',
  );
};

/** The terms in order, when no two overlap. */
function terms(): string[] {
  const inOrder = [...ticks].sort((a, b) => (a.at < b.at ? -1 : 1)).map(({ who }) => who);
  const changes = inOrder.filter((who, i) => who !== inOrder[i - 1]);
  expect(changes, 'two led at once').toEqual([...new Set(changes)]);
  return changes;
}

test('of two, one leads; when it stops, the Lease is given back and the other leads at once', async () => {
  const a = contend('a', { leaseMs: LONG_LEASE_MS });
  await leads('a 1');
  contend('b', { leaseMs: LONG_LEASE_MS });
  await seconds(1);
  a.kill('SIGTERM');
  await once(a, 'exit');
  expect((await client.get(RESOURCES.leases, LEASE))?.spec.leaseTransitions).toBeLessThan(2);
  await leads('b 1');
  const [last, first] = [
    ticks.findLast(({ who }) => who === 'a 1')!,
    ticks.find(({ who }) => who === 'b 1')!,
  ];
  expect(Number(first.at - last.at) / 1e6).toBeLessThan(LONG_LEASE_MS);
  expect(terms()).toEqual(['a 1', 'b 1']);
});

test('a leader that is frozen has stopped leading when it goes on, and one that is killed is followed', async () => {
  const a = contend('a');
  await leads('a 1');
  const b = contend('b');
  await seconds(1);
  a.kill('SIGSTOP');
  await leads('b 1');
  a.kill('SIGCONT');
  await seconds(2);
  b.kill('SIGKILL');
  await leads('a 2');
  expect(terms()).toEqual(['a 1', 'b 1', 'a 2']);
});

test('wall clocks an hour apart, either way, take nothing from a leader that renews', async () => {
  contend('slow', { wallShiftMs: -HOUR_MS });
  await leads('slow 1');
  contend('right');
  contend('fast', { wallShiftMs: HOUR_MS });
  await seconds(15);
  expect(terms()).toEqual(['slow 1']);
});

test('a leader that no longer reaches the API server stops before another begins', async () => {
  const relay = await startRelay(cluster.url);
  contend('cut-off', { url: relay.url });
  await leads('cut-off 1');
  contend('b');
  await seconds(1);
  relay.stall();
  relay.cut({ refuse: true });
  await leads('b 1');
  relay.admit();
  await seconds(2);
  expect(terms()).toEqual(['cut-off 1', 'b 1']);
  await relay.close();
});

test('a Lease that somebody else took by force is not fought over', async () => {
  const stop = new AbortController();
  const led: boolean[] = [];
  const running = elect(
    { client, ...LEASE, identity: 'us', leaseMs: LEASE_MS },
    async (signal) => {
      led.push(true);
      await until(
        () => signal.aborted,
        () => 'still leading',
      );
    },
    stop.signal,
  );
  await until(
    () => led.length === 1,
    () => led,
  );
  const spec = { holderIdentity: 'somebody', leaseDurationSeconds: 3_600 };
  await client.patch(RESOURCES.leases, LEASE, { spec }, { type: 'merge' });
  await seconds(15);
  expect((await client.get(RESOURCES.leases, LEASE))?.spec.holderIdentity).toBe('somebody');
  expect(led).toHaveLength(1);
  stop.abort();
  await running;
});

test('work that fails or ends is begun again by whoever leads next', async () => {
  const stop = new AbortController();
  let runs = 0;
  const running = elect(
    { client, ...LEASE, identity: 'us', leaseMs: LEASE_MS, retryMs: 200 },
    async () => {
      runs++;
      throw new Error('cannot work');
    },
    stop.signal,
  );
  await until(
    () => runs >= 3,
    () => runs,
  );
  stop.abort();
  await running;
  expect((await client.get(RESOURCES.leases, LEASE))?.spec.holderIdentity || '').toBe('');
});
