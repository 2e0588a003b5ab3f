// The load tools, each on the core under test with 64 connections: its command, or why it cannot be had.
import { execFile } from 'node:child_process';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { NODE_FLAGS } from '@echoplane/resources';
import { announced, LOAD_CORE, type Running, start, TEST_CORE } from '../sidecar/processes.ts';
import { answered, writeTests } from './recording.ts';
import { CHANGING_PATH, PATH } from './stage.ts';

const run = promisify(execFile);

const CONNECTIONS = 64;
/** Sessions of one test; more than connections. */
const SESSIONS = 1_000;
const INSTALL_MS = 900_000;
const FOLDER = join(homedir(), '.cache', 'echoplane-bench');
const AUTOCANNON = '9.0.0';
const HEY = '0.1.5';
const K6 = '1.8.1';

export interface PeerOptions {
  port: number;
  folder: string;
  /** The bundled generator. */
  generator: string;
  seconds: number;
  profileFolder: string | undefined;
}

/** A running tool; `sink` is told what it recorded, and ends with it. */
export interface Peer {
  program: Running;
  sink: Running | null;
}
export type Started = Peer | { because: string };

interface Ours {
  transforms?: readonly object[];
  path?: string;
}

/** A header filled from a variable, a random one that is new, and a parameter of the url. */
const THREE_TRANSFORMS = [
  {
    extract: { name: 'header', header: 'user-agent' },
    functions: [{ name: 'template', text: '${{value}} ${{var:user}}' }],
  },
  { extract: { name: 'header', header: 'x-request-id', create: true }, functions: [{ name: 'uuid' }] },
  {
    extract: { name: 'query', parameter: 'user', create: true },
    functions: [{ name: 'constant', value: '${{var:user}}' }],
  },
];

export const PEERS: Record<string, (options: PeerOptions) => Promise<Started>> = {
  ours: (options) => startOurs(options, {}),
  'ours, three transforms': (options) => startOurs(options, { transforms: THREE_TRANSFORMS }),
  'ours, changing answers': (options) => startOurs(options, { path: CHANGING_PATH }),
  wrk: async (options) => startTool(options, ['wrk', '-t1', `-c${CONNECTIONS}`, `-d${options.seconds}s`]),
  ab: async (options) => {
    const amount = ['-t', String(options.seconds), '-n', '100000000'];
    return startTool(options, ['ab', '-k', '-q', '-c', String(CONNECTIONS), ...amount]);
  },
  autocannon: startAutocannon,
  hey: async (options) => {
    const found = await installGo('hey', HEY, `github.com/rakyll/hey@v${HEY}`);
    if ('because' in found) return found;
    const command = [found.path, '-z', `${options.seconds}s`, '-c', String(CONNECTIONS), '-cpus', '1'];
    return startTool(options, command);
  },
  k6: startK6,
};

function startTool({ port }: PeerOptions, command: readonly string[], path = PATH): Peer {
  return { program: start(TEST_CORE, [...command, `http://127.0.0.1:${port}${path}`]), sink: null };
}

/** Every result is recorded and sent to a sink, and every answer is compared. */
async function startOurs(options: PeerOptions, { transforms, path = PATH }: Ours): Promise<Peer> {
  const { port, folder, generator, seconds, profileFolder } = options;
  const testsFile = join(folder, 'tests.jsonl');
  await writeTests(testsFile, SESSIONS, await answered(port, path));
  await writeFile(join(folder, 'tokens.json'), '[]');
  const env = transforms ? { ECHOPLANE_TRANSFORMS_FILE: await writeTransforms(folder, transforms) } : {};
  const { sink, port: sinkPort } = await startSink();
  const profile = profileFolder ? ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`] : [];
  const load = { stages: [{ users: CONNECTIONS, durationS: seconds }], keepResults: 1_000_000_000 };
  const program = start(TEST_CORE, [process.execPath, ...NODE_FLAGS.generator, ...profile, generator], {
    ...generatorEnv({ port, testsFile, tokensFile: join(folder, 'tokens.json'), sinkPort }),
    ECHOPLANE_LOAD: JSON.stringify(load),
    ...env,
  });
  return { program, sink };
}

/** Settings of a generator that replays a file against the upstream. */
export function generatorEnv(to: {
  port: number;
  testsFile: string;
  tokensFile: string;
  sinkPort: number;
}): Record<string, string> {
  return {
    ECHOPLANE_TARGET_URL: `http://127.0.0.1:${to.port}`,
    ...{ ECHOPLANE_TESTS_FILE: to.testsFile, ECHOPLANE_TOKENS_FILE: to.tokensFile },
    ECHOPLANE_REPLAY_ID: '019c0000-0000-7000-8000-00000000000f',
    ...{ ECHOPLANE_FORWARDER_PORT: String(to.sinkPort), ECHOPLANE_WORKLOAD: 'bench' },
  };
}

export async function startSink(): Promise<{ sink: Running; port: number }> {
  const file = join(import.meta.dirname, '..', 'responder', 'peers', 'sink.ts');
  const sink = start(LOAD_CORE, [process.execPath, file]);
  return { sink, ...(await announced<{ port: number }>(sink, 'port')) };
}

async function writeTransforms(folder: string, transforms: readonly object[]): Promise<string> {
  const chains = transforms.map((chain, i) => ({ id: `t${i}`, at: 'generator-request', ...chain }));
  const path = join(folder, 'transforms.json');
  await writeFile(path, JSON.stringify({ v: 1, chains }));
  return path;
}

async function startAutocannon(options: PeerOptions): Promise<Started> {
  const folder = join(FOLDER, `autocannon-${AUTOCANNON}`);
  const script = join(folder, 'node_modules', 'autocannon', 'autocannon.js');
  const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts'];
  const install = () =>
    run('npm', [...args, `autocannon@${AUTOCANNON}`], { cwd: folder, timeout: INSTALL_MS });
  const found = await installed(folder, script, install);
  if ('because' in found) return found;
  const flags = ['-n', '-c', String(CONNECTIONS), '-d', String(options.seconds)];
  return startTool(options, [process.execPath, script, ...flags]);
}

async function startK6(options: PeerOptions): Promise<Started> {
  const found = await installGo('k6', K6, `go.k6.io/k6@v${K6}`);
  if ('because' in found) return found;
  const script = join(options.folder, 'k6.js');
  const url = `http://127.0.0.1:${options.port}${PATH}`;
  await writeFile(
    script,
    `import http from 'k6/http';\nexport const options = { vus: ${CONNECTIONS}, duration: '${options.seconds}s' };\nexport default () => { http.get('${url}'); };\n`,
  );
  const program = start(TEST_CORE, [found.path, 'run', '--quiet', '--no-usage-report', script], {
    GOMAXPROCS: '1',
  });
  return { program, sink: null };
}

type Found = { path: string } | { because: string };

function installGo(name: string, version: string, module: string): Promise<Found> {
  const folder = join(FOLDER, `${name}-${version}`);
  const install = () =>
    run('go', ['install', module], { env: { ...process.env, GOBIN: folder }, timeout: INSTALL_MS });
  return installed(folder, join(folder, name), install);
}

async function installed(folder: string, path: string, install: () => Promise<unknown>): Promise<Found> {
  const exists = () =>
    access(path).then(
      () => true,
      () => false,
    );
  try {
    if (await exists()) return { path };
    await mkdir(folder, { recursive: true });
    await install();
    return (await exists()) ? { path } : { because: `it is installed without ${path}` };
  } catch (error) {
    return { because: `not obtainable: ${(error as Error).message.split('\n')[0]}` };
  }
}
