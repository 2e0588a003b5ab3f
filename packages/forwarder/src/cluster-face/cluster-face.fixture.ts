// A cluster face with everything real but the cluster: TLS, store, redaction, a control plane that answers over HTTP; and
// the callers of it. Whose a token is, is made up here: what a real API server says of tokens is tested in test/cluster.
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { type ApiClient, createClient, ROUTES } from '@echoplane/api';
import { defaultRules, type RulesDocument } from '@echoplane/rules';
import {
  type Authority,
  type Clock,
  folderStore,
  listen,
  type ObjectStore,
  silentLogger,
} from '@echoplane/runtime';
import { CallerRefused, type Callers, CallerUnknown } from '../callers/callers.ts';
import { type Cleanup, clock, TENANT, temporaryHome } from '../forwarder.fixture.ts';
import { newAuthority, writeEnd } from '../intake/intake-tls.fixture.ts';
import { openServerTls } from '../server-tls.ts';
import { ObservationRedactor } from './observation-redactor.ts';
import { type ClusterSources, openClusterFace } from './open-face.ts';

export const SELF = '0190a0a0-0000-4000-8000-00000000ffff';
const KEY = new Uint8Array(32).fill(7);

export interface Answer {
  status: number;
  text: string;
  headers: Record<string, unknown>;
}

export interface Identity {
  cert: string;
  key: string;
}

export class FaceStage {
  readonly home: string;
  readonly store: ObjectStore;
  readonly port: number;
  readonly authority: Authority;
  readonly sources: ClusterSources;
  /** Rules in force; replaced to change them. */
  document: RulesDocument = defaultRules();
  releases: unknown[] = [];
  readonly listeners = new Set<() => void>();

  private constructor(
    home: string,
    store: ObjectStore,
    port: number,
    authority: Authority,
    sources: ClusterSources,
  ) {
    this.home = home;
    this.store = store;
    this.port = port;
    this.authority = authority;
    this.sources = sources;
  }

  static async start(
    cleanup: Cleanup,
    { client = deadClient(), sources: changes = {}, faceClock = clock }: StageOptions = {},
  ): Promise<FaceStage> {
    const home = await temporaryHome(cleanup);
    const store = await folderStore(join(home, 'store'));
    const authority = await newAuthority();
    const files = await writeEnd(join(home, 'server'), authority, authority, {});
    const tls = openServerTls({ files, what: 'the cluster face', clock, log: silentLogger() });
    const live = { stage: null as FaceStage | null };
    const current = () => live.stage?.document ?? defaultRules();
    const sources: ClusterSources = {
      ...{ tenant: TENANT, agent: SELF, store, vaultFile: join(home, 'vault.jsonl') },
      redactor: new ObservationRedactor(
        {
          get current() {
            return { document: current() };
          },
        },
        KEY,
      ),
      status: () => STATUS,
      rules: current,
      names: { replace() {} },
      flushVault: async () => {},
      flush: async () => true,
      state: () => ({ releases: live.stage?.releases ?? [], rules: { version: current().version } }),
      onState(listener) {
        live.stage!.listeners.add(listener);
        return () => live.stage!.listeners.delete(listener);
      },
      ...changes,
    };
    const place = { cluster: 'prod', installNamespace: 'echoplane' };
    const options = { sources, client, tls, callers: TOKENS, place, clock: faceClock, log: silentLogger() };
    const { server, close } = openClusterFace(options);
    cleanup.add(close);
    live.stage = new FaceStage(home, store, await listen(server, 0), authority, sources);
    return live.stage;
  }

  /** A client certificate of that name. */
  async identity(
    name: string,
    authority = this.authority,
    usage: 'clientAuth' | 'serverAuth' = 'clientAuth',
  ): Promise<Identity> {
    const { certPem, keyPem } = await authority.issue({ names: [name], days: 1, usage });
    return { cert: certPem, key: keyPem };
  }

  /** Begins a request; the answer may go on for ever. */
  async open(method: string, path: string, { as, body, headers = {}, agent }: Asked = {}) {
    const asked = httpsRequest({
      ...{ host: '127.0.0.1', port: this.port, method, path, headers, ca: this.authority.certPem },
      ...{ ...as, agent: agent ?? false },
    });
    asked.on('error', () => {});
    asked.end(body);
    const [response] = await Promise.race([
      once(asked, 'response'),
      once(asked, 'error').then(([err]) => Promise.reject(err)),
    ]);
    return { asked, response };
  }

  async ask(method: string, path: string, asked: Asked = {}): Promise<Answer> {
    const { response } = await this.open(method, path, asked);
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk;
    return { status: response.statusCode, text, headers: response.headers };
  }
}

interface StageOptions {
  client?: ApiClient;
  sources?: Partial<ClusterSources>;
  faceClock?: Clock;
}
interface Asked {
  as?: Identity | undefined;
  body?: string;
  headers?: Record<string, string>;
  agent?: import('node:https').Agent;
}

const STATUS = {
  ...{ version: '1.2.3', agent: SELF, cluster: 'prod', suspended: false, streams: 1, alarms: 0 },
  link: { state: 'connected', trouble: null },
  rules: { version: 'default-1', error: null },
  lag: { frames: 0, segments: 0, awayMs: 0 },
  spool: { sizeBytes: 0, trouble: null },
  workloads: [],
  names: '',
};

/** By token: a pod of a replay, one of a shop, one whose API server is away; every other token is refused. */
const TOKENS = {
  async whoShows(token: string) {
    const caller = { pod: 'p', uid: 'u', workload: { kind: 'Pod', name: 'p' }, containers: [] };
    if (token === 'replay') return { ...caller, namespace: 'echoplane', serviceAccount: 'echoplane-replay' };
    if (token === 'shop') return { ...caller, namespace: 'shop', serviceAccount: 'echoplane-replay' };
    if (token === 'away') throw new CallerUnknown('identity-unavailable', 'Away.');
    throw new CallerRefused('token-refused', 'No.');
  },
} as unknown as Callers;

/** A client of a control plane that is not there. */
function deadClient(): ApiClient {
  const fail: typeof fetch = () => Promise.reject(new TypeError('not there'));
  return createClient({ baseUrl: 'http://x', fetch: fail, headers: () => ({}) });
}

/** A control plane that takes observations by the contract, or answers as it is told. */
export async function observationPlane(cleanup: Cleanup) {
  const taken: unknown[] = [];
  const plane = { taken, answer: null as { status: number; text: string } | null, client: deadClient() };
  const server = createHttpServer(async (request, response) => {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    const { status, text: answer } = plane.answer ?? { status: 200, text: '' };
    response.writeHead(status, { 'content-type': 'application/json' });
    if (plane.answer) return void response.end(answer);
    const { observations } = ROUTES.ingestObservations.body.parse(JSON.parse(text));
    taken.push(...observations);
    response.end(JSON.stringify({ accepted: observations.length }));
  });
  const port = await listen(server, 0);
  cleanup.add(() => {
    server.closeAllConnections();
    server.close();
  });
  plane.client = createClient({ baseUrl: `http://127.0.0.1:${port}`, fetch, headers: () => ({}) });
  return plane;
}
