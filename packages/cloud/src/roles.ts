// The two login roles of the programs. They own nothing and row-level security binds them; who connects here owns the
// schema. Passwords reach the server as parameters and are quoted there, so that no SQL text holds one.
import { OperatingError, type Secret } from '@echoplane/runtime';
import type { Db } from './db.ts';

export const APP_ROLE = 'echoplane_app';
export const PLATFORM_ROLE = 'echoplane_platform';

const ENSURE = `DO $do$
DECLARE
  name text := current_setting('echoplane.role');
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
    EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOINHERIT', name);
  END IF;
  EXECUTE format('ALTER ROLE %I PASSWORD %L', name, current_setting('echoplane.password'));
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
END $do$`;

/** Temporary tables could stand in for ours in a careless function, and a role without DDL needs none. */
const CLOSE_DATABASE = `DO $do$ BEGIN
  EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END $do$`;

const INSPECT = `SELECT rolname AS name FROM pg_roles
  WHERE rolname = ANY ($1) AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR NOT rolcanlogin
    OR pg_has_role(oid, current_user, 'MEMBER'))`;

/** Makes both roles when they are missing, sets their passwords, and refuses roles that could step around the policies. */
export async function ensureRoles(db: Db, passwords: { app: Secret; platform: Secret }): Promise<void> {
  try {
    for (const [role, password] of [
      [APP_ROLE, passwords.app],
      [PLATFORM_ROLE, passwords.platform],
    ] as const) {
      await db.query('BEGIN');
      await db.query(
        "SELECT set_config('echoplane.role', $1, true), set_config('echoplane.password', $2, true)",
        [role, password.reveal()],
      );
      await db.query(ENSURE);
      await db.query('COMMIT');
    }
    await db.query(CLOSE_DATABASE);
  } catch (err) {
    await db.query('ROLLBACK').catch(() => {});
    throw (err as { code?: string }).code === '42501' ? notAllowed(err as Error) : err;
  }
  const loose = await db.query<{ name: string }>(INSPECT, [[APP_ROLE, PLATFORM_ROLE]]);
  if (loose.rows.length > 0) {
    const names = loose.rows.map((row) => row.name).join(' and ');
    throw new OperatingError(
      'role_too_strong',
      `The existing role ${names} has attributes or memberships that row-level security does not bind; drop it, "cloud init" makes it anew.`,
    );
  }
}

function notAllowed(cause: Error): OperatingError {
  return new OperatingError(
    'may_not_create_roles',
    `The owner's role may not create or change ${APP_ROLE} and ${PLATFORM_ROLE} (${cause.message}); give it CREATEROLE, and ADMIN on them when someone else made them.`,
    { cause },
  );
}
