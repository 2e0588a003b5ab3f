// The sidecar's assembly: from a configuration to listeners, and back to nothing.
//
//   inbound ┐                          ┌▶ CaptureSender ─▶ forwarder
//           ├▶ splice ─▶ tap ─▶ capture ┤
//   outbound┘                          └▶ metrics, /connections
import {
  CaptureSender,
  type Clock,
  captureTlsOf,
  type Logger,
  type Sample,
  systemClock,
  tryStaticReads,
} from '@echoplane/runtime';
import { Capture, type CaptureOptions } from './capture.ts';
import type { SidecarConfig } from './config.ts';
import { Connections } from './connections.ts';
import { destinationRules } from './destination-rules.ts';
import { type Diagnostics, openDiagnostics } from './diagnostics.ts';
import { createDial } from './dial.ts';
import { type DnsRelay, openDnsRelay, readDnsServer } from './dns-relay.ts';
import { createHostNames, hostNamed } from './host-names.ts';
import { type LifeState, readLifeState } from './life-state.ts';
import { openListeners, type Ports } from './listeners.ts';
import { gaugeSamples, Metrics, streamSamples } from './metrics.ts';
import { createAdminFace, createDiagnosis, listenForDiagnosis } from './own-face.ts';
import { replayRoutes } from './replay-routes.ts';
import { readBuffers } from './splice.ts';
import { openTls } from './tls-setup.ts';
import { createWithholding } from './withholding.ts';

const DRAIN_SENDER_MS = 3_000;

/** A running sidecar. */
export interface Sidecar {
  ports: Ports & { diagnostics: number | null; dns: number | null };
  sender: CaptureSender;
  metrics: Metrics;
  /** Lets connections and the capture stream finish within their deadlines. */
  stop(): Promise<void>;
}

/** Starts everything. Throws ConfigError for files that cannot be used, OperatingError for a busy port. */
export async function startSidecar(
  config: SidecarConfig,
  log: Logger,
  clock: Clock = systemClock(),
): Promise<Sidecar> {
  if (!(await tryStaticReads()))
    log.warn('sockets are read as streams: this Node does not allow static reads');
  const metrics = new Metrics();
  const connections = new Connections();
  const lifeState = await readLifeState(config.stateFolder, clock, log);
  const diagnostics = await openDump(config, metrics, log);
  const sender = createSender(config, log, clock);
  const rules = destinationRules(config);
  const capture = createCapture(config, { sink: sender, clock, metrics, rules, lifeState, diagnostics });
  const ownPorts = new Set<number>();
  const dial = createDial(ownPorts);
  const replay = replayRoutes(config, dial);
  const { onKeyLine = null } = diagnostics ?? {};
  const tls = await openTls(config, { dial, capture, metrics, clock, log, onKeyLine });
  sender.sharePassThrough(tls.passThrough);
  tls.passThrough.onLearned = (host) => sender.tellPassThrough([host]);
  const life = new AbortController();
  const dns = await openDns(config, clock, metrics);
  const notReady = () => (connections.isDraining ? 'stopping' : null);
  const samples = () => samplesOf({ metrics, sender, capture, lifeState, dns });
  const face = createAdminFace({ notReady, metrics: samples, dial, config });

  const ports = await openListeners(config, {
    face,
    ownPorts,
    dial,
    capture,
    connections,
    metrics,
    log,
    rules,
    names: createHostNames(config.hostResolution, clock, dns?.names),
    replay,
    interception: tls.interception,
    inboundTls: tls.inbound,
  }).catch(async (error) => {
    await dns?.close();
    throw error;
  });
  const diagnosis = createDiagnosis({
    config,
    capture,
    life: () => ({ ...lifeState.describe(), incarnation: sender.incarnation, ports }),
    passThrough: () => tls.passThrough.learned(),
  });
  const diagnosticsPort = await listenForDiagnosis(diagnosis, config.diagnosticsPort, log);
  const running = Promise.all([sender.run(life.signal), tls.run(life.signal), lifeState.run(life.signal)]);
  return {
    ports: { ...ports, diagnostics: diagnosticsPort, dns: dns?.port ?? null },
    sender,
    metrics,
    async stop() {
      await connections.drain(clock, config.drainDeadline * 1000);
      const { undelivered } = await sender.drain(DRAIN_SENDER_MS);
      if (undelivered > 0) log.warn({ undelivered }, 'RRPairs were not acknowledged before the end');
      sender.close();
      life.abort();
      await running;
      await dns?.close();
      await diagnostics?.close();
      for (const server of [face, diagnosis]) server.close().closeAllConnections();
    },
  };
}

function createSender(config: SidecarConfig, log: Logger, clock: Clock): CaptureSender {
  const { cluster, namespace, workload, workloadKind, pod, container } = config;
  const nameless = config.hostResolution === 'none';
  return new CaptureSender({
    host: config.forwarderHost,
    port: config.forwarderPort,
    tls: captureTlsOf(config),
    tokenFile: config.forwarderTokenFile,
    queueBytes: config.queueLimit,
    hello: { hop: 'sidecar', cluster, namespace, workload, workloadKind, pod, container, nameless },
    log,
    clock,
  });
}

interface CaptureParts extends Pick<CaptureOptions, 'clock' | 'metrics' | 'rules'> {
  sink: CaptureSender;
  lifeState: LifeState;
  diagnostics: Diagnostics | null;
}

function createCapture(config: SidecarConfig, parts: CaptureParts): Capture {
  const { sink, clock, metrics, rules, lifeState, diagnostics } = parts;
  return new Capture({
    sink,
    clock,
    metrics,
    incarnation: sink.incarnation,
    bodyLimitBytes: config.bodyLimit,
    connectionLimitBytes: config.connectionLimit,
    captureLimitBytes: config.captureLimit,
    maxConnections: config.maxConnections,
    tags: config.tags,
    isCapturing: lifeState.isCapturing,
    diagnose: diagnostics?.diagnose ?? null,
    withhold: createWithholding(config),
    rules,
    hostNamed: config.hostResolution === 'none' ? null : hostNamed,
    opaqueBytesPorts: new Set(config.opaqueBytesPorts),
  });
}

function openDump(config: SidecarConfig, metrics: Metrics, log: Logger): Promise<Diagnostics | null> {
  const { diagnosticsFolder: folder, diagnosticsLimit: limitBytes } = config;
  return config.diagnostics ? openDiagnostics({ folder, limitBytes, metrics }, log) : Promise.resolve(null);
}

async function openDns(config: SidecarConfig, clock: Clock, metrics: Metrics): Promise<DnsRelay | null> {
  if (config.hostResolution !== 'dns') return null;
  const server = await readDnsServer(config.dnsServer);
  return openDnsRelay({ port: config.dnsPort, ipv6: config.ipv6, server, clock, metrics });
}

interface Measured {
  metrics: Metrics;
  sender: CaptureSender;
  capture: Capture;
  lifeState: LifeState;
  dns: DnsRelay | null;
}

function samplesOf({ metrics, sender, capture, lifeState, dns }: Measured): Sample[] {
  return [
    ...metrics.samples(),
    ...streamSamples(sender.counters(), { ...sender.shedBytes, 'capture-limit': capture.shedBytes }),
    ...gaugeSamples({
      connections: capture.openConnections,
      capture_bytes: capture.heldBytes,
      read_buffer_bytes: readBuffers.bytes,
      queue_bytes: sender.heldBytes,
      forwarder_connected: sender.isConnected,
      splice_only: !lifeState.isCapturing(),
      dns_names: dns?.names.size ?? 0,
    }),
  ];
}
