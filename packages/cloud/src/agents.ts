// Agents of data planes as a resource: they register, they send heartbeats, users see their state. Their stream is
// agent-stream.ts, what they are asked is commands.ts.
import type { AgentRegistration, AgentState, Heartbeat } from '@echoplane/api';
import { seal } from '@echoplane/runtime';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { Admission } from './admission.ts';
import { audit } from './audit.ts';
import type { Db } from './db.ts';
import { mergeDiscoveries } from './discoveries.ts';
import type { Handlers, Services } from './handlers.ts';
import { notFound, ProblemError } from './problems.ts';
import { configEnvelope, readRules, readRulesVersion } from './rules.ts';
import { storedText } from './stored-text.ts';

type Names = 'registerAgent' | 'agentHeartbeat' | 'agents';
type Registration = z.output<typeof AgentRegistration>;

const MAX_AGENTS = 5_000;
const LIST_LIMIT = 1_000;
/** Without a word for this long an agent is away; heartbeats and streams speak at least every half of it. */
export const AWAY_AFTER_US = 60_000_000;

export function agentHandlers(services: Services, admission: Admission): Pick<Handlers, Names> {
  const { withTenant, withTenantAgent, signer, clock } = services;
  return {
    async registerAgent({ body, principal, source, reply }) {
      admit(admission, reply);
      checkSealingKey(body.sealingKey);
      const { id, name, suspended } = principal.tenant;
      const rules = await withTenantAgent(id, async (db) => {
        const news = await register(db, id, body, clock.nowUs());
        if (news) await audit(db, source, { action: 'register-agent', subject: body.agent, detail: news });
        return readRules(db);
      });
      const config = rules && (await configEnvelope(signer, id, rules, clock.nowUs()));
      return { tenant: { id, name }, signingKey: await signer.publicKey(), suspended, config };
    },
    async agentHeartbeat({ body, principal }) {
      const { id, suspended } = principal.tenant;
      const configVersion = await withTenantAgent(id, async (db) => {
        await storeHeartbeat(db, body, clock.nowUs());
        await mergeDiscoveries(db, id, body);
        return readRulesVersion(db);
      });
      return { suspended, configVersion };
    },
    async agents({ principal }) {
      const found = await withTenant(principal.tenant.id, (db) => db.query<AgentRow>(LIST));
      return { items: found.rows.map((row) => stateOf(row, clock.nowUs())) };
    },
  };
}

/** A key nothing can be sealed with would be found out when an erasure needs it. */
function checkSealingKey(key: string): void {
  try {
    seal(key, new Uint8Array());
  } catch {
    throw new ProblemError('invalid_request', 'Correct the fields listed under errors.', [
      { path: 'body.sealingKey', message: 'is not an X25519 public key as SPKI DER in base64' },
    ]);
  }
}

/** Throws 503 with Retry-After when too many come at once. */
export function admit(admission: Admission, reply: FastifyReply): void {
  const seconds = admission.enter();
  if (seconds === null) return;
  reply.header('retry-after', String(seconds));
  throw new ProblemError('unavailable', `Many data planes connect at once; try again in ${seconds} s.`);
}

const UPSERT = `INSERT INTO agents
    (tenant_id, id, kind, name, cluster, version, store_access, sealing_key, registered_at_us, seen_at_us)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
  ON CONFLICT (tenant_id, id) DO UPDATE SET kind = excluded.kind, name = excluded.name, cluster = excluded.cluster,
    version = excluded.version, store_access = excluded.store_access, sealing_key = excluded.sealing_key,
    seen_at_us = excluded.seen_at_us`;
/** Segments it indexed before it registered. Those in the store stay as they are. */
const CLAIM = `UPDATE segments SET store_access = $2
  WHERE agent = $1 AND store_access <> $2 AND NOT shipped AND lost_at_us IS NULL`;

/** What is new about the agent and belongs in the audit log; null when it only came back. */
async function register(
  db: Db,
  tenant: string,
  agent: Registration,
  nowUs: number,
): Promise<Record<string, unknown> | null> {
  const known = await db.query<{ store_access: string; sealing_key: string }>(
    'SELECT store_access, sealing_key FROM agents WHERE id = $1',
    [agent.agent],
  );
  const before = known.rows[0];
  if (!before) await checkRoom(db);
  await db.query(UPSERT, [
    ...[tenant, agent.agent, agent.kind, agent.name, agent.cluster, storedText(agent.version)],
    ...[agent.storeAccess, storedText(agent.sealingKey), nowUs],
  ]);
  if (before?.store_access !== agent.storeAccess) await db.query(CLAIM, [agent.agent, agent.storeAccess]);
  if (before?.store_access === agent.storeAccess && before.sealing_key === agent.sealingKey) return null;
  return { name: agent.name, cluster: agent.cluster, storeAccess: agent.storeAccess };
}

async function checkRoom(db: Db): Promise<void> {
  const { rows } = await db.query<{ n: number }>('SELECT count(*) AS n FROM agents');
  if (rows[0]!.n < MAX_AGENTS) return;
  throw new ProblemError(
    'conflict',
    `This organisation has ${MAX_AGENTS} data planes; those not seen for 30 days make room by themselves.`,
  );
}

const BEAT = 'UPDATE agents SET seen_at_us = $2, version = $3, state = $4 WHERE id = $1';
const ACKNOWLEDGE = `UPDATE commands SET state = 'running' WHERE agent = $1 AND state = 'waiting' AND id = ANY ($2)`;

async function storeHeartbeat(db: Db, beat: z.output<typeof Heartbeat>, nowUs: number): Promise<void> {
  const { agent, version, commands, discoveries: _, ...state } = beat;
  const known = await db.query(BEAT, [agent, nowUs, storedText(version), JSON.stringify(state)]);
  if (known.rowCount === 0) throw notFound('agent');
  if (commands.length > 0) await db.query(ACKNOWLEDGE, [agent, commands]);
}

const LIST = `SELECT id, name, kind, cluster, version, store_access, registered_at_us, seen_at_us, stream, state
  FROM agents ORDER BY cluster, name, id LIMIT ${LIST_LIMIT}`;

type Beat = Pick<
  z.output<typeof AgentState>,
  | 'configVersion'
  | 'configError'
  | 'spoolBytes'
  | 'ringBytes'
  | 'ringFrom'
  | 'lagFrames'
  | 'lagSegments'
  | 'alarms'
>;

interface AgentRow {
  id: string;
  name: string;
  kind: string;
  cluster: string;
  version: string;
  store_access: 'delegated' | 'private';
  registered_at_us: number;
  seen_at_us: number;
  stream: string | null;
  state: Beat | null;
}

const NO_BEAT: Beat = {
  ...{ configVersion: null, configError: null, spoolBytes: 0, ringBytes: 0, ringFrom: null },
  ...{ lagFrames: 0, lagSegments: 0, alarms: 0 },
};

function stateOf(row: AgentRow, nowUs: number): z.input<typeof AgentState> {
  const { store_access: storeAccess, registered_at_us: registeredAt, seen_at_us: seenAt } = row;
  return {
    ...{ id: row.id, name: row.name, kind: row.kind, cluster: row.cluster, version: row.version },
    ...{ storeAccess, registeredAt, seenAt },
    connected: row.stream !== null && seenAt > nowUs - AWAY_AFTER_US,
    ...(row.state ?? NO_BEAT),
  };
}
