// Connections to Postgres: pools that survive a server restart, numbers that stay numbers, and connection failures as
// sentences that name host, database and user, never the password. It knows no table.
import { type Logger, OperatingError, type Secret } from '@echoplane/runtime';
import pg from 'pg';

export type Db = pg.ClientBase;

export interface PoolOptions {
  /** Shown in pg_stat_activity. */
  name: string;
  max: number;
  statementTimeoutMs: number;
  log: Logger;
}

const INT8 = 20;
/** Everything counted here stays below 2^53: µs since the epoch, bytes, pairs. */
const types = {
  getTypeParser: ((oid: number, format?: 'text') =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

function clientConfig(url: Secret, name: string, statementTimeoutMs: number): pg.ClientConfig {
  return {
    connectionString: url.reveal(),
    application_name: name,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    types,
    options: `-c search_path=echoplane,pg_catalog -c statement_timeout=${statementTimeoutMs} -c timezone=UTC`,
  };
}

/** A pool whose connections, idle or in use, may break without taking the process with them. */
export function openPool(url: Secret, options: PoolOptions): pg.Pool {
  const { name, max, statementTimeoutMs, log } = options;
  const pool = new pg.Pool({
    ...clientConfig(url, name, statementTimeoutMs),
    max,
    idleTimeoutMillis: 30_000,
  });
  pool.on('error', (err) => log.warn({ err, pool: name }, 'an idle database connection broke'));
  // One in use tells its user by the statement that fails; without a listener its error would end the process.
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/** One connection of its own, for LISTEN and for migrations. Throws OperatingError. */
export async function connectOnce(url: Secret, name: string): Promise<pg.Client> {
  const client = new pg.Client(clientConfig(url, name, 0));
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (err) {
    throw connectionError(err, url);
  }
  return client;
}

/**
 * Fails with one sentence when the pool cannot be used as the role it is meant for: unreachable, not initialised, or a
 * role that row-level security does not bind.
 */
export async function checkPool(pool: pg.Pool, url: Secret): Promise<void> {
  const sql = `SELECT rolsuper OR rolbypassrls AS unbound, to_regclass('echoplane.tenants') IS NOT NULL AS ready
    FROM pg_roles WHERE rolname = current_user`;
  const row = await pool.query(sql).then(
    (result) => result.rows[0] as { unbound: boolean; ready: boolean },
    (err) => {
      throw connectionError(err, url);
    },
  );
  const { database, user } = partsOf(url);
  if (row.unbound) {
    throw new OperatingError(
      'role_unbound',
      `The role ${user} is not bound by row-level security; connect as the role that "cloud init" made.`,
    );
  }
  if (!row.ready) {
    throw new OperatingError(
      'not_initialised',
      `The database ${database} has no Echoplane schema yet; run "cloud init".`,
    );
  }
}

/** Whether an error says that the database is away or too busy, as opposed to refusing a statement. */
export function isUnavailable(err: unknown): boolean {
  const { code, message } = err as { code?: string; message?: string };
  if (code && /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|ETIMEDOUT|EPIPE|57P0[123]|08\d{3}|53300)$/.test(code))
    return true;
  return /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|timeout expired)/.test(
    message ?? '',
  );
}

/** The sentence for a connection that could not be made. */
export function connectionError(cause: unknown, url: Secret): OperatingError {
  const { host, database, user } = partsOf(url);
  const code = (cause as { code?: string }).code ?? '';
  const sentences: Record<string, string> = {
    ECONNREFUSED: `No Postgres answers at ${host}; start it or correct the database URL.`,
    ENOTFOUND: `The host of ${host} is not known; correct the database URL.`,
    '28P01': `Postgres at ${host} refuses the password of ${user}; correct the database URL.`,
    '28000': `Postgres at ${host} does not let ${user} in; correct the database URL or pg_hba.conf.`,
    '3D000': `Postgres at ${host} has no database ${database}; create it or correct the database URL.`,
    '53300': `Postgres at ${host} has no connection left; raise max_connections.`,
    '57P03': `Postgres at ${host} is still starting; try again in a moment.`,
  };
  const sentence =
    sentences[code] ?? `Postgres at ${host} cannot be used: ${(cause as Error).message || code}.`;
  return new OperatingError('database_unreachable', sentence, { cause });
}

function partsOf(url: Secret): { host: string; database: string; user: string } {
  const parsed = new URL(url.reveal());
  const host = parsed.hostname ? `${parsed.hostname}:${parsed.port || '5432'}` : 'the local socket';
  return {
    host,
    database: decodeURIComponent(parsed.pathname.slice(1)) || 'postgres',
    user: decodeURIComponent(parsed.username) || 'the default user',
  };
}
