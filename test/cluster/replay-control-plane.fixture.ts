// A control plane for replays in tests: a real HTTP server that speaks the route table of `api` with its own schemas, and
// keeps what it was told in memory. It analyzes nothing: a finished replay has its report at once. For tests only.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ApiClient, createClient, type Replay, ROUTES, type RouteName } from '@echoplane/api';
import { Goals, type Report } from '@echoplane/traffic';

export const SNAPSHOT_ID = '018f0000-0000-7000-8000-000000000001';
const ZERO = { count: 0, p50Us: null, p95Us: 12_000, p99Us: null, p999Us: null };

export interface TestControlPlane {
  client: ApiClient;
  /** By key of whoever opened them. */
  replays: Map<string, Replay & { opened: number; finished: unknown[] }>;
  /** Requests in the last five minutes, of every workload. */
  live: number;
  /** Told of each call before it is answered. */
  onCall: (name: RouteName) => void;
  stop(): void;
}

type Asked = { params: Record<string, string>; body: Record<string, never> };

export async function startControlPlane(): Promise<TestControlPlane> {
  const replays: TestControlPlane['replays'] = new Map();
  const plane = { replays, live: 0, onCall: () => {} } as unknown as TestControlPlane;
  const byId = (id: string) => [...replays.values()].find((one) => one.id === id);
  const handlers: Partial<Record<RouteName, (asked: Asked) => unknown>> = {
    trafficGraph: () => ({
      stepUs: 60_000_000,
      series: [
        { direction: 'IN', points: [{ t: 0, count: plane.live, errors: 0, p50Us: null, p95Us: null }] },
      ],
    }),
    snapshots: () => ({ items: [snapshot()] }),
    snapshot: ({ params }) => (params.id === SNAPSHOT_ID ? snapshot() : null),
    artifact: () => Buffer.from('{}\n'),
    createReplay: ({ body }) => {
      const { key, ...rest } = body as unknown as { key: string };
      const known = replays.get(key);
      if (known) known.opened++;
      else replays.set(key, { ...newReplay(rest), opened: 1, finished: [] });
      return replays.get(key);
    },
    replay: ({ params }) => byId(params.id!) ?? null,
    finishReplay: ({ params, body }) => {
      const replay = byId(params.id!);
      if (replay?.phase !== 'running') return 409;
      replay.finished.push(body);
      Object.assign(replay, { phase: 'succeeded', verdict: 'passed', successRate: 1 });
      return replay;
    },
    cancelReplay: ({ params }) => {
      const replay = byId(params.id!);
      if (replay?.phase !== 'running') return 409;
      return Object.assign(replay, { phase: 'cancelled' });
    },
    report: ({ params }) => {
      const replay = byId(params.id!);
      return replay && { replay, snapshotName: 'checkout', report: reportOf(replay) };
    },
  };
  const server = createServer(async (request, response) => {
    const found = routeOf(request);
    if (found) plane.onCall(found.name);
    const route = found && ROUTES[found.name];
    const text = await textOf(request);
    const body = route && 'body' in route && text !== '' ? route.body.parse(JSON.parse(text)) : {};
    const answer = found && handlers[found.name]?.({ params: found.params, body: body as never });
    if (Buffer.isBuffer(answer)) return void response.writeHead(200).end(answer);
    if (!answer || typeof answer === 'number') {
      const status = typeof answer === 'number' ? answer : 404;
      const problem = {
        type: 'about:blank',
        title: 'no',
        status,
        code: 'not_found',
        detail: 'no',
        requestId: '-',
      };
      return void response
        .writeHead(status, { 'content-type': 'application/problem+json' })
        .end(JSON.stringify(problem));
    }
    response.writeHead(route!.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  plane.client = createClient({ baseUrl: `http://127.0.0.1:${port}`, fetch, headers: () => ({}) });
  plane.stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return plane;
}

function routeOf({
  method,
  url,
}: IncomingMessage): { name: RouteName; params: Record<string, string> } | null {
  const path = url!.split('?')[0]!;
  for (const [name, route] of Object.entries(ROUTES)) {
    const groups = new RegExp(`^${route.path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`).exec(path);
    if (groups && route.method === method) return { name: name as RouteName, params: { ...groups.groups } };
  }
  return null;
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

function newReplay(body: object): Replay {
  return {
    ...{ id: randomUUID(), name: '', snapshot: SNAPSHOT_ID, mode: 'full', buildTag: null, baseline: null },
    ...{
      goals: Goals.parse({}),
      testConfig: null,
      leaseUntil: null,
      phase: 'running',
      message: null,
      verdict: null,
      successRate: null,
    },
    ...{ createdAt: 1, finishedAt: null },
    ...body,
  };
}

function snapshot() {
  const counts = { pairs: 4, tests: 2, mocks: 2, sessions: 1, tokens: 0, skipped: { opaque: 1 } };
  const versions = { analyzerVersion: 1, templateVersion: 1 };
  const endpoint = { direction: 'OUT', endpoint: '/pay', method: 'POST', count: 2, medianUs: 1_000 };
  return {
    ...{ id: SNAPSHOT_ID, name: 'checkout', query: {}, state: 'succeeded', message: null, prefix: 'p/' },
    manifest: {
      ...versions,
      v: 1,
      id: SNAPSHOT_ID,
      name: 'checkout',
      selection: {},
      lineage: [],
      from: null,
      to: null,
      counts,
    },
    summary: { endpoints: [{ ...endpoint, host: 'payments.shop:8080' }], notes: [] },
    ...{ storeAccess: 'delegated', createdAt: 1 },
  };
}

function reportOf({ id, finished }: Replay & { finished: unknown[] }): Report {
  const counts = {
    tests: 2,
    passed: 2,
    failed: 0,
    headless: 0,
    missing: 0,
    mockExact: 2,
    mockVolatile: 0,
    mockMiss: 0,
  };
  const { run } = finished[0] as { run: Report['run'] };
  return {
    ...{
      v: 1,
      replay: id,
      verdict: 'passed',
      reasons: ['every goal is met'],
      goals: [],
      successRate: 1,
      matchRate: 1,
      counts,
    },
    ...{ recorded: ZERO, replayed: ZERO, requestsPerSecond: 1, endpoints: [], findings: [], failures: [] },
    ...{ failuresOmitted: 0, run },
  };
}
