// What data planes are asked: the `commands` table as everybody who asks sees it. A command waits until its agent
// acknowledges it, runs until there is an outcome, and expires when that does not come in time; a late outcome still counts.
//
//   waiting ─▶ running ─▶ succeeded | failed
//       └─────────┴─▶ expired ─▶ succeeded | failed
import type {
  ClusterCommandBody,
  ClusterCommandKind,
  Command,
  CommandBody,
  CommandKind,
} from '@echoplane/api';
import { compileExpression } from '@echoplane/rules';
import { type Clock, newId, OperatingError } from '@echoplane/runtime';
import { bellKey, ringBell } from './agent-bell.ts';
import { audit } from './audit.ts';
import type { Db } from './db.ts';
import { checkedFilter } from './filter-text.ts';
import type { Handlers, Services } from './handlers.ts';
import { notFound, ProblemError } from './problems.ts';

const SECOND_US = 1_000_000;
/** How long each may take, from asking to its outcome. */
const LIFE_US: Record<CommandKind | ClusterCommandKind, number> = {
  'fetch-pair': 10 * SECOND_US,
  flush: 120 * SECOND_US,
  recall: 600 * SECOND_US,
  'make-snapshot': 3_600 * SECOND_US,
  'edit-snapshot': 3_600 * SECOND_US,
  'make-report': 3_600 * SECOND_US,
  search: 3_600 * SECOND_US,
  erase: 72 * 3_600 * SECOND_US,
  'list-workloads': 60 * SECOND_US,
  inject: 120 * SECOND_US,
  remove: 120 * SECOND_US,
  'start-replay': 120 * SECOND_US,
  'cancel-replay': 120 * SECOND_US,
  logs: 60 * SECOND_US,
  diagnose: 120 * SECOND_US,
};
/** Those of a forwarder; all others are an inspector's. */
const FORWARDER_KINDS = new Set<string>(['recall', 'flush']);
/** Commands of one agent without an outcome: as many as a heartbeat can list. */
const MAX_OPEN = 1_000;
const MAX_BODY_BYTES = 1 << 20;

const INSERT = `INSERT INTO commands (tenant_id, id, agent, kind, body, created_at_us, expires_at_us)
  VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant_id, id) DO NOTHING`;
const OPEN = `SELECT count(*) AS n FROM commands WHERE agent = $1 AND state IN ('waiting', 'running')`;
const SELECT = `SELECT id, agent, kind, state, progress, message, created_at_us, finished_at_us, result
  FROM commands WHERE id = $1`;

/**
 * Asks an agent of the tenant, in the caller's transaction; it must be known. `id`: the same one asks once, however often
 * it is used. Returns the command's id. Throws OperatingError when the agent has too much to do, or the body is over 1 MiB.
 */
export async function enqueueCommand(
  db: Db,
  command: { tenant: string; agent: string; body: CommandBody | ClusterCommandBody; id?: string },
  clock: Clock,
): Promise<string> {
  const { tenant, agent } = command;
  const { kind } = command.body;
  const body = JSON.stringify(command.body);
  if (Buffer.byteLength(body) > MAX_BODY_BYTES) {
    throw new OperatingError('command_too_large', 'This is more than one command can carry; narrow it.');
  }
  if ((await db.query<{ n: number }>(OPEN, [agent])).rows[0]!.n >= MAX_OPEN) {
    throw new OperatingError(
      'agent_busy',
      'The data plane has too much to do; try again when some of it is done.',
    );
  }
  const now = clock.nowUs();
  const id = command.id ?? newId(now);
  await db.query(INSERT, [tenant, id, agent, kind, body, now, now + LIFE_US[kind]]);
  await ringBell(db, bellKey.command(tenant, agent));
  return id;
}

export function commandHandlers({
  withTenant,
  clock,
}: Services): Pick<Handlers, 'createCommand' | 'command'> {
  return {
    async createCommand({ body: { agent, body }, principal, source }) {
      const tenant = principal.tenant.id;
      if (body.kind === 'recall' && body.filter !== undefined)
        checkedFilter(compileExpression, body.filter, 'body.body.filter');
      return withTenant(tenant, async (db) => {
        const known = await db.query<{ kind: string }>('SELECT kind FROM agents WHERE id = $1', [agent]);
        if (!known.rows[0]) throw notFound('agent');
        checkKind(body.kind, known.rows[0].kind);
        if (body.kind === 'recall' && body.from >= body.to) {
          throw new ProblemError('invalid_request', 'Correct the fields listed under errors.', [
            { path: 'body.body.to', message: 'is not after from' },
          ]);
        }
        const id = await enqueueCommand(db, { tenant, agent, body }, clock);
        await audit(db, source, { action: 'create-command', subject: id, detail: { agent, body } });
        return (await readCommand(db, id))!;
      });
    },
    async command({ params, principal }) {
      const found = await withTenant(principal.tenant.id, (db) => readCommand(db, params.id));
      if (!found) throw notFound('command');
      return found;
    },
  };
}

/** A forwarder does not change workloads, and an inspector holds no traffic. */
function checkKind(command: string, agent: string): void {
  const wanted = FORWARDER_KINDS.has(command) ? 'forwarder' : 'inspector';
  if (agent === wanted) return;
  throw new ProblemError('invalid_request', 'Correct the fields listed under errors.', [
    { path: 'body.agent', message: `is a ${agent}; ${command} is for an agent of the kind ${wanted}` },
  ]);
}

type CommandRow = Omit<Command, 'createdAt' | 'finishedAt'> & {
  created_at_us: number;
  finished_at_us: number | null;
};

/** A command of the tenant with its result; null when there is none. */
export async function readCommand(db: Db, id: string): Promise<Command | null> {
  const row = (await db.query<CommandRow>(SELECT, [id])).rows[0];
  if (!row) return null;
  const { created_at_us: createdAt, finished_at_us: finishedAt, ...command } = row;
  return { ...command, createdAt, finishedAt };
}
