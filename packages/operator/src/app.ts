// The operator's life: API server, caches, certificate, webhooks and artifact endpoint on every replica; the reconcilers on
// the one that leads; stopped in reverse.
import { createClient } from '@echoplane/api';
import { createKubeClient, elect, findAccess, type WorkQueue } from '@echoplane/kube';
import { FIELD_MANAGER, PORTS, SERVICES } from '@echoplane/resources';
import {
  announceReady,
  type Clock,
  createFace,
  type Environment,
  type Logger,
  listen,
  newId,
  type ProgramContext,
  systemClock,
} from '@echoplane/runtime';
import { type FastifyInstance, fastify } from 'fastify';
import { openCaches } from './caches.ts';
import { CertificateKeeper } from './certificates/certificate-keeper.ts';
import type { OperatorConfig } from './config.ts';
import type { OperatorContext } from './context.ts';
import { coverageReconciler } from './coverage/coverage.ts';
import { servicePortsReconciler } from './coverage/service-ports.ts';
import { type SilentOutbound, silentOutboundReconciler } from './coverage/silent-outbound.ts';
import { createEvents } from './events.ts';
import { ForwarderLink } from './forwarder-link.ts';
import { InstallFile } from './install-file.ts';
import { installationReconciler } from './installation/installation.ts';
import { Upgrades } from './installation/upgrades.ts';
import { type LeaderParts, lead, ONLY_KEY } from './leading.ts';
import { operatorSamples } from './operator-metrics.ts';
import { artifactRoutes, replayReconciler, rolloutTrigger, wiringOf } from './replay/index.ts';
import { serviceNamesReconciler } from './service-names.ts';
import { VERSION } from './version.ts';
import { podWebhook } from './webhooks/pod-webhook.ts';
import { REPLAY_WEBHOOKS } from './webhooks/replay-webhooks.ts';
import { AdmissionMeasure, createWebhookServer, ServingCertificate } from './webhooks/webhook-server.ts';
import { settingsWebhooks, workloadWebhook } from './webhooks/workload-webhooks.ts';

const LEASE = 'echoplane-operator';
const UPGRADE_POLL_MS = 30_000;
/** An admission is answered by then. */
const CLOSE_GRACE_MS = 2_000;
const MAX_ARTIFACT_CONNECTIONS = 512;

export interface OperatorSurroundings {
  environment: Environment;
  log: Logger;
  program: ProgramContext;
  /** A virtual one in tests. */
  clock?: Clock;
  /** Longer in tests: whether a pod is injected must not hang on how busy their machine is. */
  webhookTimeoutS?: number | undefined;
}

/** Runs until the program's signal aborts. */
export async function runOperator(config: OperatorConfig, surroundings: OperatorSurroundings): Promise<void> {
  const { environment, log, program, clock = systemClock(), webhookTimeoutS } = surroundings;
  const { signal, stopper } = program;
  const client = createKubeClient(await findAccess(environment, config), {
    clock,
    userAgent: `echoplane-operator/${VERSION}`,
    fieldManager: FIELD_MANAGER,
  });
  stopper.add('API server', () => client.close());
  const file = await InstallFile.open(config.installFile);
  const { caches, run: runCaches } = await openCaches({
    ...{ client, clock, log, installNamespace: config.namespace },
    namespaces: file.current.namespaces,
  });
  let isLeader = false;
  let certificates: CertificateKeeper;
  const forwarder = new ForwarderLink({
    url:
      config.forwarderUrl ??
      `https://${SERVICES.forwarder}.${config.namespace}.svc:${PORTS.forwarderCluster}`,
    tls: () => certificates.operatorTls(),
    clock,
    log,
  });
  const context: OperatorContext = {
    ...{ client, caches, config, clock, log, forwarder, webhookTimeoutS },
    get install() {
      return { ...file.current, image: upgrades.imageOf('operator') };
    },
    events: createEvents(client, clock, log),
    cloud: cloudClient(file.current.cloudUrl, config),
    isLeader: () => isLeader,
  };
  certificates = new CertificateKeeper(context);
  const queues = new Map<string, WorkQueue>();
  const reinstall = () => queues.get('installation')?.add(ONLY_KEY);
  const upgrades = new Upgrades({ context, version: VERSION, base: () => file.current, onStage: reinstall });
  forwarder.onReleases(() => queues.get('upgrades')?.add(ONLY_KEY));
  file.onChange(() => {
    for (const name of ['installation', 'upgrades']) queues.get(name)?.add(ONLY_KEY);
    queues.get('certificates')?.add('internal');
  });
  const parts = partsOf(context, certificates, upgrades, queues);
  const serving = await serve(context, { certificates, parts, upgrades, leads: () => isLeader, program });
  const identity = `${config.podName}_${newId(clock.nowUs())}`;
  const working = [
    runCaches(signal),
    file.run(clock, log, signal),
    forwarder.run(signal),
    followUpgrades(upgrades, context, signal),
  ];
  const leading = caches.synced(signal).then(() =>
    elect(
      { client, namespace: config.namespace, name: LEASE, identity, leaseMs: config.leaseMs, log },
      async (led) => {
        isLeader = true;
        log.info({ event: 'leading', identity }, 'this replica leads');
        await lead(parts, led).finally(() => {
          isLeader = false;
        });
      },
      signal,
    ),
  );
  announceReady(log, serving);
  await Promise.all([...working, leading.catch(ignoreAbort(signal))]);
}

function ignoreAbort(signal: AbortSignal): (err: unknown) => void {
  return (err) => {
    if (!signal.aborted) throw err;
  };
}

function partsOf(
  context: OperatorContext,
  certificates: CertificateKeeper,
  upgrades: Upgrades,
  queues: Map<string, WorkQueue>,
): LeaderParts & {
  installation: ReturnType<typeof installationReconciler>;
  silentOutbound: SilentOutbound;
} {
  const ensureAuthority = (namespace: string) => certificates.ensureNamespace(namespace);
  return {
    ...{ context, certificates, upgrades, queues, errors: new Map() },
    coverage: coverageReconciler({ context, ensureAuthority }),
    servicePorts: servicePortsReconciler(context),
    silentOutbound: silentOutboundReconciler(context),
    serviceNames: serviceNamesReconciler(context),
    installation: installationReconciler(context, (component) => upgrades.imageOf(component)),
    replays: replayReconciler(context),
    rolloutReplays: rolloutTrigger(context),
  };
}

/** Replicas that do not lead inject too, with the image that an upgrade has put in force. */
async function followUpgrades(
  upgrades: Upgrades,
  { clock, log }: OperatorContext,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await upgrades.read().catch((err) => log.debug({ err }, 'the record of the upgrade was not read'));
    await clock.sleep(UPGRADE_POLL_MS, signal);
  }
}

interface Serving {
  certificates: CertificateKeeper;
  parts: ReturnType<typeof partsOf>;
  upgrades: Upgrades;
  leads: () => boolean;
  program: ProgramContext;
}

/** Opens the admin page, the webhooks and the artifact endpoint; gives their ports. */
async function serve(context: OperatorContext, serving: Serving): Promise<Record<string, number>> {
  const { config, clock, log, caches } = context;
  const { certificates, parts, upgrades, leads, program } = serving;
  const { stopper } = program;
  const measure = new AdmissionMeasure();
  const certificate = new ServingCertificate();
  let isStopping = false;
  const showCertificate = () => {
    const tls = certificates.operatorTls();
    try {
      if (tls) certificate.show(tls.cert, tls.key);
    } catch (err) {
      // The one before stays until the leader has mended the Secret.
      log.warn({ err }, 'the certificate of the webhooks cannot be used');
    }
  };
  caches.secrets.onChange(showCertificate);
  const face = createFace({
    notReady: () => {
      if (isStopping) return 'stopping';
      const behind = caches.notSynced();
      if (behind !== null) return behind;
      return certificate.context ? null : 'the certificate of the webhooks is not there yet';
    },
    metrics: () =>
      operatorSamples({
        ...{
          admissions: measure,
          gaps: parts.coverage.gaps,
          silent: parts.silentOutbound.silent,
          expiry: certificates.authorities.expiry,
        },
        ...{ queues: parts.queues, errors: parts.errors, troubles: parts.installation.troubles },
        ...{ isLeader: leads(), upgradeAvailable: upgrades.available, nowS: clock.nowUs() / 1e6 },
      }),
  });
  const adminPort = await listen(face, config.adminPort, config.host, 'the admin page of the operator');
  stopper.add('admin page', () => {
    face.close();
    face.closeAllConnections();
  });
  const webhooks = createWebhookServer({
    webhooks: [
      podWebhook(context, (run, pod) => wiringOf(context, run, pod)),
      workloadWebhook(context, (namespace) => certificates.ensureNamespace(namespace)),
      ...settingsWebhooks(context),
      ...REPLAY_WEBHOOKS,
    ],
    ...{ certificate, measure, clock, log },
  });
  const artifacts = fastify({ https: certificate.serverOptions(), logger: false });
  artifacts.server.maxConnections = MAX_ARTIFACT_CONNECTIONS;
  certificate.serveOn(artifacts.server);
  await artifacts.register(artifactRoutes(context));
  for (const [what, server] of [
    ['artifact endpoint', artifacts],
    ['webhooks', webhooks],
  ] as const)
    stopper.add(what, () => closeServer(server, clock));
  stopper.add('readiness', () => {
    isStopping = true;
  });
  await webhooks.ready();
  await artifacts.ready();
  const { host } = config;
  const webhookPort = await listen(webhooks.server, config.webhookPort, host, 'the webhooks');
  const artifactPort = await listen(artifacts.server, config.artifactPort, host, 'the artifact endpoint');
  return { adminPort, webhookPort, artifactPort };
}

/** Ends what is being answered, and after the grace whatever still holds a connection, such as one without any request. */
async function closeServer(server: FastifyInstance, clock: Clock): Promise<void> {
  const closed = new AbortController();
  const late = clock.sleep(CLOSE_GRACE_MS, closed.signal).then(() => server.server.closeAllConnections());
  await server.close();
  closed.abort();
  await late;
}

function cloudClient(cloudUrl: string, { apiKey }: OperatorConfig) {
  const headers = () => ({ authorization: `Bearer ${apiKey.reveal()}` });
  const direct: typeof fetch = (url, init) => fetch(url, { ...init, redirect: 'error' });
  return createClient({ baseUrl: cloudUrl.replace(/\/+$/, ''), fetch: direct, headers });
}
