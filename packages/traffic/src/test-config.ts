// The test config of a replay: load, assertions, goals, chaos and how dependencies are stood in for. A public contract: fields
// are only added, and an unknown field is refused with its name. Expressions are CEL over the RRPair and are compiled elsewhere.
import { z } from 'zod';
import { Goals } from './report.ts';
import { LeafPath } from './snapshot.ts';

const Expression = z
  .string()
  .min(1)
  .max(4_000)
  .describe('CEL over the RRPair, such as path.startsWith("/api") && status >= 500');
const seconds = z.number().min(0).max(604_800);

/** A stretch of load. Exactly one of `rps` (open model) and `users` (closed model) is its volume. */
export const LoadStage = z
  .strictObject({
    durationS: seconds.positive().optional().describe('how long; without it every test is sent once'),
    rampS: seconds
      .default(0)
      .describe('time in which the volume grows from that of the stage before; part of durationS'),
    rps: z
      .number()
      .positive()
      .max(1_000_000)
      .optional()
      .describe('requests started per second, whatever the answers do'),
    users: z.int().min(1).max(100_000).optional().describe('virtual users, each with one session at a time'),
    thinkFactor: z
      .number()
      .min(0)
      .max(1_000)
      .optional()
      .describe('recorded pauses are kept times this factor'),
  })
  .refine(
    ({ rps, users }) => (rps === undefined) !== (users === undefined),
    'needs exactly one of rps and users',
  );
export type LoadStage = z.infer<typeof LoadStage>;

/** Parts of the address of the service under test that replace those it was given by; what is left out stays. */
export const TargetParts = z.strictObject({
  scheme: z.enum(['http', 'https']).optional(),
  host: z
    .string()
    .max(253)
    .regex(/^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$/, 'wants a host name or an address, IPv6 in brackets')
    .optional(),
  port: z.int().min(1).max(65_535).optional(),
  basePath: z
    .string()
    .max(1_000)
    .regex(/^(?:\/[^\s?#]*)?$/, 'wants a path that begins with /')
    .optional()
    .describe('stands before the recorded path of every request'),
  query: z
    .record(z.string().min(1).max(200), z.string().max(2_000))
    .optional()
    .describe('parameters of every request, instead of recorded ones of the same name'),
});
export type TargetParts = z.infer<typeof TargetParts>;

export const LoadPlan = z.strictObject({
  target: TargetParts.optional().describe('parts of the address requests are sent to'),
  users: z.int().min(1).max(10_000).optional().describe('virtual users of each generator, without stages'),
  thinkFactor: z.number().min(0).max(1_000).optional().describe('recorded pauses are kept times this factor'),
  timeoutMs: z.int().min(1).max(3_600_000).optional().describe('time for one response'),
  order: z
    .enum(['recorded', 'sessions'])
    .optional()
    .describe(
      'recorded: a request waits for those that had ended before it began in the recording, in any session; sessions: only for those of its session. recorded without stages, sessions with them',
    ),
  stages: z
    .array(LoadStage)
    .max(100)
    .optional()
    .describe('one after the other; without them every test is sent once'),
  retries: z
    .int()
    .min(0)
    .max(10)
    .optional()
    .describe('how often a request is sent again when its connection was refused or reset'),
  keepResults: z
    .int()
    .min(0)
    .optional()
    .describe('results kept per endpoint beyond all failures; counts and latencies stay exact'),
});
export type LoadPlan = z.infer<typeof LoadPlan>;

const when = Expression.optional().describe('the tests it is asked of; all without it');
/** What is asked of an answer. Without any: status, headers, cookies and body, strictly. */
export const Assertion = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('status'), when }),
  z.strictObject({ type: z.literal('headers'), names: z.array(z.string()).max(200).optional(), when }),
  z.strictObject({ type: z.literal('cookies'), when }),
  z.strictObject({
    type: z.literal('body'),
    ignore: z.array(LeafPath).max(1_000).optional().describe('leaf patterns that are not compared'),
    only: z.array(LeafPath).max(1_000).optional().describe('leaf patterns that alone are compared'),
    unordered: z.array(LeafPath).max(1_000).optional().describe('arrays whose order means nothing'),
    allowNew: z.boolean().optional().describe('whether fields may appear that were not recorded'),
    tolerance: z
      .number()
      .min(0)
      .optional()
      .describe('by how much numbers may differ, as a share of the recorded one'),
    when,
  }),
  z.strictObject({ type: z.literal('schema'), ignore: z.array(LeafPath).max(1_000).optional(), when }),
  z.strictObject({
    type: z.literal('expect'),
    expression: Expression,
    message: z.string().max(300).optional(),
    when,
  }),
]);
export type Assertion = z.infer<typeof Assertion>;

/** What is done to an answer of the responder, or to its connection. */
export const ChaosAction = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('latency'),
    ms: z.number().min(0).max(3_600_000),
    jitterMs: z.number().min(0).max(3_600_000).default(0),
  }),
  z.strictObject({
    type: z.literal('status'),
    status: z.int().min(200).max(599),
    body: z.string().max(65_536).optional(),
  }),
  z.strictObject({ type: z.literal('reset') }),
  z.strictObject({ type: z.literal('stall') }),
  z.strictObject({ type: z.literal('truncate'), bytes: z.int().min(0).optional() }),
  z.strictObject({ type: z.literal('corrupt') }),
  z.strictObject({ type: z.literal('drop') }),
]);
export type ChaosAction = z.infer<typeof ChaosAction>;

export const ChaosRule = z.strictObject({
  name: z.string().min(1).max(100).describe('stands in the report and on every pair it touched'),
  when: Expression.optional(),
  toxicity: z.number().min(0).max(1).default(1).describe('share of the matching requests that it touches'),
  action: ChaosAction,
});
export type ChaosRule = z.infer<typeof ChaosRule>;

/** How the responder answers what it knows, and what it does not know. */
export const ResponderPlan = z.strictObject({
  latency: z.union([z.enum(['recorded', 'none']), z.number().min(0).max(1_000)]).optional(),
  missPolicy: z
    .enum(['fail', 'passthrough', 'record'])
    .optional()
    .describe(
      'fail: answered with missStatus; passthrough: asked of the real host; record: the same, kept as a later mock',
    ),
  missStatus: z.int().min(400).max(599).optional(),
  realHosts: z
    .array(z.string().regex(/^.{1,253}:\d{1,5}$/, 'wants host:port'))
    .max(1_000)
    .optional()
    .describe('real hosts that may be asked by passthrough and record, as host:port; no others are'),
  nearest: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('answers a miss by the nearest recording of at least this likeness; off without it'),
  generalize: z
    .array(z.strictObject({ when: Expression.optional(), path: LeafPath }))
    .max(100)
    .optional()
    .describe('parameters for which an unknown value is answered with one of the recorded entities'),
  chaos: z.array(ChaosRule).max(100).optional(),
  seed: z.int().min(0).optional().describe('makes chaos repeatable'),
});
export type ResponderPlan = z.infer<typeof ResponderPlan>;

export const TestConfig = z.strictObject({
  goals: Goals.partial().optional(),
  load: LoadPlan.optional(),
  assertions: z.array(Assertion).max(200).optional(),
  responder: ResponderPlan.optional(),
});
export type TestConfig = z.infer<typeof TestConfig>;
