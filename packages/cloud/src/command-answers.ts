// What agents say about the commands they were given: how far they are, how they ended, and the rows they work on. All
// of it may come any number of times; the first outcome holds, also when it comes after the command expired.
import {
  type ClusterCommandKind,
  ClusterCommandResults,
  type CommandBody,
  type CommandKind,
  CommandResults,
} from '@echoplane/api';
import type { TrafficQuery } from '@echoplane/traffic';
import { bellKey, ringBell } from './agent-bell.ts';
import type { Db } from './db.ts';
import type { Handlers, Services } from './handlers.ts';
import { JOB_CHANNEL } from './jobs.ts';
import { invalid, notFound, ProblemError } from './problems.ts';
import { storedText } from './stored-text.ts';
import { type PositionKey, positionsPageStatement } from './traffic-sql.ts';

type Names = 'commandPositions' | 'commandProgress' | 'commandOutcome';

type AnyKind = CommandKind | ClusterCommandKind;
const RESULTS = { ...CommandResults, ...ClusterCommandResults };

const PAGE_ROWS = 5_000;
const PROGRESS = `UPDATE commands SET state = 'running', progress = $2, message = $3
  WHERE id = $1 AND state IN ('waiting', 'running')`;
const FINISH = `UPDATE commands SET state = $2, message = $3, result = $4, finished_at_us = $5,
    progress = CASE WHEN $2 = 'succeeded' THEN 1 ELSE progress END
  WHERE id = $1 AND state IN ('waiting', 'running', 'expired')`;

export function commandAnswerHandlers({ withTenantAgent, clock }: Services): Pick<Handlers, Names> {
  return {
    commandPositions: ({ params, query, principal }) =>
      withTenantAgent(principal.tenant.id, async (db) => {
        const { rows } = await db.query<{ body: CommandBody }>('SELECT body FROM commands WHERE id = $1', [
          params.id,
        ]);
        if (!rows[0]) throw notFound('command');
        return readPositions(db, selectionOf(rows[0].body), query.after);
      }),
    async commandProgress({ params, body, principal }) {
      await withTenantAgent(principal.tenant.id, async (db) => {
        const changed = await db.query(PROGRESS, [params.id, body.share, storedText(body.message)]);
        if (changed.rowCount === 0) await kindOf(db, params.id);
      });
    },
    async commandOutcome({ params, body, principal }) {
      const tenant = principal.tenant.id;
      await withTenantAgent(tenant, async (db) => {
        const kind = await kindOf(db, params.id);
        const result = body.state === 'succeeded' ? checkResult(kind, body.result) : null;
        const message = body.message === null ? null : storedText(body.message);
        const values = [params.id, body.state, message, result, clock.nowUs()];
        const changed = await db.query(FINISH, values);
        if (changed.rowCount === 0) return;
        await ringBell(db, bellKey.outcome(tenant, params.id));
        // A job may wait for it.
        await db.query("SELECT pg_notify($1, '')", [JOB_CHANNEL]);
      });
    },
  };
}

async function kindOf(db: Db, id: string): Promise<AnyKind> {
  const { rows } = await db.query<{ kind: AnyKind }>('SELECT kind FROM commands WHERE id = $1', [id]);
  if (!rows[0]) throw notFound('command');
  return rows[0].kind;
}

/** The result as it is stored: what this kind of command has, and nothing else. */
function checkResult(kind: AnyKind, result: unknown): string {
  const parsed = RESULTS[kind].safeParse(result);
  if (!parsed.success) throw invalid('body', parsed.error);
  return JSON.stringify(parsed.data);
}

function selectionOf(body: CommandBody): TrafficQuery {
  if ('selection' in body) return body.selection.query;
  throw new ProblemError('conflict', `A command of the kind ${body.kind} works on no rows.`);
}

interface PositionRow {
  id: string;
  segment: string;
  frame: number;
  frame_offset: number;
  frame_length: number;
  line: number;
  key: string | null;
}

async function readPositions(db: Db, query: TrafficQuery, after: string | undefined) {
  const key = after === undefined ? null : decodeAfter(after);
  const { rows } = await db.query<PositionRow>(positionsPageStatement(query, key, PAGE_ROWS));
  const last = rows.length === PAGE_ROWS ? rows.at(-1)! : null;
  return {
    items: rows.map(({ frame_offset: frameOffset, frame_length: frameLength, ...row }) => ({
      ...row,
      frameOffset,
      frameLength,
    })),
    after: last && `${last.segment} ${last.frame} ${last.line}`,
  };
}

const AFTER = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}) (\d{1,9}) (\d{1,9})$/;

function decodeAfter(text: string): PositionKey {
  const match = AFTER.exec(text);
  if (match) return { segment: match[1]!, frame: Number(match[2]), line: Number(match[3]) };
  throw new ProblemError('invalid_request', 'Correct the fields listed under errors.', [
    { path: 'query.after', message: 'is not what a previous page gave' },
  ]);
}
