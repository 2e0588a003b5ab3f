// Owns what the three servers have in common: a Fastify instance with one error handler, input checks,
// listening on the loopback, and a close that is graceful but ends in time.
// Must not know any route, the environment or the process.
import type { ServerOptions } from 'node:https';
import Fastify, { type FastifyInstance } from 'fastify';
import type { z } from 'zod';

const CLOSE_DEADLINE_MS = 1_500;
const BODY_LIMIT_BYTES = 64 * 1024;

/** A server that is up: the port it really has, and how to end it. */
export type RunningService = { port: number; close(): Promise<void> };

/** An answer other than success; `details` are further members of the body. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(status: number, code: string, message: string, details: Record<string, unknown> = {}) {
    super(message);
    this.name = 'Problem';
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/** The service cannot start; the message is one sentence for the operator. */
export class StartError extends Error {}

/** Returns the input as the schema has it, or throws a 400 Problem that names the first wrong field. */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown): z.infer<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new Problem(400, 'invalid_input', issue?.message ?? 'Invalid input', {
    field: issue?.path.join('.') || 'body',
  });
}

/** A Fastify instance (over TLS when a certificate is given) whose every error is application/problem+json. */
export function createService(tls?: Pick<ServerOptions, 'cert' | 'key'>): FastifyInstance {
  // Fastify types a TLS instance apart from a plain one; routes do not care, so both are handled as the plain type.
  const app = Fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    ...(tls ? { https: tls } : {}),
  }) as unknown as FastifyInstance;
  app.setNotFoundHandler((request) => {
    throw new Problem(404, 'not_found', `There is no ${request.method} ${request.url}`);
  });
  app.setErrorHandler((error, request, reply) => {
    const problem = asProblem(error);
    if (problem.status >= 500) reportError(`${request.method} ${request.url}`, error);
    return reply
      .code(problem.status)
      .type('application/problem+json')
      .send({ code: problem.code, message: problem.message, ...problem.details });
  });
  return app;
}

/** Listens (port 0 takes a free one); a port that cannot be had is a StartError. */
export async function startService(
  app: FastifyInstance,
  { HOST: host, PORT: port }: { HOST: string; PORT: number },
): Promise<RunningService> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    const busy = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const reason = busy ? 'it is in use; free it or set PORT=0' : String(error);
    throw new StartError(`Port ${port} on ${host} cannot be listened on: ${reason}.`, { cause: error });
  }
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('A TCP server has a port');
  return { port: address.port, close: () => closeInTime(app) };
}

async function closeInTime(app: FastifyInstance): Promise<void> {
  const deadline = setTimeout(() => app.server.closeAllConnections(), CLOSE_DEADLINE_MS);
  await app.close();
  clearTimeout(deadline);
}

function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const status = (error as { statusCode?: number }).statusCode ?? 500;
  // What Fastify itself refuses (broken JSON, a body too large) arrives with a 4xx status and concerns the body.
  if (status >= 400 && status < 500) {
    return new Problem(status, 'invalid_input', (error as Error).message, { field: 'body' });
  }
  return new Problem(500, 'internal', 'Something went wrong on our side');
}

function reportError(where: string, error: unknown): void {
  const cause = error instanceof Error && error.cause ? ` (${String(error.cause)})` : '';
  process.stderr.write(`${JSON.stringify({ event: 'error', where, error: `${String(error)}${cause}` })}\n`);
}
