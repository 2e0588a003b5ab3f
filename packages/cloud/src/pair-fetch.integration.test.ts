import { aborted, newId, type ObjectStore, type PublicSigningKey } from '@echoplane/runtime';
import type { RRPair } from '@echoplane/traffic';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { heartbeatOf, openStream, registrationOf, type StreamReader } from './agent.fixture.ts';
import {
  type ControlPlane,
  clock,
  type Replica,
  startControlPlane,
  startReplica,
} from './control-plane.fixture.ts';
import { doDuties } from './duties.ts';
import { PairFetcher } from './pair-fetch.ts';
import { type MadeSegment, makePair, makeSegment } from './traffic.fixture.ts';

const PATIENCE = { interval: 20 };

let plane: ControlPlane;
let one: Replica;
let two: Replica;
const readers: StreamReader[] = [];

beforeAll(async () => {
  plane = await startControlPlane();
  await plane.services.partitions.ensure(30, [clock.nowUs()]);
  one = await startReplica(plane);
  two = await startReplica(plane);
});
afterEach(() => {
  for (const reader of readers.splice(0)) reader.drop();
});
afterAll(async () => {
  await one?.stop();
  await two?.stop();
  await plane?.stop();
});

async function call<T = Record<string, unknown>>(
  role: 'agent' | 'viewer',
  url: string,
  payload?: object,
  replica = one,
) {
  const headers = { authorization: `Bearer ${plane.ann.keys[role]}` };
  const method = payload ? 'POST' : 'GET';
  const answer = await replica.app.inject({ method, url, headers, ...(payload ? { payload } : {}) });
  return {
    status: answer.statusCode,
    body: (answer.body ? answer.json() : null) as T & { code: string; detail: string },
  };
}

interface Agent {
  id: string;
  key: PublicSigningKey;
}

async function newAgent(access: 'delegated' | 'private'): Promise<Agent> {
  const id = newId(clock.nowUs());
  const { body } = await call<{ signingKey: PublicSigningKey }>(
    ...(['agent', '/v1/agent/register', registrationOf(id, access)] as const),
  );
  return { id, key: body.signingKey };
}

/** A segment that an agent has indexed. */
async function indexed(agent: string, pairs: RRPair[]): Promise<MadeSegment> {
  const made = makeSegment(plane.ann.id, pairs);
  for (const batch of made.batches) {
    const { status, body } = await call('agent', '/v1/ingest/index', { ...batch, agent });
    expect(status, JSON.stringify(body)).toBe(200);
  }
  return made;
}

const drillIn = (pair: RRPair, replica = one) =>
  call<{ pair: RRPair; row: { shipped: boolean; lost: string | null } }>(
    ...(['viewer', `/v1/traffic/${pair.id}`, undefined, replica] as const),
  );

/** Serves the agent on the second replica and answers what it is asked with `answer`. */
async function serve(agent: Agent, answer: (id: string) => object): Promise<void> {
  const reader = (await openStream(two.origin, plane.ann.keys.agent, agent.id)).read();
  readers.push(reader);
  const done = new Set<string>();
  reader.response.on('data', () => {
    for (const { command } of reader.signed('command', agent.key)) {
      if (done.has(command!.id) || command!.body.kind !== 'fetch-pair') continue;
      done.add(command!.id);
      void call('agent', `/v1/agent/commands/${command!.id}/outcome`, answer(command!.body.id), two);
    }
  });
  await expect.poll(() => reader.events.length, PATIENCE).toBeGreaterThan(0);
}

const holding =
  (...pairs: RRPair[]) =>
  (id: string) => ({
    ...{ state: 'succeeded', message: null, result: { pair: pairs.find((pair) => pair.id === id) } },
  });

/** A replica whose clock never gets to the end of a wait: only the bell does. */
function patientReplica(): Promise<Replica> {
  const sleep = (_: number, signal?: AbortSignal) => aborted(signal!);
  return startReplica({ ...plane, services: { ...plane.services, clock: { nowUs: clock.nowUs, sleep } } });
}

const newPair = () =>
  makePair({ ts: clock.nowUs(), responseBody: { text: 'nul \0 and half a pair \ud800' } });

describe('a drill-in', () => {
  test('into a segment that is not shipped is answered by its agent, on whichever replica that is', async () => {
    const agent = await newAgent('delegated');
    const pair = newPair();
    await indexed(agent.id, [pair]);
    await serve(agent, holding(pair));
    const third = await patientReplica();
    const { status, body } = await drillIn(pair, third);
    await third.stop();
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body.pair).toEqual(pair);
    expect(body.row).toMatchObject({ shipped: false, lost: null });
    const { rows } = await plane.withTenant(plane.ann.id, (db) =>
      db.query('SELECT state, result FROM commands WHERE agent = $1', [agent.id]),
    );
    expect(rows).toEqual([{ state: 'succeeded', result: null }]);
  });

  test('into a private store never touches it, nor does its announcement', async () => {
    const touched: string[] = [];
    const store = new Proxy({} as ObjectStore, {
      get: (_, name) => () => {
        touched.push(String(name));
        throw new Error('the control plane looked into a private store');
      },
    });
    const blind = await startReplica({ ...plane, services: { ...plane.services, store } });
    const agent = await newAgent('private');
    const pair = newPair();
    const made = await indexed(agent.id, [pair]);
    const shipped = { ...made.shipped, agent: agent.id };
    expect((await call('agent', '/v1/ingest/segments', shipped, blind)).status).toBe(200);
    await serve(agent, holding(pair));
    const { body } = await drillIn(pair, blind);
    expect(body).toMatchObject({ pair: { id: pair.id }, row: { shipped: true } });
    expect(touched).toEqual([]);
    await blind.stop();
  });

  test('says that the agent is away: unknown, unseen for a minute, or silent', async () => {
    const unknown = newPair();
    await indexed(newId(clock.nowUs()), [unknown]);
    expect(await drillIn(unknown)).toMatchObject({ status: 503, body: { code: 'agent_away' } });
    const agent = await newAgent('delegated');
    const pair = newPair();
    const { batches } = await indexed(agent.id, [pair]);
    const { frameOffset, frameLength, segment } = batches[0]!.rows[0]!;
    const question = {
      ...{ kind: 'fetch-pair' as const, id: pair.id, key: null },
      position: { segment, frame: 0, line: 0, frameOffset, frameLength },
    };
    // A clock that passes whatever it is asked to wait.
    let skewUs = 0;
    const sleep = async (ms: number) => {
      skewUs += ms * 1000;
    };
    const hasty = { nowUs: () => clock.nowUs() + skewUs, sleep };
    const silent = new PairFetcher({ ...one.services, clock: hasty });
    await expect(silent.fetch(plane.ann.id, agent.id, question)).rejects.toMatchObject({
      code: 'agent_away',
    });
    expect(skewUs).toBeGreaterThan(5_000_000);
    await plane.withTenant(plane.ann.id, (db) =>
      db.query('UPDATE agents SET seen_at_us = seen_at_us - 61000000 WHERE id = $1', [agent.id]),
    );
    const asked = () =>
      plane.withTenant(plane.ann.id, (db) => db.query('SELECT 1 FROM commands WHERE agent = $1', [agent.id]));
    expect((await asked()).rowCount).toBe(1);
    expect(await drillIn(pair)).toMatchObject({ status: 503, body: { code: 'agent_away' } });
    expect((await asked()).rowCount).toBe(1);
    await call('agent', '/v1/agent/heartbeat', heartbeatOf(agent.id));
    await serve(agent, holding(pair));
    expect((await drillIn(pair)).status).toBe(200);
  });

  test('does not take another RRPair for the one that was asked for, and hands on a refusal', async () => {
    const agent = await newAgent('delegated');
    const [pair, refused] = [newPair(), newPair()];
    await indexed(agent.id, [pair, refused]);
    await serve(agent, (id) =>
      id === pair.id
        ? holding(refused)(refused.id)
        : { state: 'failed', message: 'The ring has turned over; widen it.' },
    );
    expect(await drillIn(pair)).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    expect(await drillIn(refused)).toMatchObject({ status: 503, body: { detail: /ring has turned over/ } });
  });

  test('is refused while sixteen of the tenant wait', async () => {
    const agent = await newAgent('delegated');
    const pairs = Array.from({ length: 17 }, newPair);
    await indexed(agent.id, pairs);
    const third = await patientReplica();
    const waiting = pairs.slice(1).map((pair) => drillIn(pair, third));
    const ofAgent = (sql: string) =>
      plane.withTenant(plane.ann.id, (db) => db.query(`${sql} WHERE agent = $1`, [agent.id]));
    await expect.poll(async () => (await ofAgent('SELECT 1 FROM commands')).rowCount, PATIENCE).toBe(16);
    // They are still to be answered, however long it takes until somebody does.
    await ofAgent('UPDATE commands SET expires_at_us = expires_at_us + 60000000');
    expect(await drillIn(pairs[0]!, third)).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    await serve(agent, holding(...pairs));
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(Array(16).fill(200));
    expect((await drillIn(pairs[0]!, third)).status).toBe(200);
    await third.stop();
  });
});

describe('a segment that never arrives', () => {
  test('is named in the list and in the drill-in, until it arrives after all', async () => {
    const agent = await newAgent('delegated');
    const pair = newPair();
    const made = await indexed(agent.id, [pair]);
    const tombstone = { segment: made.id, openedAt: pair.ts, pairs: 1, reason: 'spool-full' };
    const bury = () => call('agent', '/v1/ingest/tombstones', { segments: [tombstone, tombstone] });
    expect((await bury()).status).toBe(204);
    expect(await drillIn(pair)).toMatchObject({
      ...{ status: 410, body: { code: 'segment_lost', detail: /spool-full/ } },
    });
    const list = async () => {
      const url = `/v1/traffic?from=${pair.ts}&to=${pair.ts + 1}`;
      return (await call<{ items: object[] }>('viewer', url)).body.items;
    };
    expect(await list()).toMatchObject([{ id: pair.id, shipped: false, lost: 'spool-full' }]);
    await plane.store.put(made.shipped.key, made.bytes);
    expect((await call('agent', '/v1/ingest/segments', made.shipped)).status).toBe(200);
    expect(await list()).toMatchObject([{ id: pair.id, shipped: true, lost: null }]);
    expect((await drillIn(pair)).body.pair.id).toBe(pair.id);
    // It is in the store: nobody can say now that it was lost.
    expect((await bury()).status).toBe(204);
    expect(await list()).toMatchObject([{ shipped: true, lost: null }]);
  });

  test('is given up by the worker when its time is over, and no sooner', async () => {
    const agent = await newAgent('delegated');
    const pair = newPair();
    await indexed(agent.id, [pair]);
    const duties = { platform: plane.platform, clock, log: plane.services.log };
    await doDuties({ ...duties, segmentLostAfterMs: 3_600_000 });
    await serve(agent, holding(pair));
    expect((await drillIn(pair)).status).toBe(200);
    expect((await doDuties({ ...duties, segmentLostAfterMs: 0 })).lost).toBeGreaterThan(0);
    expect(await drillIn(pair)).toMatchObject({ status: 410, body: { detail: /never-arrived/ } });
  });
});
