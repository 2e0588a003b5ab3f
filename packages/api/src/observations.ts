// What a replay's collector saw of the pods under test: logs, Kubernetes Events, CPU and memory, and notes on what it could
// not see. One observation a line (NDJSON), from the collector to the forwarder, and redacted there on to the control plane.
// A public contract: fields are only added. It must not know how any of it is read.
import { z } from 'zod';

/** Bytes of a log line that are kept. */
export const MAX_LOG_LINE_BYTES = 16 << 10;
/** Observations and bytes of one batch. */
export const MAX_OBSERVATIONS = 1_000;
export const MAX_OBSERVATION_BATCH_BYTES = 1 << 20;
/** Content type of a batch. */
export const NDJSON = 'application/x-ndjson';

const name = z.string().max(253);
const text = z.string().max(MAX_LOG_LINE_BYTES);
const seen = {
  /** The replay's id in the control plane. */
  replay: z.uuid(),
  /** µs since the epoch. */
  ts: z.int().nonnegative(),
};

export const Observation = z.discriminatedUnion('kind', [
  /** One line that a container wrote. */
  z.object({
    kind: z.literal('log'),
    ...seen,
    ...{ namespace: name, pod: name, container: name },
    line: text,
    /** Bytes of the line that were cut off; absent when none were. */
    cutBytes: z.int().positive().optional(),
  }),
  /** A Kubernetes Event about a pod or workload. */
  z.object({
    kind: z.literal('event'),
    ...seen,
    namespace: name,
    object: z.object({ kind: name, name }),
    type: z.string().max(64),
    reason: z.string().max(253),
    message: text,
    /** How often it happened so far. */
    count: z.int().positive(),
  }),
  /** What a container used, of CPU on average since the observation before. */
  z.object({
    kind: z.literal('metric'),
    ...seen,
    ...{ namespace: name, pod: name, container: name },
    /** Thousandths of a core; null at the first reading of a counter. */
    cpuMillicores: z.number().nonnegative().nullable(),
    memoryBytes: z.int().nonnegative(),
  }),
  /** What is missing among the observations, and what to do: `no-resource-metrics`, `log-left-out`, …. */
  z.object({
    kind: z.literal('note'),
    ...seen,
    code: z.string().max(64),
    message: text,
    namespace: name.optional(),
    pod: name.optional(),
    container: name.optional(),
  }),
]);
export type Observation = z.infer<typeof Observation>;
export type ObservationKind = Observation['kind'];

/** The answer to a batch; of a batch that was sent twice the second copy may be counted again. */
export const ObservationsAccepted = z.object({ accepted: z.int().nonnegative() });
export type ObservationsAccepted = z.infer<typeof ObservationsAccepted>;

/** A batch, by the forwarder to the control plane; each observation is of the replay in the path. */
export const NewObservations = z.object({ observations: z.array(Observation).max(MAX_OBSERVATIONS) });

/** `after`: µs; those at that moment are left out. `order`: which come first, and are given when there are more. */
export const ObservationsQuery = z.object({
  kind: z.enum(['log', 'event', 'metric', 'note']).optional(),
  after: z.coerce.number().int().nonnegative().default(0),
  order: z.enum(['oldest', 'newest']).default('oldest'),
  limit: z.coerce.number().int().min(1).max(5_000).default(1_000),
});
