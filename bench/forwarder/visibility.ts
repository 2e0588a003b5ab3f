// How soon a pair is in the index: a real Postgres, the real control plane, the real forwarder, 2,000 pairs a second; and
// what the index says against what was sent, with the forwarder killed once in the middle.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres } from '../../test/postgres.ts';
import { announced, LOAD_CORE, start, stopAll } from '../sidecar/processes.ts';
import { type Load, runLoad, startForwarder } from './cost.ts';
import { quantileOf } from './figures.ts';

export interface Visibility {
  sent: number;
  indexed: number;
  p50S: number;
  p95S: number;
  maxS: number;
  unaccounted: number;
}

const RATE = 2_000;
const POLL_MS = 100;
const SETTLE_MS = 60_000;
const CLOUD = join(import.meta.dirname, '../../packages/cloud/src/main.ts');
const PASSWORD = 'bench-password';

export async function measureVisibility(
  options: Pick<Load, 'seconds' | 'bundle' | 'profileFolder'>,
): Promise<Visibility> {
  const folder = await mkdtemp(join(tmpdir(), 'echoplane-bench-'));
  const postgres = await startPostgres();
  try {
    await postgres.asSuperuser('postgres', `CREATE ROLE bench_owner LOGIN CREATEROLE PASSWORD '${PASSWORD}'`);
    const database = await postgres.createDatabase({ owner: 'bench_owner' });
    const url = (user: string) => postgres.url(database, user, PASSWORD);
    const { tenant, agentKey } = await initialise(url('bench_owner'));
    const store = join(folder, 'store');
    const cloud = start(LOAD_CORE, [process.execPath, CLOUD, 'serve'], {
      ECHOPLANE_DATABASE_URL: url('echoplane_app'),
      ECHOPLANE_PLATFORM_DATABASE_URL: url('echoplane_platform'),
      ...{ ECHOPLANE_STORE_DIR: store, ECHOPLANE_PORT: '0' },
    });
    const { port: cloudPort } = await announced<{ port: number }>(cloud, 'port');
    const dirs = { spool: join(folder, 'spool'), store };
    const { port } = await startForwarder(dirs, `http://127.0.0.1:${cloudPort}`, options, agentKey);
    const ages: number[] = [];
    const watch = watchIndex((sql, values) => postgres.asSuperuser(database, sql, values), tenant, ages);
    const load = { bodyBytes: 1_024, seconds: options.seconds, rate: RATE, secrets: false };
    const { acknowledged: sent } = await runLoad(port, load);
    const indexed = await watch.until(sent);
    const q = (share: number) => Math.round(quantileOf(ages, share) * 100) / 100;
    return { sent, indexed, p50S: q(0.5), p95S: q(0.95), maxS: q(1), unaccounted: sent - indexed };
  } finally {
    await stopAll();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function initialise(ownerUrl: string): Promise<{ tenant: string; agentKey: string }> {
  const init = start(LOAD_CORE, [process.execPath, CLOUD, 'init'], {
    ...{ ECHOPLANE_OWNER_DATABASE_URL: ownerUrl, ECHOPLANE_APP_PASSWORD: PASSWORD },
    ...{
      ECHOPLANE_PLATFORM_PASSWORD: PASSWORD,
      ECHOPLANE_TENANT_NAME: 'bench',
      ECHOPLANE_USER_EMAIL: 'bench@example.org',
    },
    ...{ ECHOPLANE_USER_PASSWORD: PASSWORD, ECHOPLANE_CREATE_KEYS: 'true' },
  });
  return announced(init, 'agentKey');
}

type Query = (sql: string, values?: unknown[]) => Promise<{ rows: Record<string, unknown>[] }>;

/** Looks every 100 ms what came new and how old it is; an age is at most 100 ms too large. */
function watchIndex(query: Query, tenant: string, ages: number[]) {
  let last = 0;
  let indexed = 0;
  const look = async () => {
    const { rows } = await query(
      'SELECT ts_us, ingest_seq FROM echoplane.rrpairs WHERE tenant_id = $1 AND ingest_seq > $2',
      [tenant, last],
    );
    const nowUs = Date.now() * 1000;
    for (const row of rows) {
      last = Math.max(last, Number(row.ingest_seq));
      ages.push((nowUs - Number(row.ts_us)) / 1e6);
    }
    const counted = await query('SELECT count(*)::int AS n FROM echoplane.rrpairs WHERE tenant_id = $1', [
      tenant,
    ]);
    indexed = Number(counted.rows[0]!.n);
  };
  let stopped = false;
  const watching = (async () => {
    while (!stopped) {
      await look();
      await sleep(POLL_MS);
    }
  })();
  return {
    /** Waits until that many are there, or a minute; the number. */
    async until(expected: number): Promise<number> {
      const deadline = performance.now() + SETTLE_MS;
      while (indexed < expected && performance.now() < deadline) await sleep(POLL_MS);
      stopped = true;
      await watching;
      return indexed;
    },
  };
}
