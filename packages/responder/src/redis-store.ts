// The shared state of a replay in Redis: a hash of counters, one of sessions and a list of learned values, changed by scripts
// so that every step is one round trip and atomic. The keys expire. It must not know what is done while Redis is away.
import { createClient } from 'redis';
import {
  cursorCounter,
  KEPT_SECONDS,
  MAX_LEARNED,
  MAX_NEWS,
  STATE_TIMEOUT_MS,
  type StateStore,
  writesCounter,
} from './state-store.ts';

/** ARGV: seconds to keep, counter of the resource or '', 1 for a write, counter of the cursor without the writes. */
const ADVANCE = `
local writes, since = 0, ''
if ARGV[2] ~= '' then
  if ARGV[3] == '1' then
    writes = redis.call('HINCRBY', KEYS[1], ARGV[2], 1) - 1
  else
    writes = tonumber(redis.call('HGET', KEYS[1], ARGV[2]) or '0')
    since = tostring(writes)
  end
end
local nth = redis.call('HINCRBY', KEYS[1], ARGV[4] .. since, 1) - 1
redis.call('EXPIRE', KEYS[1], ARGV[1])
return { nth, writes }`;

/** ARGV: seconds to keep, caller, recorded sessions …. The callers' hash has both ways. */
const CLAIM = `
local has = redis.call('HGET', KEYS[2], 'live:' .. ARGV[2])
if has then return has end
for n = 3, #ARGV do
  if redis.call('HSETNX', KEYS[2], 'recorded:' .. ARGV[n], ARGV[2]) == 1 then
    redis.call('HSET', KEYS[2], 'live:' .. ARGV[2], ARGV[n])
    redis.call('EXPIRE', KEYS[2], ARGV[1])
    return ARGV[n]
  end
end
return false`;

/** ARGV: seconds to keep, learned values kept, number of counters, name and increment …, then learned values. */
const ADD = `
local at = 4
for _ = 1, ARGV[3] do
  redis.call('HINCRBY', KEYS[1], ARGV[at], ARGV[at + 1])
  at = at + 2
end
for n = at, #ARGV do
  if redis.call('LLEN', KEYS[3]) < tonumber(ARGV[2]) then redis.call('RPUSH', KEYS[3], ARGV[n]) end
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[3], ARGV[1])`;

/** Most entries one script call takes; Lua's stack is small. */
const MAX_ENTRIES = 2_000;

/** A store in the database that `url` (redis://…, rediss://…) names, for one replay. Connects by itself, and again. */
export function redisStore(url: string, replay: string, timeoutMs = STATE_TIMEOUT_MS): StateStore {
  const client = createClient({ url, disableOfflineQueue: true, socket: { connectTimeout: timeoutMs } });
  // What fails, fails the command; without a listener it would end the process.
  client.on('error', () => {});
  const connected = client.connect().catch(() => {});
  // The braces keep the keys on one node of a cluster.
  const keys = ['counters', 'sessions', 'learned'].map((name) => `echoplane:{${replay}}:${name}`);
  const run = async (script: string, parts: readonly string[]) => {
    await connected;
    return client.eval(script, { keys, arguments: [String(KEPT_SECONDS), ...parts] });
  };
  const add = (counters: readonly (readonly [string, number])[], learned: readonly unknown[]) =>
    run(ADD, [
      ...[String(MAX_LEARNED), String(counters.length)],
      ...counters.flatMap(([name, by]) => [name, String(by)]),
      ...learned.map((pair) => JSON.stringify(pair)),
    ]);
  return {
    async advance({ cursor, resource, isWrite }) {
      const ofResource = resource === null ? '' : writesCounter(resource);
      const found = await run(ADVANCE, [ofResource, isWrite ? '1' : '0', cursorCounter(cursor, null)]);
      const [nth, writes] = found as unknown as [number, number];
      return { nth, writes };
    },
    async claim(caller, recordedSessions) {
      return (await run(CLAIM, [caller, ...recordedSessions])) as unknown as string | null;
    },
    async news(until) {
      await connected;
      const values = await client.lRange(keys[2]!, until, until + MAX_NEWS - 1);
      return { learned: values.map((value) => JSON.parse(value)), until: until + values.length };
    },
    async add({ counters, learned }) {
      const entries = [...counters];
      for (let at = 0; at < entries.length; at += MAX_ENTRIES)
        await add(entries.slice(at, at + MAX_ENTRIES), []);
      for (let at = 0; at < learned.length; at += MAX_ENTRIES)
        await add([], learned.slice(at, at + MAX_ENTRIES));
      if (entries.length + learned.length === 0) await client.ping();
    },
    async close() {
      client.destroy();
    },
  };
}
