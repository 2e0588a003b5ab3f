// Errors of the HTTP contract: `application/problem+json` with a stable `code`, one shape for every failure.
import { z } from 'zod';

export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  /** Stable, snake_case: what a program may branch on. */
  code: z.string(),
  /** One sentence that says what to do. */
  detail: z.string(),
  requestId: z.string(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof Problem>;

/** Stable codes and their HTTP status and title; a new failure gets a new row. */
export const PROBLEMS = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  unauthenticated: { status: 401, title: 'Sign in first' },
  wrong_credentials: { status: 401, title: 'E-mail or password is wrong' },
  csrf_failed: { status: 403, title: 'The request did not come from the dashboard' },
  forbidden: { status: 403, title: 'Not allowed' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  conflict: { status: 409, title: 'Conflict with the present state' },
  segment_open: { status: 409, title: 'Still in the cluster' },
  segment_lost: { status: 410, title: 'Lost before it was stored' },
  suspended: { status: 403, title: 'This organisation is suspended' },
  agent_away: { status: 503, title: 'The data plane does not answer' },
  payload_too_large: { status: 413, title: 'The request is too large' },
  too_many_attempts: { status: 429, title: 'Too many attempts' },
  internal: { status: 500, title: 'Something broke on our side' },
  unavailable: { status: 503, title: 'Not available right now' },
} as const;
export type ProblemCode = keyof typeof PROBLEMS;
