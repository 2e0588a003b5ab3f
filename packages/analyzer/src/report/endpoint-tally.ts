// What is known of one endpoint of a run: counts, and latencies recorded, replayed and of the baseline. Bounded, whatever the
// number of requests. Pure.
import type { EndpointReport, RRPair, Test } from '@echoplane/traffic';
import { operationIn } from '../operations.ts';
import { median } from '../statistics.ts';
import { LatencySketch } from './latency-sketch.ts';
import { quantilesOf } from './quantiles.ts';

/** An endpoint's latencies in an earlier replay; `count`: how often this one was seen. */
export interface TimedEndpoint {
  method: string;
  endpoint: string;
  latencyUs: number;
  count?: number | undefined;
}

/** One answer beside its recording, in µs. */
export interface TimedAnswer {
  recordedUs: number;
  liveUs: number;
  /** By how much the answers to other endpoints just before it took longer than recorded: what the machine went through. */
  aroundUs: number;
}

/** First answers of an endpoint that are kept one by one. */
const MAX_ANSWERS = 20;
const MAX_OPERATIONS = 5_000;
/** Answers to other endpoints that are looked at around one. */
const AROUND = 8;

/** The first status of those that say that the service itself failed. */
const SERVER_ERROR = 500;

export class EndpointTally {
  readonly service: string;
  readonly method: string;
  readonly endpoint: string;
  /** Behind an endpoint that has several: ` query Topics`; empty for the endpoint itself. */
  readonly operation: string;
  readonly recorded = new LatencySketch();
  /** Of the first and of the second half of the run: what lasts is in both. */
  readonly halves: readonly [LatencySketch, LatencySketch] = [new LatencySketch(), new LatencySketch()];
  /** Of every request, where the generator measured more than it kept. */
  measured: LatencySketch | null = null;
  baseline: LatencySketch | null = null;
  /** The first answers, for endpoints that have few. */
  readonly answers: TimedAnswer[] = [];
  tests = 0;
  /** Assertions, without those of headless sessions and of sessions that chaos touched. */
  passed = 0;
  failed = 0;
  /** Answers that chaos touched: they are not among the latencies. */
  apart = 0;
  /** Requests that were sent. */
  sent = 0;
  responses = 0;
  /** Without a response, or answered with 500 and above. */
  errors = 0;

  constructor(
    { service = '', request: { method }, endpoint }: Pick<Test, 'service' | 'request' | 'endpoint'>,
    operation = '',
  ) {
    this.service = service;
    this.method = method;
    this.endpoint = endpoint;
    this.operation = operation;
  }

  get name(): string {
    return `${this.method} ${this.endpoint}${this.operation}`;
  }

  /** Latencies of all requests that were answered. */
  get replayed(): LatencySketch {
    return this.measured ?? LatencySketch.merged(this.halves);
  }

  plan({ durationUs }: Test): void {
    this.tests++;
    this.recorded.add(durationUs);
  }

  /** `timed`: as it was recorded, and around it. */
  result({ response, durationUs }: RRPair, timed: Omit<TimedAnswer, 'liveUs'>): void {
    const half = this.sent < this.tests / 2 ? 0 : 1;
    this.sent++;
    if (!response || response.status >= SERVER_ERROR) this.errors++;
    if (!response) return;
    this.responses++;
    this.halves[half].add(durationUs);
    if (this.answers.length < MAX_ANSWERS) this.answers.push({ ...timed, liveUs: durationUs });
  }

  toReport(): EndpointReport {
    const { replayed } = this;
    const quantilesUs = quantilesOf(replayed);
    return {
      ...{ method: this.method, endpoint: this.endpoint },
      ...(this.service === '' ? {} : { service: this.service }),
      ...{ tests: this.tests, passed: this.passed },
      recorded: this.recorded.toLatency(),
      replayed: replayed.toLatency(),
      ...(quantilesUs ? { quantilesUs } : {}),
      baseline: this.baseline?.toLatency() ?? null,
    };
  }
}

/** The tallies of a run, by service, method and endpoint. */
export class EndpointTallies {
  readonly #tallies = new Map<string, EndpointTally>();
  /** The same by operation, of endpoints behind which there are operations. */
  readonly #operations = new Map<string, EndpointTally>();
  /** By how much the last answers took longer than recorded. */
  readonly #recent: { tally: EndpointTally; byUs: number }[] = [];

  of(test: Pick<Test, 'service' | 'request' | 'endpoint'>): EndpointTally {
    const key = keyOf({ ...test, method: test.request.method });
    const known = this.#tallies.get(key);
    if (known) return known;
    const made = new EndpointTally(test);
    this.#tallies.set(key, made);
    return made;
  }

  /** A test of the snapshot. */
  plan(test: Test): void {
    this.of(test).plan(test);
    this.#operationOf(test)?.plan(test);
  }

  /** A result of `test`; results come in the order in which they ended. */
  result(test: Test, pair: RRPair): void {
    const tally = this.of(test);
    const operation = this.#operationOf(test);
    const others = this.#recent.filter((one) => one.tally !== tally).slice(-AROUND);
    const timed = {
      recordedUs: test.durationUs,
      aroundUs: Math.max(0, median(others.map(({ byUs }) => byUs))),
    };
    tally.result(pair, timed);
    operation?.result(pair, timed);
    this.#recent.push({ tally, byUs: pair.durationUs - test.durationUs });
    if (this.#recent.length > 2 * AROUND) this.#recent.shift();
  }

  /** What latencies are compared of: operations where an endpoint has several, else the endpoint. */
  timed(): EndpointTally[] {
    const operations = Map.groupBy(this.#operations.values(), (one) => this.#tallies.get(keyOf(one))!);
    return this.all().flatMap((tally) => {
      const own = operations.get(tally) ?? [];
      // A histogram or a baseline knows no operations.
      return own.length < 2 || tally.measured || tally.baseline ? [tally] : own;
    });
  }

  #operationOf(test: Test): EndpointTally | null {
    const operation = operationIn({ request: test.request } as unknown as RRPair);
    if (operation === '') return null;
    const key = `${keyOf({ ...test, method: test.request.method })}${operation}`;
    const known = this.#operations.get(key);
    if (known || this.#operations.size >= MAX_OPERATIONS) return known ?? null;
    const made = new EndpointTally(test, operation);
    this.#operations.set(key, made);
    return made;
  }

  all(): EndpointTally[] {
    return [...this.#tallies.values()];
  }

  /** Gives each endpoint what an earlier replay in the same environment measured. */
  addBaseline(samples: readonly TimedEndpoint[]): void {
    const byName = Map.groupBy(samples, ({ method, endpoint }) => `${method} ${endpoint}`);
    for (const tally of this.all()) {
      tally.baseline = new LatencySketch();
      for (const { latencyUs, count = 1 } of byName.get(tally.name) ?? [])
        tally.baseline.add(latencyUs, count);
    }
  }
}

function keyOf({
  service = '',
  method,
  endpoint,
}: {
  service?: string | undefined;
  method: string;
  endpoint: string;
}): string {
  return `${service} ${method} ${endpoint}`;
}
