// The only door to a tenant's rows. Row-level security does the separating; this sets whose rows they are, for one
// transaction, and nothing else in the program may.
import type pg from 'pg';
import type { Db } from './db.ts';

/** Runs `work` in a transaction that sees and writes only the rows of `tenant`; rolls back when it throws. */
export type WithTenant = <T>(tenant: string, work: (db: Db) => Promise<T>) => Promise<T>;

export function tenantDoor(pool: pg.Pool): WithTenant {
  return async (tenant, work) => {
    const client = await pool.connect();
    let broken: Error | undefined;
    try {
      await client.query('BEGIN');
      await client.query("SELECT set_config('app.tenant_id', $1, true)", [tenant]);
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    } catch (err) {
      // A connection that cannot even roll back is not given to the next tenant.
      await client.query('ROLLBACK').catch((rollback: Error) => (broken = rollback));
      throw err;
    } finally {
      client.release(broken);
    }
  };
}
