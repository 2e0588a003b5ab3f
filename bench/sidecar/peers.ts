// The peers: each a program under test on its own core, started with what it needs. Ours come in the variants that the
// scenarios want; every one that captures has a sink of its own.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NODE_FLAGS } from '@echoplane/resources';
import { freePort } from '../../test/ports.ts';
import { type Ports, proxyHaproxy, proxyNginx } from './configurations.ts';
import { accepting, announced, type Running, start, TEST_CORE } from './processes.ts';
import { type Sink, startSink } from './sink.ts';
import type { Stage } from './stage.ts';

/** How a peer is spoken to: `intercept` is TLS on both legs. */
export type Way = 'http' | 'tls' | 'h2c' | 'intercept';

export interface Peer {
  name: string;
  /** Root of the process tree under test; null when there is none. */
  pid: number | null;
  ports: Partial<Record<Way, number>>;
  /** An HTTP proxy to ask for a CONNECT to the upstream, instead of a port of its own. */
  connectPort?: number;
  sink: Sink | null;
  program: Running | null;
}

type Start = (stage: Stage) => Promise<Omit<Peer, 'name'>>;

const STARTS = {
  direct: async ({ upstream: { http, tls, h2c } }) => ({
    pid: null,
    ports: { http, tls, h2c, intercept: tls },
    sink: null,
    program: null,
  }),
  nginx: async ({ folder, certificates, upstream }) => {
    const ports = { ...(await freePorts()), intercept: await freePort() };
    const file = join(folder, 'proxy.conf');
    await writeFile(file, proxyNginx(ports, upstream, { folder, ...certificates }));
    const program = start(TEST_CORE, ['nginx', '-e', join(folder, 'proxy.log'), '-c', file]);
    await accepting(ports.intercept);
    return { pid: program.pid, ports, sink: null, program };
  },
  haproxy: async ({ folder, certificates, upstream }) => {
    const ports = await freePorts();
    const file = join(folder, 'haproxy.cfg');
    await writeFile(file, proxyHaproxy(ports, upstream, certificates.both));
    const program = start(TEST_CORE, ['haproxy', '-q', '-db', '-f', file]);
    await accepting(ports.h2c);
    return { pid: program.pid, ports, sink: null, program };
  },
  go: (stage) => goProxy(stage, 'http'),
  'go-tls': (stage) => goProxy(stage, 'tls'),
  'node-http-proxy': async (stage) => {
    const sink = await startSink(stage);
    const file = join(import.meta.dirname, 'peers', 'http-proxy.ts');
    const program = start(TEST_CORE, [
      process.execPath,
      '--disable-warning=DEP0060',
      file,
      String(stage.upstream.http),
      String(sink.port),
    ]);
    const { port } = await announced<{ port: number }>(program, 'port');
    return { pid: program.pid, ports: { http: port }, sink, program };
  },
  ours: (stage) => ours(stage, 'http'),
  'ours-whole': (stage) => ours(stage, 'http', WHOLE_BODIES),
  'ours-tls': (stage) =>
    ours(stage, 'tls', {
      TLS_IN_CERT_FILES: stage.certificates.cert,
      TLS_IN_KEY_FILES: stage.certificates.key,
      TLS_IN_TARGET: 'plain',
    }),
  'ours-h2c': (stage) => ours(stage, 'h2c', { TARGET_PORT: String(stage.upstream.h2c) }),
  'ours-intercept': (stage) =>
    ours(stage, 'intercept', {
      MODE: 'forward',
      TLS_OUT: 'true',
      CA_CERT_FILE: stage.certificates.ca,
      CA_KEY_FILE: stage.certificates.caKey,
      UPSTREAM_CA_FILES: stage.certificates.ca,
    }),
  /** Not loaded by any scenario but the quiet ones. */
  'ours-fresh': (stage) => ours(stage, 'http'),
} satisfies Record<string, Start>;

export type PeerName = keyof typeof STARTS;

/** Starts a peer and waits until it listens. */
export async function startPeer(name: PeerName, stage: Stage): Promise<Peer> {
  return { name, ...(await STARTS[name](stage)) };
}

async function freePorts(): Promise<Ports> {
  return { http: await freePort(), tls: await freePort(), h2c: await freePort() };
}

async function goProxy(stage: Stage, way: 'http' | 'tls'): Promise<Omit<Peer, 'name'>> {
  const sink = await startSink(stage);
  const { cert, key } = stage.certificates;
  const program = start(
    TEST_CORE,
    [
      stage.programs.reverseProxy,
      `-target=http://127.0.0.1:${stage.upstream.http}`,
      `-sink=127.0.0.1:${sink.port}`,
      `-limit=${2 << 20}`,
      ...(way === 'tls' ? [`-cert=${cert}`, `-key=${key}`] : []),
    ],
    { GOMAXPROCS: '1' },
  );
  const { port } = await announced<{ port: number }>(program, 'port');
  return { pid: program.pid, ports: { [way]: port }, sink, program };
}

interface Ready {
  inPort: number | null;
  outPort: number | null;
}

async function ours(
  stage: Stage,
  way: Way,
  settings: Record<string, string> = {},
): Promise<Omit<Peer, 'name'>> {
  const sink = await startSink(stage);
  const program = startSidecar(stage, sink, settings);
  const { inPort, outPort } = await announced<Ready & { event: 'ready' }>(program, 'event');
  return way === 'intercept'
    ? { pid: program.pid, ports: { intercept: stage.upstream.tls }, connectPort: outPort!, sink, program }
    : { pid: program.pid, ports: { [way]: inPort! }, sink, program };
}

/** 64 bodies of a megabyte at once are more than the default limits keep. */
const WHOLE_BODIES = {
  BODY_LIMIT: String(2 << 20),
  CAPTURE_LIMIT: String(112 << 20),
  QUEUE_LIMIT: String(48 << 20),
};

/** The bundled sidecar in front of the upstream, streaming to `sink`; `settings` without their prefix. */
export function startSidecar(stage: Stage, sink: Sink, settings: Record<string, string> = {}): Running {
  const all = {
    MODE: 'reverse',
    WORKLOAD: 'bench',
    TARGET_PORT: String(stage.upstream.http),
    IN_PORT: '0',
    OUT_PORT: '0',
    ADMIN_PORT: '0',
    DIAGNOSTICS_PORT: '0',
    FORWARDER_PORT: String(sink.port),
    SUPERVISED: 'true',
    ...settings,
  };
  const env = Object.fromEntries(Object.entries(all).map(([name, value]) => [`ECHOPLANE_${name}`, value]));
  const profile = stage.profileFolder ? ['--cpu-prof', `--cpu-prof-dir=${stage.profileFolder}`] : [];
  return start(TEST_CORE, [process.execPath, ...NODE_FLAGS.sidecar, ...profile, stage.programs.sidecar], env);
}
