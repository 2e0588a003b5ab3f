// The job of a search: bounds what is looked at to the newest rows of the selection, reads them where the control plane
// may, has the data plane read them where it may not, and stores what was found, in the first case while it runs.
import { type Found, searchPairs } from '@echoplane/archive';
import { compileExpression, exprViewOf } from '@echoplane/rules';
import type { TrafficQuery } from '@echoplane/traffic';
import type { Db } from './db.ts';
import { type JobContext, type JobWork, jobFailure } from './job-context.ts';
import { newestFirst, type Span } from './partitions.ts';
import { ask, askedBefore, holderOf, storesOf } from './private-work.ts';
import { selectedPositions } from './selection.ts';
import { budgetEndStatement, newestPositionsStatement } from './traffic-sql.ts';

/** At some 5,000 RRPairs a second this is a minute. */
export const MAX_SEARCH_ROWS = 300_000;

const READ = 'SELECT filter, query, max_items FROM searches WHERE id = $1';
const STORE = 'UPDATE searches SET ids = $2, scanned = $3, complete = $4 WHERE id = $1';

interface SearchRow {
  filter: string;
  query: TrafficQuery & Span;
  max_items: number;
}

export const makeSearch: JobWork = async (context) => {
  const { job, withTenant } = context;
  const { rows } = await withTenant(job.tenant, (db) => db.query<SearchRow>(READ, [job.subject]));
  const { filter, query: wanted, max_items: limit } = rows[0]!;
  const { query, scanned: count, isWhole } = await newestOf(context, wanted);
  const store = (found: Found) => (db: Db) => storeFound(db, job.subject, found, isWhole);
  const asked = await askedBefore(context, 'search');
  if (asked) return store(asked);
  const holder = await withTenant(job.tenant, async (db) => holderOf(db, await storesOf(db, query)));
  if (holder !== null)
    return ask(context, holder, { kind: 'search', filter, limit, selection: { query, rows: count } });
  const expression = compileExpression(filter);
  const found = await searchPairs({
    ...{ ...context, limit, rows: count, newestFirst: true },
    positions: selectedPositions(context, newestPositionsStatement(query)),
    matches: (pair) => expression.test(exprViewOf(pair)),
    found: (soFar) => withTenant(job.tenant, store(soFar)),
  });
  return store(found);
};

function storeFound(db: Db, id: string, { ids, scanned, complete }: Found, isWhole: boolean): Promise<void> {
  return db.query(STORE, [id, ids, scanned, complete && isWhole]).then(() => {});
}

/** The newest rows of a selection that one search looks at. */
async function newestOf(
  { job, withTenant }: JobContext,
  query: TrafficQuery & Span,
): Promise<{ query: TrafficQuery & Span; scanned: number; isWhole: boolean }> {
  let scanned = 0;
  for (const span of newestFirst(query)) {
    const statement = budgetEndStatement({ ...query, ...span }, null, MAX_SEARCH_ROWS - scanned);
    const end = await withTenant(job.tenant, (db) => db.query<{ ts_us: number; n: number }>(statement));
    scanned += end.rows[0]?.n ?? 0;
    if (scanned >= MAX_SEARCH_ROWS)
      return { query: { ...query, from: end.rows[0]!.ts_us }, scanned, isWhole: false };
  }
  if (scanned === 0)
    throw jobFailure('No recorded RRPair is in this selection; widen its time range or its filter.');
  return { query, scanned, isWhole: true };
}
