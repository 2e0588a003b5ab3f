// The sidecar's assembly: from a configuration to listeners, and back to nothing.
//
//   inbound ┐                          ┌▶ CaptureSender ─▶ forwarder
//           ├▶ splice ─▶ tap ─▶ capture ┤
//   outbound┘                          └▶ metrics, /connections
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import {
  CaptureSender,
  type Clock,
  ConfigError,
  createFace,
  envName,
  type Logger,
  listen,
  loadAuthority,
  systemClock,
} from '@echoplane/runtime';
import { Capture } from './capture.ts';
import type { SidecarConfig } from './config.ts';
import { Connections } from './connections.ts';
import { createDial } from './dial.ts';
import { createInbound } from './inbound.ts';
import { Metrics, streamSamples } from './metrics.ts';
import { createOutbound } from './outbound.ts';
import type { OutboundOptions } from './outbound-options.ts';
import { tryStaticReads } from './static-reads.ts';
import { TlsInterception, type TlsInterceptionOptions } from './tls-interception.ts';

const DRAIN_CONNECTIONS_MS = 5_000;
const DRAIN_SENDER_MS = 3_000;
const LOOPBACK = '127.0.0.1';

/** A running sidecar. */
export interface Sidecar {
  /** Ports taken; null for a listener the mode does not have. */
  ports: { in: number | null; out: number | null; admin: number };
  sender: CaptureSender;
  metrics: Metrics;
  /** Stops accepting, lets connections and the capture stream finish within their deadlines. */
  stop(): Promise<void>;
}

/** Starts everything. Throws ConfigError for files that cannot be used, OperatingError for a busy port. */
export async function startSidecar(
  config: SidecarConfig,
  log: Logger,
  clock: Clock = systemClock(),
): Promise<Sidecar> {
  const tls = await readTlsFiles(config);
  if (!(await tryStaticReads())) log.warn('sockets are read as streams: this Node does not allow static reads');
  const metrics = new Metrics();
  const connections = new Connections();
  const { cluster, namespace, workload, workloadKind, pod, container } = config;
  const sender = new CaptureSender({
    host: config.forwarderHost,
    port: config.forwarderPort,
    hello: { hop: 'sidecar', cluster, namespace, workload, workloadKind, pod, container },
    log,
    clock,
  });
  const capture = new Capture({
    sink: sender,
    clock,
    metrics,
    incarnation: sender.incarnation,
    bodyLimitBytes: config.bodyLimit,
    maxConnections: config.maxConnections,
    tags: config.tags,
  });
  const ownPorts = new Set<number>();
  const dial = createDial(ownPorts);
  const interception = tls && new TlsInterception({ ...tls, dial, capture, metrics, clock });
  const life = new AbortController();
  const face = createFace({
    notReady: () => (connections.isDraining ? 'stopping' : null),
    metrics: () => [...metrics.samples(), ...senderSamples(sender, capture)],
    pages: { '/connections': () => capture.describe() },
  });

  const ports = await openListeners(config, {
    face,
    ownPorts,
    dial,
    capture,
    connections,
    metrics,
    interception,
  });
  const running = sender.run(life.signal);
  return {
    ports,
    sender,
    metrics,
    async stop() {
      await connections.drain(clock, DRAIN_CONNECTIONS_MS);
      const { undelivered } = await sender.drain(DRAIN_SENDER_MS);
      if (undelivered > 0) log.warn({ undelivered }, 'RRPairs were not acknowledged before the end');
      sender.close();
      life.abort();
      await running;
      face.close();
      face.closeAllConnections();
    },
  };
}

interface Parts extends OutboundOptions {
  face: Server;
  ownPorts: Set<number>;
}

/** Opens what the mode has, or nothing. */
async function openListeners(config: SidecarConfig, parts: Parts): Promise<Sidecar['ports']> {
  const { face, ownPorts, connections } = parts;
  const ports: Sidecar['ports'] = { in: null, out: null, admin: 0 };
  try {
    ports.admin = await listen(face, config.adminPort, config.host, 'the admin listener');
    ownPorts.add(ports.admin);
    if (config.mode !== 'reverse') {
      ports.out = await connections.listen(
        createOutbound(parts),
        config.outPort,
        LOOPBACK,
        'the outbound listener',
      );
      ownPorts.add(ports.out);
    }
    if (config.mode !== 'forward') {
      const target = { host: config.targetHost, port: config.targetPort! };
      const inbound = createInbound({ ...parts, target });
      ports.in = await connections.listen(inbound, config.inPort, config.host, 'the inbound listener');
      ownPorts.add(ports.in);
    }
    return ports;
  } catch (error) {
    face.close();
    connections.close();
    throw error;
  }
}

type TlsFiles = Pick<TlsInterceptionOptions, 'authority' | 'extraRoots'>;

/** The CA and extra roots, or null when outbound TLS is not opened. */
async function readTlsFiles(config: SidecarConfig): Promise<TlsFiles | null> {
  if (!config.tlsOut || config.mode === 'reverse') return null;
  const problems: string[] = [];
  const read = async (path: string, field: string) => {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      problems.push(`${envName(field)}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
      return '';
    }
  };
  const certPem = await read(config.caCertFile!, 'caCertFile');
  const keyPem = await read(config.caKeyFile!, 'caKeyFile');
  const extraRoots = await Promise.all(config.upstreamCaFiles.map((path) => read(path, 'upstreamCaFiles')));
  if (problems.length > 0) throw new ConfigError(problems);
  try {
    return { authority: await loadAuthority(certPem, keyPem), extraRoots };
  } catch (error) {
    const fields = `${envName('caCertFile')} and ${envName('caKeyFile')}`;
    throw new ConfigError([`${fields} do not hold a usable CA (${(error as Error).message}).`]);
  }
}

function senderSamples(sender: CaptureSender, capture: Capture) {
  return streamSamples(sender.counters(), {
    heldBytes: sender.heldBytes,
    shedBodyBytes: sender.shedBodyBytes,
    connected: sender.isConnected,
    connections: capture.openConnections,
  });
}
