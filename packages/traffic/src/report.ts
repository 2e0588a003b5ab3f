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
  maxEventLoopLagMs: z.number(),
  /** Reasons why the figures cannot be trusted; not empty voids the verdict. */
  voidReasons: z.array(z.string()),
  /** Absent when no request had any. */
  credentials: CredentialCounts.optional(),
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
    mockExact: z.int(),
    mockVolatile: z.int(),
    mockMiss: z.int(),
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
});
export type Report = z.infer<typeof Report>;

/** Failed assertions a report holds in full. */
export const MAX_FAILURES = 500;
