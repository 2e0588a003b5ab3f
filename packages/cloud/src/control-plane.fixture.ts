// A control plane for integration tests: real Postgres, initialised by `cloud init` as an owner who is no superuser, two
// tenants with keys of every role, a folder store, the app without a socket.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Role } from '@echoplane/api';
import {
  folderStore,
  loadConfig,
  type ObjectStore,
  Secret,
  silentLogger,
  systemClock,
} from '@echoplane/runtime';
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { startPostgres, type TestPostgres } from '../../../test/postgres.ts';
import { AgentBell } from './agent-bell.ts';
import { buildApp } from './app.ts';
import { InitConfig } from './config.ts';
import { connectOnce, openPool } from './db.ts';
import type { Services } from './handlers.ts';
import { mintKey, runInit } from './init.ts';
import { PartitionKeeper } from './partitions.ts';
import { APP_ROLE, PLATFORM_ROLE } from './roles.ts';
import { Signer } from './signing.ts';
import { tenantDoor, type WithTenant } from './tenancy.ts';

export const OWNER = 'echoplane_owner';
export const PASSWORD = 'a-test-password';
export const ROLES: readonly Role[] = ['viewer', 'editor', 'admin', 'agent'];
export const clock = systemClock();
export const log = silentLogger();

export interface TestTenant {
  id: string;
  email: string;
  keys: Record<Role, string>;
}

export interface ControlPlane {
  postgres: TestPostgres;
  database: string;
  appUrl: Secret;
  platformUrl: Secret;
  pool: pg.Pool;
  platform: pg.Pool;
  withTenant: WithTenant;
  store: ObjectStore;
  services: Services;
  app: FastifyInstance;
  ann: TestTenant;
  bob: TestTenant;
  stop(): Promise<void>;
}

/** Environment of `cloud init` for one tenant. */
export function initEnv(
  url: string,
  name: string,
  extra: Record<string, string> = {},
): Record<string, string> {
  return {
    ECHOPLANE_OWNER_DATABASE_URL: url,
    ECHOPLANE_APP_PASSWORD: PASSWORD,
    ECHOPLANE_PLATFORM_PASSWORD: PASSWORD,
    ECHOPLANE_TENANT_NAME: name,
    ECHOPLANE_USER_EMAIL: `${name}@example.org`,
    ECHOPLANE_USER_PASSWORD: PASSWORD,
    ...extra,
  };
}

/** An empty database owned by a role that may create roles and is no superuser. */
export async function emptyDatabase(postgres: TestPostgres): Promise<{ database: string; ownerUrl: string }> {
  const found = await postgres.asSuperuser('postgres', 'SELECT FROM pg_roles WHERE rolname = $1', [OWNER]);
  if (found.rowCount === 0) {
    await postgres.asSuperuser('postgres', `CREATE ROLE ${OWNER} LOGIN CREATEROLE PASSWORD '${PASSWORD}'`);
  }
  const database = await postgres.createDatabase({ owner: OWNER });
  return { database, ownerUrl: postgres.url(database, OWNER, PASSWORD) };
}

async function makeTenant(ownerUrl: string, name: string): Promise<TestTenant> {
  const env = initEnv(ownerUrl, name);
  const { tenant } = await runInit(loadConfig(InitConfig, env), clock);
  const db = await connectOnce(new Secret(ownerUrl), 'fixture');
  const keys: Partial<Record<Role, string>> = {};
  for (const role of ROLES) keys[role] = await mintKey(db, { tenant, name: role, role }, clock);
  await db.end();
  return { id: tenant, email: env.ECHOPLANE_USER_EMAIL!, keys: keys as Record<Role, string> };
}

export interface Replica {
  app: FastifyInstance;
  services: Services;
  /** Where it listens. */
  origin: string;
  stop(): Promise<void>;
}

/** Another replica of `cloud serve` on the same database, with pools and a socket of its own. */
export async function startReplica(
  plane: ControlPlane,
  agents?: Parameters<typeof buildApp>[0]['agents'],
): Promise<Replica> {
  const pool = openPool(plane.appUrl, { name: 'test-replica', max: 6, statementTimeoutMs: 30_000, log });
  const withTenant = tenantDoor(pool);
  const bell = new AgentBell({ url: plane.appUrl, clock, log });
  const services: Services = {
    ...{ ...plane.services, pool, withTenant, withTenantIngest: withTenant, withTenantAgent: withTenant },
    ...{ bell, signer: new Signer(pool) },
  };
  const app = await buildApp({ services, metrics: async () => [], ...(agents ? { agents } : {}) });
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  const stop = async () => {
    await app.close();
    await bell.close();
    await pool.end();
  };
  return { app, services, origin, stop };
}

export async function startControlPlane(): Promise<ControlPlane> {
  const postgres = await startPostgres();
  const folder = await mkdtemp(join(tmpdir(), 'store-'));
  const { database, ownerUrl } = await emptyDatabase(postgres);
  const ann = await makeTenant(ownerUrl, 'ann');
  const bob = await makeTenant(ownerUrl, 'bob');
  const appUrl = new Secret(postgres.url(database, APP_ROLE, PASSWORD));
  const platformUrl = new Secret(postgres.url(database, PLATFORM_ROLE, PASSWORD));
  const pool = openPool(appUrl, { name: 'test-app', max: 6, statementTimeoutMs: 30_000, log });
  const platform = openPool(platformUrl, { name: 'test-platform', max: 3, statementTimeoutMs: 30_000, log });
  const withTenant = tenantDoor(pool);
  const store = await folderStore(folder);
  const partitions = new PartitionKeeper(platform);
  const services: Services = {
    pool,
    withTenant,
    withTenantIngest: withTenant,
    withTenantAgent: withTenant,
    partitions,
    store,
    presign: null,
    bell: new AgentBell({ url: appUrl, clock, log }),
    signer: new Signer(pool),
    clock,
    log,
  };
  const app = await buildApp({ services, metrics: async () => [] });
  const stop = async () => {
    await app.close();
    await services.bell.close();
    await Promise.all([pool.end(), platform.end()]);
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return {
    ...{
      postgres,
      database,
      appUrl,
      platformUrl,
      pool,
      platform,
      withTenant,
      store,
      services,
      app,
      ann,
      bob,
      stop,
    },
  };
}
