// The forwarder's life: folders checked, admin page up, tenant known, flow started, port open, agent stream held; stopped
// in reverse.

import type { ApiClient } from '@echoplane/api';
import { openStore } from '@echoplane/archive';
import {
  announceReady,
  backoffMs,
  type Clock,
  createFace,
  type Environment,
  type Logger,
  listen,
  type ObjectStore,
  OperatingError,
  type ProgramContext,
  type Stopper,
  systemClock,
} from '@echoplane/runtime';
import { type ClusterAccess, openClusterAccess, placeOf } from './callers/cluster-access.ts';
import { openClusterFace } from './cluster-face/open-face.ts';
import type { ForwarderConfig } from './config.ts';
import { agentClient, askTenant, rememberedTenant, type Tenant } from './control-plane.ts';
import { type Plane, type PlaneOptions, startPlane } from './plane.ts';
import { openServerTls, type ServerTls } from './server-tls.ts';
import { openSpoolFolder, type SpoolFiles } from './spool/spool-files.ts';
import { lockSpool } from './spool/spool-lock.ts';

const TENANT_TIMEOUT_MS = 5_000;
const TENANT_RETRY = { firstMs: 200, maxMs: 5_000 };
const FLUSH_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 4_000;
const TICK_MS = 250;

/** The process: its life, and the variables that say how a pod reaches its API server. */
export interface ForwarderContext extends ProgramContext {
  environment: Environment;
}

/** Runs the forwarder until the context's signal aborts. */
export async function runForwarder(
  config: ForwarderConfig,
  log: Logger,
  context: ForwarderContext,
): Promise<void> {
  const { signal, stopper } = context;
  const clock = systemClock();
  const tls = intakeTlsOf(config, clock, log);
  const faceTls = faceTlsOf(config, clock, log);
  const access = await openClusterAccess(config, context.environment, { clock, log });
  stopper.add('API server', () => access?.close());
  const files = { dir: config.spoolDir, fsync: config.fsync };
  await openSpoolFolder(files.dir);
  const lock = lockSpool(files.dir);
  stopper.add('spool lock', () => lock.release());
  const store = await openAnyStore(config, log);
  const client = agentClient(config.cloudUrl, config.agentKey);

  let plane: Plane | null = null;
  const face = createFace({
    notReady: () =>
      plane ? plane.flow.spool.trouble : 'waiting for the control plane to say whom the key serves',
    metrics: () => plane?.samples() ?? [],
    pages: {
      '/status': () => plane?.status() ?? null,
      '/discoveries': () => plane?.discoveries() ?? [],
      'POST /flush': async () => ({
        flushed: plane !== null && (await plane.flush(FLUSH_DEADLINE_MS)),
      }),
    },
  });
  const adminPort = await listen(face, config.adminPort, config.host, 'the admin page of the forwarder');
  stopper.add('admin page', () => {
    face.close();
    face.closeAllConnections();
  });

  const tenant = await findTenant({ client, files, clock, log, signal });
  if (!tenant) return;
  const identify = config.senderIdentity === 'token' && access ? access.identify : null;
  const { environment } = context;
  const options = { config, tenant, files, store, tls, identify, client, clock, log, environment };
  const started = await startPlane(options);
  plane = started;
  stopper.add('flow', () => started.stop(STOP_DEADLINE_MS));
  const { server } = started.flow.intake;
  const port = await listen(server, config.port, config.host, 'the intake of the forwarder');
  const clusterPort =
    faceTls && (await serveCluster(options, { plane: started, tls: faceTls, access, stopper }));
  announceReady(log, { port, adminPort, clusterPort, tls: tls !== null, tenant: tenant.id });
  await Promise.all([tickOften(started, clock, signal), tls?.run(signal), faceTls?.run(signal)]);
}

interface ClusterParts {
  plane: Plane;
  tls: ServerTls;
  access: ClusterAccess | null;
  stopper: Stopper;
}

/** Opens the face for our own programs in the cluster; gives its port. */
async function serveCluster(
  { config, client, clock, log }: PlaneOptions,
  { plane, tls, access, stopper }: ClusterParts,
): Promise<number> {
  const { server, close } = openClusterFace({
    ...{ sources: plane.cluster, client, tls, callers: access?.callers ?? null },
    ...{ place: placeOf(config), clock, log },
  });
  stopper.add('cluster face', close);
  return listen(server, config.clusterPort ?? 0, config.host, 'the cluster face of the forwarder');
}

/** A store that does not answer now may later: until then the spool keeps what is captured. */
async function openAnyStore(config: ForwarderConfig, log: Logger): Promise<ObjectStore | null> {
  try {
    return await openStore(config);
  } catch (err) {
    if (!(err instanceof OperatingError) || err.code !== 'store_unreachable') throw err;
    log.warn({ err }, 'the object store does not answer; the spool keeps what is captured');
    return openStore(config, { probe: false });
  }
}

async function tickOften(plane: Plane, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(TICK_MS, signal);
    await plane.tick();
  }
}

/** Null when streams are plain: the configuration names all files that are needed, or none. */
function intakeTlsOf(config: ForwarderConfig, clock: Clock, log: Logger): ServerTls | null {
  const { tlsCertFile: certFile, tlsKeyFile: keyFile, tlsClientCaFile: caFile } = config;
  if (certFile === undefined || keyFile === undefined) return null;
  return openServerTls({ files: { caFile, certFile, keyFile }, what: 'the capture stream', clock, log });
}

/** Null when there is no such face. */
function faceTlsOf(config: ForwarderConfig, clock: Clock, log: Logger): ServerTls | null {
  const { clusterPort, clusterCaFile: caFile, tlsCertFile: certFile, tlsKeyFile: keyFile } = config;
  if (clusterPort === undefined || certFile === undefined || keyFile === undefined) return null;
  return openServerTls({ files: { caFile, certFile, keyFile }, what: 'the cluster face', clock, log });
}

interface TenantSearch {
  client: ApiClient;
  files: SpoolFiles;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
}

/** Asks the control plane; when it is away, the spool's memory will do; without one it asks again. Null when aborted. */
async function findTenant({ client, files, clock, log, signal }: TenantSearch): Promise<Tenant | null> {
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      return await askTenant(
        client,
        files,
        AbortSignal.any([signal, AbortSignal.timeout(TENANT_TIMEOUT_MS)]),
      );
    } catch (err) {
      if (err instanceof OperatingError) throw err;
      const known = await rememberedTenant(files);
      if (known) return known;
      if (attempt === 1) log.warn({ err }, 'the control plane does not answer; trying again');
      await clock.sleep(backoffMs(attempt, TENANT_RETRY, Math.random()), signal);
    }
  }
  return null;
}
