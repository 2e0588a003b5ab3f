// The HTTP face of the control plane: the routes of `/v1`, health, metrics, the OpenAPI document, the dashboard's files.
// It is given everything it works with and opens nothing itself.
import { randomUUID } from 'node:crypto';
import { BYTES, ROUTES, type RouteSpec } from '@echoplane/api';
import { renderMetrics, type Sample } from '@echoplane/runtime';
import cookie from '@fastify/cookie';
import fastifyStatic from '@fastify/static';
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { accountingHandlers } from './accounting.ts';
import { Admission, type AdmissionOptions } from './admission.ts';
import { AgentStreams, agentStreamHandlers, type StreamLimits } from './agent-streams.ts';
import { agentHandlers } from './agents.ts';
import { commandAnswerHandlers } from './command-answers.ts';
import { commandHandlers } from './commands.ts';
import { discoveryHandlers } from './discoveries.ts';
import { erasureHandlers } from './erasures.ts';
import { registerRoutes, type Services } from './handlers.ts';
import { ingestHandlers } from './ingest.ts';
import { jobHandlers } from './jobs.ts';
import { observationHandlers } from './observations.ts';
import { openApiDocument } from './openapi.ts';
import { handleError, ProblemError, sendProblem } from './problems.ts';
import { replayHandlers } from './replays.ts';
import { reportHandlers } from './reports.ts';
import { rulesHandlers } from './rules.ts';
import { searchHandlers } from './searches.ts';
import { segmentUploadHandlers } from './segment-uploads.ts';
import { signInHandlers } from './sign-in.ts';
import { snapshotHandlers } from './snapshots.ts';
import { testConfigHandlers } from './test-configs.ts';
import { tombstoneHandlers } from './tombstones.ts';
import { graphHandlers } from './traffic-graph.ts';
import { trafficHandlers } from './traffic-queries.ts';

const BODY_LIMIT_BYTES = 64 << 10;
/** For 32 MiB over a slow line; without a limit a request may hold its connection for ever. */
const REQUEST_TIMEOUT_MS = 120_000;
const REQUEST_ID = /^[\w.-]{1,64}$/;

/** Registrations, and streams, let in per second by one replica: each is a handful of statements. */
const AGENTS_PER_SECOND = 50;
const AGENTS_AT_ONCE = 200;

export interface AppOptions {
  services: Services;
  /** How agents are let in and served; for tests. */
  agents?: AdmissionOptions & { limits?: StreamLimits };
  dashboardDir?: string | undefined;
  /** Read at each scrape, beside the request counts kept here. */
  metrics: () => Promise<Sample[]>;
}

export async function buildApp({
  services,
  dashboardDir,
  metrics,
  agents = { perSecond: AGENTS_PER_SECOND, burst: AGENTS_AT_ONCE, random: Math.random },
}: AppOptions): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: services.log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // What cannot be routed meets no hook.
    frameworkErrors: (err, request, reply) => {
      setHeaders(request, reply);
      handleError(err, request, reply);
    },
    genReqId: (request) => {
      const sent = request.headers['x-request-id'];
      return typeof sent === 'string' && REQUEST_ID.test(sent) ? sent : randomUUID();
    },
  }) as unknown as FastifyInstance;
  app.setErrorHandler(handleError);
  app.removeContentTypeParser('text/plain');
  // Handed on as a stream; the route says how much it takes.
  app.addContentTypeParser(BYTES, (_request, bytes, done) => done(null, bytes));
  app.addHook('onRequest', async (request, reply) => setHeaders(request, reply));
  await app.register(cookie);
  const answered = countAnswers(app);
  const streams = new AgentStreams(services, agents.limits);
  // Before the server waits for its connections.
  app.addHook('preClose', () => streams.close());
  registerRoutes(
    app,
    {
      ...signInHandlers(services),
      ...ingestHandlers(services),
      ...trafficHandlers(services),
      ...graphHandlers(services),
      ...accountingHandlers(services),
      ...snapshotHandlers(services),
      ...replayHandlers(services),
      ...reportHandlers(services),
      ...testConfigHandlers(services),
      ...observationHandlers(services),
      ...jobHandlers(services),
      ...agentHandlers(services, new Admission(services.clock, agents)),
      ...agentStreamHandlers(streams, new Admission(services.clock, agents)),
      ...commandHandlers(services),
      ...commandAnswerHandlers(services),
      ...rulesHandlers(services),
      ...discoveryHandlers(services),
      ...tombstoneHandlers(services),
      ...segmentUploadHandlers(services),
      ...searchHandlers(services),
      ...erasureHandlers(services),
    },
    services,
  );
  registerFace(app, services, async () => [...(await metrics()), answered(), openStreams(streams)]);
  await registerDashboard(app, dashboardDir);
  return app;
}

function setHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers({
    'x-request-id': request.id,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
  });
  if (request.url.startsWith('/v1/')) reply.header('cache-control', 'no-store');
}

function countAnswers(app: FastifyInstance): () => Sample {
  const counts = new Map<string, { labels: Record<string, string>; value: number }>();
  app.addHook('onResponse', async (request, reply) => {
    const labels = {
      route: request.routeOptions.url ?? 'none',
      method: request.method,
      status: String(reply.statusCode),
    };
    const key = `${labels.method} ${labels.route} ${labels.status}`;
    const entry = counts.get(key) ?? { labels, value: 0 };
    entry.value += 1;
    counts.set(key, entry);
  });
  return () => ({
    ...{ name: 'echoplane_http_requests_total', help: 'Requests answered', type: 'counter' },
    values: [...counts.values()],
  });
}

function openStreams(streams: AgentStreams): Sample {
  const values = [{ value: streams.size }];
  return { name: 'echoplane_agent_streams', help: 'Streams of agents', type: 'gauge', values };
}

function registerFace(app: FastifyInstance, services: Services, metrics: () => Promise<Sample[]>): void {
  const document = openApiDocument();
  app.get('/healthz', async () => 'ok\n');
  app.get('/readyz', async () => {
    await services.pool.query('SELECT 1').catch(() => {
      throw new ProblemError('unavailable', 'The database does not answer; try again in a moment.');
    });
    return 'ready\n';
  });
  app.get('/metrics', async (_request, reply) => {
    reply.type('text/plain; version=0.0.4');
    return renderMetrics(await metrics());
  });
  app.get('/v1/openapi.json', async () => document);
}

const CONTENT_POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; frame-ancestors 'none'";

/** Static files; a path that is neither a file nor part of the API is a page of the single-page app. */
async function registerDashboard(app: FastifyInstance, folder: string | undefined): Promise<void> {
  if (folder !== undefined) {
    await app.register(fastifyStatic, {
      root: folder,
      setHeaders: (reply) => reply.header('content-security-policy', CONTENT_POLICY),
    });
  }
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0]!;
    if (folder !== undefined && request.method === 'GET' && !path.startsWith('/v1/'))
      return reply.sendFile('index.html');
    const allowed = methodsOf(path);
    if (allowed.length === 0)
      return sendProblem(request, reply, new ProblemError('not_found', 'There is no such path.'));
    reply.header('allow', allowed.join(', '));
    return sendProblem(
      request,
      reply,
      new ProblemError('method_not_allowed', `Use ${allowed.join(' or ')} here.`),
    );
  });
}

/** The methods of the routes whose path this is. */
function methodsOf(path: string): string[] {
  const specs: RouteSpec[] = Object.values(ROUTES);
  const wanted = path.split('/');
  const fits = (spec: RouteSpec) => {
    const parts = spec.path.split('/');
    return (
      parts.length === wanted.length && parts.every((part, i) => part.startsWith(':') || part === wanted[i])
    );
  };
  return [...new Set(specs.filter(fits).map((spec) => spec.method))];
}
