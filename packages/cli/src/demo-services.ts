// The demo's own world: shop, payments, rates and the client as processes, with a sidecar beside the shop. The shop is
// told of the proxy by environment variables alone; its code knows nothing of us.

import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { listen, OperatingError } from '@echoplane/runtime';
import { authorityFiles } from './authority.ts';
import type { Plane } from './plane.ts';
import { choosePort } from './ports.ts';
import { script } from './scripts.ts';
import type { Session } from './session.ts';
import type { Program } from './supervisor.ts';

const PAYMENTS_API_KEY = 'demo-payments-key';
/** Names under `.localhost` are loopback by RFC 6761. */
const PAYMENTS_HOST = 'payments.localhost';
const RATES_HOST = 'rates.localhost';
const BODY_LIMIT_BYTES = 1 << 20;

export interface DemoWorld {
  session: Session;
  plane: Plane;
  ratesPort: number;
  paymentsPort: number;
  paymentsCaFile: string;
  jwtSecret: string;
  dependencies: Program[];
}

/** Starts payments (HTTPS with a CA of its own) and rates. */
export async function startDependencies(session: Session, plane: Plane): Promise<DemoWorld> {
  const ca = await authorityFiles(session.home, 'payments-ca', 'Payments demo CA');
  const server = await ca.authority.issue({ names: [PAYMENTS_HOST], days: 90 });
  const [certFile, keyFile] = [
    session.home.path('tls', 'payments.crt'),
    session.home.path('tls', 'payments.key'),
  ];
  await writeFile(keyFile, server.keyPem, { mode: 0o600 });
  await writeFile(certFile, server.certPem);
  const demo = (name: string, env: Record<string, string>) => startDemoProgram(session, name, name, env);
  const dependencies = await Promise.all([
    demo('rates', {}),
    demo('payments', { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile, API_KEY: PAYMENTS_API_KEY }),
  ]);
  const [ratesPort, paymentsPort] = dependencies.map((program) => Number(program.ready.port)) as [
    number,
    number,
  ];
  const jwtSecret = randomBytes(32).toString('hex');
  return { session, plane, ratesPort, paymentsPort, paymentsCaFile: ca.certFile, jwtSecret, dependencies };
}

/** Stops payments and rates for good. */
export async function stopDependencies(world: DemoWorld): Promise<void> {
  for (const program of world.dependencies.splice(0)) await world.session.supervisor.stop(program);
}

/** Listens where payments and rates were and counts who dials them. */
export async function tripwire(world: DemoWorld): Promise<{ connections(): number; close(): Promise<void> }> {
  let connections = 0;
  const servers: Server[] = [];
  for (const port of [world.ratesPort, world.paymentsPort]) {
    const server = createServer((socket) => {
      connections++;
      socket.destroy();
    });
    await listen(server, port, '127.0.0.1', 'the tripwire in place of a stopped dependency');
    servers.push(server);
  }
  const close = () => Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return { connections: () => connections, close: () => close().then(() => {}) };
}

export interface ShopOptions {
  name: string;
  build: 'v1' | 'v2';
  database: string;
  port: number;
  /** Port of the forward proxy for everything outbound. */
  proxyPort: number;
}

/** Starts a shop on an empty database, all its outbound calls through the proxy. */
export function startShop(world: DemoWorld, options: ShopOptions): Promise<Program> {
  const proxy = `http://127.0.0.1:${options.proxyPort}`;
  return startDemoProgram(world.session, options.name, 'shop', {
    PORT: String(options.port),
    BUILD: options.build,
    DATABASE_URL: world.plane.postgres!.url(options.database),
    PAYMENTS_URL: `https://${PAYMENTS_HOST}:${world.paymentsPort}`,
    RATES_URL: `http://${RATES_HOST}:${world.ratesPort}`,
    PAYMENTS_API_KEY,
    JWT_SECRET: world.jwtSecret,
    NODE_USE_ENV_PROXY: '1',
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
    NODE_EXTRA_CA_CERTS: world.plane.caCertFile,
  });
}

export interface SidecarOptions {
  name: string;
  /** `dual` records both directions, `forward` outbound only. */
  mode: 'dual' | 'forward';
  targetPort?: number;
  inPort?: number;
  outPort: number;
  tags?: Record<string, string>;
}

/** Starts a sidecar beside the shop. */
export async function startSidecar(world: DemoWorld, options: SidecarOptions): Promise<Program> {
  const { plane, session } = world;
  const env: Record<string, string> = {
    ECHOPLANE_MODE: options.mode,
    ECHOPLANE_OUT_PORT: String(options.outPort),
    ECHOPLANE_ADMIN_PORT: String(await choosePort(undefined)),
    ECHOPLANE_DIAGNOSTICS_PORT: '0',
    ECHOPLANE_FORWARDER_HOST: '127.0.0.1',
    ECHOPLANE_FORWARDER_PORT: String(plane.forwarderPort),
    ...workloadEnv(options.name),
    ECHOPLANE_TLS_OUT: 'true',
    ECHOPLANE_CA_CERT_FILE: plane.caCertFile,
    ECHOPLANE_CA_KEY_FILE: plane.caKeyFile,
    ECHOPLANE_UPSTREAM_CA_FILES: world.paymentsCaFile,
    ECHOPLANE_BODY_LIMIT: String(BODY_LIMIT_BYTES),
  };
  if (options.inPort !== undefined) env.ECHOPLANE_IN_PORT = String(options.inPort);
  if (options.targetPort !== undefined)
    Object.assign(env, {
      ECHOPLANE_TARGET_HOST: '127.0.0.1',
      ECHOPLANE_TARGET_PORT: String(options.targetPort),
    });
  if (options.tags)
    env.ECHOPLANE_TAGS = Object.entries(options.tags)
      .map(([key, value]) => `${key}=${value}`)
      .join(',');
  return session.supervisor.start({
    name: options.name,
    args: [script('sidecar')],
    env,
    readyEvent: 'ready',
  });
}

/** Whose traffic it is: the shop, wherever it runs. */
export function workloadEnv(pod: string): Record<string, string> {
  return {
    ECHOPLANE_CLUSTER: 'laptop',
    ECHOPLANE_NAMESPACE: 'demo',
    ECHOPLANE_WORKLOAD: 'shop',
    ECHOPLANE_WORKLOAD_KIND: 'Process',
    ECHOPLANE_POD: pod,
  };
}

/** Runs the client to its end: sessions of users who register, browse, buy and read. */
export async function runClient(
  world: DemoWorld,
  port: number,
  sessions: number,
  onSession: (n: number) => void,
): Promise<number> {
  const lines = await world.session.supervisor.task({
    name: 'client',
    args: [script('demo'), 'client'],
    env: { BASE_URL: `http://127.0.0.1:${port}`, SESSIONS: String(sessions) },
    guarded: true,
    onLine: (line) => line.event === 'session' && onSession(Number(line.n)),
  });
  const done = lines.findLast((line) => line.event === 'done');
  if (!done)
    throw new OperatingError('client_failed', 'The demo client ended without its last word; see its log.');
  return Number(done.requests);
}

function startDemoProgram(
  session: Session,
  name: string,
  command: string,
  env: Record<string, string>,
): Promise<Program> {
  return session.supervisor.start({
    name,
    args: [script('demo'), command],
    env,
    readyEvent: 'listening',
    guarded: true,
  });
}
