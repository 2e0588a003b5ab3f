// The peers: each a program on the core under test that answers the same requests, with as many recordings as it is given. Ours
// does all it does in a replay: every pair goes to a sink. mockttp and WireMock come as they are, recording
// requests too, and bare.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NODE_FLAGS } from '@echoplane/resources';
import { freePort } from '../../test/ports.ts';
import { accepting, announced, LOAD_CORE, type Running, start, TEST_CORE } from '../sidecar/processes.ts';
import { type Installed, installMockserver, installMockttp, installWiremock } from './install.ts';
import { bodyOf, mockLines, pathOf } from './recordings.ts';

export interface Peer {
  port: number;
  pid: number;
  /** Pairs that arrived at the sink; null when there is none. */
  pairs: (() => Promise<number>) | null;
  stop(): Promise<void>;
}

export interface PeerOptions {
  /** Recordings. */
  count: number;
  /** Where files may be written. */
  folder: string;
  /** The bundled responder. */
  responder: string;
  profileFolder: string | undefined;
}

/** A running peer, or why there is none. */
export type Started = Peer | { because: string };

/** CPU time before it is measured: a JVM compiles for longer than Node. */
export const WARM_UP_S: Record<string, number> = {
  ours: 4,
  mockttp: 4,
  'mockttp-bare': 4,
  wiremock: 15,
  'wiremock-bare': 15,
  mockserver: 15,
};

/** How each is run. What their users run are the default settings; the others say what the defaults cost. */
export const SETTINGS: Record<string, string> = {
  ours: 'all features on: every pair is recorded and sent to a forwarder',
  mockttp: 'default settings: requests are kept for their mocks',
  'mockttp-bare': 'recordTraffic: false, suggestChanges: false',
  wiremock: 'default settings: the request journal is on',
  'wiremock-bare': '--no-request-journal',
  mockserver: 'logging and metrics off, which is not its default',
};
const JVM_START_MS = 60_000;

export const PEERS: Record<string, (options: PeerOptions) => Promise<Started>> = {
  ours: startOurs,
  mockttp: (options) => startMockttp(options, []),
  'mockttp-bare': (options) => startMockttp(options, ['bare']),
  wiremock: (options) => startWiremock(options, []),
  'wiremock-bare': (options) => startWiremock(options, ['--no-request-journal']),
  mockserver: startMockserver,
};

async function startOurs({ count, folder, responder, profileFolder }: PeerOptions): Promise<Peer> {
  const mocksFile = join(folder, `mocks-${count}.jsonl`);
  await writeFile(mocksFile, mockLines(count));
  const sink = start(LOAD_CORE, [process.execPath, join(import.meta.dirname, 'peers', 'sink.ts')]);
  const { port: sinkPort } = await announced<{ port: number }>(sink, 'port');
  const profile = profileFolder ? ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`] : [];
  const program = start(TEST_CORE, [process.execPath, ...NODE_FLAGS.responder, ...profile, responder], {
    ...{ ECHOPLANE_MOCKS_FILE: mocksFile, ECHOPLANE_SIDECAR_PORT: '0', ECHOPLANE_LATENCY: 'none' },
    ...{ ECHOPLANE_WORKLOAD: 'bench', ECHOPLANE_FORWARDER_PORT: String(sinkPort) },
  });
  const { port } = await announced<{ event: string; port: number }>(program, 'event');
  return {
    ...{ port, pid: program.pid },
    async pairs() {
      sink.child.stdin.write('\n');
      return (await announced<{ pairs: number }>(sink, 'pairs')).pairs;
    },
    async stop() {
      await program.stop();
      await sink.stop();
    },
  };
}

async function startMockttp({ count }: PeerOptions, flags: readonly string[]): Promise<Started> {
  const found = await installMockttp();
  if (!found.path) return unavailable(found);
  const file = join(import.meta.dirname, 'peers', 'mockttp.cjs');
  const program = start(TEST_CORE, [process.execPath, file, String(count), found.path, ...flags]);
  const numbers = Array.from({ length: count }, (_, n) => n);
  program.child.stdin.end(JSON.stringify({ paths: numbers.map(pathOf), bodies: numbers.map(bodyOf) }));
  const { port } = await announced<{ port: number }>(program, 'port', JVM_START_MS);
  return peer(program, port);
}

async function startWiremock({ count, folder }: PeerOptions, flags: readonly string[]): Promise<Started> {
  const found = await installWiremock();
  if (!found.path) return unavailable(found);
  const root = join(folder, `wiremock-${count}`);
  await mkdir(join(root, 'mappings'), { recursive: true });
  const mappings = Array.from({ length: count }, (_, n) => ({
    request: { method: 'GET', url: pathOf(n) },
    response: { status: 200, body: bodyOf(n), headers: { 'Content-Type': 'application/json' } },
  }));
  await writeFile(join(root, 'mappings', 'all.json'), JSON.stringify({ mappings }));
  const port = await freePort();
  const settings = ['--port', String(port), '--root-dir', root, '--disable-banner', ...flags];
  const command = ['java', '-jar', found.path, ...settings];
  const program = start(TEST_CORE, command);
  await answering(port);
  return peer(program, port);
}

async function startMockserver({ count, folder }: PeerOptions): Promise<Started> {
  const found = await installMockserver();
  if (!found.path) return unavailable(found);
  const file = join(folder, `mockserver-${count}.json`);
  const expectations = Array.from({ length: count }, (_, n) => ({
    httpRequest: { method: 'GET', path: `/r/${n}`, queryStringParameters: { currency: ['usd'] } },
    httpResponse: { statusCode: 200, body: bodyOf(n), headers: { 'Content-Type': ['application/json'] } },
  }));
  await writeFile(file, JSON.stringify(expectations));
  const port = await freePort();
  const settings = {
    initializationJsonPath: file,
    maxExpectations: String(count + 1),
    logLevel: 'ERROR',
    disableLogging: 'true',
    metricsEnabled: 'false',
  };
  const properties = Object.entries(settings).map(([name, value]) => `-Dmockserver.${name}=${value}`);
  const program = start(TEST_CORE, ['java', ...properties, '-jar', found.path, '-serverPort', String(port)]);
  await answering(port);
  return peer(program, port);
}

function peer(program: Running, port: number): Peer {
  return { port, pid: program.pid, pairs: null, stop: () => program.stop() };
}

function unavailable({ because }: Installed): Started {
  return { because: because ?? 'not obtainable' };
}

/** A JVM listens before it has read what it is to answer. */
async function answering(port: number): Promise<void> {
  const deadline = performance.now() + JVM_START_MS;
  for (;;) {
    await accepting(port).catch(() => {});
    const isRight = await fetch(`http://127.0.0.1:${port}${pathOf(0)}`).then(
      async (response) => (await response.text()) === bodyOf(0),
      () => false,
    );
    if (isRight) return;
    if (performance.now() > deadline) throw new Error(`what listens on port ${port} does not answer`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
