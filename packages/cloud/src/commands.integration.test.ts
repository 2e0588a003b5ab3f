import type { CommandBody } from '@echoplane/api';
import { newId } from '@echoplane/runtime';
import { describe, expect, test } from 'vitest';
import { heartbeatOf } from './agent.fixture.ts';
import {
  ask,
  call,
  commandsOf,
  extra,
  newAgent,
  OPEN_DOORS,
  one,
  PATIENCE,
  plane,
  post,
  ROOM,
  read,
  stream,
  two,
  useAgentPlane,
} from './agent-plane.fixture.ts';
import { enqueueCommand } from './commands.ts';
import { clock, startReplica } from './control-plane.fixture.ts';
import { doDuties } from './duties.ts';
import { makePair, makeSegment } from './traffic.fixture.ts';

useAgentPlane();

describe('a command', () => {
  test('reaches its agent through the other replica, once, signed and for it alone', async () => {
    const agent = await newAgent(plane.ann);
    const bystander = await newAgent(plane.ann);
    const stranger = await newAgent(plane.bob);
    const reader = await stream(two, plane.ann, agent.id);
    const others = [await stream(one, plane.ann, bystander.id), await stream(two, plane.bob, stranger.id)];
    const id = await ask(one, plane.ann, agent.id);
    await expect.poll(() => commandsOf(reader, agent.key), PATIENCE).toEqual([id]);
    const [words] = reader.signed('command', agent.key);
    expect(words).toMatchObject({
      ...{ tenant: plane.ann.id, agent: agent.id, command: { id, body: { kind: 'flush' } } },
    });
    expect(words!.expiresAt).toBeGreaterThan(words!.issuedAt);
    // Another command shows that the first is not told again, and that nobody else was told.
    const next = await ask(two, plane.ann, agent.id);
    await expect.poll(() => commandsOf(reader, agent.key), PATIENCE).toEqual([id, next]);
    expect(others.flatMap((other) => other.names())).toEqual([]);
  });

  test('with a filter that cannot be used, or a span that ends before it begins, is refused at once', async () => {
    const { id: agent } = await newAgent(plane.ann);
    const recall = (words: object) => {
      const body = { kind: 'recall', from: 1, to: 2, limit: 1, ...words };
      return call(one, plane.ann.keys.editor, 'POST', '/v1/commands', { agent, body });
    };
    const mistake = { path: 'body.body.filter', message: expect.stringContaining('did you mean status?') };
    expect(await recall({ filter: 'statu == 500' })).toMatchObject({
      status: 400,
      body: { errors: [mistake] },
    });
    expect(await recall({ to: 1 })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'body.body.to' }] },
    });
    expect((await recall({ filter: 'status == 500' })).status).toBe(202);
  });

  test('that was acknowledged is not told to the next stream, the others are', async () => {
    const agent = await newAgent(plane.ann);
    const ids = [await ask(one, plane.ann, agent.id), await ask(one, plane.ann, agent.id)];
    ids.push(await ask(one, plane.ann, agent.id));
    const first = await stream(one, plane.ann, agent.id);
    await expect.poll(() => commandsOf(first, agent.key), PATIENCE).toEqual(ids);
    first.drop();
    const beat = heartbeatOf(agent.id, { commands: [ids[0]] });
    expect((await post(two, plane.ann.keys.agent, '/v1/agent/heartbeat', beat)).status).toBe(200);
    const progress = { share: 0.5, message: 'half' };
    await post(two, plane.ann.keys.agent, `/v1/agent/commands/${ids[1]}/progress`, progress);
    expect(await read(ids[1]!)).toMatchObject({ state: 'running', progress: 0.5, message: 'half' });
    const second = await stream(two, plane.ann, agent.id);
    await expect.poll(() => commandsOf(second, agent.key), PATIENCE).toEqual([ids[2]]);
  });

  test('that nobody acknowledged is told again on the same stream', async () => {
    const limits = { pingMs: 60_000, resendMs: 100, ...ROOM };
    const replica = await startReplica(plane, { ...OPEN_DOORS, limits });
    extra.push(replica);
    const agent = await newAgent(plane.ann);
    const reader = await stream(replica, plane.ann, agent.id);
    const id = await ask(one, plane.ann, agent.id);
    await expect.poll(() => commandsOf(reader, agent.key).length, PATIENCE).toBeGreaterThan(2);
    expect(new Set(commandsOf(reader, agent.key))).toEqual(new Set([id]));
  });

  test('arrives, however many wait and however large they are', async () => {
    const agent = await newAgent(plane.ann);
    const input = 'x'.repeat(700_000);
    const selection = { query: {}, rows: 1 };
    const large: CommandBody = { kind: 'make-report', replay: agent.id, prefix: 'p/', input, selection };
    const ids: string[] = [];
    await plane.withTenant(plane.ann.id, async (db) => {
      for (let i = 0; i < 90; i++) {
        const body: CommandBody = i > 60 && i % 2 === 0 ? large : { kind: 'flush' };
        ids.push(await enqueueCommand(db, { tenant: plane.ann.id, agent: agent.id, body }, clock));
      }
    });
    const reader = await stream(one, plane.ann, agent.id);
    await expect.poll(() => reader.names().length, PATIENCE).toBe(90);
    expect(commandsOf(reader, agent.key)).toEqual(ids);
  });

  test('ends once: the first outcome holds, also one that comes after it expired', async () => {
    const agent = await newAgent(plane.ann);
    const id = await ask(one, plane.ann, agent.id);
    const outcome = (body: object) =>
      post(two, plane.ann.keys.agent, `/v1/agent/commands/${id}/outcome`, body);
    await plane.withTenant(plane.ann.id, (db) =>
      db.query('UPDATE commands SET expires_at_us = 1 WHERE id = $1', [id]),
    );
    const duties = { platform: plane.platform, segmentLostAfterMs: 60_000, clock, log: plane.services.log };
    expect((await doDuties(duties)).expired).toBe(1);
    expect(await read(id)).toMatchObject({ state: 'expired', message: expect.stringContaining('in time') });
    const wrong = await outcome({ state: 'succeeded', message: null, result: { flushed: 'yes' } });
    expect(wrong).toMatchObject({ status: 400, body: { errors: [{ path: 'body.flushed' }] } });
    const good = { state: 'succeeded', message: null, result: { flushed: true, more: 'than wanted' } };
    expect((await outcome(good)).status).toBe(204);
    const done = await read(id);
    expect(done).toMatchObject({ state: 'succeeded', progress: 1, result: { flushed: true } });
    expect(done.result).not.toHaveProperty('more');
    expect((await outcome({ state: 'failed', message: 'too late' })).status).toBe(204);
    expect(await read(id)).toEqual(done);
  });

  test('gives the rows it works on in pages, without those that were lost', async () => {
    const agent = await newAgent(plane.ann);
    const now = clock.nowUs();
    await plane.services.partitions.ensure(30, [now]);
    const made = makeSegment(
      plane.ann.id,
      Array.from({ length: 5_003 }, (_, i) => makePair({ ts: now + i })),
      {
        perFrame: 2_000,
      },
    );
    const gone = makeSegment(plane.ann.id, [makePair({ ts: now })]);
    for (const batch of [...made.batches, ...gone.batches]) {
      expect((await post(one, plane.ann.keys.agent, '/v1/ingest/index', batch)).status).toBe(200);
    }
    const tombstone = { segment: gone.id, openedAt: now, pairs: 1, reason: 'disk-full' };
    await post(one, plane.ann.keys.agent, '/v1/ingest/tombstones', { segments: [tombstone] });
    const body: CommandBody = {
      ...{ kind: 'search', filter: 'true', limit: 10 },
      selection: { query: { from: now, to: now + 10_000 }, rows: 5_003 },
    };
    const id = await plane.withTenant(plane.ann.id, (db) =>
      enqueueCommand(db, { tenant: plane.ann.id, agent: agent.id, body }, clock),
    );
    const page = async (after: string | null) => {
      const query = after === null ? '' : `?after=${encodeURIComponent(after)}`;
      const url = `/v1/agent/commands/${id}/positions${query}`;
      return (
        await call<{ items: { id: string; key: null }[]; after: string | null }>(
          ...([two, plane.ann.keys.agent, 'GET', url] as const),
        )
      ).body;
    };
    const first = await page(null);
    const second = await page(first.after);
    expect([first.items.length, second.items.length, second.after]).toEqual([5_000, 3, null]);
    const wanted = made.batches.flatMap((batch) => batch.rows.map((row) => row.id));
    expect([...first.items, ...second.items].map((item) => item.id)).toEqual(wanted);
    expect(first.items[0]).toMatchObject({ segment: made.id, frame: 0, line: 0, key: null });
  });

  test('is asked once for one id, and of no agent that has too much to do', async () => {
    const agent = await newAgent(plane.ann);
    const id = newId(clock.nowUs());
    const enqueue = (given?: string) =>
      plane.withTenant(plane.ann.id, (db) =>
        enqueueCommand(
          db,
          { tenant: plane.ann.id, agent: agent.id, body: { kind: 'flush' }, ...(given ? { id: given } : {}) },
          clock,
        ),
      );
    expect([await enqueue(id), await enqueue(id)]).toEqual([id, id]);
    await plane.withTenant(plane.ann.id, (db) =>
      db.query(
        `INSERT INTO commands (tenant_id, id, agent, kind, body, created_at_us, expires_at_us)
         SELECT $1, gen_random_uuid(), $2, 'flush', '{"kind":"flush"}', 1, $3 FROM generate_series(1, 999)`,
        [plane.ann.id, agent.id, clock.nowUs() + 1e9],
      ),
    );
    await expect(enqueue()).rejects.toMatchObject({ code: 'agent_busy' });
  });
});
