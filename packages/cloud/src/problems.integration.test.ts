import { Problem } from '@echoplane/api';
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from './control-plane.fixture.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane?.stop());

const NOBODYS = '01900000-0000-7000-8000-00000000000f';
/** What a generator says of a run of so many endpoints. */
const runOf = (endpoints: number) => ({
  ...{ startedAt: 1, finishedAt: 2, testsPlanned: 1, sent: 1, resultsDelivered: 1, notSent: {} },
  ...{ maxEventLoopLagMs: 0, voidReasons: [] },
  histograms: Array.from({ length: endpoints }, (_, i) => ({
    ...{ method: 'GET', endpoint: `/things/${i}`, encoded: 'x'.repeat(400) },
  })),
});
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const send = (options: InjectOptions) => plane.app.inject(options);

describe('problems', () => {
  const key = () => bearer(plane.ann.keys.admin);
  const cases: [string, () => InjectOptions, number, string][] = [
    ['an unknown path', () => ({ url: '/v1/nothing' }), 404, 'not_found'],
    [
      'a known path with another verb',
      () => ({ method: 'DELETE', url: '/v1/snapshots', headers: key() }),
      405,
      'method_not_allowed',
    ],
    [
      'malformed JSON',
      () => ({
        method: 'POST',
        url: '/v1/sign-in',
        payload: '{',
        headers: { 'content-type': 'application/json' },
      }),
      400,
      'invalid_request',
    ],
    [
      'a form',
      () => ({
        method: 'POST',
        url: '/v1/sign-in',
        payload: 'email=a',
        headers: { 'content-type': 'text/plain' },
      }),
      400,
      'invalid_request',
    ],
    ['an id that is none', () => ({ url: '/v1/jobs/7', headers: key() }), 400, 'invalid_request'],
    [
      'a cursor that is none',
      () => ({ url: '/v1/traffic?cursor=abc', headers: key() }),
      400,
      'invalid_request',
    ],
    ['a path that cannot be decoded', () => ({ url: '/%' }), 400, 'invalid_request'],
    [
      'a time beyond the calendar',
      () => ({ url: '/v1/traffic/graph?from=-9007199254740991&to=9007199254740991', headers: key() }),
      400,
      'invalid_request',
    ],
    [
      '65 KiB to sign in',
      () => ({ method: 'POST', url: '/v1/sign-in', payload: { email: 'x'.repeat(65 << 10), password: 'x' } }),
      413,
      'payload_too_large',
    ],
    [
      'a run of 500 endpoints, of a replay that there is not',
      () => ({
        ...{ method: 'POST', url: `/v1/replays/${NOBODYS}/finish`, headers: key() },
        payload: { run: runOf(500), mockResults: 0 },
      }),
      404,
      'not_found',
    ],
    [
      'edits nested deeper than can be read',
      () => ({
        method: 'PUT',
        url: `/v1/snapshots/${NOBODYS}/edits`,
        payload: `{"volatile":${'['.repeat(500_000)}${']'.repeat(500_000)}}`,
        headers: { ...key(), 'content-type': 'application/json' },
      }),
      400,
      'invalid_request',
    ],
    [
      '33 MiB',
      () => ({
        method: 'POST',
        url: '/v1/ingest/reports',
        payload: JSON.stringify({ reports: ['x'.repeat(33 << 20)] }),
        headers: { ...key(), 'content-type': 'application/json' },
      }),
      413,
      'payload_too_large',
    ],
  ];
  test.each(cases)('%s is answered as problem+json', async (_name, options, status, code) => {
    const response = await send(options());
    expect(response.statusCode).toBe(status);
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
    const problem = Problem.parse(response.json());
    expect(problem).toMatchObject({ status, code });
    expect(response.headers['x-request-id']).toBe(problem.requestId);
  });

  test('a failed validation lists every path', async () => {
    const payload = { name: '', query: { direction: 'UP', statusMin: -1 } };
    const response = await send({ method: 'POST', url: '/v1/snapshots', payload, headers: key() });
    const paths = Problem.parse(response.json()).errors!.map((error) => error.path);
    expect(paths.sort()).toEqual(['body.name', 'body.query.direction', 'body.query.statusMin']);
  });

  test('a body of nothing but mistakes gets a short answer', async () => {
    const rows = [...Array(5_000).fill({}), { tags: { ['x'.repeat(100_000)]: 1 } }];
    const options = { method: 'POST' as const, url: '/v1/ingest/index', headers: key() };
    for (const payload of [{ rows }, { rows: rows.slice(-1) }]) {
      const response = await send({ ...options, payload });
      expect(response.statusCode).toBe(400);
      expect(Problem.parse(response.json()).errors!.length).toBeLessThanOrEqual(20);
      expect(response.body.length).toBeLessThan(10_000);
    }
  });

  test('a request that never ends is ended', () => {
    expect(plane.app.server.requestTimeout).toBe(120_000);
  });

  test('a request id that is sent is kept when it is one', async () => {
    const kept = await send({ url: '/healthz', headers: { 'x-request-id': 'trace-1' } });
    expect(kept.headers['x-request-id']).toBe('trace-1');
    const replaced = await send({ url: '/healthz', headers: { 'x-request-id': 'no good' } });
    expect(replaced.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
});
