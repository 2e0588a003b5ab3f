// Searches of headers and bodies as a resource: asked for here, done by the worker's search job, whose state is the
// search's state. What was found so far is read while it runs.
import type { Search, TrafficRow } from '@echoplane/api';
import { compileExpression, compileShorthand, indexPart } from '@echoplane/rules';
import { newId } from '@echoplane/runtime';
import type { TrafficQuery } from '@echoplane/traffic';
import { audit } from './audit.ts';
import type { Db } from './db.ts';
import { checkedFilter } from './filter-text.ts';
import type { Handlers, Services } from './handlers.ts';
import { enqueueJob } from './jobs.ts';
import { keptSpan, newestFirst, type Span } from './partitions.ts';
import { notFound, ProblemError } from './problems.ts';
import { type RowColumns, rowOf } from './traffic-queries.ts';
import { rowsStatement } from './traffic-sql.ts';

/** Searches of one tenant that wait or run: each reads the store for minutes. */
const MAX_OPEN = 20;
const OPEN = "SELECT count(*) AS n FROM jobs WHERE kind = 'search' AND state IN ('queued', 'running')";
const INSERT = `INSERT INTO searches (tenant_id, id, filter, query, max_items, created_at_us)
  VALUES ($1, $2, $3, $4, $5, $6)`;
const ONE = `SELECT s.id, s.filter, s.query, s.ids, s.scanned, s.complete, j.state, j.message, j.progress
  FROM searches s JOIN jobs j ON j.kind = 'search' AND j.subject = s.id WHERE s.id = $1`;

type SearchRow = Omit<Search, 'items'> & { ids: string[]; query: TrafficQuery & Span };
type Names = 'createSearch' | 'search';

export function searchHandlers({ withTenant, clock }: Services): Pick<Handlers, Names> {
  return {
    async createSearch({ body, principal, source }) {
      const { limit, language } = body;
      const compile = language === 'shorthand' ? compileShorthand : compileExpression;
      const expression = checkedFilter(compile, body.filter, 'body.filter');
      const filter = expression.source;
      const { id: tenant, retentionDays } = principal.tenant;
      const now = clock.nowUs();
      const id = newId(now);
      // What the index knows of the filter narrows what is read; the whole filter is tested on what is.
      const narrowed = { ...indexPart(expression).query, ...body.query };
      const query = { ...narrowed, ...keptSpan(narrowed, retentionDays, now) };
      await withTenant(tenant, async (db) => {
        if ((await db.query<{ n: number }>(OPEN)).rows[0]!.n >= MAX_OPEN)
          throw new ProblemError('conflict', `${MAX_OPEN} searches are under way; wait until one is done.`);
        await db.query(INSERT, [tenant, id, filter, JSON.stringify(query), limit, now]);
        await enqueueJob(db, { tenant, kind: 'search', subject: id }, clock);
        await audit(db, source, { action: 'create-search', subject: id, detail: { filter, query } });
      });
      return readSearch((work) => withTenant(tenant, work), id);
    },
    search: ({ params, principal }) => readSearch((work) => withTenant(principal.tenant.id, work), params.id),
  };
}

async function readSearch(
  inTenant: <T>(work: (db: Db) => Promise<T>) => Promise<T>,
  wanted: string,
): Promise<Search> {
  const found = await inTenant((db) => db.query<SearchRow>(ONE, [wanted]));
  if (!found.rows[0]) throw notFound('search');
  const { ids, query, ...search } = found.rows[0];
  const items: TrafficRow[] = [];
  for (const span of newestFirst(query)) {
    if (items.length === ids.length) break;
    const rows = await inTenant((db) => db.query<RowColumns>(rowsStatement(ids, span)));
    items.push(...rows.rows.map(rowOf));
  }
  return { ...search, items };
}
