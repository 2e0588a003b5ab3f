// One run: what all its tests share, the order in which they are played, and what is said of it at the end.

import { CaptureQueue } from '@echoplane/runtime';
import { count, type GeneratorRun } from '@echoplane/traffic';
import { TransformState } from '@echoplane/transforms';
import type { EncodablePair } from '@echoplane/wire';
import { AskedAssertions } from './asked-assertions.ts';
import { Client, type ClientOptions } from './client.ts';
import type { GeneratorConfig } from './config.ts';
import { Credentials } from './credentials.ts';
import { DeadLetters } from './dead-letters.ts';
import { LatencyBook } from './latency-book.ts';
import type { LiveSpace } from './live-space.ts';
import { type RunPlan, runPlan } from './load-plan.ts';
import { type LoadOptions, playLoad } from './load-run.ts';
import { Player, type Stage } from './player.ts';
import { playRecorded } from './recorded-order.ts';
import { rehearse } from './rehearsal.ts';
import { RequestFiller } from './request-filler.ts';
import { ResultKeeper } from './result-keeper.ts';
import { ResultWriter } from './result-writer.ts';
import type { PartContext, PlayedPart } from './run-part.ts';
import { SelfWatch, voidReasons } from './self-watch.ts';
import { SessionUsers } from './session-users.ts';
import type { TestFile } from './test-file.ts';
import type { TestTransforms } from './test-transforms.ts';
import { Verdicts } from './verdicts.ts';

const PROGRESS_MS = 1_000;
/** A cancelled run must leave room for the process's own shutdown deadline. */
const CANCELLED_DRAIN_MS = 5_000;
/** Secrets that a summary names. */
const MAX_SECRETS = 20;
/** The counter of virtual users. */
const USERS = 'virtual users';
/** Results of an endpoint that a rehearsal keeps: more come than these, as in a load. */
const REHEARSED_RESULTS = 200;
/** What it holds of them. */
const RESULTS = { queueBytes: 1 << 20, batchBytes: 256 << 10 };
const HERE = { scheme: 'http', hostname: '127.0.0.1', host: '127.0.0.1', basePath: '', query: {} } as const;

export interface Prepared {
  tests: TestFile;
  space: LiveSpace;
  credentials: Credentials;
  transforms: TestTransforms;
  /** `name/key` of secrets that transforms name and nobody gave. */
  missingSecrets: readonly string[];
  /** Options of node:tls for the target; null: plain TCP. */
  tls: ClientOptions['tls'];
}

/** What a player writes into. */
type Books = Pick<Stage, 'latencies' | 'keeper' | 'verdicts' | 'deadLetters' | 'signal'> & {
  credentials: Credentials;
  offer: (pair: EncodablePair) => void;
};

export class Run {
  readonly #config: GeneratorConfig;
  readonly #context: PartContext;
  readonly #prepared: Prepared;
  readonly #plan: RunPlan;
  readonly #latencies = new LatencyBook();
  readonly #keeper: ResultKeeper;
  readonly #verdicts: Verdicts;
  readonly #deadLetters = new DeadLetters();
  readonly #player: Player;

  constructor(config: GeneratorConfig, context: PartContext, prepared: Prepared) {
    this.#config = config;
    this.#context = context;
    this.#prepared = prepared;
    this.#plan = runPlan(config);
    this.#keeper = new ResultKeeper(this.#plan.keepResults);
    this.#verdicts = new Verdicts(prepared.space);
    this.#player = this.#newPlayer({
      signal: context.signal,
      ...{ latencies: this.#latencies, keeper: this.#keeper, verdicts: this.#verdicts },
      ...{ deadLetters: this.#deadLetters, credentials: prepared.credentials },
      offer: (pair) => context.sender.offerEncodable(pair),
    });
  }

  #newPlayer({ credentials, offer, ...books }: Books): Player {
    const { targetUrl: target, replayId, assertions } = this.#config;
    const { clock } = this.#context;
    const { transforms } = this.#prepared;
    return new Player({
      filler: new RequestFiller({ ...this.#config, target, credentials, transforms, clock }),
      writer: new ResultWriter({ target, replayId, offer }),
      ...{ ...books, transforms, retries: this.#plan.retries },
      ...{ assertions: new AskedAssertions(assertions), clock },
    });
  }

  /** Plays everything and gives the summary; `startUs`: the start all generators agreed on. */
  async toEnd(startUs: number | null): Promise<PlayedPart> {
    const { clock, signal } = this.#context;
    const progress = () => this.#context.progress(this.#player.sent, this.#prepared.tests.planned);
    const watch = new SelfWatch();
    const timer = setInterval(progress, PROGRESS_MS);
    const startedAt = clock.nowUs();
    let planned: number;
    try {
      planned = await this.#play();
    } finally {
      clearInterval(timer);
    }
    const isCancelled = signal.aborted && this.#plan.stages.length > 0;
    const finishedAt = clock.nowUs();
    const measured = watch.stop();
    progress();
    const startedLateMs = startUs === null ? 0 : (startedAt - startUs) / 1000;
    const run = await this.#summary({
      planned,
      isCancelled,
      startedAt,
      finishedAt,
      startedLateMs,
      ...measured,
    });
    return { run, notSent: this.#deadLetters.listed };
  }

  /** How many requests were to be sent. */
  async #play(): Promise<number> {
    const { tests, space, transforms } = this.#prepared;
    const { stages, order, thinkFactor, maxInFlight } = this.#plan;
    const newClient = () => new Client(this.#clientOptions());
    if (stages.length > 0 || order === 'sessions') return playLoad(this.#load(this.#player, newClient));
    const play = { ...this.#context, player: this.#player, tests };
    const state = transforms.newState({ user: 0, round: 0 });
    const clients = new SessionUsers(newClient, { values: space.newValues(), state });
    const userOf = (session: number) => clients.of(session);
    const sessionEnded = (session: number) => clients.end(session);
    await playRecorded({ ...play, userOf, sessionEnded, maxInFlight, thinkFactor });
    clients.close();
    return tests.planned;
  }

  /** Before the start of a rate; with books of its own, which are thrown away. */
  async rehearse(): Promise<void> {
    if (this.#plan.stages.every(({ rps }) => rps === undefined)) return;
    const { tests, space, transforms } = this.#prepared;
    const newLoad = (port: number, signal: AbortSignal): LoadOptions => {
      const target = { ...this.#clientOptions(), target: { ...HERE, port }, tls: null };
      const load = this.#load(this.#newRehearsed(signal), () => new Client(target));
      let users = 0;
      return { ...load, signal, newState: () => new TransformState(), nextUser: () => users++ };
    };
    await rehearse({ ...this.#context, tests, space, newLoad });
    transforms.chains.clear();
  }

  /** A player of which nobody sees anything. */
  #newRehearsed(signal: AbortSignal): Player {
    const results = new CaptureQueue(RESULTS);
    return this.#newPlayer({
      signal,
      ...{ latencies: new LatencyBook(), keeper: new ResultKeeper(REHEARSED_RESULTS) },
      ...{ verdicts: new Verdicts(this.#prepared.space), deadLetters: new DeadLetters() },
      credentials: new Credentials(new Map()),
      offer: (pair) => {
        results.offer(pair);
        results.acknowledge(results.lastCut);
      },
    });
  }

  /** The load that is asked for, played by sessions. */
  #load(player: Player, newClient: LoadOptions['newClient']): LoadOptions {
    const { tests, space, transforms } = this.#prepared;
    const { stages, users, thinkFactor } = this.#plan;
    return {
      ...{ ...this.#context, player, tests, space, newClient },
      prepare: (test, sizeBytes) => player.prepare(test, sizeBytes),
      newState: (identity) => transforms.newState(identity),
      nextUser: () => this.#context.counters.nextOf(USERS),
      isClientPerSession: stages.length === 0,
      stages: stages.length > 0 ? stages : [{ users, rampS: 0 }],
      thinkFactor: thinkFactor ?? 0,
    };
  }

  #clientOptions(): ClientOptions {
    const { targetUrl: target, bodyLimitBytes, messageLimitBytes, hostHeader } = this.#config;
    const { clock, signal } = this.#context;
    const host = hostHeader === 'target' ? target.host : null;
    return {
      target,
      host,
      tls: this.#prepared.tls,
      timeoutMs: this.#plan.timeoutMs,
      pauseFactor: this.#plan.thinkFactor ?? 1,
      bodyLimitBytes,
      messageLimitBytes,
      clock,
      signal,
    };
  }

  async #summary(measured: Measured): Promise<GeneratorRun> {
    const { planned, isCancelled, startedAt, finishedAt, startedLateMs, lag, cpuShare } = measured;
    const { sender, signal } = this.#context;
    const { sent, retries } = this.#player;
    const { missingSecrets } = this.#prepared;
    const { counts: sampled } = this.#keeper;
    const { delivered } = await sender.drain(signal.aborted ? CANCELLED_DRAIN_MS : this.#config.drainMs);
    const notSent: Record<string, number> = { ...this.#deadLetters.counts };
    const cancelled = planned - sent - this.#deadLetters.total;
    if (cancelled > 0) count(notSent, 'cancelled', cancelled);
    const { late, histograms } = this.#latencies.summary();
    const doubts = {
      lag,
      lateP99Us: late.p99Us,
      isCancelled,
      undelivered: sampled.kept - delivered,
      shedBytes: sender.shedBodyBytes,
      tooLong: this.#player.tooLong,
      messageLimitBytes: this.#config.messageLimitBytes,
    };
    const { asserted } = this.#verdicts;
    const chains = this.#prepared.transforms.chains.byChain;
    return {
      ...{ startedAt, finishedAt, testsPlanned: planned, sent, resultsDelivered: delivered, notSent },
      maxEventLoopLagMs: Math.round(lag.maxMs * 1000) / 1000,
      ...counted(this.#prepared.credentials),
      ...(asserted ? { asserted } : {}),
      ...{ histograms, late, sampled, cpuShare: Math.round(cpuShare * 1000) / 1000 },
      ...(Object.keys(retries).length > 0 ? { retries } : {}),
      ...(this.#deadLetters.total > 0 ? { notSentWhy: this.#deadLetters.whys() } : {}),
      ...(chains ? { chains } : {}),
      ...(missingSecrets.length > 0 ? { missingSecrets: missingSecrets.slice(0, MAX_SECRETS) } : {}),
      voidReasons: voidReasons({ ...doubts, cancelled, startedLateMs }),
    };
  }
}

interface Measured extends ReturnType<SelfWatch['stop']> {
  planned: number;
  /** Stages were cut short. */
  isCancelled: boolean;
  startedAt: number;
  finishedAt: number;
  startedLateMs: number;
}

function counted({ counts }: Credentials): Pick<GeneratorRun, 'credentials'> {
  const isNone = [counts.fromVault, counts.missing].every((places) => Object.keys(places).length === 0);
  return isNone ? {} : { credentials: counts };
}
