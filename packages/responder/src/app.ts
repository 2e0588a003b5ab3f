// The responder assembled: face up ─▶ mocks loaded ─▶ listeners up ─▶ ready; and stopped in reverse. It must not read the
// environment. Nothing is dialled but for the artifacts, the capture sender it is given, and what is to pass through.
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { defaultRules, parseRules, type RulesDocument } from '@echoplane/rules';
import {
  type Authority,
  type CaptureSender,
  type Clock,
  createFace,
  fetchArtifacts,
  type Logger,
  listen,
  loadAuthority,
  lookupsIn,
  OperatingError,
  readRedactionKey,
  type Sample,
  type Stopper,
  tryDirectWrites,
  tryStaticReads,
} from '@echoplane/runtime';
import { ARTIFACTS, type ResponderPlan } from '@echoplane/traffic';
import { aliasListener } from './alias-listener.ts';
import { AnswerServer } from './answer-server.ts';
import type { AnswerTools } from './answer-steps.ts';
import { Answerer } from './answerer.ts';
import type { ResponderConfig } from './config.ts';
import { forwardProxy } from './forward-proxy.ts';
import { LearnedValues } from './learned-values.ts';
import { ServedMocks } from './mock-set.ts';
import { openState } from './open-state.ts';
import { QuickAnswers } from './quick-answers.ts';
import { RedactedSpace } from './redacted-space.ts';
import { destinationsOf, readPlan } from './responder-plan.ts';
import { sidecarListener } from './sidecar-listener.ts';
import { answerSteps, type ConfiguredSteps } from './steps.ts';
import { Tally } from './tally.ts';
import { TlsTerminator } from './tls-terminator.ts';
import { readTransforms } from './transforms-file.ts';
import { watchMocks } from './watch-mocks.ts';

/** The rules document a recording was made under, as the operator hands it out. */
const RULES = 'rules.json';
const NO_KEY =
  'the recording is redacted and its key is not known: requests that hold what was redacted will find no mock; name the key with ECHOPLANE_REDACTION_KEY_FILE';

export interface ResponderContext {
  sender: Pick<CaptureSender, 'offer' | 'offerEncodable' | 'counters' | 'drain'>;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  stopper: Stopper;
  /** What `${{env:NAME}}` in transforms is looked up in. */
  environment: Readonly<Record<string, string | undefined>>;
}

export interface RunningResponder {
  port: number;
  /** Absent when there is no listener for sidecars. */
  sidecarPort?: number;
  /** Listening ports by recorded ones. */
  aliasPorts: Record<string, number>;
  adminPort: number;
  mocks: number;
  tally: Tally;
  /** Serves the mocks as their file is now; says how many, or why those before are served on. */
  reload(): Promise<{ mocks: number } | { error: string }>;
  /** Ends the listeners and every connection to them; the face stays up until the stopper takes it down. */
  close(): void;
}

/** Starts everything. Throws OperatingError when a file, an artifact or a port cannot be had. */
export async function startResponder(
  config: ResponderConfig,
  context: ResponderContext,
): Promise<RunningResponder> {
  const { sender, clock, log, signal, stopper, environment } = context;
  await tryDirectWrites();
  if (!(await tryStaticReads()))
    log.warn('sockets are read as streams: this Node does not allow static reads');
  const tally = new Tally();
  const served: Served = { mocks: null, isListening: false, chaos: () => ({}), samples: () => [] };
  const adminPort = await openFace(config, context, { tally, served });
  const authority = await readAuthority(config);
  const { mocksFile, rulesFile, transformsFile } = await artifactsOf(config, context);
  const plan = config.plan ?? (await readPlan(config.planFile));
  const mocks = new ServedMocks(mocksFile, plan.generalize);
  const size = await mocks.reload();
  served.mocks = mocks;
  const space = await openSpace(config.redactionKeyFile, rulesFile);
  if (!space && mocks.current.isRedacted) log.warn({ mocks: size }, NO_KEY);
  const learned = new LearnedValues();
  const { replayId, stateUrl, stateTimeoutMs, secretsDir, dataDir, namespace, messageLimitBytes } = config;
  const realHosts = [...config.realHosts, ...destinationsOf(plan)];
  const tell = (recorded: string, live: string) => learned.learn(recorded, live);
  const opened = openState({
    url: stateUrl?.reveal(),
    timeoutMs: stateTimeoutMs,
    replayId,
    clock,
    log,
    signal,
    tell,
  });
  const { state, isAlone } = opened;
  const transforms = await readTransforms(transformsFile);
  const lookups = lookupsIn({ secretsDir, dataDir, environment });
  const { latency, missStatus, nearest } = { ...config, ...planned(plan) };
  let steps: ConfiguredSteps | null = null;
  const stepsOf = (tools: AnswerTools) => {
    steps = answerSteps(
      {
        ...{ plan, transforms, lookups, realHosts, namespace, latency, missStatus, isAlone },
        messageLimitBytes,
      },
      tools,
    );
    return steps;
  };
  const common = { mocks, state, learned, space, tally, clock, log, latency, replayId, signal };
  const answerer = new Answerer({
    ...{ ...common, missStatus, nearest: nearest ?? null, record: (pair) => sender.offer(pair) },
    steps: stepsOf,
  });
  const quick = new QuickAnswers({ ...common, answerer, record: (pair) => sender.offerEncodable(pair) });
  const terminator = authority && new TlsTerminator(authority);
  const answers = new AnswerServer({ answerer, quick, terminator, tally, clock });
  const listeners = await openListeners(config, { answers, tally, ports: mocks.current.ports });
  served.isListening = true;
  served.chaos = () => steps?.chaosCounts() ?? {};
  served.samples = () => [...(steps?.samples() ?? []), ...opened.samples()];
  if (config.watchMocks)
    stopper.add(
      'watch',
      watchMocks(mocksFile, () => reload(mocks, log), log),
    );
  return { ...listeners, adminPort, mocks: size, tally, reload: () => reload(mocks, log) };
}

/** What a plan says of settings that the configuration has too. */
function planned({ latency, missStatus, nearest }: ResponderPlan) {
  return {
    ...(latency === undefined
      ? {}
      : { latency: latency === 'recorded' ? 1 : latency === 'none' ? 0 : latency }),
    ...(missStatus === undefined ? {} : { missStatus }),
    ...(nearest === undefined ? {} : { nearest }),
  };
}

/** What the face tells. */
interface Served {
  mocks: ServedMocks | null;
  isListening: boolean;
  /** Answers that chaos touched, by rule. */
  chaos(): Record<string, number>;
  samples(): Sample[];
}

/** Serves the file as it is now; when it is bad, what was served is served on. Never rejects. */
async function reload(mocks: ServedMocks, log: Logger): Promise<{ mocks: number } | { error: string }> {
  try {
    const size = await mocks.reload();
    log.info({ mocks: size }, 'the mocks were loaded anew');
    return { mocks: size };
  } catch (err) {
    log.error({ err }, 'the mocks could not be loaded anew; those loaded before are served on');
    return { error: (err as Error).message };
  }
}

/** Health, metrics, and what the operator asks of a replay that ends. */
async function openFace(
  { host, adminPort, drainMs }: ResponderConfig,
  { sender, stopper, log }: ResponderContext,
  { tally, served }: { tally: Tally; served: Served },
): Promise<number> {
  const stats = () => {
    const pairs = sender.counters();
    const chaos = served.chaos();
    return { ...tally.counts(), delivered: pairs.delivered, mocks: served.mocks?.size ?? 0, chaos, pairs };
  };
  const face = createFace({
    notReady: () => (served.isListening ? null : 'the mocks are being loaded'),
    metrics: () => [...tally.samples(), ...gauges(served.mocks?.size ?? 0), ...served.samples()],
    pages: {
      '/misses': () => tally.misses(),
      '/stats': stats,
      'POST /mocks/reload': () =>
        served.mocks ? reload(served.mocks, log) : { error: 'the mocks are being loaded' },
      'POST /drain': async () => ({ ...(await sender.drain(drainMs)), ...tally.counts() }),
    },
  });
  stopper.add('face', () => {
    face.close();
    face.closeAllConnections();
  });
  return listen(face, adminPort, host, 'the responder’s health page');
}

async function openListeners(
  { host, port, sidecarPort, listenPorts, passThrough }: ResponderConfig,
  { answers, tally, ports }: { answers: AnswerServer; tally: Tally; ports: ReadonlySet<number> },
): Promise<Pick<RunningResponder, 'port' | 'sidecarPort' | 'aliasPorts' | 'close'>> {
  const servers: Server[] = [];
  const open = (server: Server, at: number, what: string) => {
    servers.push(server);
    return listen(server, at, host, what);
  };
  const proxyPort = await open(forwardProxy(answers), port, 'the responder');
  const ofSidecars =
    sidecarPort === undefined
      ? {}
      : {
          sidecarPort: await open(sidecarListener(answers, tally), sidecarPort, 'the listener for sidecars'),
        };
  const aliasPorts: Record<string, number> = {};
  for (const { recorded, listening } of listenPorts) {
    const isMocked = ports.has(recorded);
    const server = aliasListener({ answers, port: recorded, passThrough, isMocked });
    aliasPorts[recorded] = await open(server, listening, `the listener for port ${recorded}`);
  }
  const close = () => {
    for (const server of servers) server.close();
    answers.close();
  };
  return { port: proxyPort, ...ofSidecars, aliasPorts, close };
}

/** Files that are named stay; the others are fetched when there is an address. */
async function artifactsOf(
  config: ResponderConfig,
  context: ResponderContext,
): Promise<{ mocksFile: string; rulesFile: string | undefined; transformsFile: string | undefined }> {
  const { mocksFile, rulesFile, transformsFile, artifactsUrl } = config;
  if (artifactsUrl === undefined) return { mocksFile: mocksFile!, rulesFile, transformsFile };
  const wanted = [
    ...(mocksFile === undefined ? [{ name: ARTIFACTS.mocks }] : []),
    ...(rulesFile === undefined ? [{ name: RULES, optional: true }] : []),
    ...(transformsFile === undefined ? [{ name: ARTIFACTS.transforms, optional: true }] : []),
  ];
  const fetched = await fetchArtifacts(config, wanted, context);
  return {
    mocksFile: mocksFile ?? fetched.get(ARTIFACTS.mocks)!,
    rulesFile: rulesFile ?? fetched.get(RULES),
    transformsFile: transformsFile ?? fetched.get(ARTIFACTS.transforms),
  };
}

/** Null without a key: then requests are matched as they are. */
async function openSpace(
  redactionKeyFile: string | undefined,
  rulesFile: string | undefined,
): Promise<RedactedSpace | null> {
  if (redactionKeyFile === undefined) return null;
  const key = await readRedactionKey(redactionKeyFile);
  return new RedactedSpace({ rules: await readRules(rulesFile), key });
}

async function readRules(path: string | undefined): Promise<RulesDocument> {
  if (path === undefined) return defaultRules();
  try {
    return parseRules(await readFile(path, 'utf8'));
  } catch (cause) {
    const sentence = `${path} is not a rules document: ${(cause as Error).message}.`;
    throw new OperatingError('rules_unreadable', sentence, { cause });
  }
}

/** Null without one: then TLS has been ended by whoever connects. */
async function readAuthority({ caCertFile, caKeyFile }: ResponderConfig): Promise<Authority | null> {
  if (caCertFile === undefined || caKeyFile === undefined) return null;
  try {
    return await loadAuthority(await readFile(caCertFile, 'utf8'), await readFile(caKeyFile, 'utf8'));
  } catch (cause) {
    const files = `${caCertFile} and ${caKeyFile}`;
    throw new OperatingError(
      'authority_unreadable',
      `${files} are not a certificate authority and its key: ${(cause as Error).message}.`,
      { cause },
    );
  }
}

function gauges(mocks: number): Sample[] {
  return [
    { name: 'echoplane_responder_mocks', help: 'Mocks loaded.', type: 'gauge', values: [{ value: mocks }] },
  ];
}
