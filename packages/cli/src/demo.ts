// `echoplane demo`: the whole way once, on one machine. Records a shop under real traffic, replays it against the same
// build with its dependencies alive and then stopped, and against a build with three seeded faults; shows both reports.
import { readdir } from 'node:fs/promises';
import type { ReportDetail } from '@echoplane/api';
import { OperatingError, systemClock } from '@echoplane/runtime';
import { type DemoReplay, runReplay } from './demo-replay.ts';
import {
  type DemoWorld,
  runClient,
  startDependencies,
  startShop,
  startSidecar,
  stopDependencies,
  tripwire,
} from './demo-services.ts';
import { type Plane, startPlane } from './plane.ts';
import { pollUntil } from './poll.ts';
import { choosePort } from './ports.ts';
import { faultsNotAsSeeded, lastWord, printReport } from './report-text.ts';
import type { Session } from './session.ts';
import { takeSnapshot } from './snapshot.ts';
import { storedSecrets } from './stored-secrets.ts';
import type { Terminal } from './terminal.ts';

export interface DemoOptions {
  /** Verify, remove everything and end, instead of staying up. */
  once: boolean;
  /** The control plane is kept out of the object store. */
  isPrivate: boolean;
  databaseUrl: string | null;
  port: number | null;
}

/** User sessions of the recording: enough for 20 samples of every endpoint and 300 RRPairs in each direction. */
const SESSIONS = 50;
const MIN_PAIRS_EACH_WAY = 300;
const SEGMENT_MAX_AGE_MS = 5_000;
const DEADLINE_MS = 60_000;

/** Runs the demo and gives the exit code: 0 only if every replay came out as it must. */
export async function runDemo(session: Session, options: DemoOptions): Promise<number> {
  const { terminal } = session;
  const databases = databaseNames();
  const plane = await startPlane({
    ...session,
    ...{ databaseUrl: options.databaseUrl, port: options.port, temporary: options.once },
    ...{ extraDatabases: Object.values(databases), segmentMaxAgeMs: SEGMENT_MAX_AGE_MS },
    isPrivate: options.isPrivate,
  });
  const world = await terminal.step('payments and rates', () => startDependencies(session, plane));
  const recordedFrom = systemClock().nowUs();
  await record(world, databases.recorded);
  await drillIn(plane, terminal);
  const snapshot = await snapshotOf(world, recordedFrom);

  const replay = (name: string, rest: Omit<DemoReplay, 'name' | 'snapshot'>) =>
    terminal.step(
      name,
      (note) => runReplay(world, { name, snapshot, ...rest }, note),
      ({ report }) =>
        `${report.verdict}, ${report.counts.passed} of ${report.counts.passed + report.counts.failed} assertions hold`,
    );
  const alive = await replay('replay v1, dependencies alive', {
    build: 'v1',
    database: databases.alive,
    dependencies: 'alive',
  });
  await stopDependencies(world);
  const wire = await tripwire(world);
  const v1 = await replay('replay v1, dependencies stopped', {
    build: 'v1',
    database: databases.v1,
    dependencies: 'stopped',
  });
  const baseline = v1.replay.id;
  const v2 = await replay('replay v2, dependencies stopped', {
    build: 'v2',
    database: databases.v2,
    dependencies: 'stopped',
    baseline,
  });
  const dialled = wire.connections();
  await wire.close();

  for (const detail of [v1, v2]) printReport(terminal, detail);
  const problems = [...notPassed(alive), ...notPassed(v1), ...faultsNotAsSeeded(v2.report)];
  if (dialled > 0)
    problems.push(`${dialled} connections went to the real dependencies while they should have been mocked`);
  problems.push(...withoutVault(v1), ...(await searchStored(session, plane)));
  if (options.isPrivate) problems.push(...(await storedByControlPlane(plane)));
  if (!options.once) invite(session, plane);
  for (const problem of problems) terminal.line(`NOT AS IT MUST BE: ${problem}`);
  terminal.line(lastWord('replay v1', v1.report));
  terminal.line(lastWord('replay v2', v2.report));
  if (!options.once) await session.untilStopped();
  return problems.length === 0 ? 0 : 1;
}

/** Fresh databases for each shop of this run; earlier runs' stay until the home is removed. */
function databaseNames(): Record<'recorded' | 'alive' | 'v1' | 'v2', string> {
  const run = Date.now().toString(36);
  return { recorded: `shop_${run}`, alive: `shop_${run}_alive`, v1: `shop_${run}_v1`, v2: `shop_${run}_v2` };
}

/** Real traffic through the sidecar, both ways, until the books of all hops balance. */
async function record(world: DemoWorld, database: string): Promise<void> {
  const { session, plane } = world;
  const { terminal, supervisor, signal } = session;
  const [shopPort, inPort, outPort] = [
    await choosePort(undefined),
    await choosePort(undefined),
    await choosePort(undefined),
  ];
  const [shop, sidecar] = await terminal.step('shop v1 with its sidecar', async () => {
    const beside = await startSidecar(world, {
      name: 'sidecar',
      mode: 'dual',
      targetPort: shopPort,
      inPort,
      outPort,
    });
    const service = await startShop(world, {
      name: 'shop',
      build: 'v1',
      database,
      port: shopPort,
      proxyPort: outPort,
    });
    return [service, beside] as const;
  });
  const before = await counts(plane);
  await terminal.step(
    'record',
    (note) => runClient(world, inPort, SESSIONS, (n) => note(`${n} of ${SESSIONS} user sessions`)),
    (requests) => `${requests} requests of ${SESSIONS} user sessions`,
  );
  await supervisor.stop(shop);
  await supervisor.stop(sidecar);
  await plane.flush();
  const accounting = await pollUntil(
    () => plane.client.call('accounting', {}),
    (books) => books.balanced,
    { deadlineMs: DEADLINE_MS, what: 'balanced books', signal },
  );
  const after = await counts(plane);
  const [inbound, outbound] = [after.inbound - before.inbound, after.outbound - before.outbound];
  terminal.line(`          ${inbound} inbound and ${outbound} outbound RRPairs; ${accounting.sentence}`);
  if (Math.min(inbound, outbound) < MIN_PAIRS_EACH_WAY) {
    throw new OperatingError(
      'too_few_pairs',
      `The recording holds too few RRPairs: at least ${MIN_PAIRS_EACH_WAY} are due in each direction.`,
    );
  }
}

async function counts(plane: Plane): Promise<{ inbound: number; outbound: number }> {
  const { items } = await plane.client.call('services', {});
  const sum = (key: 'inbound' | 'outbound') => items.reduce((total, item) => total + item[key], 0);
  return { inbound: sum('inbound'), outbound: sum('outbound') };
}

async function snapshotOf({ session, plane }: DemoWorld, from: number): Promise<string> {
  const name = `demo ${new Date().toISOString().slice(0, 16).replace('T', ' ')}`;
  const query = { from, to: systemClock().nowUs() };
  const snapshot = await session.terminal.step(
    'snapshot',
    () => takeSnapshot(plane.client, { name, query }, session.signal),
    ({ manifest }) =>
      `${manifest!.counts.tests} tests, ${manifest!.counts.mocks} mocks, ${manifest!.counts.tokens} tokens`,
  );
  return snapshot.id;
}

/** Headers and body of the newest RRPair. */
async function drillIn(plane: Plane, terminal: Terminal): Promise<void> {
  await terminal.step('drill-in', async () => {
    const { items } = await plane.client.call('traffic', { query: { limit: 1, direction: 'IN' } });
    const { pair } = await plane.client.call('trafficPair', { params: { id: items[0]!.id } });
    if (!pair.request || pair.request.headers.length === 0)
      throw new OperatingError('no_headers', `The RRPair ${pair.id} came without its request.`);
  });
}

/** In private mode, one sentence for what the control plane has in a store of its own: nothing belongs there. */
async function storedByControlPlane({ cloudStoreDir }: Plane): Promise<string[]> {
  const names = await readdir(cloudStoreDir, { recursive: true });
  return names.length === 0 ? [] : [`the control plane stored ${names.length} files although it is kept out`];
}

/** What was recorded and replayed is redacted wherever it lies. */
function searchStored({ terminal, home }: Session, { storeDir }: Plane): Promise<string[]> {
  const folders = [storeDir, home.path('spool')];
  return terminal.step(
    'search of what is stored',
    () => storedSecrets(folders),
    (found) => (found.length === 0 ? 'no secret in clear' : `${found.length} kinds of secrets in clear`),
  );
}

/** The customers' passwords are redacted: they must have come back from the vault, every one. */
function withoutVault({ replay, report }: ReportDetail): string[] {
  const { fromVault = {}, missing = {} } = report.run.credentials ?? {};
  const problems = Object.entries(missing).map(
    ([place, n]) => `${replay.name} sent ${n} tokens as ${place} for which the vault has no value`,
  );
  return fromVault['body.password'] === undefined
    ? [...problems, `${replay.name} had no password from the vault`]
    : problems;
}

function notPassed({ replay, report }: ReportDetail): string[] {
  return report.verdict === 'passed'
    ? []
    : [`${replay.name} must pass, but: ${report.verdict}: ${report.reasons.join('; ')}`];
}

function invite({ terminal, home }: Session, plane: Plane): void {
  terminal.line();
  terminal.line(`  Dashboard  ${plane.url}`);
  terminal.line(`  Sign in    ${plane.userEmail}  ${plane.userPassword}`);
  terminal.line(`  Home       ${home.dir} (kept; Ctrl-C ends everything)`);
  terminal.line();
}
