// Two replicas of `cloud serve` on one database for integration tests, agents that register there, and what tests ask of
// both. Every test file has its own.
import { newId, type PublicSigningKey } from '@echoplane/runtime';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { openStream, registrationOf, type StreamReader } from './agent.fixture.ts';
import {
  type ControlPlane,
  clock,
  type Replica,
  startControlPlane,
  startReplica,
  type TestTenant,
} from './control-plane.fixture.ts';

export const PATIENCE = { interval: 20 };
/** Nothing happens by itself. */
export const TIMES = { pingMs: 60_000, resendMs: 60_000 };
export const ROOM = { perTenant: 100, perReplica: 100 };
export const OPEN_DOORS = { perSecond: 10_000, burst: 10_000, random: Math.random };

export let plane: ControlPlane;
/** Two replicas of `cloud serve`. */
export let one: Replica;
export let two: Replica;
/** Streams of one test, dropped after it. */
export const readers: StreamReader[] = [];
/** Replicas of one test, stopped after it. */
export const extra: Replica[] = [];

/** Starts all of it before the tests of a file, and stops it after them. */
export function useAgentPlane(): void {
  beforeAll(async () => {
    plane = await startControlPlane();
    const agents = { ...OPEN_DOORS, limits: { ...TIMES, ...ROOM } };
    one = await startReplica(plane, agents);
    two = await startReplica(plane, agents);
  });
  afterEach(async () => {
    for (const reader of readers.splice(0)) reader.drop();
    for (const replica of extra.splice(0)) await replica.stop();
  });
  afterAll(async () => {
    await one?.stop();
    await two?.stop();
    await plane?.stop();
  });
}

export async function call<T = Record<string, unknown>>(
  replica: Replica,
  key: string,
  method: 'GET' | 'POST' | 'PUT',
  url: string,
  payload?: object,
) {
  const headers = { authorization: `Bearer ${key}` };
  const answer = await replica.app.inject({ method, url, headers, ...(payload ? { payload } : {}) });
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body: (answer.body ? answer.json() : null) as T & { code: string; detail: string },
  };
}

export const post = <T>(replica: Replica, key: string, url: string, payload: object) =>
  call<T>(replica, key, 'POST', url, payload);

export interface Registered {
  signingKey: PublicSigningKey;
  suspended: boolean;
  config: unknown;
}

/** A registered agent of the tenant. */
export async function newAgent(tenant: TestTenant, access: 'delegated' | 'private' = 'delegated') {
  const id = newId(clock.nowUs());
  const { status, body } = await post<Registered>(
    one,
    tenant.keys.agent,
    '/v1/agent/register',
    registrationOf(id, access),
  );
  expect(status, JSON.stringify(body)).toBe(200);
  return { id, key: body.signingKey, registered: body };
}

export async function stream(replica: Replica, tenant: TestTenant, agent: string): Promise<StreamReader> {
  const reader = (await openStream(replica.origin, tenant.keys.agent, agent)).read();
  readers.push(reader);
  await expect.poll(() => reader.events.length, PATIENCE).toBeGreaterThan(0);
  return reader;
}

export async function ask(replica: Replica, tenant: TestTenant, agent: string): Promise<string> {
  const body = { agent, body: { kind: 'flush' } };
  const asked = await post<{ id: string; state: string }>(replica, tenant.keys.editor, '/v1/commands', body);
  expect(asked.status, JSON.stringify(asked.body)).toBe(202);
  expect(asked.body.state).toBe('waiting');
  return asked.body.id;
}

export const read = async (id: string, tenant = plane.ann) =>
  (await call(two, tenant.keys.viewer, 'GET', `/v1/commands/${id}`)).body;

export const commandsOf = (reader: StreamReader, key: PublicSigningKey) =>
  reader.signed('command', key).map(({ command }) => command!.id);
