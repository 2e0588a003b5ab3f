// `cloud init`: roles, schema, partitions, the first tenant, its first admin and, when asked, keys. It runs before every
// start and by several replicas at once, so it takes a lock and changes only what is missing.
import { type Clock, newId, newSigningKey, OperatingError, type Secret } from '@echoplane/runtime';
import type { InitConfig } from './config.ts';
import { digest, hashPassword, newApiKey } from './credentials.ts';
import { connectOnce, type Db } from './db.ts';
import { migrate } from './migrate.ts';
import { daysAround } from './partitions.ts';
import { ensureRoles } from './roles.ts';

const INIT_LOCK = 'SELECT pg_advisory_lock(7246921, 1)';

/** Keys are there only when they were made now. */
export interface InitResult {
  tenant: string;
  agentKey: string | null;
  apiKey: string | null;
}

export async function runInit(config: InitConfig, clock: Clock): Promise<InitResult> {
  if (!/^[^\s@]+@[^\s@]+$/.test(config.userEmail)) {
    throw new OperatingError('bad_email', `${config.userEmail} is not an e-mail address.`);
  }
  const db = await connectOnce(config.ownerDatabaseUrl, 'echoplane-init');
  try {
    await db.query(INIT_LOCK);
    await ensureRoles(db, { app: config.appPassword, platform: config.platformPassword });
    await migrate(db).catch(explainDenied);
    await ensureSigningKey(db);
    const tenant = await ensureTenant(db, config.tenantName, clock);
    await ensureAdmin(db, tenant, config, clock);
    await db.query('SELECT make_partitions($1, $2)', daysAround(clock.nowUs()));
    await ensureKey(db, { tenant, name: 'data plane', role: 'agent' }, config.agentKey);
    await ensureKey(db, { tenant, name: 'command line', role: 'editor' }, config.apiKey);
    const mint = (name: string, role: string) =>
      config.createKeys ? mintKey(db, { tenant, name, role }, clock) : null;
    return {
      tenant,
      agentKey: await mint('data plane', 'agent'),
      apiKey: await mint('command line', 'editor'),
    };
  } finally {
    await db.end();
  }
}

function explainDenied(err: Error & { code?: string }): never {
  if (err.code !== '42501') throw err;
  throw new OperatingError(
    'may_not_migrate',
    `The owner's role may not change the schema (${err.message}); it must own the database or have CREATE on it.`,
    { cause: err },
  );
}

/** What commands and rules are signed with; agents pin it, so the one that is there stays. */
async function ensureSigningKey(db: Db): Promise<void> {
  const known = await db.query('SELECT 1 FROM signing_keys');
  if (known.rowCount !== 0) return;
  const { key, pem } = newSigningKey();
  await db.query('INSERT INTO signing_keys (id, private_key, public_key) VALUES ($1, $2, $3)', [
    ...[key.id, pem, key.publicKey],
  ]);
}

async function ensureTenant(db: Db, name: string, clock: Clock): Promise<string> {
  await db.query('INSERT INTO tenants (id, name) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING', [
    newId(clock.nowUs()),
    name,
  ]);
  const found = await db.query<{ id: string }>('SELECT id FROM tenants WHERE name = $1', [name]);
  return found.rows[0]!.id;
}

/** A user who is there keeps the password: it may have been changed since. */
async function ensureAdmin(db: Db, tenant: string, config: InitConfig, clock: Clock): Promise<void> {
  const email = config.userEmail.toLowerCase();
  const known = await db.query('SELECT 1 FROM users WHERE email = $1', [email]);
  if (known.rowCount === 0) {
    const passwordHash = await hashPassword(config.userPassword.reveal());
    await db.query('INSERT INTO users (id, email, password_hash) VALUES ($1, $2, $3)', [
      newId(clock.nowUs()),
      email,
      passwordHash,
    ]);
  }
  await db.query(
    `INSERT INTO memberships (tenant_id, user_id, role) SELECT $1, id, 'admin' FROM users WHERE email = $2
     ON CONFLICT DO NOTHING`,
    [tenant, email],
  );
}

/** Makes a given key known; one that is known, also as revoked, stays as it is. Throws when it is another organisation's. */
async function ensureKey(
  db: Db,
  { tenant, name, role }: { tenant: string; name: string; role: string },
  given: Secret | undefined,
): Promise<void> {
  if (!given) return;
  const key = given.reveal();
  const { rows } = await db.query<{ tenant_id: string }>(
    'SELECT tenant_id FROM api_keys WHERE key_hash = $1',
    [digest(key)],
  );
  if (rows[0] && rows[0].tenant_id !== tenant)
    throw new OperatingError(
      'key_taken',
      `The key for ${role} belongs to another organisation; make a new one.`,
    );
  if (rows[0]) return;
  await db.query(
    'INSERT INTO api_keys (id, tenant_id, name, role, prefix, key_hash) VALUES (gen_random_uuid(), $1, $2, $3, $4, $5)',
    [tenant, name, role, key.slice(3, 11), digest(key)],
  );
}

/** Makes a key of a tenant and returns it; only its digest is kept. */
export async function mintKey(
  db: Db,
  owner: { tenant: string; name: string; role: string },
  clock: Clock,
): Promise<string> {
  const { key, prefix, hash } = newApiKey();
  await db.query(
    'INSERT INTO api_keys (id, tenant_id, name, role, prefix, key_hash) VALUES ($1, $2, $3, $4, $5, $6)',
    [newId(clock.nowUs()), owner.tenant, owner.name, owner.role, prefix, hash],
  );
  return key;
}
