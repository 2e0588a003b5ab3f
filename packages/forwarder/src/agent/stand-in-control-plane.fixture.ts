// The other end of the agent stream, for tests: a real HTTP server that holds every body against the contract, signs what
// it sends, and fails in the ways a network and a control plane can.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  AgentRegistration,
  type ClusterCommandKind,
  ClusterCommandResults,
  type CommandKind,
  CommandOutcome,
  CommandProgress,
  CommandResults,
  Heartbeat,
  PROBLEMS,
  type ProblemCode,
  type Signed,
} from '@echoplane/api';
import { type Clock, listen, newSigningKey, type SigningKeyPair, signEnvelope } from '@echoplane/runtime';
import type { z } from 'zod';
import { type Cleanup, KEY, TENANT } from '../forwarder.fixture.ts';

const MINUTE_US = 60_000_000;

/** Instead of an answer: a refusal, a broken connection before or after the request is taken, or nothing at all. */
export type Fault = ProblemCode | { status: number; text: string } | 'cut' | 'cut-after' | 'hang' | null;

export class StandInControlPlane {
  readonly clock: Pick<Clock, 'nowUs'>;
  readonly malformed: string[] = [];
  readonly registrations: AgentRegistration[] = [];
  readonly heartbeats: Heartbeat[] = [];
  readonly progress: { id: string; share: number; message: string }[] = [];
  /** Every outcome that came, in order; the first of an id is the one that counts. */
  readonly outcomes: { id: string; outcome: CommandOutcome }[] = [];
  readonly kinds = new Map<string, CommandKind | ClusterCommandKind>();
  readonly streams: ServerResponse[] = [];
  readonly pages = new Map<string, unknown>();
  requests: { path: string; body: string }[] = [];
  key: SigningKeyPair = newSigningKey().key;
  tenant = TENANT;
  suspended = false;
  config: { version: string; rules: unknown } | null = null;
  /** What heartbeats are told, when it is not the version of `config`. */
  configVersion: string | null = null;
  fault: (path: string) => Fault = () => null;

  constructor(clock: Pick<Clock, 'nowUs'>) {
    this.clock = clock;
  }

  get agent(): string {
    return this.registrations.at(-1)!.agent;
  }
  outcomeOf(id: string): CommandOutcome | undefined {
    return this.outcomes.find((one) => one.id === id)?.outcome;
  }

  /** Serves; gives the origin. */
  async serve(cleanup: Cleanup): Promise<string> {
    const server = createServer((request, response) => void this.#answer(request, response));
    const port = await listen(server, 0);
    cleanup.add(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${port}`;
  }

  /** Writes to the stream that was opened last. */
  send(event: string, data: unknown): void {
    this.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }
  write(text: string): void {
    this.streams.at(-1)!.write(text);
  }
  cut(): void {
    this.streams.at(-1)!.destroy();
  }

  /** Signed words for the agent, valid for a minute. */
  sign(words: Partial<Signed> | Record<string, unknown>, key = this.key) {
    const issuedAt = this.clock.nowUs();
    const all = { tenant: TENANT, agent: this.agent, issuedAt, expiresAt: issuedAt + MINUTE_US, ...words };
    return signEnvelope(key, all);
  }
  /** An envelope with a command; what it is about does not matter to the agent. */
  command(id: string, body: Record<string, unknown> & { kind: string }, words: Record<string, unknown> = {}) {
    this.kinds.set(id, body.kind as CommandKind);
    return this.sign({ ...words, command: { id, body } });
  }
  rules(version: string, words: Record<string, unknown> = {}) {
    return this.sign({ agent: undefined, config: { version, rules: { version } }, ...words });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const { pathname: path, searchParams } = new URL(request.url!, 'http://x');
    this.requests.push({ path: request.url!, body });
    const fault = this.fault(path);
    if (fault === 'hang') return;
    if (fault === 'cut') return void response.destroy();
    if (fault === 'cut-after') {
      this.#take(path, body);
      return void response.destroy();
    }
    const refusal = typeof fault === 'string' ? problem(fault) : fault;
    if (refusal) return send(response, refusal.status, refusal.text);
    if (request.headers.authorization !== `Bearer ${KEY}`) {
      const { status, text } = problem('unauthenticated');
      return send(response, status, text);
    }
    if (path === '/v1/agent/stream' && searchParams.get('agent') === this.agent) {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
      response.write('event: ping\ndata: \n\n');
      return void this.streams.push(response);
    }
    const answer = this.#take(path, body);
    if (answer !== null) return send(response, answer ? 200 : 204, answer ? JSON.stringify(answer) : '');
    this.malformed.push(`${request.method} ${request.url}: ${body}`);
    const { status, text } = problem('invalid_request');
    send(response, status, text);
  }

  /** The answer; undefined for none, null for what the contract does not know. */
  #take(path: string, text: string): unknown {
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    const [, id = '', verb] = /^\/v1\/agent\/commands\/([^/]+)\/(\w+)$/.exec(path) ?? [];
    if (path === '/v1/agent/register') return this.#register(body);
    if (path === '/v1/agent/heartbeat') {
      const beat = Heartbeat.safeParse(body);
      if (!beat.success) return null;
      this.heartbeats.push(beat.data);
      return { suspended: this.suspended, configVersion: this.configVersion ?? this.config?.version ?? null };
    }
    if (verb === 'positions')
      return this.pages.get(`${id} ${this.requests.at(-1)!.path.split('after=')[1] ?? ''}`) ?? null;
    if (verb === 'progress') {
      const said = CommandProgress.safeParse(body);
      if (!said.success) return null;
      return void this.progress.push({ id, ...said.data });
    }
    const outcome = verb === 'outcome' ? CommandOutcome.safeParse(body) : null;
    if (!outcome?.success || !this.#isResult(id, outcome.data)) return null;
    return void this.outcomes.push({ id, outcome: outcome.data });
  }

  #register(body: unknown): unknown {
    const registration = AgentRegistration.safeParse(body);
    if (!registration.success) return null;
    this.registrations.push(registration.data);
    const { id, publicKey } = this.key;
    const config = this.config && this.sign({ agent: undefined, config: this.config });
    const tenant = { id: this.tenant, name: 'acme' };
    return { tenant, signingKey: { id, publicKey }, suspended: this.suspended, config };
  }

  #isResult(id: string, { state, result }: CommandOutcome): boolean {
    const results: Record<string, z.ZodType> = { ...CommandResults, ...ClusterCommandResults };
    return state === 'failed' || results[this.kinds.get(id)!]!.safeParse(result).success;
  }
}

function problem(code: ProblemCode): { status: number; text: string } {
  const { status, title } = PROBLEMS[code];
  return {
    status,
    text: JSON.stringify({ type: 'urn:test', title, status, code, detail: 'So.', requestId: 'r' }),
  };
}

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(text);
}
