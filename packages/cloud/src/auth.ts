// Who is calling and what they may do. Two ways in: the session cookie of the dashboard, and a Bearer API key. Both end
// in a Principal, which carries the one tenant it works for. Order of checks: 401, then 403, then everything else.
import type { Access, Role, RouteSpec } from '@echoplane/api';
import type { FastifyRequest } from 'fastify';
import type pg from 'pg';
import { csrfTokenOf, digest, isApiKey, isSessionToken, sameText } from './credentials.ts';
import { ProblemError } from './problems.ts';

export const SESSION_COOKIE = 'echoplane_session';
export const SESSION_SECONDS = 12 * 3600;
export const CSRF_HEADER = 'x-csrf-token';

export interface Principal {
  tenant: { id: string; name: string; retentionDays: number; suspended: boolean };
  role: Role;
  user: { id: string; email: string } | null;
  /** For the audit log: `user:ann@example.org`, `key:1f2e3d4c`. */
  actor: string;
  /** Token of the session; null for keys, which need no CSRF token. */
  sessionToken: string | null;
}

const RANK: Record<Exclude<Role, 'agent'>, number> = { viewer: 1, editor: 2, admin: 3 };

/** Whether a role may use a route: viewer < editor < admin; data-plane routes are for agents and admins, some others too. */
export function mayUse(role: Role, access: Access, agents = false): boolean {
  if (access === 'public' || (agents && role === 'agent')) return true;
  if (access === 'agent') return role === 'agent' || role === 'admin';
  return role !== 'agent' && RANK[role] >= RANK[access];
}

/** Throws 401 without a valid credential, 403 when the role does not suffice or the CSRF token is missing. */
export async function authorize(
  pool: pg.Pool,
  request: FastifyRequest,
  { access, agents }: Pick<RouteSpec, 'access' | 'agents'>,
): Promise<Principal> {
  const principal = await authenticate(pool, request);
  if (!principal) throw new ProblemError('unauthenticated', 'Sign in, or send an API key as a Bearer token.');
  if (!mayUse(principal.role, access, agents)) {
    throw new ProblemError('forbidden', `This needs the role ${access}; yours is ${principal.role}.`);
  }
  // A data plane's routes change things even by GET: a stream that is opened ends the one before.
  const isHarmless = request.method === 'GET' && access !== 'agent';
  if (principal.sessionToken && !isHarmless) {
    const sent = request.headers[CSRF_HEADER];
    if (typeof sent !== 'string' || !sameText(sent, csrfTokenOf(principal.sessionToken))) {
      throw new ProblemError('csrf_failed', `Send the csrfToken of /v1/me as ${CSRF_HEADER}.`);
    }
  }
  return principal;
}

async function authenticate(pool: pg.Pool, request: FastifyRequest): Promise<Principal | null> {
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    const key = /^Bearer (\S+)$/i.exec(authorization)?.[1];
    return key && isApiKey(key) ? byApiKey(pool, key) : null;
  }
  const token = request.cookies[SESSION_COOKIE];
  return token && isSessionToken(token) ? bySession(pool, token) : null;
}

interface TenantColumns {
  tenant_id: string;
  tenant_name: string;
  retention_days: number;
  suspended: boolean;
  role: Role;
}

const tenantOf = (row: TenantColumns) => ({
  id: row.tenant_id,
  name: row.tenant_name,
  retentionDays: row.retention_days,
  suspended: row.suspended,
});

async function byApiKey(pool: pg.Pool, key: string): Promise<Principal | null> {
  const sql = 'SELECT prefix, tenant_id, tenant_name, retention_days, suspended, role FROM auth_api_key($1)';
  const row = (await pool.query<TenantColumns & { prefix: string }>(sql, [digest(key)])).rows[0];
  if (!row) return null;
  return {
    tenant: tenantOf(row),
    role: row.role,
    user: null,
    actor: `key:${row.prefix}`,
    sessionToken: null,
  };
}

async function bySession(pool: pg.Pool, token: string): Promise<Principal | null> {
  const sql =
    'SELECT user_id, email, tenant_id, tenant_name, retention_days, suspended, role FROM auth_session($1)';
  const found = await pool.query<TenantColumns & { user_id: string; email: string }>(sql, [digest(token)]);
  const row = found.rows[0];
  if (!row) return null;
  const user = { id: row.user_id, email: row.email };
  return { tenant: tenantOf(row), role: row.role, user, actor: `user:${user.email}`, sessionToken: token };
}
