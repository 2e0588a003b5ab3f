import type { CommandBody } from '@echoplane/api';
import { newId } from '@echoplane/runtime';
import { describe, expect, test } from 'vitest';
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
  ROOM,
  stream,
  TIMES,
  two,
  useAgentPlane,
} from './agent-plane.fixture.ts';
import { enqueueCommand } from './commands.ts';
import { clock, startReplica } from './control-plane.fixture.ts';

useAgentPlane();

describe('a stream', () => {
  test('says what nginx and the agent need to know, and pings', async () => {
    const limits = { pingMs: 50, resendMs: 60_000, ...ROOM };
    const replica = await startReplica(plane, { ...OPEN_DOORS, limits });
    extra.push(replica);
    const agent = await newAgent(plane.ann);
    const reader = await stream(replica, plane.ann, agent.id);
    expect(reader.response.headers).toMatchObject({
      'content-type': expect.stringContaining('text/event-stream'),
      'x-accel-buffering': 'no',
      'cache-control': 'no-store',
    });
    await expect.poll(() => reader.events.length, PATIENCE).toBeGreaterThan(2);
    expect(reader.events.every(({ event, data }) => event === 'ping' && data === '')).toBe(true);
  });

  test('makes its agent connected, and its end makes it away', async () => {
    const agent = await newAgent(plane.ann);
    const connected = async () => {
      const { body } = await call<{ items: { id: string; connected: boolean }[] }>(
        ...([two, plane.ann.keys.viewer, 'GET', '/v1/agents'] as const),
      );
      return body.items.find(({ id }) => id === agent.id)!.connected;
    };
    expect(await connected()).toBe(false);
    const reader = await stream(one, plane.ann, agent.id);
    expect(await connected()).toBe(true);
    reader.drop();
    await expect.poll(connected, PATIENCE).toBe(false);
  });

  test('ends when another replica takes its agent over', async () => {
    const agent = await newAgent(plane.ann);
    const first = await stream(one, plane.ann, agent.id);
    const second = await stream(two, plane.ann, agent.id);
    await first.closed;
    const id = await ask(one, plane.ann, agent.id);
    await expect.poll(() => commandsOf(second, agent.key), PATIENCE).toEqual([id]);
  });

  test('survives a broken database connection and catches up', async () => {
    const agent = await newAgent(plane.ann);
    const reader = await stream(one, plane.ann, agent.id);
    await plane.postgres.asSuperuser(
      'postgres',
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'echoplane-agent-bell'",
    );
    const id = await ask(two, plane.ann, agent.id);
    await expect.poll(() => commandsOf(reader, agent.key), PATIENCE).toEqual([id]);
  });

  test('of an agent that reads nothing any more is cut, and holds a bounded number of bytes until then', async () => {
    const limits = { pingMs: 200, resendMs: 60_000, ...ROOM };
    const replica = await startReplica(plane, { ...OPEN_DOORS, limits });
    extra.push(replica);
    const agent = await newAgent(plane.ann);
    // While it reads it is not cut, however long it takes to see that it is there.
    const reader = await stream(replica, plane.ann, agent.id);
    const streams = async () =>
      /echoplane_agent_streams (\d+)/.exec((await replica.app.inject('/metrics')).body)![1];
    expect(await streams()).toBe('1');
    reader.response.pause();
    const input = 'x'.repeat(900_000);
    for (let i = 0; i < 20; i++) {
      const body: CommandBody = {
        ...{ kind: 'make-report', replay: newId(clock.nowUs()), prefix: 'p/', input },
        selection: { query: {}, rows: 1 },
      };
      await plane.withTenant(plane.ann.id, (db) =>
        enqueueCommand(db, { tenant: plane.ann.id, agent: agent.id, body }, clock),
      );
    }
    await expect.poll(streams, PATIENCE).toBe('0');
  });

  test('ends at once when its replica closes', async () => {
    const replica = await startReplica(plane, { ...OPEN_DOORS, limits: { ...TIMES, ...ROOM } });
    const agent = await newAgent(plane.ann);
    const reader = await stream(replica, plane.ann, agent.id);
    await replica.stop();
    await reader.closed;
    const { rows } = await plane.withTenant(plane.ann.id, (db) =>
      db.query<{ stream: null }>('SELECT stream FROM agents WHERE id = $1', [agent.id]),
    );
    expect(rows).toEqual([{ stream: null }]);
  });

  test('is refused beyond the bounds for a tenant and a replica', async () => {
    const limits = { ...TIMES, perTenant: 1, perReplica: 2 };
    const replica = await startReplica(plane, { ...OPEN_DOORS, limits });
    extra.push(replica);
    const agents = [await newAgent(plane.ann), await newAgent(plane.ann)];
    await stream(replica, plane.ann, agents[0]!.id);
    await expect(stream(replica, plane.ann, agents[1]!.id)).rejects.toThrow('refused: 503');
    await stream(replica, plane.bob, (await newAgent(plane.bob)).id);
    await expect(stream(replica, plane.bob, (await newAgent(plane.bob)).id)).rejects.toThrow('refused: 503');
  });
});
