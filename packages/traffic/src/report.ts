// The report of a replay, and what the generator says of its own run. A public contract: fields are only added.
import { z } from 'zod';
import { ValueKind } from './snapshot.ts';

export const REPORT_VERSION = 1;

/** `passed`: every goal met; `missed-goals`; `failed`: the run itself broke; `void`: the figures cannot be trusted. */
export const Verdict = z.enum(['passed', 'missed-goals', 'failed', 'void']);
export type Verdict = z.infer<typeof Verdict>;

/** What must hold for `passed`. */
export const Goals = z.object({
  /** Share of assertions that must hold, 0..1. */
  successRate: z.number().min(0).max(1).default(1),
  /** Share of outbound requests that must find a mock, 0..1; not asked when dependencies are alive. */
  matchRate: z.number().min(0).max(1).default(1),
  /** Against the baseline replay: no endpoint may be slower beyond noise. */
  noSlowerEndpoint: z.boolean().default(true),
  /** Differences that the baseline replay has too, as often as chance allows, count neither for nor against the success rate. */
  allowKnown: z.boolean().optional(),
  /** Further ones, each a sentence: `latency.p95 < 300ms where endpoint == "/cart"`. */
  rules: z.array(z.string().max(1_000)).max(100).optional(),
});
export type Goals = z.infer<typeof Goals>;

/** Requests that were sent with credentials of a redacted recording, by place (`body.password`): a number of credentials each. */
export const CredentialCounts = z.object({
  /** Whose values the vault held. */
  fromVault: z.record(z.string(), z.int()),
  /** Whose tokens were sent instead. */
  missing: z.record(z.string(), z.int()),
});
export type CredentialCounts = z.infer<typeof CredentialCounts>;

/** What the generator measured of itself. Cumulative at the end of the run. */
/** Messages in which a chain of transforms found what it works on, and in which it did not. */
export const ChainCount = z.object({ found: z.int(), missed: z.int() });
export type ChainCount = z.infer<typeof ChainCount>;

export const GeneratorRun = z.object({
  /** µs since the epoch. */
  startedAt: z.int(),
  finishedAt: z.int(),
  testsPlanned: z.int(),
  sent: z.int(),
  /** Results handed to the forwarder and acknowledged by it. */
  resultsDelivered: z.int(),
  /** Tests that were not sent, with the reason: `unresolved-token`, `cancelled`, …. */
  notSent: z.record(z.string(), z.int()),
  /** What kept them back, each reason once: which token, which chain and what it did not find. */
  notSentWhy: z.array(z.string().max(400)).max(100).optional(),
  maxEventLoopLagMs: z.number(),
  /** Reasons why the figures cannot be trusted; not empty voids the verdict. */
  voidReasons: z.array(z.string()),
  /** Absent when no request had any. */
  credentials: CredentialCounts.optional(),
  /** Exact counts of assertions the generator made itself, also of results it did not keep. */
  asserted: z.object({ passed: z.int(), failed: z.int(), headless: z.int() }).optional(),
  /** Latency from the intended start by endpoint, HDR histograms in µs (V2 compressed, base64), of every request. */
  histograms: z.array(z.object({ method: z.string(), endpoint: z.string(), encoded: z.string() })).optional(),
  /** Results that were kept and shipped, out of all. */
  sampled: z.object({ kept: z.int(), of: z.int() }).optional(),
  /** Requests that were sent again after a connection was refused or reset, by reason: never hidden. */
  retries: z.record(z.string(), z.int()).optional(),
  /** µs by which requests left later than their schedule. */
  late: z.object({ p50Us: z.int(), p99Us: z.int(), maxUs: z.int() }).optional(),
  /** Share of one core that the generator used, over the run. */
  cpuShare: z.number().optional(),
  /** `name/key` of secrets that transforms name and nobody gave: what needs them was sent without. */
  missingSecrets: z.array(z.string().max(500)).max(100).optional(),
  /** Chains of transforms at the generator, by id. */
  chains: z.record(z.string().max(300), ChainCount).optional(),
});
export type GeneratorRun = z.infer<typeof GeneratorRun>;

export const Latency = z.object({
  count: z.int(),
  p50Us: z.int().nullable(),
  p95Us: z.int().nullable(),
  p99Us: z.int().nullable(),
  p999Us: z.int().nullable(),
});
export type Latency = z.infer<typeof Latency>;

/** How the leaves of recorded answers were compared. */
export const LeafCounts = z.object({
  /** By value: equal, or equal to the live counterpart of the recorded value. */
  strict: z.int(),
  /** A time: its distance from the request was checked. */
  time: z.int(),
  /** By kind only: a value of that kind, whatever it is. */
  kind: z.int(),
  /** Not at all: told to be ignored. */
  ignored: z.int(),
});
export type LeafCounts = z.infer<typeof LeafCounts>;

/** One difference between the recorded and the replayed answer of a test. `path` is a leaf path. */
export const Difference = z.object({
  path: z.string(),
  problem: z.enum(['value', 'type', 'missing', 'unexpected', 'order', 'no-response']),
  expected: z.string().nullable(),
  actual: z.string().nullable(),
});
export type Difference = z.infer<typeof Difference>;

export const AssertionResult = z.object({
  test: z.uuid(),
  /** Id of the RRPair with the live answer; null when none arrived. */
  result: z.uuid().nullable(),
  session: z.string(),
  method: z.string(),
  endpoint: z.string(),
  target: z.string(),
  expectedStatus: z.int(),
  actualStatus: z.int().nullable(),
  differences: z.array(Difference),
  /** Leaves compared by kind, for greying out. */
  volatile: z.array(z.object({ path: z.string(), kind: ValueKind })),
  headless: z.boolean(),
});
export type AssertionResult = z.infer<typeof AssertionResult>;

/** A fault as a person would name it: all failures with the same endpoint, leaf pattern and problem. */
export const Finding = z.object({
  kind: z.enum(['assertion', 'slower', 'mock-miss', 'run']),
  method: z.string(),
  endpoint: z.string(),
  /** Leaf pattern for assertions, `[]` for any index. */
  path: z.string().nullable(),
  problem: z.string(),
  /** One sentence: what changed, from what to what. */
  sentence: z.string(),
  count: z.int(),
  /** Assertions of the endpoint this was looked for in. */
  of: z.int(),
  examples: z.array(z.uuid()),
  /** The same fault in another report has the same one. */
  id: z.string().optional(),
  /** What it most likely follows from, one sentence; absent for what stands for itself. */
  cause: z.string().optional(),
  /** Failed assertions of other findings that follow from this one. */
  explains: z.int().optional(),
  /** What the baseline had of it, where this run has no more than chance explains and `allowKnown` is set. */
  known: z.object({ count: z.int(), of: z.int() }).optional(),
  /** Of a shift in latency: 1 − the probability that chance did it. */
  confidence: z.number().optional(),
});
export type Finding = z.infer<typeof Finding>;

export const EndpointReport = z.object({
  method: z.string(),
  endpoint: z.string(),
  tests: z.int(),
  passed: z.int(),
  recorded: Latency,
  replayed: Latency,
  /** The same endpoint in the baseline replay. */
  baseline: Latency.nullable(),
  /** Service it was recorded at, `cluster/namespace/name`. */
  service: z.string().optional(),
  /** Latencies replayed at 0, 2.5, 5, … 100 %, µs: what two reports are compared by. */
  quantilesUs: z.array(z.int()).optional(),
  /** How the median moved beyond what was expected of it, in µs; absent when there are too few samples. */
  shift: z
    .object({
      byUs: z.int(),
      expectedUs: z.int(),
      /** `recording`: moved by what happened to the other endpoints of the run. */
      against: z.enum(['baseline', 'recording']),
      confidence: z.number(),
    })
    .optional(),
});
export type EndpointReport = z.infer<typeof EndpointReport>;

export const Report = z.object({
  v: z.literal(REPORT_VERSION),
  replay: z.uuid(),
  verdict: Verdict,
  /** The three most likely reasons, as sentences; one sentence when passed. */
  reasons: z.array(z.string()),
  goals: z.array(z.object({ name: z.string(), wanted: z.string(), actual: z.string(), met: z.boolean() })),
  /** Passed assertions over all that count; null when none counted. */
  successRate: z.number().nullable(),
  matchRate: z.number().nullable(),
  counts: z.object({
    tests: z.int(),
    passed: z.int(),
    failed: z.int(),
    headless: z.int(),
    missing: z.int(),
    /** Assertions that failed by nothing but what the baseline has too, where `allowKnown` is set: neither passed nor failed. */
    known: z.int().optional(),
    mockExact: z.int(),
    mockVolatile: z.int(),
    mockMiss: z.int(),
    /** Answered in another way (`generalized`, `passthrough`, …), by way: outside the match rate. */
    mockOther: z.record(z.string(), z.int()).optional(),
  }),
  recorded: Latency,
  replayed: Latency,
  requestsPerSecond: z.number(),
  endpoints: z.array(EndpointReport),
  findings: z.array(Finding),
  /** Every failed assertion up to the stated limit, then `failuresOmitted` more. */
  failures: z.array(AssertionResult),
  failuresOmitted: z.int(),
  run: GeneratorRun,
  /** Over all assertions that count. */
  leaves: LeafCounts.optional(),
  /** What happened, in three lines, computed from the figures. */
  summary: z.array(z.string()).optional(),
  /** Chaos that was done, by rule. */
  chaos: z.record(z.string(), z.int()).optional(),
  /** Tests that chaos may have touched: judged apart, outside the verdict. */
  chaosTests: z.object({ passed: z.int(), failed: z.int() }).optional(),
  /** What the chains of transforms found, by id, at generator and responder. */
  chains: z.record(z.string(), ChainCount).optional(),
  /** What a reader must know of how this was found out, as sentences. */
  notes: z.array(z.string()).optional(),
});
export type Report = z.infer<typeof Report>;

/** Failed assertions a report holds in full. */
export const MAX_FAILURES = 500;
