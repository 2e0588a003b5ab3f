// Every failure as `application/problem+json`, from one handler. What went wrong inside is logged, never sent.

import { PROBLEMS, type Problem, type ProblemCode } from '@echoplane/api';
import { OperatingError } from '@echoplane/runtime';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { ZodError } from 'zod';
import { isUnavailable } from './db.ts';

/** A body of nothing but mistakes must not make an answer larger than itself. */
const MAX_ERRORS = 20;
const MAX_PATH = 200;

/** A refusal with a stable code; `detail` is one sentence that says what to do. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly errors: Problem['errors'];
  constructor(code: ProblemCode, detail: string, errors?: Problem['errors']) {
    super(detail);
    this.code = code;
    this.errors = errors?.slice(0, MAX_ERRORS);
  }
}

/** For an id that is not there, or is another tenant's: the two must look the same. */
export function notFound(what: string): ProblemError {
  return new ProblemError('not_found', `There is no such ${what}.`);
}

/** A failed parse of one part of a request, each path prefixed with the part it is in. */
export function invalid(part: 'params' | 'query' | 'body', error: ZodError): ProblemError {
  const errors = error.issues.slice(0, MAX_ERRORS).map((issue) => ({
    path: [part, ...issue.path].join('.').slice(0, MAX_PATH),
    message: issue.message,
  }));
  return new ProblemError('invalid_request', 'Correct the fields listed under errors.', errors);
}

export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  problem: ProblemError,
): FastifyReply {
  const { status, title } = PROBLEMS[problem.code];
  const body: Problem = {
    ...{ type: `urn:echoplane:problem:${problem.code}`, title, status, code: problem.code },
    ...{ detail: problem.message, requestId: request.id },
    ...(problem.errors ? { errors: problem.errors } : {}),
  };
  return reply.code(status).type('application/problem+json').send(JSON.stringify(body));
}

/** fastify's error handler. */
export function handleError(err: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(err, request);
  const { status } = PROBLEMS[problem.code];
  if (status >= 500)
    request.log.error({ err, requestId: request.id, route: request.routeOptions.url }, 'a request failed');
  return sendProblem(request, reply, problem);
}

const TIMED_OUT = '57014';
/** Class 22: a value Postgres cannot store, such as a text with a NUL. */
const DATA_EXCEPTION = /^22[0-9A-Z]{3}$/;

function problemOf(err: unknown, request: FastifyRequest): ProblemError {
  if (err instanceof ProblemError) return err;
  const { statusCode, code, message } = err as Partial<FastifyError>;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new ProblemError(
      'payload_too_large',
      `Send at most ${request.routeOptions.bodyLimit} bytes at once.`,
    );
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new ProblemError('invalid_request', `The request cannot be read: ${message}.`);
  }
  if (code === TIMED_OUT) {
    return new ProblemError('unavailable', 'This took too long; ask for a shorter time range.');
  }
  if (code && DATA_EXCEPTION.test(code)) {
    return new ProblemError('invalid_request', `A value cannot be stored: ${message}.`);
  }
  if (err instanceof OperatingError) return new ProblemError('unavailable', err.message);
  if (isUnavailable(err))
    return new ProblemError('unavailable', 'The database does not answer; try again in a moment.');
  return new ProblemError('internal', 'Try again; if it happens again, report it with this request id.');
}
