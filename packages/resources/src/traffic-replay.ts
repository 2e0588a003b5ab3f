// TrafficReplay (`echoplane.dev/v1`, namespaced, short name `replay`): one run of a snapshot against workloads of a
// cluster. The CRD is generated from these schemas; names are kept, fields are only added.
import { z } from 'zod';

export const PHASES = [
  'Pending',
  'Preparing',
  'Waiting',
  'Running',
  'Analyzing',
  'Succeeded',
  'Failed',
  'Cancelled',
] as const;
export type Phase = (typeof PHASES)[number];
export const TERMINAL_PHASES: readonly Phase[] = ['Succeeded', 'Failed', 'Cancelled'];
export const VERDICTS = ['passed', 'missed-goals', 'failed', 'void'] as const;
export const CONDITIONS = [
  'Accepted',
  'SnapshotReady',
  'MocksReady',
  'TargetReady',
  'GeneratorFinished',
  'ReportReady',
  'CleanedUp',
  'Complete',
  'Passed',
] as const;
export type ConditionType = (typeof CONDITIONS)[number];

const duration = z
  .string()
  .max(32)
  .regex(/^([0-9]+(h|m|s))+$/, 'is not a duration, such as 30m or 1h30m');
const slice = z
  .string()
  .max(300)
  .regex(/^(\*|[^\s:]+:([0-9]+|\*))$/, 'is neither * nor host:port');
const name = z.string().min(1).max(253);
const quantities = z.record(z.string(), z.string().max(32)).meta({ maxProperties: 16 });
const Resources = z.object({ requests: quantities.optional(), limits: quantities.optional() });
const Pods = z.object({
  replicas: z.int().min(1).max(100).default(1).describe('how many pods'),
  resources: Resources.optional().describe('of each pod, instead of those of the installation'),
});

export const ReplayWorkload = z.object({
  ref: z
    .object({
      apiVersion: name,
      kind: name,
      name,
      namespace: name.optional(),
    })
    .optional()
    .describe('the workload; one of ref and url'),
  url: z
    .string()
    .max(2_048)
    .optional()
    .describe(
      'instead of ref, with mode tests-only: where the service is, http://host:port; nothing is rolled',
    ),
  tests: z.array(slice).max(100).default(['*']).describe('recorded services that are called: * or host:port'),
  mocks: z
    .array(slice)
    .max(500)
    .optional()
    .describe(
      'destinations that are answered by the responder: * or host:port; without it all that were decoded',
    ),
  routing: z
    .enum(['sidecar', 'hostalias'])
    .default('sidecar')
    .describe('how mocked destinations reach the responder: by the sidecar, or by names in /etc/hosts'),
});
export type ReplayWorkload = z.infer<typeof ReplayWorkload>;

export const TrafficReplaySpec = z.object({
  snapshot: name.describe('id or name of a snapshot in the control plane'),
  testConfig: z
    .unknown()
    .optional()
    .describe(
      'what is asked: goals, load, assertions and responder (chaos, misses), inline as an object or as JSON, or the name of a test config in the control plane',
    ),
  mode: z
    .enum(['full', 'tests-only', 'mocks-only'])
    .default('full')
    .describe(
      'full: tests and mocks; tests-only: real dependencies; mocks-only: stays until it is cancelled',
    ),
  workloads: z.array(ReplayWorkload).min(1).max(20).describe('what is replayed against'),
  isolate: z.boolean().default(false).describe('cut destinations that are not mocked'),
  allowLiveTraffic: z.boolean().default(false).describe('run although the workload had requests of late'),
  cleanup: z
    .enum(['inventory', 'none'])
    .default('inventory')
    .describe('whether everything that was changed is put back at the end'),
  timeout: duration.default('30m').describe('how long it may take, such as 30m'),
  ttlAfterFinished: duration.optional().describe('how long it stays after its end; for ever without it'),
  buildTag: z.string().max(120).optional().describe('the version under test, shown in the report'),
  baseline: name
    .optional()
    .describe(
      'an earlier TrafficReplay of this namespace, or the id of its report: latency is judged against it, and with the goal allowKnown what differs there as well is no failure',
    ),
  secretRefs: z
    .array(z.object({ name, key: name, as: name }))
    .max(50)
    .default([])
    .describe(
      'Secrets of the install namespace that name this namespace in replay.echoplane.dev/namespaces; as: the name in transforms',
    ),
  generator: Pods.prefault({}).describe('the pods that send the requests'),
  responder: Pods.prefault({}).describe('the pods that answer for dependencies'),
  suspend: z.boolean().default(false).describe('wait before the next step'),
  cancel: z.boolean().default(false).describe('end now and put everything back'),
});
export type TrafficReplaySpec = z.infer<typeof TrafficReplaySpec>;

export const Condition = z.object({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string(),
  message: z.string(),
  lastTransitionTime: z.string(),
  observedGeneration: z.int().optional(),
});
export type Condition = z.infer<typeof Condition>;

/** A reference to something that was created or changed, with what is needed to put it back. */
export const InventoryItem = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  namespace: z.string(),
  name: z.string(),
  uid: z.string().optional(),
  /** `created`: deleted at the end; `changed`: `before` is put back. */
  action: z.enum(['created', 'changed']),
  /** Of `changed`: digest of the pod template as it was. */
  before: z.string().optional(),
  restored: z.boolean().default(false),
});
export type InventoryItem = z.infer<typeof InventoryItem>;

export const TrafficReplayStatus = z.object({
  phase: z.enum(PHASES).optional(),
  verdict: z.enum(VERDICTS).optional(),
  message: z.string().optional(),
  /** How it ends; written before anything is put back, so that cleaning up begins once and for all. */
  outcome: z
    .object({ phase: z.enum(['Succeeded', 'Failed', 'Cancelled']), reason: z.string(), message: z.string() })
    .optional(),
  conditions: z
    .array(Condition)
    .default([])
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }),
  /** Id of the replay in the control plane. */
  replay: z.string().optional(),
  /** Id of the snapshot, when the spec has a name. */
  snapshot: z.string().optional(),
  /** When every generator begins, RFC 3339 with µs. */
  startAt: z.string().optional(),
  report: z
    .object({
      id: z.string(),
      url: z.string(),
      successRate: z.number().optional(),
      /** The same for people, such as `96.4 %`. */
      success: z.string().optional(),
      p95Ms: z.number().optional(),
      matchRate: z.number().optional(),
    })
    .optional(),
  stages: z
    .array(
      z.object({ name: z.string(), start: z.string(), finish: z.string().optional(), deadline: z.string() }),
    )
    .default([]),
  inventory: z.array(InventoryItem).default([]),
  /** What the pod webhook needs to wire a pod of this replay; written before any workload is rolled. */
  wiring: z
    .array(
      z.object({
        /** `namespace/kind/name` of the workload. */
        workload: z.string(),
        routing: z.enum(['sidecar', 'hostalias']),
        /** As in `ECHOPLANE_MOCKS`. */
        mocks: z.array(z.string()),
        responderHost: z.string(),
        responderPort: z.int(),
        /** Of `hostalias`: address and names. */
        hostAliases: z.array(z.object({ ip: z.string(), hostnames: z.array(z.string()) })).default([]),
        /** Pods wait so long for the responder, in seconds, and then start all the same. */
        holdSeconds: z.int(),
      }),
    )
    .default([]),
  observedGeneration: z.int().optional(),
});
export type TrafficReplayStatus = z.infer<typeof TrafficReplayStatus>;
export type ReplayWiring = TrafficReplayStatus['wiring'][number];
