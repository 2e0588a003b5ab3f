// Walks the catalogue of a database and names everything that would let one tenant see another's rows. The tests run it
// on a sound database, and on damaged ones to show that it looks.
import type { TestPostgres } from '../../../test/postgres.ts';
import { APP_ROLE, PLATFORM_ROLE } from './roles.ts';

/** The written list: tables without row-level security, which no program's role may touch. */
export const NO_TENANT_TABLES = [
  ...[
    'api_keys',
    'landed_objects',
    'landing_cursors',
    'memberships',
    'schema_migrations',
    'sessions',
    'sign_in_attempts',
    'signing_keys',
    'releases',
    'tenants',
    'users',
  ],
];

/** The written list: functions with the owner's rights, and who may run them. */
export const DEFINER_FUNCTIONS: Record<string, string[]> = {
  auth_api_key: [APP_ROLE],
  auth_begin_attempt: [APP_ROLE],
  auth_clear_attempts: [APP_ROLE],
  auth_end_session: [APP_ROLE],
  auth_releases: [APP_ROLE],
  auth_session: [APP_ROLE],
  auth_signing_key: [APP_ROLE],
  auth_start_session: [APP_ROLE],
  auth_suspended: [APP_ROLE],
  auth_user: [APP_ROLE],
  make_partitions: [PLATFORM_ROLE],
  platform_age: [PLATFORM_ROLE],
  platform_claim_job: [PLATFORM_ROLE],
  platform_end_replays: [PLATFORM_ROLE],
  platform_suspend_tenant: [PLATFORM_ROLE],
  platform_landing_cursor: [PLATFORM_ROLE],
  platform_move_landing_cursor: [PLATFORM_ROLE],
  platform_new_landings: [PLATFORM_ROLE],
  platform_note_landing: [PLATFORM_ROLE],
  platform_set_release: [PLATFORM_ROLE],
  platform_tenants: [PLATFORM_ROLE],
};

const CONDITION = "(tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)";

const TABLES = `SELECT c.relname AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced, c.relispartition AS partition,
    has_table_privilege('${APP_ROLE}', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') AS app,
    has_table_privilege('${APP_ROLE}', c.oid, 'DELETE, TRUNCATE, REFERENCES, TRIGGER') AS app_destroys,
    has_table_privilege('${PLATFORM_ROLE}', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') AS platform,
    (SELECT coalesce(jsonb_agg(to_jsonb(p)), '[]') FROM pg_policies p WHERE p.schemaname = 'echoplane' AND p.tablename = c.relname) AS policies,
    (SELECT coalesce(array_agg(i.indexrelid::regclass::text), '{}') FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
      WHERE i.indrelid = c.oid AND a.attname <> 'tenant_id') AS stray_indexes
  FROM pg_class c WHERE c.relnamespace = 'echoplane'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1`;
const OTHERS = `SELECT relname AS name FROM pg_class WHERE relnamespace = 'echoplane'::regnamespace AND relkind IN ('v', 'm', 'f')`;
const FUNCTIONS = `SELECT p.proname AS name, p.prosecdef AS definer, coalesce(p.proconfig, '{}') AS config,
    (SELECT array_agg(r.rolname::text ORDER BY r.rolname) FROM pg_roles r
      WHERE r.rolname IN ('${APP_ROLE}', '${PLATFORM_ROLE}') AND has_function_privilege(r.oid, p.oid, 'EXECUTE')) AS callers
  FROM pg_proc p WHERE p.pronamespace = 'echoplane'::regnamespace ORDER BY 1`;

interface TableRow {
  name: string;
  enabled: boolean;
  forced: boolean;
  partition: boolean;
  app: boolean;
  app_destroys: boolean;
  platform: boolean;
  policies: {
    policyname: string;
    permissive: string;
    roles: string[];
    cmd: string;
    qual: string;
    with_check: string;
  }[];
  stray_indexes: string[];
}

/** One sentence for each offence; none is what we want. */
export async function tenancyOffences(postgres: TestPostgres, database: string): Promise<string[]> {
  const tables = (await postgres.asSuperuser(database, TABLES)).rows as TableRow[];
  const others = (await postgres.asSuperuser(database, OTHERS)).rows as { name: string }[];
  const functions = (await postgres.asSuperuser(database, FUNCTIONS)).rows as FunctionRow[];
  const unlisted = NO_TENANT_TABLES.filter((name) => !tables.some((table) => table.name === name));
  return [
    ...unlisted.map((name) => `${name} is on the no-tenant list and does not exist`),
    ...others.map(({ name }) => `${name} is a view, which would run with its owner's rights`),
    ...tables.flatMap(tableOffences),
    ...functions.flatMap(functionOffences),
  ];
}

function tableOffences(table: TableRow): string[] {
  const { name } = table;
  const offences: string[] = [];
  if (table.platform) offences.push(`${name}: the platform role has privileges on it`);
  if (NO_TENANT_TABLES.includes(name)) {
    if (table.app) offences.push(`${name}: the app has privileges on a table of the no-tenant list`);
    return offences;
  }
  if (!table.enabled) offences.push(`${name}: row-level security is not enabled`);
  if (!table.forced) offences.push(`${name}: row-level security is not forced`);
  if (table.app_destroys) offences.push(`${name}: the app may delete`);
  if (table.partition && table.app) offences.push(`${name}: the app has privileges on a partition`);
  const [policy, ...more] = table.policies;
  if (!policy || more.length > 0) offences.push(`${name}: ${table.policies.length} policies instead of one`);
  else if (
    policy.policyname !== 'tenant_isolation' ||
    policy.permissive !== 'PERMISSIVE' ||
    policy.cmd !== 'ALL' ||
    policy.roles.join() !== 'public' ||
    policy.qual !== CONDITION ||
    policy.with_check !== CONDITION
  ) {
    offences.push(`${name}: the policy is not tenant_isolation as written`);
  }
  return [
    ...offences,
    ...table.stray_indexes.map((index) => `${name}: ${index} does not start with tenant_id`),
  ];
}

interface FunctionRow {
  name: string;
  definer: boolean;
  config: string[];
  callers: string[] | null;
}

function functionOffences({ name, definer, config, callers }: FunctionRow): string[] {
  const listed = DEFINER_FUNCTIONS[name];
  const offences: string[] = [];
  if (definer && !listed) offences.push(`${name}() runs with the owner's rights and is not on the list`);
  if (definer && !config.includes('search_path=pg_catalog, echoplane, pg_temp'))
    offences.push(`${name}() does not pin its search_path`);
  if ((callers ?? []).join() !== (listed ?? []).join())
    offences.push(`${name}() may be run by ${callers?.join() || 'nobody'}`);
  return offences;
}
