// `cloud tenant suspend|resume NAME`: the platform stops and starts what an organisation's data planes hand over. Their
// streams say so at once, and the organisation's own audit log keeps it.
import { type Clock, newId, OperatingError, silentLogger } from '@echoplane/runtime';
import type { TenantConfig } from './config.ts';
import { checkPool, openPool } from './db.ts';

const TIMEOUT_MS = 15_000;

/** Throws OperatingError when there is no tenant of that name. */
export async function setSuspended(
  { platformDatabaseUrl: url }: TenantConfig,
  change: { name: string; suspend: boolean },
  clock: Clock,
): Promise<void> {
  const options = { name: 'echoplane-tenant', max: 1, statementTimeoutMs: TIMEOUT_MS, log: silentLogger() };
  const pool = openPool(url, options);
  try {
    await checkPool(pool, url);
    const now = clock.nowUs();
    const { rows } = await pool.query<{ done: boolean }>(
      'SELECT platform_suspend_tenant($1, $2, $3, $4) AS done',
      [...[change.name, change.suspend, newId(now), now]],
    );
    if (!rows[0]!.done)
      throw new OperatingError('no_such_tenant', `There is no tenant ${change.name}; check its name.`);
  } finally {
    await pool.end();
  }
}
