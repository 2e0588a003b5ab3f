// A data plane of one tenant, put together: the flow, the rules it runs under, the agent stream and what it may ask for,
// and what looks on (discovery, export, guard, vault). It must not know ports or the life of the process.
import { join } from 'node:path';
import type { ApiClient } from '@echoplane/api';
import type { Sighting } from '@echoplane/rules';
import {
  type Clock,
  type Environment,
  type Logger,
  type ObjectStore,
  type Sample,
  VAULT_FILE,
  VaultWriter,
} from '@echoplane/runtime';
import { endpointOf, type RRPair, requestLine, serviceOf } from '@echoplane/traffic';
import { AddressBook } from './address-names.ts';
import { type AgentHandle, startAgent } from './agent/agent.ts';
import type { CommandHandlers } from './agent/command-handlers.ts';
import { type Identity, openIdentity } from './agent/identity.ts';
import { ObservationRedactor } from './cluster-face/observation-redactor.ts';
import type { ClusterSources } from './cluster-face/open-face.ts';
import type { ForwarderConfig } from './config.ts';
import type { Tenant } from './control-plane.ts';
import { type Discovery, DiscoveryBook } from './discovery-book.ts';
import { type Flow, type FlowHooks, startFlow } from './flow.ts';
import { eraseLocal, flowHandlers } from './flow-commands.ts';
import type { Identify } from './intake/intake.ts';
import { type Lookers, startLookers } from './lookers.ts';
import { loadRedactionKey } from './redaction-key.ts';
import { openRulesSource, type RulesSource } from './rules-source.ts';
import type { ServerTls } from './server-tls.ts';
import { createSink } from './sinks/create-sink.ts';
import { localPair } from './spool/local-pairs.ts';
import type { SpoolFiles } from './spool/spool-files.ts';
import { faceStatusOf, samplesOf, statusOf } from './status.ts';
import { storeHandlers } from './store-work/store-work.ts';
import { VERSION } from './version.ts';

export interface PlaneOptions {
  config: ForwarderConfig;
  tenant: Tenant;
  files: SpoolFiles;
  store: ObjectStore | null;
  /** Of this process, for those that it starts. */
  environment: Environment;
  tls: ServerTls | null;
  identify: Identify | null;
  client: ApiClient;
  clock: Clock;
  log: Logger;
}

export interface Plane {
  flow: Flow;
  status(): unknown;
  samples(): Sample[];
  discoveries(): readonly Discovery[];
  /** What the cluster face serves of it. */
  cluster: ClusterSources;
  /** Ships what is open and writes the vault; true when all of it left before the deadline. */
  flush(deadlineMs: number): Promise<boolean>;
  /** What is to be done every now and then. */
  tick(): Promise<void>;
  stop(deadlineMs: number): Promise<void>;
}

const VAULT_FOLDER = 'vault';
const MAX_TOLD_DISCOVERIES = 500;

export async function startPlane(options: PlaneOptions): Promise<Plane> {
  const { config, tenant, files, store, client, clock, log } = options;
  const key = await loadRedactionKey(config.redactionKeyFile, files, log);
  const rules = await openRulesSource({ ...config, files, file: config.rulesFile, clock, log });
  const identity = await openIdentity(files);
  const vaultDir = config.vaultDir ?? join(files.dir, VAULT_FOLDER);
  const vault = await VaultWriter.open(vaultDir, undefined, config.vaultPublicKeyFile);
  const book = new DiscoveryBook();
  const addresses = new AddressBook();
  const lookers = await startLookers(options, rules, key);
  const hooks: FlowHooks = {
    seen: (pair, sighting) => note(book, pair, sighting, clock.nowUs()),
    sealed: (credential) => vault.put(credential),
    name: (pair) => addresses.name(pair),
    ...lookers.hooks,
  };
  const sink = await createSink(config, { client, store, clock, log });
  const made = { tenant: tenant.id, agent: identity.agent, sink, rules, key, hooks };
  const flow = await startFlow({ ...options, ...made });
  const halt = new AbortController();
  const watching = rules.run(halt.signal);
  const parts = { flow, rules, identity, key, book, vault, lookers };
  const agent = await startAgent(agentOptions(options, parts), halt.signal);
  const shown = {
    ...{ agent: () => agent.status(), vault: () => ({ credentials: vault.size, skipped: vault.skipped }) },
    ...lookers.status,
  };
  const plane: Plane = {
    flow,
    cluster: {
      ...{ tenant: tenant.id, agent: identity.agent, store, vaultFile: join(vaultDir, VAULT_FILE) },
      redactor: new ObservationRedactor(rules, key),
      status: () => {
        const { cluster } = config;
        const beside = { agent: agent.status(), cluster, alarms: lookers.alarms(), names: addresses.version };
        return faceStatusOf(flow, rules, beside, clock.nowUs());
      },
      rules: () => rules.current.document,
      names: addresses,
      flushVault: () => vault.flush(),
      flush: (deadlineMs) => plane.flush(deadlineMs),
      state: () => ({ releases: agent.releases(), rules: { version: rules.version } }),
      onState(listener) {
        const leave = [rules.onChange(listener), agent.subscribe(['releases'], listener)];
        return () => {
          for (const end of leave) end();
        };
      },
    },
    status: () => statusOf(flow, rules, shown, clock.nowUs()),
    samples: () => [...samplesOf(flow, rules), ...lookers.samples()],
    discoveries: () => book.top(MAX_TOLD_DISCOVERIES),
    async flush(deadlineMs) {
      await vault.flush();
      return flow.flush(deadlineMs);
    },
    async tick() {
      await flow.tick();
      await vault.flush().catch((err) => log.warn({ err }, 'the vault could not be written'));
    },
    stop: (deadlineMs) => stop({ flow, agent, lookers, vault, watching, halt }, deadlineMs),
  };
  return plane;
}

interface Parts {
  flow: Flow;
  rules: RulesSource;
  identity: Identity;
  key: Uint8Array;
  book: DiscoveryBook;
  vault: VaultWriter;
  lookers: Lookers;
}

function agentOptions(options: PlaneOptions, parts: Parts): Parameters<typeof startAgent>[0] {
  const { config, tenant, files, client, clock, log } = options;
  const { flow, rules, book, lookers } = parts;
  const { agentName: name, cluster, storeAccess } = config;
  return {
    ...{ client, files, tenant, clock, log, rules, handlers: handlersOf(options, parts) },
    registration: { name, cluster, version: VERSION, storeAccess },
    onSuspend: (suspended) => flow.gate.set(!suspended),
    state: () => ({
      ...{ spoolBytes: flow.spool.spoolBytes, ringBytes: flow.ring.sizeBytes, ringFrom: flow.ring.fromUs },
      ...{ lagFrames: flow.indexLine.lagFrames, lagSegments: flow.shipLine.lagSegments },
      ...{ alarms: lookers.alarms(), discoveries: [...book.top(MAX_TOLD_DISCOVERIES)] },
    }),
  };
}

function handlersOf(
  { config, tenant, store, environment }: PlaneOptions,
  { flow, key, vault }: Parts,
): Partial<CommandHandlers> {
  return {
    ...flowHandlers(flow),
    ...storeHandlers({
      ...{ tenant: tenant.id, config, store, environment, redactionKey: key },
      localPair: (id, position) => localPair(flow, id, position),
      async eraseLocal(values, signal) {
        await vault.forget(values);
        return eraseLocal(flow, values, signal);
      },
    }),
  };
}

function note(book: DiscoveryBook, pair: RRPair, sighting: Sighting, nowUs: number): void {
  const { method, path } = requestLine(pair);
  const place = {
    ...{ service: serviceOf(pair.source), direction: pair.direction },
    endpoint: `${method} ${endpointOf(path)}`,
  };
  book.note(place, sighting, nowUs);
}

interface Running {
  flow: Flow;
  agent: AgentHandle;
  lookers: Lookers;
  vault: VaultWriter;
  watching: Promise<void>;
  halt: AbortController;
}

async function stop(
  { flow, agent, lookers, vault, watching, halt }: Running,
  deadlineMs: number,
): Promise<void> {
  halt.abort();
  await flow.stop(deadlineMs);
  await Promise.all([agent.done, watching, lookers.stop(), vault.flush().catch(() => {})]);
}
