// The rules of a tenant's data planes: every version is kept, the last one holds. Replacing them names the version one
// has read, so that two admins do not undo each other, and reaches every agent's stream at once.
import type { Envelope, Rules } from '@echoplane/api';
import { checkRules, type RulesDocument, RulesError } from '@echoplane/rules';
import type { z } from 'zod';
import { bellKey, ringBell } from './agent-bell.ts';
import { audit } from './audit.ts';
import type { Db } from './db.ts';
import type { Handlers, Services } from './handlers.ts';
import { ProblemError } from './problems.ts';
import type { Signer } from './signing.ts';

/** An agent that gets it later than this gets it anew. */
const CONFIG_LIFE_US = 3_600_000_000;
const LAST = `SELECT version, seq, document, created_at_us FROM rules ORDER BY seq DESC LIMIT 1`;
const LAST_VERSION = 'SELECT version FROM rules ORDER BY seq DESC LIMIT 1';
const ADD = `INSERT INTO rules (tenant_id, version, seq, document, created_at_us) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT DO NOTHING`;

export interface StoredRules {
  version: string;
  seq: number;
  document: unknown;
  created_at_us: number;
}

/** The rules that hold; null when the tenant wrote none. */
export async function readRules(db: Db): Promise<StoredRules | null> {
  return (await db.query<StoredRules>(LAST)).rows[0] ?? null;
}

/** Only their version: heartbeats ask for it all the time. */
export async function readRulesVersion(db: Db): Promise<string | null> {
  return (await db.query<{ version: string }>(LAST_VERSION)).rows[0]?.version ?? null;
}

/** The rules as an order to every agent of the tenant. */
export function configEnvelope(
  signer: Signer,
  tenant: string,
  { version, document }: { version: string; document: unknown },
  nowUs: number,
): Promise<Envelope> {
  const config = { version, rules: document };
  return signer.sign({ tenant, issuedAt: nowUs, expiresAt: nowUs + CONFIG_LIFE_US, config });
}

export function rulesHandlers({ withTenant, clock }: Services): Pick<Handlers, 'rules' | 'putRules'> {
  return {
    async rules({ principal }) {
      return answerOf(await withTenant(principal.tenant.id, readRules));
    },
    async putRules({ body, principal, source }) {
      const tenant = principal.tenant.id;
      const document = readDocument(body.rules);
      return withTenant(tenant, async (db) => {
        const before = await readRules(db);
        if ((before?.version ?? null) !== body.replaces) throw replacedMeanwhile(before);
        const stored = {
          version: document.version,
          seq: (before?.seq ?? 0) + 1,
          created_at_us: clock.nowUs(),
        };
        const added = await db.query(ADD, [
          ...[tenant, stored.version, stored.seq, JSON.stringify(document), stored.created_at_us],
        ]);
        if (added.rowCount === 0) throw await whyNotAdded(db, document.version);
        const detail = { version: stored.version, replaces: body.replaces };
        await audit(db, source, { action: 'put-rules', subject: stored.version, detail });
        await ringBell(db, bellKey.config(tenant));
        return answerOf({ ...stored, document });
      });
    },
  };
}

/** What passes can be put in force: expressions and patterns are compiled, too. */
function readDocument(rules: unknown): RulesDocument {
  try {
    return checkRules(rules);
  } catch (err) {
    if (!(err instanceof RulesError)) throw err;
    const errors = err.problems.map(({ path, message }) => ({
      path: path ? `body.rules.${path}` : 'body.rules',
      message,
    }));
    throw new ProblemError('invalid_request', 'Correct the fields listed under errors.', errors);
  }
}

function replacedMeanwhile(now: StoredRules | null): ProblemError {
  const version = now ? `of version ${now.version}` : 'the default ones';
  return new ProblemError('conflict', `The rules are ${version} by now; read them and try again.`);
}

async function whyNotAdded(db: Db, version: string): Promise<ProblemError> {
  const used = await db.query('SELECT 1 FROM rules WHERE version = $1', [version]);
  if (used.rowCount === 0) return replacedMeanwhile(await readRules(db));
  return new ProblemError(
    'conflict',
    `There were rules of version ${version} before; records name it, so give these a new one.`,
  );
}

function answerOf(rules: StoredRules | null): z.input<typeof Rules> {
  if (!rules) return { version: null, rules: null, updatedAt: null };
  return { version: rules.version, rules: rules.document, updatedAt: rules.created_at_us };
}
