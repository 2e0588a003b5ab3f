// One replay of the demo: a fresh shop on an empty database, its dependencies alive or stood in for, the generator, and
// the report. In a cluster the operator does the same with pods.
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Replay, ReportDetail } from '@echoplane/api';
import { folderStore, OperatingError } from '@echoplane/runtime';
import { ARTIFACTS, type ArtifactName, GeneratorRun } from '@echoplane/traffic';
import { type DemoWorld, startShop, startSidecar, workloadEnv } from './demo-services.ts';
import { pollUntil } from './poll.ts';
import { choosePort } from './ports.ts';
import { script } from './scripts.ts';
import type { Program } from './supervisor.ts';

const VIRTUAL_USERS = 6;
const REPORT_DEADLINE_MS = 90_000;

export interface DemoReplay {
  name: string;
  snapshot: string;
  build: 'v1' | 'v2';
  database: string;
  /** `stopped`: the responder stands in for them. */
  dependencies: 'alive' | 'stopped';
  baseline?: string;
}

/** Runs a replay to its report. `note` is told what happens. */
export async function runReplay(
  world: DemoWorld,
  options: DemoReplay,
  note: (text: string) => void,
): Promise<ReportDetail> {
  const { client } = world.plane;
  const replay = await client.call('createReplay', {
    body: {
      ...{ name: options.name, snapshot: options.snapshot, buildTag: options.build },
      mode: options.dependencies === 'alive' ? 'tests-only' : 'full',
      ...(options.baseline === undefined ? {} : { baseline: options.baseline }),
    },
  });
  const folder = await fetchArtifacts(world, replay);
  note('starting a fresh shop');
  const outPort = await choosePort(undefined);
  const outbound =
    options.dependencies === 'alive'
      ? await startSidecar(world, {
          name: `sidecar-${replay.id}`,
          mode: 'forward',
          outPort,
          tags: { replay: replay.id },
        })
      : await startResponder(world, replay, folder, outPort);
  const port = await choosePort(undefined);
  const shop = await startShop(world, {
    name: `shop-${replay.id}`,
    port,
    proxyPort: outPort,
    build: options.build,
    database: options.database,
  });
  const run = await generate(world, replay, folder, port, note);
  const { supervisor } = world.session;
  await supervisor.stop(shop);
  await supervisor.stop(outbound);
  const stats = outbound.lines.findLast((line) => line.event === 'stats');
  note('analyzing');
  await world.plane.flush();
  await client.call('finishReplay', {
    params: { id: replay.id },
    body: { run, mockResults: Number(stats?.delivered ?? 0) },
  });
  return awaitReport(world, replay.id);
}

/** Tests, mocks and tokens of the snapshot as files, as a replay's pods fetch them. */
async function fetchArtifacts(world: DemoWorld, replay: Replay): Promise<string> {
  const folder = world.session.home.path('replays', replay.id);
  // Recorded traffic: for this user's eyes only.
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const open = await artifactSource(world, replay.snapshot);
  for (const name of [ARTIFACTS.tests, ARTIFACTS.mocks, ARTIFACTS.tokens])
    await pipeline(await open(name), createWriteStream(`${folder}/${name}`));
  return folder;
}

/** The files of a private snapshot are with the data plane, all others come from the control plane. */
async function artifactSource(
  { plane }: DemoWorld,
  id: string,
): Promise<(name: ArtifactName) => Promise<Readable>> {
  const { storeAccess, prefix } = await plane.client.call('snapshot', { params: { id } });
  if (storeAccess === 'private') {
    const store = await folderStore(plane.storeDir);
    return (name) => store.stream(`${prefix}${name}`);
  }
  return async (name) => {
    const response = await plane.client.stream('artifact', { params: { id, name } });
    return Readable.fromWeb(response.body! as never);
  };
}

function shippingEnv(world: DemoWorld, replay: Replay, pod: string): Record<string, string> {
  return {
    ECHOPLANE_REPLAY_ID: replay.id,
    ECHOPLANE_FORWARDER_HOST: '127.0.0.1',
    ECHOPLANE_FORWARDER_PORT: String(world.plane.forwarderPort),
    ...workloadEnv(pod),
  };
}

/** What the forwarder redacts with: its own key, and the rules that the control plane gave it, if it did. */
function redactionEnv({ session: { home } }: DemoWorld): Record<string, string> {
  const rulesFile = home.path('spool', 'rules.json');
  return {
    ECHOPLANE_REDACTION_KEY_FILE: home.path('spool', 'redaction.key'),
    ...(existsSync(rulesFile) ? { ECHOPLANE_RULES_FILE: rulesFile } : {}),
  };
}

async function startResponder(
  world: DemoWorld,
  replay: Replay,
  folder: string,
  port: number,
): Promise<Program> {
  const name = `responder-${replay.id}`;
  return world.session.supervisor.start({
    name,
    args: [script('responder')],
    env: {
      ...shippingEnv(world, replay, name),
      ECHOPLANE_PORT: String(port),
      ECHOPLANE_ADMIN_PORT: String(await choosePort(undefined)),
      ECHOPLANE_MOCKS_FILE: `${folder}/${ARTIFACTS.mocks}`,
      ECHOPLANE_CA_CERT_FILE: world.plane.caCertFile,
      ECHOPLANE_CA_KEY_FILE: world.plane.caKeyFile,
      ...redactionEnv(world),
    },
    readyEvent: 'ready',
  });
}

async function generate(
  world: DemoWorld,
  replay: Replay,
  folder: string,
  port: number,
  note: (text: string) => void,
): Promise<GeneratorRun> {
  const name = `generator-${replay.id}`;
  const lines = await world.session.supervisor.task({
    name,
    args: [script('generator')],
    env: {
      ...shippingEnv(world, replay, name),
      ECHOPLANE_TARGET_URL: `http://127.0.0.1:${port}`,
      ECHOPLANE_TESTS_FILE: `${folder}/${ARTIFACTS.tests}`,
      ECHOPLANE_TOKENS_FILE: `${folder}/${ARTIFACTS.tokens}`,
      ECHOPLANE_VAULT_DIR: world.session.home.path('spool', 'vault'),
      ECHOPLANE_CONCURRENCY: String(VIRTUAL_USERS),
      ECHOPLANE_RESULT_FILE: `${folder}/run.json`,
    },
    onLine: (line) => line.event === 'progress' && note(`${line.sent} of ${line.planned} requests`),
  });
  const last = lines.findLast((line) => line.event === 'run');
  if (!last)
    throw new OperatingError('generator_failed', 'The generator ended without its last word; see its log.');
  return GeneratorRun.parse(last.run);
}

async function awaitReport(world: DemoWorld, id: string): Promise<ReportDetail> {
  const { client } = world.plane;
  const replay = await pollUntil(
    () => client.call('replay', { params: { id } }),
    (current) => current.phase !== 'running' && current.phase !== 'analyzing',
    { deadlineMs: REPORT_DEADLINE_MS, what: 'the report', signal: world.session.signal },
  );
  if (replay.phase !== 'succeeded')
    throw new OperatingError('no_report', `The replay has no report: ${replay.message ?? replay.phase}.`);
  return client.call('report', { params: { id } });
}
