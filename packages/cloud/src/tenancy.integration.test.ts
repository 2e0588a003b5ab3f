import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlPlane, clock, startControlPlane } from './control-plane.fixture.ts';
import type { Db } from './db.ts';
import { dayOf } from './partitions.ts';
import { tenancyOffences } from './tenancy-walk.fixture.ts';
import { makePair, makeSegment } from './traffic.fixture.ts';

let plane: ControlPlane;

beforeAll(async () => {
  plane = await startControlPlane();
  const now = clock.nowUs();
  await plane.services.partitions.ensure(30, [now]);
  for (const tenant of [plane.ann, plane.bob]) {
    const { batches } = makeSegment(tenant.id, [makePair({ ts: now, tags: { colour: 'blue' } })]);
    const response = await plane.app.inject({
      ...{ method: 'POST', url: '/v1/ingest/index', payload: batches[0]! },
      headers: { authorization: `Bearer ${tenant.keys.agent}` },
    });
    expect(response.statusCode, response.body).toBe(200);
  }
});
afterAll(() => plane?.stop());

/** Runs as the app, without a tenant, in a transaction that is rolled back. */
async function asApp<T>(work: (db: pg.PoolClient) => Promise<T>): Promise<T> {
  const db = await plane.pool.connect();
  try {
    await db.query('BEGIN');
    return await work(db);
  } finally {
    await db.query('ROLLBACK');
    db.release();
  }
}

describe('the catalogue', () => {
  test('every table is forced under the one policy, or on the no-tenant list; partitions too', async () => {
    expect(await tenancyOffences(plane.postgres, plane.database)).toEqual([]);
    const leaves = await plane.postgres.asSuperuser(
      plane.database,
      "SELECT relname FROM pg_class WHERE relname ~ '^rrpairs_30_[0-9]{8}$' AND relkind = 'r'",
    );
    expect(leaves.rowCount).toBeGreaterThanOrEqual(4);
  });

  const today = dayOf(clock.nowUs()).replaceAll('-', '');
  test.each([
    ['DROP POLICY tenant_isolation ON echoplane.jobs', 'jobs: 0 policies instead of one'],
    ['ALTER TABLE echoplane.audit NO FORCE ROW LEVEL SECURITY', 'audit: row-level security is not forced'],
    [
      'ALTER TABLE echoplane.rollups DISABLE ROW LEVEL SECURITY',
      'rollups: row-level security is not enabled',
    ],
    [
      'ALTER POLICY tenant_isolation ON echoplane.replays USING (true)',
      'replays: the policy is not tenant_isolation as written',
    ],
    [
      `GRANT SELECT ON echoplane.rrpairs_30_${today} TO echoplane_app`,
      `rrpairs_30_${today}: the app has privileges on a partition`,
    ],
    [
      `DROP POLICY tenant_isolation ON echoplane.rrpairs_30_${today}`,
      `rrpairs_30_${today}: 0 policies instead of one`,
    ],
    ['GRANT DELETE ON echoplane.audit TO echoplane_app', 'audit: the app may delete'],
    [
      'GRANT SELECT ON echoplane.users TO echoplane_app',
      'users: the app has privileges on a table of the no-tenant list',
    ],
    ['CREATE INDEX stray ON echoplane.hosts (name)', 'hosts: echoplane.stray does not start with tenant_id'],
    ['CREATE TABLE echoplane.forgotten (tenant_id uuid)', 'forgotten: row-level security is not enabled'],
    [
      'GRANT EXECUTE ON FUNCTION echoplane.platform_claim_job TO echoplane_app',
      'platform_claim_job() may be run by echoplane_app,echoplane_platform',
    ],
    ['ALTER FUNCTION echoplane.auth_user RESET search_path', 'auth_user() does not pin its search_path'],
  ])('the walk names what %s breaks', async (damage, offence) => {
    await plane.pool.query('SELECT 1');
    const scratch = await cloneOfDatabase();
    await plane.postgres.asSuperuser(scratch, damage);
    expect(await tenancyOffences(plane.postgres, scratch)).toContain(offence);
    await plane.postgres.asSuperuser('postgres', `DROP DATABASE "${scratch}"`);
  });
});

/** A copy of the schema in a database of its own: the live one has connections, so a quiet copy is the template. */
let quiet: string | null = null;
async function cloneOfDatabase(): Promise<string> {
  if (!quiet) {
    await plane.postgres.asSuperuser(
      'postgres',
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${plane.database}'`,
    );
    quiet = await plane.postgres.createDatabase({ template: plane.database });
  }
  return plane.postgres.createDatabase({ template: quiet });
}

describe('the app', () => {
  const READABLE = [
    'services',
    'rrpairs',
    'rrpair_tags',
    'rollups',
    'segments',
    'segment_frames',
    'jobs',
    'audit',
    'agents',
    'commands',
    'rules',
    'discoveries',
  ];

  test.each(READABLE)('sees no row of %s without a tenant', async (table) => {
    const found = await asApp((db) => db.query(`SELECT 1 FROM ${table}`));
    expect(found.rowCount).toBe(0);
  });

  test('sees its tenant only, and that ends with the transaction', async () => {
    const read = async (db: Db) =>
      (await db.query<{ tenant_id: string }>('SELECT tenant_id FROM rrpairs')).rows;
    expect(await plane.withTenant(plane.ann.id, read)).toEqual([{ tenant_id: plane.ann.id }]);
    expect(await plane.withTenant(plane.bob.id, read)).toEqual([{ tenant_id: plane.bob.id }]);
    const setting = await plane.pool.query("SELECT current_setting('app.tenant_id', true) AS tenant");
    expect(setting.rows[0].tenant || null).toBeNull();
  });

  test('writes nothing for another tenant, neither new nor changed', async () => {
    const foreign = plane.withTenant(plane.ann.id, (db) =>
      db.query('INSERT INTO hosts (tenant_id, name) VALUES ($1, $2)', [plane.bob.id, 'stolen']),
    );
    await expect(foreign).rejects.toThrow(/row-level security/);
    const changed = await plane.withTenant(plane.ann.id, (db) =>
      db.query('UPDATE segments SET shipped = false WHERE tenant_id = $1', [plane.bob.id]),
    );
    expect(changed.rowCount).toBe(0);
    const moved = plane.withTenant(plane.ann.id, (db) =>
      db.query('UPDATE segments SET tenant_id = $1', [plane.bob.id]),
    );
    await expect(moved).rejects.toThrow(/row-level security/);
  });

  test('reads no partition directly, whatever tenant is set', async () => {
    const leaf = `rrpairs_30_${dayOf(clock.nowUs()).replaceAll('-', '')}`;
    for (const table of ['rrpairs_30', leaf]) {
      const read = plane.withTenant(plane.ann.id, (db) => db.query(`SELECT 1 FROM ${table}`));
      await expect(read).rejects.toThrow(/permission denied/);
    }
  });

  test.each([
    'SET ROLE echoplane_owner',
    'SET ROLE echoplane_platform',
    'SET ROLE postgres',
    'SET SESSION AUTHORIZATION postgres',
    'ALTER ROLE echoplane_app BYPASSRLS',
    'ALTER TABLE rrpairs DISABLE ROW LEVEL SECURITY',
    'ALTER TABLE rrpairs NO FORCE ROW LEVEL SECURITY',
    'DROP POLICY tenant_isolation ON rrpairs',
    'CREATE POLICY everyone ON rrpairs USING (true)',
    'CREATE TABLE mine (a int)',
    'CREATE TEMPORARY TABLE tenants (a int)',
    'CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
    'DROP TABLE jobs',
    'TRUNCATE rrpairs',
    'SELECT * FROM users',
    'SELECT * FROM api_keys',
    'SELECT * FROM sessions',
    'SELECT * FROM tenants',
    'SELECT * FROM signing_keys',
    "SELECT platform_suspend_tenant('ann', true, gen_random_uuid(), 0)",
    'SELECT * FROM platform_age(0, 0)',
    'SELECT platform_end_replays(0)',
    "UPDATE rules SET version = 'x'",
    'DELETE FROM commands',
    'SELECT * FROM platform_claim_job()',
    'SELECT * FROM platform_tenants()',
    "SELECT isolate('users')",
  ])('may not %s', async (sql) => {
    await expect(asApp((db) => db.query(sql))).rejects.toThrow(
      /permission denied|must be (owner|superuser)|not allowed/,
    );
  });

  test('gains nothing by RESET ROLE or by switching row security off', async () => {
    const rows = await asApp(async (db) => {
      await db.query('RESET ROLE');
      return db.query('SELECT 1 FROM rrpairs');
    });
    expect(rows.rowCount).toBe(0);
    const off = asApp(async (db) => {
      await db.query('SET LOCAL row_security = off');
      return db.query('SELECT 1 FROM rrpairs');
    });
    await expect(off).rejects.toThrow(/row-level security/);
  });

  test.each(['UPDATE audit SET actor = $1', 'DELETE FROM audit WHERE actor = $1'])(
    'may not %s',
    async (sql) => {
      const change = plane.withTenant(plane.ann.id, (db) => db.query(sql, ['nobody']));
      await expect(change).rejects.toThrow(/permission denied/);
    },
  );
});

test('the owner is bound by the policies too', async () => {
  const seen = await plane.postgres.asSuperuser(
    plane.database,
    'SET ROLE echoplane_owner; SELECT 1 FROM echoplane.rrpairs',
  );
  expect((seen as unknown as pg.QueryResult[])[1]!.rowCount).toBe(0);
});

test('the platform role reads no table and claims through its functions', async () => {
  for (const table of ['rrpairs', 'jobs', 'tenants']) {
    await expect(plane.platform.query(`SELECT 1 FROM ${table}`)).rejects.toThrow(/permission denied/);
  }
  expect((await plane.platform.query('SELECT id FROM platform_tenants()')).rowCount).toBe(2);
});

describe('the partition maker', () => {
  test('is not for the app', async () => {
    await expect(plane.pool.query('SELECT make_partitions(current_date, current_date)')).rejects.toThrow(
      /permission denied/,
    );
  });

  test('refuses days further away than 40', async () => {
    await expect(plane.platform.query("SELECT make_partitions('2001-01-01', '2001-01-02')")).rejects.toThrow(
      /40 days/,
    );
    await expect(
      plane.platform.query('SELECT make_partitions(current_date, current_date + 41)'),
    ).rejects.toThrow(/40 days/);
  });

  test('makes each day once', async () => {
    const make = () =>
      plane.platform.query('SELECT make_partitions(current_date + 9, current_date + 9) AS made');
    expect((await make()).rows[0].made).toBe(2);
    expect((await make()).rows[0].made).toBe(0);
    expect(await tenancyOffences(plane.postgres, plane.database)).toEqual([]);
  });
});

test('a transaction that fails leaves nothing and gives its connection back clean', async () => {
  const failing = plane.withTenant(plane.ann.id, async (db) => {
    await db.query('INSERT INTO hosts (tenant_id, name) VALUES ($1, $2)', [plane.ann.id, 'undone']);
    throw new Error('on purpose');
  });
  await expect(failing).rejects.toThrow('on purpose');
  const left = await plane.withTenant(plane.ann.id, (db) =>
    db.query("SELECT 1 FROM hosts WHERE name = 'undone'"),
  );
  expect(left.rowCount).toBe(0);
});
