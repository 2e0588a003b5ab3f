// The face for our own programs in the cluster: HTTPS, a short list of paths, each for one of them. Who shows neither a
// certificate of the internal CA nor a replay pod's token hears nothing but a refusal. It must not know what is served.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { TLSSocket } from 'node:tls';
import { WORKLOADS } from '@echoplane/resources';
import type { Logger } from '@echoplane/runtime';
import { CallerRefused, type Callers, CallerUnknown } from '../callers/callers.ts';
import { isReplayPod, type Place } from '../callers/sender-names.ts';
import type { ServerTls } from '../server-tls.ts';
import { FaceProblem, type FaceRequest, type Role, sendProblem } from './face-request.ts';

export interface FaceRoute {
  method: 'GET' | 'POST';
  /** A path that ends with `/` stands for everything below it. */
  path: string;
  roles: readonly Role[];
  handle(asked: FaceRequest): Promise<void>;
}

export interface ClusterFaceOptions {
  tls: ServerTls;
  routes: readonly FaceRoute[];
  /** Reviews the tokens of collectors; null: none is taken. */
  callers: Callers | null;
  place: Place;
  log: Logger;
}

const BOUNDS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16 << 10,
};
/** Two operators, an inspector, and the collectors of replays; each with a few connections. */
const MAX_CONNECTIONS = 128;

const ROLES: Readonly<Record<string, Role>> = {
  [WORKLOADS.operator]: 'operator',
  [WORKLOADS.inspector]: 'inspector',
};

export interface ClusterFace {
  server: Server;
  /** Ends every request, event streams too. */
  close(): void;
}

/** The server; the caller listens. */
export function createClusterFace(options: ClusterFaceOptions): ClusterFace {
  const closing = new AbortController();
  // Collectors have no certificate; so it is looked at here, and not left to the handshake.
  const settings = { ...options.tls.settings, rejectUnauthorized: false, ...BOUNDS };
  const server = createServer(settings, (request, response) => {
    void answer({ request, response }, options, closing.signal);
  });
  server.maxConnections = MAX_CONNECTIONS;
  options.tls.follow(server);
  return {
    server,
    close() {
      closing.abort();
      server.close();
      server.closeAllConnections();
    },
  };
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
}

async function answer(
  { request, response }: Exchange,
  { routes, log, ...options }: ClusterFaceOptions,
  closing: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  try {
    const url = new URL(request.url ?? '/', 'https://forwarder');
    const role = await roleOf(request, options);
    const here = routes.filter(({ path }) =>
      path.endsWith('/') ? url.pathname.startsWith(path) : path === url.pathname,
    );
    const route = here.find(({ method, roles }) => method === request.method && roles.includes(role));
    if (!route) throw noRoute(here, request, role);
    await route.handle({ request, response, role, url, signal: AbortSignal.any([gone.signal, closing]) });
  } catch (err) {
    if (gone.signal.aborted) return;
    if (!(err instanceof FaceProblem))
      log.error({ err, path: request.url }, 'a request in the cluster failed');
    const failed = new FaceProblem('internal', 'The log of the forwarder says more.');
    sendProblem(response, err instanceof FaceProblem ? err : failed);
  }
}

function noRoute(here: readonly FaceRoute[], { method }: IncomingMessage, role: Role): FaceProblem {
  const other = here.find((route) => route.method === method);
  if (other)
    return new FaceProblem(
      'forbidden',
      `This is for the ${other.roles.join(' and the ')}, not for the ${role}.`,
    );
  if (here.length > 0) return new FaceProblem('method_not_allowed', `Use ${here[0]!.method}.`);
  return new FaceProblem('not_found', 'There is no such path.');
}

/** Throws FaceProblem for strangers. */
async function roleOf(
  { socket, headers }: IncomingMessage,
  { callers, place }: Pick<ClusterFaceOptions, 'callers' | 'place'>,
): Promise<Role> {
  const certified = roleByCertificate(socket);
  if (certified) return certified;
  const token = /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1];
  if (token === undefined || !callers)
    throw new FaceProblem('unauthenticated', 'Show the client certificate of the operator or the inspector.');
  try {
    const caller = await callers.whoShows(token, socket.remoteAddress ?? '');
    if (isReplayPod(caller, place)) return 'collector';
  } catch (err) {
    if (err instanceof CallerRefused) throw new FaceProblem('unauthenticated', err.message);
    if (err instanceof CallerUnknown) throw new FaceProblem('unavailable', err.message, 5);
    throw err;
  }
  throw new FaceProblem(
    'forbidden',
    `Only pods of the service account ${WORKLOADS.replay} may come with a token.`,
  );
}

/** Of a certificate that node:tls found good; null when there is none, in a resumed session too, or none of ours. */
function roleByCertificate(socket: unknown): Role | null {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return null;
  const { CN } = socket.getPeerX509Certificate()?.toLegacyObject().subject ?? {};
  return typeof CN === 'string' && Object.hasOwn(ROLES, CN) ? ROLES[CN]! : null;
}
