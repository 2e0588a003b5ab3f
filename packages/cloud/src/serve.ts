// The two long-lived commands, each from configuration to a running program: `serve` (API and dashboard) and `worker`.
import { access } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { openStore, presigner } from '@echoplane/archive';
import {
  aborted,
  announceReady,
  type Logger,
  listenError,
  OperatingError,
  type ProgramContext,
  type Sample,
  systemClock,
} from '@echoplane/runtime';
import type pg from 'pg';
import { AgentBell } from './agent-bell.ts';
import { buildApp } from './app.ts';
import type { ServeConfig, WorkerConfig } from './config.ts';
import { checkPool, openPool } from './db.ts';
import { keepDuties } from './duties.ts';
import { keepLanding } from './landing.ts';
import { PartitionKeeper } from './partitions.ts';
import { Signer } from './signing.ts';
import { tenantDoor } from './tenancy.ts';
import { JobBell, runWorker } from './worker.ts';

const QUERY_TIMEOUT_MS = 15_000;
const INGEST_TIMEOUT_MS = 30_000;
const JOB_TIMEOUT_MS = 600_000;

/** Serves until the signal aborts. */
export async function serve(
  config: ServeConfig,
  log: Logger,
  { signal, stopper }: ProgramContext,
): Promise<void> {
  const dashboardDir = await findDashboard(config.dashboardDir);
  const clock = systemClock();
  const store = (await openStore(config))!;
  const pools = {
    query: openPool(config.databaseUrl, {
      name: 'echoplane-api',
      max: 8,
      statementTimeoutMs: QUERY_TIMEOUT_MS,
      log,
    }),
    ingest: openPool(config.databaseUrl, {
      name: 'echoplane-ingest',
      max: 4,
      statementTimeoutMs: INGEST_TIMEOUT_MS,
      log,
    }),
    agents: openPool(config.databaseUrl, {
      name: 'echoplane-agents',
      max: 4,
      statementTimeoutMs: INGEST_TIMEOUT_MS,
      log,
    }),
    platform: openPool(config.platformDatabaseUrl, {
      name: 'echoplane-platform',
      max: 2,
      statementTimeoutMs: QUERY_TIMEOUT_MS,
      log,
    }),
  };
  for (const [name, pool] of Object.entries(pools)) stopper.add(`${name} pool`, () => pool.end());
  await checkPool(pools.query, config.databaseUrl);
  await checkPool(pools.platform, config.platformDatabaseUrl);
  const partitions = new PartitionKeeper(pools.platform);
  const keeping = partitions.keep(clock, log, signal);
  stopper.add('partitions', () => keeping);
  const bell = new AgentBell({ url: config.databaseUrl, clock, log });
  stopper.add('agent bell', () => bell.close());
  const services = {
    ...{ pool: pools.query, withTenant: tenantDoor(pools.query), withTenantIngest: tenantDoor(pools.ingest) },
    withTenantAgent: tenantDoor(pools.agents),
    ...{ partitions, store, presign: presigner(config), clock, log, bell, signer: new Signer(pools.query) },
  };
  const app = await buildApp({ services, dashboardDir, metrics: () => poolMetrics(pools) });
  stopper.add('server', () => app.close());
  const { port, host } = config;
  await app.listen({ port, host }).catch((err) => {
    throw listenError(err, port, host, 'the control plane');
  });
  announceReady(log, { host, port: (app.server.address() as AddressInfo).port });
  await aborted(signal);
}

/** Does jobs until the signal aborts. */
export async function work(
  config: WorkerConfig,
  log: Logger,
  { signal, stopper }: ProgramContext,
): Promise<void> {
  const clock = systemClock();
  const store = (await openStore(config))!;
  const app = openPool(config.databaseUrl, {
    name: 'echoplane-worker',
    max: 4,
    statementTimeoutMs: JOB_TIMEOUT_MS,
    log,
  });
  stopper.add('app pool', () => app.end());
  const platform = openPool(config.platformDatabaseUrl, {
    name: 'echoplane-claim',
    max: 3,
    statementTimeoutMs: QUERY_TIMEOUT_MS,
    log,
  });
  stopper.add('platform pool', () => platform.end());
  await checkPool(app, config.databaseUrl);
  await checkPool(platform, config.platformDatabaseUrl);
  const keeping = new PartitionKeeper(platform).keep(clock, log, signal);
  stopper.add('partitions', () => keeping);
  const aging = keepDuties({ platform, segmentLostAfterMs: config.segmentLostAfterMs, clock, log }, signal);
  stopper.add('duties', () => aging);
  const bell = new JobBell(config.platformDatabaseUrl);
  stopper.add('job bell', () => bell.close());
  announceReady(log, {});
  const options = { platform, withTenant: tenantDoor(app), store, clock, log };
  if (config.landingPrefix !== undefined) {
    const landing = keepLanding({ ...options, prefix: config.landingPrefix }, signal);
    stopper.add('landing', () => landing);
  }
  await runWorker(options, (ms, stop) => bell.wait(ms, stop, clock), signal);
}

async function findDashboard(folder: string | undefined): Promise<string | undefined> {
  if (folder === undefined) return undefined;
  const path = resolve(folder);
  await access(resolve(path, 'index.html')).catch((cause) => {
    throw new OperatingError(
      'no_dashboard',
      `There is no dashboard in ${path}: build it first, or leave ECHOPLANE_DASHBOARD_DIR out.`,
      { cause },
    );
  });
  return path;
}

async function poolMetrics(pools: Record<string, pg.Pool>): Promise<Sample[]> {
  const tenants = await pools.platform!.query<{ count: number }>(
    'SELECT count(*) AS count FROM platform_tenants()',
  );
  const connections = Object.entries(pools).flatMap(([pool, { totalCount, idleCount, waitingCount }]) => [
    { labels: { pool, state: 'busy' }, value: totalCount - idleCount },
    { labels: { pool, state: 'idle' }, value: idleCount },
    { labels: { pool, state: 'awaited' }, value: waitingCount },
  ]);
  return [
    {
      name: 'echoplane_tenants',
      help: 'Tenants',
      type: 'gauge',
      values: [{ value: tenants.rows[0]!.count }],
    },
    {
      name: 'echoplane_database_connections',
      help: 'Connections by pool',
      type: 'gauge',
      values: connections,
    },
  ];
}
