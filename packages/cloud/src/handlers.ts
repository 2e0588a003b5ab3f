// The route table put to work: each route of `@echoplane/api` gets its checks, its parsed input and its handler. The
// map is typed by the table, so a route without a handler, or an answer of the wrong shape, does not compile.
import type { Readable } from 'node:stream';
import { ROUTES, type RouteName, type RouteSpec } from '@echoplane/api';
import type { Presigner } from '@echoplane/archive';
import type { Clock, Logger, ObjectStore } from '@echoplane/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type pg from 'pg';
import type { z } from 'zod';
import type { AgentBell } from './agent-bell.ts';
import type { AuditSource } from './audit.ts';
import { authorize, type Principal } from './auth.ts';
import type { PartitionKeeper } from './partitions.ts';
import { invalid, ProblemError } from './problems.ts';
import type { Signer } from './signing.ts';
import type { WithTenant } from './tenancy.ts';

/** What handlers work with. */
export interface Services {
  /** For what comes before a tenant is known; tenants' rows go through `withTenant`. */
  pool: pg.Pool;
  withTenant: WithTenant;
  /** The same door over a pool of its own, so that slow queries never hold up the data plane. */
  withTenantIngest: WithTenant;
  /** And over another for agents: thousands of heartbeats hold up neither of the two. */
  withTenantAgent: WithTenant;
  partitions: PartitionKeeper;
  store: ObjectStore;
  /** Signs a PUT into the store; null when the store is a folder. */
  presign: Presigner | null;
  /** What other replicas and the platform say about agents. */
  bell: AgentBell;
  signer: Signer;
  clock: Clock;
  log: Logger;
}

type Spec<N extends RouteName> = (typeof ROUTES)[N];
type Parsed<N extends RouteName, K extends 'params' | 'query' | 'body'> =
  Spec<N> extends { [P in K]: infer T extends z.ZodType } ? { [P in K]: z.output<T> } : object;
type Caller<N extends RouteName> =
  Spec<N> extends { access: 'public' } ? object : { principal: Principal; source: AuditSource };
export type Input<N extends RouteName> = Parsed<N, 'params'> &
  Parsed<N, 'query'> &
  Parsed<N, 'body'> &
  Caller<N> & { request: FastifyRequest; reply: FastifyReply };
export type Output<N extends RouteName> =
  Spec<N> extends { response: infer T extends z.ZodType } ? z.input<T> : Readable | undefined;
export type Handlers = { [N in RouteName]: (input: Input<N>) => Promise<Output<N>> };

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal | null;
  }
}

/**
 * A batch of 20,000 rows, the result of a command, a document of rules, the edits of a snapshot (ten thousand tests left out),
 * the summary of a run (a histogram for each endpoint), a test config; every other body is small.
 */
const BODY_LIMITS: [prefix: string, bytes: number][] = [
  ['/v1/ingest/', 32 << 20],
  ['/v1/agent/', 8 << 20],
  ['/v1/rules', 1 << 20],
  ['/v1/snapshots/', 2 << 20],
  ['/v1/replays', 4 << 20],
  ['/v1/test-configs', 1 << 20],
];

/** Registers every route of the table. */
export function registerRoutes(app: FastifyInstance, handlers: Handlers, services: Services): void {
  app.decorateRequest('principal', null);
  for (const name of Object.keys(ROUTES) as RouteName[]) {
    const spec: RouteSpec = ROUTES[name];
    app.route({
      method: spec.method,
      url: spec.path,
      ...bodyLimit(spec.path),
      // Before the body is read: who may not come in does not get to send 32 MiB.
      onRequest: async (request) => {
        if (spec.access === 'public') return;
        request.principal = await authorize(services.pool, request, spec);
        if (request.principal.tenant.suspended && spec.path.startsWith('/v1/ingest/')) refuseSuspended();
      },
      handler: (request, reply) => answer({ spec, request, reply, services }, handlers[name] as AnyHandler),
    });
  }
}

function bodyLimit(path: string): { bodyLimit?: number } {
  const limit = BODY_LIMITS.find(([prefix]) => path.startsWith(prefix));
  return limit ? { bodyLimit: limit[1] } : {};
}

function refuseSuspended(): never {
  throw new ProblemError(
    'suspended',
    'Nothing is taken in while the organisation is suspended; ask who runs the control plane to resume it.',
  );
}

type AnyHandler = (input: object) => Promise<unknown>;

async function answer(
  call: { spec: RouteSpec; request: FastifyRequest; reply: FastifyReply; services: Services },
  handler: AnyHandler,
): Promise<unknown> {
  const { spec, request, reply, services } = call;
  const input = {
    ...{ request, reply, principal: request.principal },
    ...(request.principal ? { source: sourceOf(request, request.principal, services.clock) } : {}),
    ...parsePart(spec, 'params', request.params),
    ...parsePart(spec, 'query', request.query),
    ...parsePart(spec, 'body', request.body),
  };
  const result = await handler(input);
  reply.code(spec.status);
  if (!spec.response) return result ?? reply.send();
  return spec.response.parse(result);
}

function parsePart(
  spec: RouteSpec,
  part: 'params' | 'query' | 'body',
  value: unknown,
): Record<string, unknown> {
  const schema = spec[part];
  if (!schema) return {};
  const parsed = checked(schema, value);
  if (!parsed.success) throw invalid(part, parsed.error);
  return { [part]: parsed.data };
}

/** Values are walked as deep as they nest, until the stack runs out. */
function checked(schema: z.ZodType, value: unknown) {
  try {
    return schema.safeParse(value);
  } catch (err) {
    if (!(err instanceof RangeError)) throw err;
    throw new ProblemError('invalid_request', 'The request is nested too deeply; make it flatter.');
  }
}

function sourceOf(request: FastifyRequest, principal: Principal, clock: Clock): AuditSource {
  const { actor, tenant } = principal;
  return { tenant: tenant.id, actor, address: request.ip, requestId: request.id, clock };
}
