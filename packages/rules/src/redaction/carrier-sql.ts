// SQL texts and their binds: string literals by the column they are compared with or inserted into, and by shape. Knows no
// grammar, only literals and what stands before them; keywords, numbers and identifiers stay.

import { redactText } from './carrier-text.ts';
import type { Inspection } from './inspection.ts';
import { Splice } from './splice.ts';

const LITERAL = /'(?:[^'\\]|''|\\.)*('|$)/gs;
const COLUMN = /["`[]?([\w$]+)["`\]]?\s*(?:=|<>|!=|like|ilike|in\s*\(|:=)\s*(?:N|E|X)?$/i;
const INSERT = /\binsert\s+into\s+[\w."`[\]]+\s*\(([^()]{1,4000})\)\s*values\s*/gi;
const BEFORE = 200;
const INSERTING = /\binsert\s+into\b/i;

/** Whether a text of another kind holds a statement whose values only their columns name. */
export function insertsInto(text: string): boolean {
  return text.includes("'") && INSERTING.test(text);
}

/** A statement with its literals redacted; the same string when none is sensitive. */
export function redactSql(sql: string, inspection: Inspection, depth: number): string {
  const columns = insertedColumns(sql);
  const splice = new Splice(sql);
  for (const match of sql.matchAll(LITERAL)) {
    const start = match.index + 1;
    const end = match.index + match[0].length - match[1]!.length;
    const written = sql.slice(start, end);
    const name = columnBefore(sql, match.index) ?? columns(match.index);
    const value = written.replaceAll("''", "'");
    inspection.notes.enter(name === null ? '' : `.${name}`);
    const redacted = inspection.value(value, name === null ? null : inspection.fields.kindOf(name), depth);
    inspection.notes.leave();
    if (redacted !== value) splice.put(start, end, redacted.replaceAll("'", "''"));
  }
  // What stands outside literals: comments, dollar quotes, other dialects.
  return redactText(splice.done(), inspection, depth);
}

/** Values bound to a statement, by the names of their columns where these are known; a new list. */
export function redactSqlBinds(
  columns: readonly (string | null)[],
  values: readonly (string | null)[],
  inspection: Inspection,
): (string | null)[] {
  return values.map((value, index) => {
    if (value === null) return null;
    const name = columns[index] ?? null;
    inspection.notes.enter(`[${name ?? index}]`);
    const redacted = inspection.value(value, name === null ? null : inspection.fields.kindOf(name), 0);
    inspection.notes.leave();
    return redacted;
  });
}

function columnBefore(sql: string, at: number): string | null {
  return COLUMN.exec(sql.slice(Math.max(0, at - BEFORE), at))?.[1] ?? null;
}

/** Of `insert into t (a, b) values (…), (…)`: the column of the literal at a place. */
function insertedColumns(sql: string): (at: number) => string | null {
  const inserts = Array.from(sql.matchAll(INSERT), ({ 0: all, 1: names = '', index }) => ({
    start: index + all.length,
    names: names.split(',').map((name) => name.trim().replace(/^["`[]|["`\]]$/g, '')),
  }));
  if (inserts.length === 0) return () => null;
  let from = -1;
  let position = 0;
  let depth = 0;
  let seen = 0;
  return (at) => {
    const insert = inserts.findLast(({ start }) => start <= at);
    if (insert === undefined) return null;
    if (from !== insert.start) {
      from = insert.start;
      seen = from;
      depth = 0;
    }
    for (let inLiteral = false; seen < at; seen++) {
      const char = sql[seen]!;
      if (char === "'") inLiteral = !inLiteral;
      if (inLiteral) continue;
      if (char === '(' && ++depth === 1) position = 0;
      else if (char === ')') depth--;
      else if (char === ',' && depth === 1) position++;
    }
    return depth >= 1 ? (insert.names[position] ?? null) : null;
  };
}
