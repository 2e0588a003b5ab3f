// One replay on this machine: artifacts of the snapshot as files, stand-ins for the dependencies when they are wanted, the
// generator against a target, and the report. In a cluster the operator does the same with pods. It does not know what
// the target is or who started it.
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ApiClient, Replay, ReportDetail } from '@echoplane/api';
import { OperatingError } from '@echoplane/runtime';
import { ARTIFACTS, type ArtifactName, GeneratorRun, type TestConfig } from '@echoplane/traffic';
import { artifactSource, isMissingArtifact } from './artifact-source.ts';
import { pollUntil } from './poll.ts';
import { choosePort } from './ports.ts';
import { keepReplay, LEASE_SECONDS, type ReplayLease } from './replay-lease.ts';
import { script } from './scripts.ts';
import { serviceOf } from './service-of-tests.ts';
import type { Program, Supervisor } from './supervisor.ts';

const REPORT_DEADLINE_MS = 600_000;

/** A plane that runs, and the supervisor of the programs of a replay. */
export interface ReplayPlace {
  /** Home of the plane: key, rules and vault of its forwarder are in it. */
  homeDir: string;
  plane: {
    client: ApiClient;
    forwarderPort: number;
    caCertFile: string;
    caKeyFile: string;
    flush(): Promise<void>;
  };
  supervisor: Supervisor;
  signal: AbortSignal;
}

export interface ReplayOptions {
  name: string;
  /** Id of the snapshot. */
  snapshot: string;
  buildTag?: string;
  /** Id of an earlier replay. */
  baseline?: string;
  config?: TestConfig;
  places?: LookupFolders;
}

/** Where transforms look values up. */
export interface LookupFolders {
  /** A folder for each secret with a file for each of its keys; `secrets` of the home without it. */
  secretsDir?: string | undefined;
  /** Files and data sets, `NAME.csv`; `data` of the home without it. */
  dataDir?: string | undefined;
}

/** A replay that was opened: its files are in `folder`. */
export interface OpenReplay {
  place: ReplayPlace;
  replay: Replay;
  folder: string;
  /** `cluster/namespace/name` as recorded. */
  service: string;
  config: TestConfig | undefined;
  lease: ReplayLease;
  /** What generator and responder are told of transforms. */
  transforms: Record<string, string>;
}

/** Opens a replay and fetches what its programs need. */
export async function openReplay(
  place: ReplayPlace,
  { name, snapshot, buildTag, baseline, config, places = {} }: ReplayOptions,
  mode: 'full' | 'tests-only',
): Promise<OpenReplay> {
  const replay = await place.plane.client.call('createReplay', {
    body: {
      ...{ name, snapshot, mode, leaseSeconds: LEASE_SECONDS },
      ...(buildTag === undefined ? {} : { buildTag }),
      ...(baseline === undefined ? {} : { baseline }),
      ...(config === undefined ? {} : { testConfig: config }),
    },
  });
  const lease = keepReplay(place.plane.client, replay.id, place.signal);
  try {
    return { ...(await fetchArtifacts(place, { replay, snapshot, places })), place, replay, config, lease };
  } catch (err) {
    // Nobody else will end it.
    await lease.cancel();
    throw err;
  }
}

async function fetchArtifacts(
  place: ReplayPlace,
  { replay, snapshot, places }: { replay: Replay; snapshot: string; places: LookupFolders },
): Promise<Pick<OpenReplay, 'folder' | 'service' | 'transforms'>> {
  const folder = join(place.homeDir, 'replays', replay.id);
  // Recorded traffic: for this user's eyes only.
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const open = await artifactSource(place.plane.client, place.homeDir, snapshot);
  for (const artifact of [ARTIFACTS.tests, ARTIFACTS.mocks, ARTIFACTS.tokens])
    await pipeline(await open(artifact), createWriteStream(join(folder, artifact)));
  const transforms = transformsEnv(place.homeDir, await fetchTransforms(open, folder), places);
  return { folder, service: await serviceOf(join(folder, ARTIFACTS.tests)), transforms };
}

/** Its path; null of snapshots that were made before there were transforms. */
async function fetchTransforms(
  open: (name: ArtifactName) => Promise<Readable>,
  folder: string,
): Promise<string | null> {
  const path = join(folder, ARTIFACTS.transforms);
  try {
    await pipeline(await open(ARTIFACTS.transforms), createWriteStream(path));
    return path;
  } catch (err) {
    if (isMissingArtifact(err)) return null;
    throw err;
  }
}

function transformsEnv(
  homeDir: string,
  file: string | null,
  { secretsDir = join(homeDir, 'secrets'), dataDir = join(homeDir, 'data') }: LookupFolders,
): Record<string, string> {
  return {
    ...(file === null ? {} : { ECHOPLANE_TRANSFORMS_FILE: file }),
    ECHOPLANE_SECRETS_DIR: secretsDir,
    ECHOPLANE_DATA_DIR: dataDir,
  };
}

function shippingEnv({ place, replay, service }: OpenReplay, pod: string): Record<string, string> {
  const [cluster = '', namespace = '', ...name] = service.split('/');
  return {
    ECHOPLANE_REPLAY_ID: replay.id,
    ECHOPLANE_FORWARDER_HOST: '127.0.0.1',
    ECHOPLANE_FORWARDER_PORT: String(place.plane.forwarderPort),
    ECHOPLANE_CLUSTER: cluster,
    ECHOPLANE_NAMESPACE: namespace,
    ECHOPLANE_WORKLOAD: name.join('/'),
    ECHOPLANE_WORKLOAD_KIND: 'Process',
    ECHOPLANE_POD: pod,
  };
}

/** What the forwarder redacts with: its own key, and the rules that the control plane gave it, if it did. */
function redactionEnv(homeDir: string): Record<string, string> {
  const rulesFile = join(homeDir, 'spool', 'rules.json');
  return {
    ECHOPLANE_REDACTION_KEY_FILE: join(homeDir, 'spool', 'redaction.key'),
    ...(existsSync(rulesFile) ? { ECHOPLANE_RULES_FILE: rulesFile } : {}),
  };
}

/** A forward proxy that answers for the recorded dependencies. */
export async function startResponder(open: OpenReplay, port: number): Promise<Program> {
  const { place, replay, folder, config } = open;
  const name = `responder-${replay.id}`;
  const planFile = join(folder, 'responder.json');
  await writeFile(planFile, JSON.stringify(config?.responder ?? {}));
  return place.supervisor.start({
    name,
    args: [script('responder')],
    env: {
      ...shippingEnv(open, name),
      ECHOPLANE_PORT: String(port),
      ECHOPLANE_ADMIN_PORT: String(await choosePort(undefined)),
      ECHOPLANE_MOCKS_FILE: join(folder, ARTIFACTS.mocks),
      ECHOPLANE_PLAN_FILE: planFile,
      ...open.transforms,
      ECHOPLANE_CA_CERT_FILE: place.plane.caCertFile,
      ECHOPLANE_CA_KEY_FILE: place.plane.caKeyFile,
      ...redactionEnv(place.homeDir),
    },
    readyEvent: 'ready',
  });
}

/** Sends the tests to `targetUrl`. `note` is told how far it is. */
export async function generate(
  open: OpenReplay,
  targetUrl: string,
  note: (text: string) => void,
): Promise<GeneratorRun> {
  const { place, replay, folder, lease } = open;
  const name = `generator-${replay.id}`;
  const task = place.supervisor.task({
    name,
    args: [script('generator')],
    env: {
      ...shippingEnv(open, name),
      ECHOPLANE_TARGET_URL: targetUrl,
      ECHOPLANE_TESTS_FILE: join(folder, ARTIFACTS.tests),
      ECHOPLANE_TOKENS_FILE: join(folder, ARTIFACTS.tokens),
      ECHOPLANE_VAULT_DIR: join(place.homeDir, 'spool', 'vault'),
      ...redactionEnv(place.homeDir),
      ...askedEnv(open.config),
      ...open.transforms,
      ECHOPLANE_RESULT_FILE: join(folder, 'run.json'),
    },
    onLine: (line) => line.event === 'progress' && note(`${line.sent} of ${line.planned} requests`),
  });
  const lines = await Promise.race([task, lease.lost]);
  const last = lines.findLast((line) => line.event === 'run');
  if (!last)
    throw new OperatingError('generator_failed', 'The generator ended without its last word; see its log.');
  return GeneratorRun.parse(last.run);
}

/** Hands the run over and waits for its report. `mockResults`: pairs shipped by who stood in, or stood before, the dependencies. */
export async function finishReplay(
  { place, replay, lease }: OpenReplay,
  run: GeneratorRun,
  mockResults: number,
): Promise<ReportDetail> {
  const { client } = place.plane;
  const params = { id: replay.id };
  await place.plane.flush();
  await client.call('finishReplay', { params, body: { run, mockResults } });
  lease.end();
  const ended = await pollUntil(
    () => client.call('replay', { params }),
    ({ phase }) => phase !== 'running' && phase !== 'analyzing',
    { deadlineMs: REPORT_DEADLINE_MS, what: 'the report', signal: place.signal },
  );
  if (ended.phase !== 'succeeded')
    throw new OperatingError('no_report', `The replay has no report: ${ended.message ?? ended.phase}.`);
  return client.call('report', { params });
}

/** RRPairs that a stopped sidecar or responder said it had shipped. */
export function shipped(program: Program): number {
  return Number(program.lines.findLast((line) => line.event === 'stats')?.delivered ?? 0);
}

/** What the generator is told of a test config: its load, and the assertions it makes itself. */
function askedEnv({ load, assertions }: TestConfig = {}): Record<string, string> {
  return {
    ...(load === undefined ? {} : { ECHOPLANE_LOAD: JSON.stringify(load) }),
    ...(assertions === undefined ? {} : { ECHOPLANE_ASSERTIONS: JSON.stringify(assertions) }),
  };
}
