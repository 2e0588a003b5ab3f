import { zstdDecompressSync } from 'node:zlib';
import {
  type Accounting,
  CommandBody,
  type Erasure,
  type PairDetail,
  type Replay,
  type Snapshot,
} from '@echoplane/api';
import { eraseFromStore, removeErased, ValueEraser } from '@echoplane/archive';
import { newSealingKey, readObject, unseal, verifyEnvelope } from '@echoplane/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { registrationOf } from './agent.fixture.ts';
import { type ControlPlane, clock, log, startControlPlane } from './control-plane.fixture.ts';
import { makePair, makeSegment } from './traffic.fixture.ts';
import { claimJob, doJob, type WorkerOptions } from './worker.ts';

const AGENT = crypto.randomUUID();
const CANARY = 'zebra-canary-41x';
const signal = new AbortController().signal;
const sealing = newSealingKey();

let plane: ControlPlane;
let options: WorkerOptions;

beforeAll(async () => {
  plane = await startControlPlane();
  const { platform, withTenant, store } = plane;
  options = { platform, withTenant, store, clock, log };
});
afterAll(() => plane?.stop());

async function inject(
  method: 'GET' | 'POST',
  url: string,
  payload?: object,
  role: 'agent' | 'admin' = 'admin',
) {
  const headers = { authorization: `Bearer ${plane.ann.keys[role]}` };
  return plane.app.inject({ method, url, headers, ...(payload ? { payload } : {}) });
}
async function call<T>(...args: Parameters<typeof inject>): Promise<T> {
  const response = await inject(...args);
  expect(response.statusCode, response.body).toBeLessThan(300);
  return (response.body === '' ? undefined : response.json()) as T;
}
const sql = async (text: string, values: unknown[] = []) =>
  (await plane.withTenant(plane.ann.id, (db) => db.query(text, values))).rows;

async function workOff(): Promise<void> {
  await plane.postgres.asSuperuser(plane.database, 'UPDATE echoplane.jobs SET run_after = now()');
  for (let job = await claimJob(plane.platform, clock); job; job = await claimJob(plane.platform, clock))
    await doJob(options, job, signal);
}

interface Asked {
  id: string;
  body: Extract<CommandBody, { kind: 'erase' }>;
}

/** One round of the data plane's part; false when nothing is asked. */
async function answerRound(): Promise<boolean> {
  const [command] = (await sql("SELECT id, body FROM commands WHERE state = 'waiting'")) as Asked[];
  if (!command) return false;
  expect(CommandBody.parse(command.body)).toEqual(command.body);
  const { erasure, sealed, remove, after, documents } = command.body;
  const value = unseal(sealing.privateKey, sealed).toString();
  await removeErased(plane.store, plane.ann.id, remove);
  const eraser = new ValueEraser([value]);
  const erased = await eraseFromStore({
    ...{ store: plane.store, tenant: plane.ann.id, erasure, after, signal, eraser },
    progress: async () => {},
  });
  const clean = documents.map((document) => ({ ...document, value: eraser.json(document.value) }));
  const result = { ...erased, documents: clean.filter(({ value }, i) => value !== documents[i]!.value) };
  const outcome = { state: 'succeeded', message: null, result };
  await call('POST', `/v1/agent/commands/${command.id}/outcome`, outcome, 'agent');
  return true;
}

/** Every text of every table, and every object, by its name. */
async function everything(): Promise<Record<string, string>> {
  const { rows: tables } = await plane.postgres.asSuperuser(
    plane.database,
    "SELECT relname AS name FROM pg_class WHERE relnamespace = 'echoplane'::regnamespace AND relkind = 'r'",
  );
  const texts: Record<string, string> = {};
  for (const { name } of tables) {
    const { rows } = await plane.postgres.asSuperuser(plane.database, `SELECT * FROM echoplane.${name}`);
    texts[name] = JSON.stringify(rows);
  }
  for (const key of await plane.store.list('')) {
    const bytes = await readObject(plane.store, key);
    texts[key] =
      bytes.toString('latin1') + (key.endsWith('.zst') ? zstdDecompressSync(bytes).toString() : '');
  }
  return texts;
}

const placesOf = (value: string, texts: Record<string, string>) =>
  Object.keys(texts).filter((name) => texts[name]!.includes(value));

test('without a data plane nothing can be erased, and that is said', async () => {
  const response = await inject('POST', '/v1/erasures', { value: CANARY, reason: 'asked for' });
  expect(response.json()).toMatchObject({
    status: 409,
    detail: expect.stringContaining('start a forwarder'),
  });
});

test('an erased value is nowhere: not in segments, snapshots, tables or commands; drill-in goes on throughout', async () => {
  await call(
    'POST',
    '/v1/agent/register',
    { ...registrationOf(AGENT), sealingKey: sealing.publicKey },
    'agent',
  );
  const start = clock.nowUs() - 60_000_000;
  const pairs = Array.from({ length: 40 }, (_, i) =>
    makePair({
      ts: start + i,
      url: i % 9 === 3 ? `http://shop${i}.localhost/orders/of/${CANARY}` : 'http://shop.localhost/orders',
      responseBody: { mail: i % 3 === 0 ? CANARY : `u${i}@example.org` },
    }),
  );
  const made = makeSegment(plane.ann.id, pairs, { perFrame: 7 });
  for (const batch of made.batches) await call('POST', '/v1/ingest/index', batch, 'agent');
  await plane.store.put(made.shipped.key, made.bytes);
  await call('POST', '/v1/ingest/segments', made.shipped, 'agent');
  const { id: snapshot } = await call<Snapshot>('POST', '/v1/snapshots', {
    name: 'before',
    query: { from: start },
  });
  await workOff();
  // A report that quotes it, as failures do.
  const replay = await call<Replay>('POST', '/v1/replays', { name: 'v1', snapshot, mode: 'tests-only' });
  await sql('INSERT INTO reports (tenant_id, replay_id, verdict, report) VALUES ($1, $2, $3, $4)', [
    ...[plane.ann.id, replay.id, 'missed-goals', JSON.stringify({ failures: [{ recorded: `<${CANARY}>` }] })],
  ]);
  expect(placesOf(CANARY, await everything()).length).toBeGreaterThan(3);

  const books = await call<Accounting>('GET', '/v1/accounting');
  expect(books).toMatchObject({ indexed: 40, stored: 40 });
  const { id, state } = await call<Erasure>('POST', '/v1/erasures', { value: CANARY, reason: 'asked for' });
  expect(state).toBe('queued');
  expect(JSON.stringify(await sql('SELECT * FROM audit'))).not.toContain(CANARY);
  const second = await inject('POST', '/v1/erasures', { value: 'another', reason: 'too' });
  expect(second.json()).toMatchObject({ status: 409, detail: expect.stringContaining('under way') });

  const readAll = async () => {
    for (const [i, pair] of pairs.entries()) {
      const detail = await call<PairDetail>('GET', `/v1/traffic/${pair.id}`);
      expect(detail.pair.id).toBe(pair.id);
      if (i % 3 !== 0) expect(detail.pair).toEqual(pair);
    }
  };
  await workOff();
  for (let rounds = 0; await answerRound(); rounds++) {
    expect(rounds).toBeLessThan(3);
    await readAll();
    await workOff();
    await readAll();
  }
  const done = await call<Erasure>('GET', `/v1/erasures/${id}`);
  expect(done).toMatchObject({ state: 'succeeded', record: { segments: 1, pairs: 14, snapshots: 1 } });
  const verified = verifyEnvelope(await plane.services.signer.publicKey(), done.signed!);
  expect(verified).toMatchObject({
    words: { record: 'erasure', id, reason: 'asked for', counts: done.record },
  });
  expect(done.record!.scannedBytes).toBeGreaterThan(made.bytes.length);
  expect(placesOf(CANARY, await everything())).toEqual([]);
  expect(await call<Accounting>('GET', '/v1/accounting')).toEqual(books);
  expect(await sql('SELECT report FROM reports')).toEqual([
    { report: { failures: [{ recorded: '<rdx_erased0>' }] } },
  ]);
  expect(await plane.store.list(`${plane.ann.id}/segments/`)).toHaveLength(1);
  expect(await sql('SELECT sealed FROM erasure_parts')).toEqual([{ sealed: null }]);
  expect(await sql("SELECT body->>'sealed' AS sealed FROM commands WHERE body->>'sealed' <> ''")).toEqual([]);
  expect(await sql('SELECT id FROM snapshots WHERE scrubbed_at_us IS NOT NULL')).toEqual([{ id: snapshot }]);
  const [{ count }] = (await sql('SELECT count(*) FROM segments WHERE erased_at_us IS NULL')) as [
    { count: number },
  ];
  expect(Number(count)).toBe(1);
});

test('a batch of the old segment that comes again is still a repetition', async () => {
  const pair = makePair({ ts: clock.nowUs(), responseBody: { mail: CANARY } });
  const made = makeSegment(plane.ann.id, [pair]);
  await call('POST', '/v1/ingest/index', made.batches[0], 'agent');
  await plane.store.put(made.shipped.key, made.bytes);
  await call('POST', '/v1/ingest/segments', made.shipped, 'agent');
  await call('POST', '/v1/erasures', { value: CANARY, reason: 'again' });
  await workOff();
  while (await answerRound()) await workOff();
  expect(await call('POST', '/v1/ingest/index', made.batches[0], 'agent')).toEqual({
    rows: 0,
    duplicate: true,
  });
  expect((await call<PairDetail>('GET', `/v1/traffic/${pair.id}`)).pair.id).toBe(pair.id);
});

test('what came through a delivery stream is not passed over in silence', async () => {
  const place = [plane.ann.id, crypto.randomUUID()];
  const landed = `INSERT INTO echoplane.landed_frames VALUES ($1, $2, 0, 'stream/object', 0, 1)`;
  await plane.postgres.asSuperuser(plane.database, landed, place);
  const { id } = await call<Erasure>('POST', '/v1/erasures', { value: 'whatever', reason: 'r' });
  await workOff();
  while (await answerRound()) await workOff();
  expect(await call<Erasure>('GET', `/v1/erasures/${id}`)).toMatchObject({
    ...{ state: 'failed', record: null, message: expect.stringContaining('1 objects that came through') },
  });
  await plane.postgres.asSuperuser(plane.database, 'DELETE FROM echoplane.landed_frames');
});

test('a data plane that names a segment of others changes nothing', async () => {
  const { id } = await call<Erasure>('POST', '/v1/erasures', { value: 'whatever', reason: 'r' });
  await workOff();
  const [command] = (await sql("SELECT id FROM commands WHERE state = 'waiting'")) as [{ id: string }];
  const foreign = makeSegment(plane.bob.id, [makePair({ ts: clock.nowUs() })]);
  const { key, sizeBytes, manifest } = foreign.shipped;
  const [{ old }] = (await sql('SELECT id AS old FROM segments WHERE erased_at_us IS NULL LIMIT 1')) as [
    { old: string },
  ];
  const rewritten = [{ old, oldKey: key, key, sizeBytes, manifest, paths: [] }];
  const result = {
    segments: 1,
    pairs: 1,
    scannedBytes: 1,
    rewritten,
    snapshots: [],
    after: null,
    documents: [],
  };
  const outcome = { state: 'succeeded', message: null, result };
  await call('POST', `/v1/agent/commands/${command.id}/outcome`, outcome, 'agent');
  await workOff();
  const erasure = await call<Erasure>('GET', `/v1/erasures/${id}`);
  expect(erasure).toMatchObject({
    state: 'failed',
    message: expect.stringContaining('not of this organisation'),
  });
  expect(await sql('SELECT id FROM segments WHERE id = $1 AND erased_at_us IS NOT NULL', [old])).toEqual([]);
});
