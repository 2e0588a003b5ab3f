import { Secret, silentLogger } from '@echoplane/runtime';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startPostgres, type TestPostgres } from '../../../test/postgres.ts';
import { type Db, isUnavailable, openPool } from './db.ts';
import { tenantDoor } from './tenancy.ts';

const TENANT = '0190a0a0-0000-7000-8000-000000000001';
let postgres: TestPostgres;
let pool: pg.Pool;

beforeAll(async () => {
  postgres = await startPostgres();
  const options = { name: 'test', max: 1, statementTimeoutMs: 30_000, log: silentLogger() };
  pool = openPool(new Secret(postgres.url('postgres')), options);
});
afterAll(async () => {
  await pool?.end();
  await postgres?.stop();
});

/** Ends the server's side of a connection, as a database that goes away does. */
async function breakConnection(db: Db): Promise<void> {
  const { rows } = await db.query('SELECT pg_backend_pid() AS pid');
  const gone = new Promise<void>((resolve) => db.once('end', resolve));
  await postgres.asSuperuser('postgres', 'SELECT pg_terminate_backend($1)', [rows[0].pid]);
  await gone;
}

describe('a connection that breaks in the middle of a transaction', () => {
  test('fails that transaction as unavailable, not the process, and the next one gets another', async () => {
    const withTenant = tenantDoor(pool);
    const failure = await withTenant(TENANT, async (db) => {
      await breakConnection(db);
      await db.query('SELECT 1');
    }).catch((err) => err);
    expect(failure).toBeInstanceOf(Error);
    expect(isUnavailable(failure), String(failure)).toBe(true);
    const { rows } = await withTenant(TENANT, (db) => db.query('SELECT 1 AS one'));
    expect(rows).toEqual([{ one: 1 }]);
  });

  test('fails a statement that is running as unavailable', async () => {
    const failure = await tenantDoor(pool)(TENANT, async (db) => {
      const { rows } = await db.query('SELECT pg_backend_pid() AS pid');
      const end = () => postgres.asSuperuser('postgres', 'SELECT pg_terminate_backend($1)', [rows[0].pid]);
      // Both are over before the server is stopped, whichever is first.
      const [slept] = await Promise.allSettled([db.query('SELECT pg_sleep(60)'), end()]);
      if (slept.status === 'rejected') throw slept.reason;
    }).catch((err) => err);
    expect(isUnavailable(failure), String(failure)).toBe(true);
  });
});
