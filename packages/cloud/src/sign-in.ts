// Sessions of the dashboard: sign in, sign out, who am I. A refusal says the same and takes the same time whether the
// e-mail exists or not. Ten of them for an e-mail from one address, and a hundred from one address, are enough for a
// quarter of an hour.
import type { Me } from '@echoplane/api';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { audit } from './audit.ts';
import { SESSION_COOKIE, SESSION_SECONDS } from './auth.ts';
import { csrfTokenOf, digest, newSessionToken, passwordMatches } from './credentials.ts';
import type { Handlers, Services } from './handlers.ts';
import { ProblemError } from './problems.ts';

interface UserRow {
  user_id: string;
  email: string;
  password_hash: string;
  tenant_id: string;
  tenant_name: string;
  role: Me['role'];
}

export function signInHandlers(services: Services): Pick<Handlers, 'signIn' | 'signOut' | 'me'> {
  return {
    async signIn({ body, request, reply }) {
      const user = await checkPassword(services, body, request.ip);
      const token = newSessionToken();
      await services.pool.query('SELECT auth_start_session($1, $2, $3, $4)', [
        ...[digest(token), user.user_id, user.tenant_id, SESSION_SECONDS],
      ]);
      const source = {
        ...{ tenant: user.tenant_id, actor: `user:${user.email}`, clock: services.clock },
        ...{ address: request.ip, requestId: request.id },
      };
      await services.withTenant(user.tenant_id, (db) =>
        audit(db, source, { action: 'sign-in', subject: user.user_id }),
      );
      setCookie(request, reply, token);
      return {
        user: { id: user.user_id, email: user.email },
        tenant: { id: user.tenant_id, name: user.tenant_name },
        role: user.role,
        csrfToken: csrfTokenOf(token),
      };
    },
    async signOut({ principal, source, reply }) {
      if (principal.sessionToken) {
        await services.pool.query('SELECT auth_end_session($1)', [digest(principal.sessionToken)]);
        const entry = { action: 'sign-out', subject: principal.user!.id };
        await services.withTenant(principal.tenant.id, (db) => audit(db, source, entry));
      }
      reply.clearCookie(SESSION_COOKIE, { path: '/' });
    },
    async me({ principal }) {
      return {
        user: principal.user,
        tenant: { id: principal.tenant.id, name: principal.tenant.name },
        role: principal.role,
        csrfToken: principal.sessionToken && csrfTokenOf(principal.sessionToken),
      };
    },
  };
}

async function checkPassword(
  { pool }: Services,
  { email, password }: { email: string; password: string },
  address: string,
): Promise<UserRow> {
  const who = [digest(address), digest(`${address} ${email.toLowerCase()}`)];
  const begun = await pool.query<{ allowed: boolean }>('SELECT auth_begin_attempt($1, $2) AS allowed', who);
  if (!begun.rows[0]!.allowed) {
    throw new ProblemError('too_many_attempts', 'Wait a quarter of an hour before the next attempt.');
  }
  const sql = 'SELECT user_id, email, password_hash, tenant_id, tenant_name, role FROM auth_user($1)';
  const user = (await pool.query<UserRow>(sql, [email])).rows[0];
  if (!(await passwordMatches(user?.password_hash ?? null, password)) || !user) {
    throw new ProblemError('wrong_credentials', 'Check the e-mail and the password.');
  }
  await pool.query('SELECT auth_clear_attempts($1, $2)', who);
  return user;
}

/** `Secure` whenever the browser came by https, also when a proxy in front ended it. */
function setCookie(request: FastifyRequest, reply: FastifyReply, token: string): void {
  const secure = request.protocol === 'https' || request.headers['x-forwarded-proto'] === 'https';
  reply.setCookie(SESSION_COOKIE, token, {
    path: '/',
    httpOnly: true,
    sameSite: 'lax',
    secure,
    maxAge: SESSION_SECONDS,
  });
}
