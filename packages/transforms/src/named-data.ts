// Which data sets a document names, and what of them cannot be used, so that whoever runs it can say so beforehand: without its
// row a request would be sent with anything. It must not know where data sets are.
import { DataTables } from './data-tables.ts';
import type { ChainPoint, TransformsDocument } from './document.ts';
import { Miss } from './value.ts';

const EMBEDDED = /\$\{\{data:([^/{}]+)\/[^{}]*\/([^/{}]+)\}\}/g;
const COLUMNS = ['column', 'field', 'existing', 'new'] as const;

/** Columns, by name or number, of every data set in active chains at `points` and in variables. */
function namedData(
  { chains, variables }: TransformsDocument,
  points: readonly ChainPoint[],
): Map<string, Set<string | number>> {
  const named = new Map<string, Set<string | number>>();
  const add = (data: string, column: string | number) =>
    named.set(data, (named.get(data) ?? new Set()).add(column));
  const used = [...chains.filter(({ active, at }) => active && points.includes(at)), ...variables];
  for (const { functions } of used) {
    for (const one of functions as readonly Record<string, unknown>[]) {
      if (typeof one.data !== 'string') continue;
      for (const key of COLUMNS) if (one[key] !== undefined) add(one.data, one[key] as string | number);
    }
    for (const [, data, column] of JSON.stringify(functions).matchAll(EMBEDDED)) add(data!, column!);
  }
  return named;
}

/** A sentence for each data set or column that is missing, empty or no CSV. `read`: the text of one, if there is one. */
export function dataProblems(
  document: TransformsDocument,
  points: readonly ChainPoint[],
  read: (name: string) => string | undefined,
): string[] {
  const tables = new DataTables();
  const problems: string[] = [];
  for (const [name, columns] of namedData(document, points)) {
    try {
      const table = tables.table(name, read(name));
      if (table.rows.length === 0) problems.push(`data set ${name} has no rows`);
      else for (const column of columns) table.column(column);
    } catch (error) {
      if (!(error instanceof Miss)) throw error;
      problems.push(error.reason.replace('the data set has', `data set ${name} has`));
    }
  }
  return problems;
}
