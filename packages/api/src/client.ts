// The typed client of the control plane, for dashboard, CLI and data plane. It is given `fetch`, so it runs anywhere.
import type { z } from 'zod';
import { Problem } from './problem.ts';
import type { RouteSpec } from './route-spec.ts';
import { ROUTES, type RouteName } from './routes.ts';

/** A refusal by the control plane, with the problem it sent. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly problem: Problem | null;
  constructor(status: number, problem: Problem | null) {
    super(problem ? sentenceOf(problem) : `the control plane answered ${status}`);
    this.status = status;
    this.code = problem?.code ?? 'unknown';
    this.problem = problem;
  }
}

/** With the fields that are wrong: who reads it has no others to look at. */
function sentenceOf({ title, detail, errors = [] }: Problem): string {
  if (errors.length === 0) return `${title}: ${detail}`;
  return `${title}: ${errors.map(({ path, message }) => `${path}: ${message}`).join('; ')}.`;
}

/** The largest answers are RRPairs and reports, of a few MiB; a longer one must not take the memory of who asked. */
const MAX_ANSWER_BYTES = 64 << 20;
const MAX_PROBLEM_BYTES = 1 << 20;

/** Content type of streamed bodies. */
export const BYTES = 'application/octet-stream';

type Spec<N extends RouteName> = (typeof ROUTES)[N];
type In<T> = T extends z.ZodType ? z.input<T> : never;
type Part<N extends RouteName, K extends 'params' | 'query' | 'body'> =
  Spec<N> extends { [P in K]: infer T } ? { [P in K]: In<T> } : object;
/** The body of a route that takes bytes; its length is said before the first of them. */
export interface BodyStream {
  bytes: ReadableStream<Uint8Array>;
  sizeBytes: number;
}
type Streamed<N extends RouteName> = Spec<N> extends { streamed: true } ? { stream: BodyStream } : object;
/** What a call needs: `params`, `query`, `body` and `stream`, each only where the route has it. */
export type CallInput<N extends RouteName> = Part<N, 'params'> &
  Part<N, 'query'> &
  Part<N, 'body'> &
  Streamed<N>;
export type CallOutput<N extends RouteName> =
  Spec<N> extends { response: infer T extends z.ZodType } ? z.output<T> : undefined;

export interface ClientOptions {
  /** Origin of the control plane, `http://127.0.0.1:8080`; empty for the page's own origin. */
  baseUrl: string;
  fetch: typeof fetch;
  /** Headers for each call: a Bearer key, or the CSRF token of a session. */
  headers: () => Record<string, string>;
}

export type ApiClient = ReturnType<typeof createClient>;

/** A client that checks answers against the contract and throws ApiError on refusals. */
export function createClient(options: ClientOptions) {
  async function send(
    name: RouteName,
    input: Record<string, unknown>,
    signal?: AbortSignal,
  ): Promise<Response> {
    const spec: RouteSpec = ROUTES[name];
    const headers: Record<string, string> = { accept: 'application/json', ...options.headers() };
    const init: RequestInit = { method: spec.method, headers, signal: signal ?? null };
    if (spec.body) {
      headers['content-type'] = 'application/json';
      init.body = JSON.stringify(input.body ?? {});
    }
    if (spec.streamed) {
      const { bytes, sizeBytes } = input.stream as BodyStream;
      Object.assign(headers, { 'content-type': BYTES, 'content-length': String(sizeBytes) });
      Object.assign(init, { body: bytes, duplex: 'half' });
    }
    const response = await options.fetch(options.baseUrl + urlOf(spec, input), init);
    if (!response.ok) throw new ApiError(response.status, await problemOf(response));
    return response;
  }

  return {
    /** Calls a route and returns its checked answer. */
    async call<N extends RouteName>(
      name: N,
      input: CallInput<N>,
      signal?: AbortSignal,
    ): Promise<CallOutput<N>> {
      const response = await send(name, input as Record<string, unknown>, signal);
      const schema = (ROUTES[name] as RouteSpec).response;
      if (!schema) {
        await response.body?.cancel();
        return undefined as CallOutput<N>;
      }
      return schema.parse(await jsonOf(response, MAX_ANSWER_BYTES)) as CallOutput<N>;
    },
    /** Calls a route that streams bytes. */
    async stream<N extends RouteName>(name: N, input: CallInput<N>, signal?: AbortSignal): Promise<Response> {
      return send(name, input as Record<string, unknown>, signal);
    },
  };
}

function urlOf(spec: RouteSpec, input: Record<string, unknown>): string {
  const params = (input.params ?? {}) as Record<string, string>;
  const path = spec.path.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(params[key] ?? ''));
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries((input.query ?? {}) as Record<string, unknown>)) {
    if (value !== undefined && value !== '') query.set(key, String(value));
  }
  return query.size > 0 ? `${path}?${query}` : path;
}

async function problemOf(response: Response): Promise<Problem | null> {
  const parsed = Problem.safeParse(await jsonOf(response, MAX_PROBLEM_BYTES).catch(() => null));
  return parsed.success ? parsed.data : null;
}

/** The JSON of an answer. Throws RangeError, and reads no further, when it is longer than that many bytes. */
async function jsonOf(response: Response, maxBytes: number): Promise<unknown> {
  if (!response.body) return null;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    bytes += read.value.length;
    if (bytes > maxBytes) {
      await reader.cancel();
      throw new RangeError(`the control plane answered with more than ${maxBytes} bytes`);
    }
    text += decoder.decode(read.value, { stream: true });
  }
  return JSON.parse(text + decoder.decode());
}
