// What the sidecar shows of itself. To the pod's network: health, metrics, and whether the app accepts connections (what the
// kubelet's tcpSocket probes are rewritten to). On loopback only, because it names peers and paths: the diagnosis pages.
//
//   adminPort         /healthz  /readyz  /metrics  /probe/tcp/PORT
//   diagnosticsPort   /connections  /config  /pass-through
import type { IncomingMessage, Server } from 'node:http';
import { createFace, envName, type FaceAnswer, type Logger, listen, type Sample } from '@echoplane/runtime';
import type { PassThroughHost } from '@echoplane/wire';
import type { SidecarConfig } from './config.ts';
import type { Dial, Target } from './dial.ts';

const MAX_CONNECTIONS_SHOWN = 1_000;
const TCP_PROBE = /^\/probe\/tcp\/([1-9]\d{0,4})$/;
const PROBE_MS = 1_000;
/** More at once are answered with 503. */
const MAX_PROBES = 32;
const LOOPBACK = '127.0.0.1';

export interface AdminFaceOptions {
  /** Null when ready, else the reason why not. */
  notReady(): string | null;
  metrics(): Sample[];
  dial: Dial;
  config: Pick<SidecarConfig, 'targetHost' | 'targetPort'>;
}

/** The face towards the pod's network; the caller listens. */
export function createAdminFace({ notReady, metrics, dial, config }: AdminFaceOptions): Server {
  let probing = 0;
  const probe = async (target: Target): Promise<FaceAnswer> => {
    if (probing >= MAX_PROBES) return { status: 503, text: 'too many probes at once' };
    probing++;
    const accepts = await isAccepting(target, dial);
    probing--;
    return accepts ? { status: 200, text: 'ok' } : { status: 503, text: 'the app does not accept' };
  };
  return createFace({
    notReady,
    metrics,
    open(request) {
      const target = probeTarget(request, config);
      return target && probe(target);
    },
  });
}

/**
 * What a probe dials: the target of a named mode, else the address the probe itself came to, as the kubelet would have dialled.
 * So nobody learns more from a probe than from a connection of their own.
 */
function probeTarget(
  { url, socket }: IncomingMessage,
  { targetHost, targetPort }: AdminFaceOptions['config'],
): Target | null {
  const port = Number(TCP_PROBE.exec(url ?? '')?.[1] ?? 0);
  if (port < 1 || port > 65_535) return null;
  return { host: port === targetPort ? targetHost : (socket.localAddress ?? LOOPBACK), port };
}

function isAccepting(target: Target, dial: Dial): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dial(target);
    // After the events that wait already: who was kept from running for so long may have been accepted meanwhile.
    const timer = setTimeout(() => setImmediate(() => socket.destroy()), PROBE_MS);
    let accepts = false;
    socket
      .on('connect', () => {
        accepts = true;
        socket.destroy();
      })
      .on('error', () => {})
      .on('close', () => {
        clearTimeout(timer);
        resolve(accepts);
      });
  });
}

export interface DiagnosisOptions {
  config: SidecarConfig;
  capture: { openConnections: number; describe(limit: number): Record<string, unknown>[] };
  /** Further facts of this life, shown beside the settings. */
  life(): Record<string, unknown>;
  passThrough(): PassThroughHost[];
}

/** The diagnosis pages; the caller listens, on loopback. */
export function createDiagnosis({ config, capture, life, passThrough }: DiagnosisOptions): Server {
  const settings = Object.fromEntries(Object.entries(config).map(([key, value]) => [envName(key), value]));
  return createFace({
    notReady: () => null,
    metrics: () => [],
    pages: {
      '/connections': () => ({
        open: capture.openConnections,
        connections: capture.describe(MAX_CONNECTIONS_SHOWN),
      }),
      '/config': () => ({ settings, life: life() }),
      '/pass-through': () => ({ learned: passThrough() }),
    },
  });
}

/** Listens with the diagnosis pages; null, and a line in the log, when their port is taken: the app may be who took it. */
export async function listenForDiagnosis(
  server: Server,
  port: number,
  log: Pick<Logger, 'warn'>,
): Promise<number | null> {
  try {
    return await listen(server, port, LOOPBACK, 'the diagnosis pages');
  } catch (error) {
    log.warn({ port, problem: (error as Error).message }, 'there are no diagnosis pages');
    return null;
  }
}
