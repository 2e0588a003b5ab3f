// The data plane's end of the agent stream: registers, holds the stream and the heartbeat, and hands what comes down to
// who acts on it, after the envelope was found genuine. It must not know what rules and commands do.
//
//   register ─▶ stream + heartbeat ─▶ (unknown there, or rules missed) ─▶ register …      commands run beside, always
import type {
  AgentRegistered,
  ApiClient,
  DesiredRelease,
  Heartbeat,
  HeartbeatAnswer,
  StreamEvent,
} from '@echoplane/api';
import { type Clock, checkSigningKey, type Logger, unseal } from '@echoplane/runtime';
import type { z } from 'zod';
import type { Tenant } from '../control-plane.ts';
import type { SpoolFiles } from '../spool/spool-files.ts';
import { CommandCalls } from './command-calls.ts';
import type { CommandHandlers } from './command-handlers.ts';
import { Dispatcher } from './commands.ts';
import { within } from './deadline.ts';
import { type AgentEvent, followEvents, reconnectMs } from './event-stream.ts';
import { keepHeartbeat } from './heartbeat.ts';
import { type Identity, openIdentity, type Pin, readPin } from './identity.ts';
import { type Journal, openJournal } from './journal.ts';
import {
  isUnknownAgent,
  type LinkState,
  linkTrouble,
  registrationTrouble,
  type Trouble,
} from './link-trouble.ts';
import { type RulesSink, WordIntake } from './word-intake.ts';

const REGISTER_MS = 30_000;
/** A stream or session that lasted so long was a good one: the next wait is a short one again. */
const GOOD_US = 30_000_000;
const MAX_SUBSCRIBERS = 16;
const MAX_COMMANDS_TOLD = 1_000;
/** Heartbeats that may miss the rules before they are asked for by registering again. */
const MISSED_BEATS = 3;

/** What the heartbeat tells beside what the agent knows itself. */
export type DataPlaneState = Omit<
  Heartbeat,
  'agent' | 'version' | 'commands' | 'configVersion' | 'configError'
>;

export interface AgentOptions {
  client: ApiClient;
  files: SpoolFiles;
  tenant: Tenant;
  clock: Clock;
  log: Logger;
  /** 0 to 1, for jitter. */
  random?: () => number;
  /** Name for people, cluster and version of this forwarder, and who works on the store. */
  registration: { name: string; cluster: string; version: string; storeAccess: 'delegated' | 'private' };
  handlers: Partial<CommandHandlers>;
  rules: RulesSink;
  state(): DataPlaneState;
  /** A heartbeat was taken: its discoveries need not be told again. */
  stateTaken?(state: DataPlaneState): void;
  /** Called when it changes; at the start a data plane is not suspended. */
  onSuspend(suspended: boolean): void;
}

type Listener = (event: AgentEvent) => void;

export class Agent {
  readonly #options: AgentOptions;
  readonly #identity: Identity;
  readonly #dispatcher: Dispatcher;
  readonly #journal: Journal;
  readonly #listeners = new Set<{ kinds: ReadonlySet<StreamEvent>; listener: Listener }>();
  readonly #intake: WordIntake;
  #link: { state: LinkState; trouble: string | null; sinceUs: number };
  #heartbeatUs: number | null = null;
  #isSuspended = false;
  #heartbeatTrouble: string | null = null;
  /** Rules the heartbeats miss: how often, and whether they were asked for. */
  #missed: { version: string; beats: number; asked: boolean } | null = null;

  constructor(options: AgentOptions, identity: Identity, pin: Pin | null, journal: Journal) {
    const { client, clock, log, handlers, random = Math.random } = options;
    this.#options = options;
    this.#identity = identity;
    this.#journal = journal;
    this.#link = { state: 'registering', trouble: null, sinceUs: clock.nowUs() };
    this.#dispatcher = new Dispatcher({
      journal,
      calls: new CommandCalls({ client, clock, log, random }),
      handlers,
      unseal: (sealed) => unseal(identity.privateKey, sealed),
      clock,
      log,
    });
    const addressee = { tenant: options.tenant.id, agent: identity.agent };
    this.#intake = new WordIntake({ ...options, ...addressee, pin, dispatcher: this.#dispatcher });
  }

  /** Works until `signal` aborts, then leaves off what runs and closes the journal. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    this.#dispatcher.recover();
    for (let attempt = 1; !signal.aborted; attempt++) {
      const registered = await this.#register(signal);
      if (!registered) break;
      const startedUs = clock.nowUs();
      await this.#welcome(registered);
      await this.#session(signal);
      if (clock.nowUs() - startedUs > GOOD_US) attempt = 1;
      await clock.sleep(this.#jitterMs(attempt), signal);
    }
    await this.#dispatcher.stop();
    await this.#journal.close();
  }

  /** Tells `listener` of events that were found genuine. Returns how to leave off. */
  subscribe(kinds: readonly StreamEvent[], listener: Listener): () => void {
    if (this.#listeners.size >= MAX_SUBSCRIBERS)
      throw new RangeError(`more than ${MAX_SUBSCRIBERS} subscribers`);
    const entry = { kinds: new Set(kinds), listener };
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  /** The release of each channel, by the control plane's last genuine word. */
  releases(): readonly DesiredRelease[] {
    return this.#intake.releases;
  }

  /** For `/status`. */
  status() {
    return {
      ...this.#link,
      agent: this.#identity.agent,
      signingKey: this.#intake.key,
      suspended: this.#isSuspended,
      heartbeat: { lastUs: this.#heartbeatUs, trouble: this.#heartbeatTrouble },
      commands: {
        ...this.#dispatcher.counts,
        lanes: this.#dispatcher.lanes(),
        journalled: this.#journal.size,
      },
      refused: this.#intake.refused,
    };
  }

  #jitterMs(attempt: number): number {
    return reconnectMs(attempt, (this.#options.random ?? Math.random)());
  }

  /** Asks until it is registered; null when aborted. */
  async #register(signal: AbortSignal): Promise<z.infer<typeof AgentRegistered> | null> {
    const { client, clock, registration, tenant } = this.#options;
    const { agent, sealingKey } = this.#identity;
    const body = { ...registration, kind: 'forwarder' as const, agent, sealingKey };
    for (let attempt = 1; !signal.aborted; attempt++) {
      let trouble: Trouble;
      try {
        const limit = { clock, ms: REGISTER_MS, what: 'registering the agent' };
        const answer = await within(limit, signal, (limited) =>
          client.call('registerAgent', { body }, limited),
        );
        checkSigningKey(answer.signingKey);
        if (answer.tenant.id === tenant.id) return answer;
        const sentence = `ECHOPLANE_AGENT_KEY serves another tenant (${answer.tenant.name}) than the spool folder holds traffic of (${tenant.name}); use another spool folder.`;
        trouble = { state: 'refused', sentence };
      } catch (err) {
        if (signal.aborted) break;
        trouble = registrationTrouble(err);
      }
      this.#say(trouble);
      await clock.sleep(trouble.retryMs ?? this.#jitterMs(attempt), signal);
    }
    return null;
  }

  async #welcome({ signingKey, suspended, config }: z.infer<typeof AgentRegistered>): Promise<void> {
    await this.#intake.meet(signingKey);
    this.#suspend(suspended);
    if (config) await this.#intake.take(JSON.stringify(config));
  }

  /** Stream and heartbeat, until aborted or until registering again may help. */
  async #session(signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const heartbeat = keepHeartbeat(
      {
        client,
        clock,
        beat: () => this.#beat(),
        answered: (answer, told) => {
          if (this.#answered(answer, told)) over.abort();
        },
        failed: (err) => {
          this.#missBeat(err);
          if (isUnknownAgent(err)) over.abort();
        },
      },
      either,
    );
    await Promise.all([heartbeat, this.#follow(either).finally(() => over.abort())]);
  }

  /** Opens the stream again and again; returns when aborted or unknown to the control plane. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    for (let attempt = 1; !signal.aborted; attempt++) {
      let openedUs = Number.POSITIVE_INFINITY;
      const opened = () => {
        openedUs = clock.nowUs();
        this.#say({ state: 'connected', sentence: '' });
      };
      const take = (event: AgentEvent) => this.#take(event);
      const { agent } = this.#identity;
      const failure: unknown = await followEvents({ client, clock, agent, opened, take }, signal).then(
        () => null,
        (err) => err,
      );
      if (signal.aborted) return;
      this.#say(linkTrouble(failure, 'reconnecting'));
      if (isUnknownAgent(failure)) return;
      if (clock.nowUs() - openedUs > GOOD_US) attempt = 1;
      await clock.sleep(this.#jitterMs(attempt), signal);
    }
  }

  async #take(event: AgentEvent): Promise<void> {
    if (event.kind === 'suspend' || event.kind === 'resume') this.#suspend(event.kind === 'suspend');
    else if (event.kind !== 'ping' && !(await this.#intake.take(event.data))) return;
    for (const { kinds, listener } of this.#listeners) {
      try {
        if (kinds.has(event.kind)) listener(event);
      } catch (err) {
        this.#options.log.error({ err }, 'a subscriber of the agent stream failed');
      }
    }
  }

  #beat(): Heartbeat {
    const { state, rules, registration } = this.#options;
    return {
      ...state(),
      agent: this.#identity.agent,
      version: registration.version,
      configVersion: rules.version,
      configError: rules.error?.slice(0, 2_000) ?? null,
      commands: this.#dispatcher.unsettled.slice(0, MAX_COMMANDS_TOLD),
    };
  }

  /** Whether registering again is worth it: its answer has the rules that the stream did not bring. Once for each version. */
  #answered({ suspended, configVersion }: z.infer<typeof HeartbeatAnswer>, told: Heartbeat): boolean {
    this.#heartbeatUs = this.#options.clock.nowUs();
    this.#heartbeatTrouble = null;
    this.#options.stateTaken?.(told);
    this.#suspend(suspended);
    if (configVersion === null || configVersion === this.#intake.rulesVersion) {
      this.#missed = null;
      return false;
    }
    if (this.#missed?.version !== configVersion)
      this.#missed = { version: configVersion, beats: 0, asked: false };
    if (this.#missed.asked || ++this.#missed.beats < MISSED_BEATS) return false;
    this.#missed.asked = true;
    return true;
  }

  #missBeat(err: unknown): void {
    if (this.#heartbeatTrouble === null)
      this.#options.log.warn({ err }, 'the control plane does not take the heartbeat; trying again');
    this.#heartbeatTrouble = linkTrouble(err, 'reconnecting').sentence;
  }

  #suspend(suspended: boolean): void {
    if (suspended === this.#isSuspended) return;
    this.#isSuspended = suspended;
    this.#options.log.warn({ suspended }, 'the control plane suspended or resumed this data plane');
    this.#options.onSuspend(suspended);
  }

  /** Takes the link's state up, and logs it when it is another one. */
  #say({ state, sentence }: Trouble): void {
    const { log, clock } = this.#options;
    const trouble = sentence === '' ? null : sentence;
    if (state === this.#link.state && trouble === this.#link.trouble) return;
    this.#link = { state, trouble, sinceUs: clock.nowUs() };
    if (trouble === null) log.info({ agent: this.#identity.agent }, 'the agent stream is open');
    else log.warn({ state, trouble }, 'the agent stream is not open');
  }
}

export interface AgentHandle extends Pick<Agent, 'status' | 'subscribe' | 'releases'> {
  /** Resolves a few seconds after the abort at the latest: what runs has been left off, and the journal is closed. */
  readonly done: Promise<void>;
}

/**
 * Opens identity and journal in the spool folder and starts the agent, which works until `signal` aborts; what the handlers
 * use must be there until `done`. Throws OperatingError when the files are damaged.
 */
export async function startAgent(options: AgentOptions, signal: AbortSignal): Promise<AgentHandle> {
  const identity = await openIdentity(options.files);
  const pin = await readPin(options.files);
  const agent = new Agent(options, identity, pin, await openJournal(options));
  return {
    done: agent.run(signal),
    status: () => agent.status(),
    subscribe: (kinds, listener) => agent.subscribe(kinds, listener),
    releases: () => agent.releases(),
  };
}
