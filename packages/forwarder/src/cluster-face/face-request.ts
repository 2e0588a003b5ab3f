// One request to the cluster face: how its body is read within bounds, and how it is answered or refused.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PROBLEMS, type Problem, type ProblemCode } from '@echoplane/api';
import type { z } from 'zod';

/** Who may ask for a thing. */
export type Role = 'operator' | 'inspector' | 'collector';

export interface FaceRequest {
  request: IncomingMessage;
  response: ServerResponse;
  role: Role;
  url: URL;
  /** Aborts when the caller is gone or the face closes. */
  signal: AbortSignal;
}

/** A refusal; the detail says what to do. */
export class FaceProblem extends Error {
  readonly code: ProblemCode;
  readonly retryAfterS: number | undefined;
  constructor(code: ProblemCode, detail: string, retryAfterS?: number) {
    super(detail);
    this.code = code;
    this.retryAfterS = retryAfterS;
  }
}

/** The body as text. Throws FaceProblem when it is longer than that many bytes. */
export async function readText(request: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes)
      throw new FaceProblem('payload_too_large', `Send at most ${maxBytes} bytes at once.`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The body as JSON of a schema. Throws FaceProblem. */
export async function readJson<S extends z.ZodType>(
  request: IncomingMessage,
  schema: S,
  maxBytes: number,
): Promise<z.output<S>> {
  const parsed = schema.safeParse(jsonOf(await readText(request, maxBytes)));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new FaceProblem('invalid_request', `${issue?.path.join('.') || 'the body'}: ${issue?.message}.`);
}

export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FaceProblem('invalid_request', 'The body is no JSON.');
  }
}

export function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(value)}\n`);
}

/** Answers with a problem; once an answer has begun, ends the connection instead. */
export function sendProblem(response: ServerResponse, { code, message, retryAfterS }: FaceProblem): void {
  if (response.headersSent) return void response.destroy();
  const { status, title } = PROBLEMS[code];
  const body: Problem = {
    type: `urn:echoplane:problem:${code}`,
    title,
    status,
    code,
    detail: message,
    requestId: '',
  };
  const wait = retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) };
  // What was not read of the request is not waited for.
  response.writeHead(status, { 'content-type': 'application/problem+json', connection: 'close', ...wait });
  response.end(JSON.stringify(body));
}
