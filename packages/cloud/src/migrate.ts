// Brings the schema `echoplane` up to date from the plain SQL files in `migrations/`, `NNN-name.sql`, each in a
// transaction of its own, in order, once. What was applied is remembered with its checksum: an edited file is refused,
// because two databases that ran different text under one number are not the same database.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { OperatingError } from '@echoplane/runtime';
import type { Db } from './db.ts';

export const MIGRATIONS = new URL('../migrations/', import.meta.url);
const FILE = /^(\d{3})-[a-z0-9-]+\.sql$/;

interface Migration {
  version: number;
  name: string;
  sql: string;
  checksum: string;
}

/** Applies what is missing and returns the names. The caller holds the advisory lock and owns the connection. */
export async function migrate(db: Db, folder: URL = MIGRATIONS): Promise<string[]> {
  await db.query('CREATE SCHEMA IF NOT EXISTS echoplane');
  await db.query(`CREATE TABLE IF NOT EXISTS echoplane.schema_migrations (
    version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
  const files = await readMigrations(folder);
  const applied = await db.query<{ version: number; name: string; checksum: string }>(
    'SELECT version, name, checksum FROM echoplane.schema_migrations ORDER BY version',
  );
  for (const row of applied.rows) checkApplied(row, files);
  const done = new Set(applied.rows.map((row) => row.version));
  const missing = files.filter((file) => !done.has(file.version));
  for (const migration of missing) await apply(db, migration);
  return missing.map((migration) => migration.name);
}

async function readMigrations(folder: URL): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => FILE.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, folder), 'utf8');
      const checksum = createHash('sha256').update(sql).digest('hex');
      return { version: Number(FILE.exec(name)![1]), name, sql, checksum };
    }),
  );
}

function checkApplied(row: { version: number; name: string; checksum: string }, files: Migration[]): void {
  const file = files.find((candidate) => candidate.version === row.version);
  if (!file) {
    throw new OperatingError(
      'schema_newer',
      `The database was brought to ${row.name} by a newer version; start that version instead.`,
    );
  }
  if (file.checksum !== row.checksum) {
    throw new OperatingError(
      'migration_edited',
      `${file.name} was edited after it was applied; undo the edit and put the change into a new migration.`,
    );
  }
}

async function apply(db: Db, migration: Migration): Promise<void> {
  await db.query('BEGIN');
  try {
    await db.query(migration.sql);
    await db.query('INSERT INTO echoplane.schema_migrations (version, name, checksum) VALUES ($1, $2, $3)', [
      migration.version,
      migration.name,
      migration.checksum,
    ]);
    await db.query('COMMIT');
  } catch (err) {
    await db.query('ROLLBACK');
    throw err;
  }
}
