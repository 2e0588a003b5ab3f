// The shared state of a replay in Postgres: tables of counters, of sessions and of learned values, made on start. Every step
// is one statement. It must not know what is done while the database is away.
import pg from 'pg';
import {
  cursorCounter,
  KEPT_SECONDS,
  MAX_LEARNED,
  MAX_NEWS,
  STATE_TIMEOUT_MS,
  type StateStore,
  writesCounter,
} from './state-store.ts';

const CONNECTIONS = 8;

/** Responders that start together must not make the tables at the same time. */
const CREATE = `
SELECT pg_advisory_xact_lock(7205759403792793);
CREATE TABLE IF NOT EXISTS echoplane_replay_counters (
  replay text NOT NULL, name text NOT NULL, value bigint NOT NULL, at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (replay, name));
CREATE TABLE IF NOT EXISTS echoplane_replay_sessions (
  replay text NOT NULL, recorded text NOT NULL, caller text NOT NULL, at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (replay, recorded), UNIQUE (replay, caller));
CREATE TABLE IF NOT EXISTS echoplane_replay_learned (
  replay text NOT NULL, seq bigint NOT NULL, recorded text NOT NULL, live text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (replay, seq));
DELETE FROM echoplane_replay_counters WHERE at < now() - interval '${KEPT_SECONDS} seconds';
DELETE FROM echoplane_replay_sessions WHERE at < now() - interval '${KEPT_SECONDS} seconds';
DELETE FROM echoplane_replay_learned WHERE at < now() - interval '${KEPT_SECONDS} seconds';`;

/** $1 replay, $2 counter of the cursor without the writes, $3 that of the resource or null, $4 whether it writes. */
const ADVANCE = `
WITH bumped AS (
  INSERT INTO echoplane_replay_counters AS c (replay, name, value) SELECT $1::text, $3::text, 1 WHERE $4::boolean AND $3 IS NOT NULL
  ON CONFLICT (replay, name) DO UPDATE SET value = c.value + 1, at = now() RETURNING value - 1 AS writes),
resource AS (
  SELECT coalesce((SELECT writes FROM bumped),
    (SELECT value FROM echoplane_replay_counters WHERE replay = $1 AND name = $3), 0) AS writes),
cursor AS (
  INSERT INTO echoplane_replay_counters AS c (replay, name, value)
  SELECT $1, $2::text || CASE WHEN $3 IS NULL OR $4 THEN '' ELSE writes::text END, 1 FROM resource
  ON CONFLICT (replay, name) DO UPDATE SET value = c.value + 1, at = now() RETURNING value - 1 AS nth)
SELECT nth::float8 AS nth, writes::float8 AS writes FROM cursor, resource`;

/** $1 replay, $2 caller, $3 recorded sessions: takes the first that is free, unless the caller has one. */
const CLAIM = `
WITH had AS (SELECT recorded FROM echoplane_replay_sessions WHERE replay = $1 AND caller = $2),
free AS (
  SELECT one.recorded FROM unnest($3::text[]) WITH ORDINALITY AS one (recorded, n)
  WHERE NOT EXISTS (SELECT FROM had) AND NOT EXISTS (
    SELECT FROM echoplane_replay_sessions AS taken WHERE taken.replay = $1 AND taken.recorded = one.recorded)
  ORDER BY n LIMIT 1),
taken AS (
  INSERT INTO echoplane_replay_sessions (replay, recorded, caller) SELECT $1, recorded, $2 FROM free
  ON CONFLICT DO NOTHING RETURNING recorded)
SELECT (SELECT count(*) FROM free) > (SELECT count(*) FROM taken) AS lost,
  coalesce((SELECT recorded FROM had), (SELECT recorded FROM taken)) AS recorded`;

/** The counter's row stays locked until the values stand: their numbers are seen in order. $1 replay, $2 recorded, $3 live, $4 most. */
const LEARN = `
WITH counter AS (
  INSERT INTO echoplane_replay_counters AS c (replay, name, value) VALUES ($1, 'learned', cardinality($2::text[]))
  ON CONFLICT (replay, name) DO UPDATE SET value = c.value + cardinality($2::text[]), at = now() RETURNING value)
INSERT INTO echoplane_replay_learned (replay, seq, recorded, live)
SELECT $1, counter.value - cardinality($2::text[]) + n, recorded, live
FROM counter, unnest($2::text[], $3::text[]) WITH ORDINALITY AS pair (recorded, live, n)
WHERE counter.value <= $4`;

const NEWS = `
SELECT seq::float8 AS seq, recorded, live FROM echoplane_replay_learned
WHERE replay = $1 AND seq > $2 ORDER BY seq LIMIT ${MAX_NEWS}`;

/** $1 replay, $2 names, $3 increments. */
const ADD = `
INSERT INTO echoplane_replay_counters AS c (replay, name, value)
SELECT $1, name, by FROM unnest($2::text[], $3::bigint[]) AS one (name, by) ORDER BY name
ON CONFLICT (replay, name) DO UPDATE SET value = c.value + excluded.value, at = now()`;

/** A store in the database that `url` (postgres://…) names, for one replay. Makes its tables when it first can. */
export function postgresStore(url: string, replay: string, timeoutMs = STATE_TIMEOUT_MS): StateStore {
  // The database gives up on what nobody waits for any more.
  const statementMs = 2 * timeoutMs;
  const pool = new pg.Pool({
    ...{ connectionString: url, max: CONNECTIONS, connectionTimeoutMillis: timeoutMs },
    ...{ statement_timeout: statementMs, query_timeout: statementMs },
  });
  // What fails, fails the statement; an idle connection that breaks is told here only.
  pool.on('error', () => {});
  let created: Promise<unknown> | null = null;
  const query = async (text: string, values: unknown[]) => {
    created ??= pool.query(CREATE);
    await created.catch((cause) => {
      created = null;
      throw cause;
    });
    return (await pool.query(text, [replay, ...values])).rows;
  };
  return {
    async advance({ cursor, resource, isWrite }) {
      const ofResource = resource === null ? null : writesCounter(resource);
      return (await query(ADVANCE, [cursorCounter(cursor, null), ofResource, isWrite]))[0];
    },
    async claim(caller, recordedSessions) {
      for (;;) {
        const [{ lost, recorded }] = await query(CLAIM, [caller, recordedSessions]);
        // Somebody else took the same one at the same time: the next one may be free.
        if (!lost) return recorded;
      }
    },
    async news(until) {
      const rows = await query(NEWS, [until]);
      return {
        learned: rows.map(({ recorded, live }) => [recorded, live]),
        until: rows.at(-1)?.seq ?? until,
      };
    },
    async add({ counters, learned }) {
      await query(ADD, [[...counters.keys()], [...counters.values()]]);
      if (learned.length === 0) return;
      await query(LEARN, [learned.map(([was]) => was), learned.map(([, is]) => is), MAX_LEARNED]);
    },
    close: () => pool.end(),
  };
}
