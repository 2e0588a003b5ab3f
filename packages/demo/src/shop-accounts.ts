// Owns who the customer is: registration, login (a signed token), the check of that token, the profile.
// Must not know carts or orders. A password is kept only as a salted scrypt hash.
import { randomBytes, randomUUID, scrypt, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { jwtVerify, SignJWT } from 'jose';
import type pg from 'pg';
import { z } from 'zod';
import { Problem, parseInput } from './service.ts';
import type { ShopFaults } from './shop-faults.ts';

const TOKEN_LIFE_S = 3_600;
// A demo logs in dozens of users a second on a laptop: N = 1024 costs about 3 ms, a real shop takes 2^17.
const SCRYPT = { N: 1_024, r: 8, p: 1 };

const email = z.email().max(200).toLowerCase();
const registration = z.object({
  email,
  password: z.string().min(8).max(200),
  name: z.string().trim().min(1).max(100),
});
const credentials = z.object({ email, password: z.string().max(200) });

/** A customer as the API shows it. */
export type Profile = { id: string; email: string; name: string; createdAt: Date };

/** Finds the customer behind a request's bearer token, or throws a 401 Problem. */
export type Authenticate = (request: FastifyRequest) => Promise<Profile>;

type Needs = { db: pg.Pool; jwtSecret: string; faults: ShopFaults };

const PROFILE = 'id, email, name, created_at as "createdAt"';

/** Adds `POST /register`, `POST /login` and `GET /me`; returns the check for all other routes. */
export function accountRoutes(app: FastifyInstance, { db, jwtSecret, faults }: Needs): Authenticate {
  const key = new TextEncoder().encode(jwtSecret);
  const authenticate: Authenticate = async (request) => {
    const id = await subjectOf(request.headers.authorization, key);
    const { rows } = await db.query<Profile>(`select ${PROFILE} from users where id = $1`, [id]);
    return rows[0] ?? unauthorized();
  };

  app.post('/register', async (request, reply) => {
    const { email, password, name } = parseInput(registration, request.body);
    const { rows } = await db.query<Profile>(
      `insert into users (email, name, password_hash) values ($1, $2, $3)
       on conflict (email) do nothing returning ${PROFILE}`,
      [email, name, await hashPassword(password)],
    );
    if (!rows[0])
      throw new Problem(409, 'email_taken', 'There is already an account with this e-mail address');
    return reply.code(201).send(rows[0]);
  });

  app.post('/login', async (request, reply) => {
    const { email, password } = parseInput(credentials, request.body);
    const { rows } = await db.query<{ id: string; hash: string }>(
      'select id, password_hash as hash from users where email = $1',
      [email],
    );
    const user = rows[0];
    if (!user || !(await isPassword(password, user.hash))) {
      throw new Problem(401, 'wrong_credentials', 'The e-mail address or the password is wrong');
    }
    // The cookie only tells one browser from another; what a customer may do hangs on the bearer token.
    const browser = randomBytes(18).toString('base64url');
    reply.header('set-cookie', `shop_session=${browser}; HttpOnly; Path=/`);
    return signToken({ id: user.id, email }, key);
  });

  app.get('/me', async (request) => {
    const profile = await authenticate(request);
    await faults.beforeProfile();
    return profile;
  });
  return authenticate;
}

async function signToken(user: { id: string; email: string }, key: Uint8Array) {
  const issuedAt = Math.floor(Date.now() / 1_000);
  const expiresAt = issuedAt + TOKEN_LIFE_S;
  const token = await new SignJWT({ email: user.email })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(user.id)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .setJti(randomUUID())
    .sign(key);
  return { token, expiresAt: new Date(expiresAt * 1_000).toISOString() };
}

async function subjectOf(authorization: string | undefined, key: Uint8Array): Promise<string> {
  const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1];
  if (token === undefined) return unauthorized();
  try {
    const { payload } = await jwtVerify(token, key, { algorithms: ['HS256'] });
    return payload.sub ?? unauthorized();
  } catch {
    return unauthorized();
  }
}

function unauthorized(): never {
  throw new Problem(401, 'unauthorized', 'Log in and send the token as a Bearer credential');
}

async function hashPassword(password: string, salt = randomBytes(16)): Promise<string> {
  const hash = await new Promise<Buffer>((resolve, reject) =>
    scrypt(password, salt, 32, SCRYPT, (error, derived) => (error ? reject(error) : resolve(derived))),
  );
  return `${salt.toString('base64url')}.${hash.toString('base64url')}`;
}

async function isPassword(password: string, stored: string): Promise<boolean> {
  const salt = Buffer.from(stored.split('.')[0] ?? '', 'base64url');
  return timingSafeEqual(Buffer.from(await hashPassword(password, salt)), Buffer.from(stored));
}
