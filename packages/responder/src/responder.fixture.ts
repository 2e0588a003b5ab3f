// A responder as a process with its mocks, a receiver for its pairs and its plan. For tests only.
import { request } from 'node:http';
import { createAuthority } from '@echoplane/runtime';
import type { Mock, ResponderPlan } from '@echoplane/traffic';
import { type Program, ProgramStage, type Receiver } from '../../../test/program-stage.ts';

export const REPLAY = '019c0000-0000-7000-8000-00000000000f';
/** The recorded port on which the connections of clients arrive without a proxy. */
export const RECORDED_PORT = 50_051;

export interface TestResponder {
  program: Program;
  /** Of the forward proxy. */
  port: number;
  /** Where clients of RECORDED_PORT arrive. */
  aliasPort: number;
  /** A JSON page of its face. */
  page(path: string): Promise<Record<string, unknown>>;
  metrics(): Promise<string>;
}

export interface ResponderParts {
  plan?: ResponderPlan;
  env?: Record<string, string>;
}

/** A world for responders of one replay. */
export class ResponderStage {
  readonly stage: ProgramStage;
  readonly receiver: Receiver;
  /** PEM of the authority that signs for all hosts. */
  readonly caPem: string;
  readonly #env: Record<string, string>;
  #files = 0;

  private constructor(stage: ProgramStage, receiver: Receiver, caPem: string, env: Record<string, string>) {
    this.stage = stage;
    this.receiver = receiver;
    this.caPem = caPem;
    this.#env = env;
  }

  static async open(): Promise<ResponderStage> {
    const stage = await ProgramStage.open();
    const receiver = await stage.receiver();
    const { certPem, keyPem } = await createAuthority({ commonName: 'Test authority', days: 1 });
    return new ResponderStage(stage, receiver, certPem, {
      ECHOPLANE_CA_CERT_FILE: await stage.file('ca.pem', certPem),
      ECHOPLANE_CA_KEY_FILE: await stage.file('ca.key', keyPem),
      ECHOPLANE_REPLAY_ID: REPLAY,
      ECHOPLANE_LATENCY: 'none',
      ECHOPLANE_LISTEN_PORTS: `${RECORDED_PORT}=0`,
      ECHOPLANE_FORWARDER_PORT: String(receiver.port),
      ECHOPLANE_CLUSTER: 'c',
      ECHOPLANE_NAMESPACE: 'n',
      ECHOPLANE_WORKLOAD: 'shop',
    });
  }

  close(): Promise<void> {
    return this.stage.close();
  }

  async start(mocks: readonly Mock[], { plan = {}, env = {} }: ResponderParts = {}): Promise<TestResponder> {
    const n = this.#files++;
    const lines = mocks.map((line) => `${JSON.stringify(line)}\n`).join('');
    const program = this.stage.start('responder', {
      ...this.#env,
      ECHOPLANE_MOCKS_FILE: await this.stage.file(`mocks-${n}.jsonl`, lines),
      ECHOPLANE_PLAN: JSON.stringify(plan),
      ...env,
    });
    const ready = (await program.event('ready')) as {
      port: number;
      adminPort: number;
      aliasPorts: Record<string, number>;
    };
    const read = (path: string) => fetch(`http://127.0.0.1:${ready.adminPort}${path}`);
    return {
      program,
      port: ready.port,
      aliasPort: ready.aliasPorts[RECORDED_PORT]!,
      page: async (path) => (await (await read(path)).json()) as Record<string, unknown>,
      metrics: async () => (await read('/metrics')).text(),
    };
  }
}

export interface Told {
  status: number;
  match: string | null;
  text: string;
}

/** Asks the server at `port` of the loopback as if it were `host`; rejects when the connection breaks. */
export function ask(
  port: number,
  host: string,
  path: string,
  { method = 'GET', body }: { method?: string; body?: string } = {},
): Promise<Told> {
  const headers = { host, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  return new Promise((resolve, reject) => {
    const asking = request({ port, path, method, headers, host: '127.0.0.1', agent: false }, (response) => {
      const { statusCode: status = 0 } = response;
      const match = (response.headers['x-echoplane-match'] ?? null) as string | null;
      response.toArray().then((parts) => {
        resolve({ status, match, text: Buffer.concat(parts).toString() });
      }, reject);
    });
    asking.on('error', reject).end(body);
  });
}
